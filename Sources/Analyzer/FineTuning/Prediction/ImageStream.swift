// Takes images from case after case through the network in full batches, and hands the classes on in order.

import Engine

/// Neighbouring images of a case with their classes.
struct ClassifiedRun: Sendable {
    /// The case's number in the feed.
    let caseNumber: Int
    let opened: OpenedCase
    /// The images' numbers within the case.
    let images: Range<Int>
    /// Class indices, images × rows × columns.
    let labels: [UInt8]
    /// Images × channels of the logits × rows × columns; empty unless wanted.
    let probabilities: [Float]
}

/// Who is told the classes of cases, in order, on the caller's thread.
protocol ClassReceiver {
    /// Takes the next images of a case.
    func receive(_ run: ClassifiedRun) throws(AnalyzerError)
    /// All images of a case were received.
    func end(_ caseNumber: Int, _ opened: OpenedCase) throws(AnalyzerError)
    /// A case cannot be read or prepared; nothing more of it will come. Throwing ends it all.
    func fail(_ caseNumber: Int, _ error: AnalyzerError) throws(AnalyzerError)
}

/// Batches across cases: a folder of single images fills them as a volume does.
///
/// Images are decoded and prepared on the network's own threads, a batch at a time, so that no two pools of threads
/// compete; whole files are read ahead by ``CaseFeed``.
struct ImageStream<Receiver: ClassReceiver> {
    let predictor: Predictor
    let options: TargetOptions
    let wantsProbabilities: Bool
    let receiver: Receiver
    let isCancelled: () -> Bool
    /// Images so far, called after each batch.
    let progress: (Int) -> Void

    /// An image on its way: prepared, or known to be background.
    private struct Item {
        let caseNumber: Int
        let opened: OpenedCase
        let image: Int
        let prepared: OpenedCase.Prepared
    }

    private var candidates: [(caseNumber: Int, opened: OpenedCase, image: Int)] = []
    private var items: [Item] = []
    private var filled = 0
    private var failed: Int?
    private var done = 0

    init(
        _ predictor: Predictor, options: TargetOptions, wantsProbabilities: Bool, receiver: Receiver,
        isCancelled: @escaping () -> Bool, progress: @escaping (Int) -> Void
    ) {
        self.predictor = predictor
        self.options = options
        self.wantsProbabilities = wantsProbabilities
        self.receiver = receiver
        self.isCancelled = isCancelled
        self.progress = progress
    }

    /// Takes all cases of a feed through the network.
    mutating func run(_ feed: CaseFeed) throws(AnalyzerError) {
        try feed.forEach { number, outcome throws(AnalyzerError) in
            switch outcome {
            case .failure(let error):
                // What is under way comes first, so that the order of cases is kept.
                try flush()
                try receiver.fail(number, error)
            case .success(let opened): try add(number, opened)
            }
        }
        try flush()
    }

    private mutating func add(_ number: Int, _ opened: OpenedCase) throws(AnalyzerError) {
        for image in 0..<opened.content.imageCount where failed != number {
            candidates.append((number, opened, image))
            if candidates.count >= predictor.batchSize - filled { try prepareCandidates() }
            // Images known to be background take no place in a batch, but must not pile up.
            if filled == predictor.batchSize || items.count >= 4 * predictor.batchSize { try classify() }
        }
    }

    private mutating func flush() throws(AnalyzerError) {
        try prepareCandidates()
        try classify()
    }

    /// Decodes and prepares the candidates, side by side.
    private mutating func prepareCandidates() throws(AnalyzerError) {
        guard !candidates.isEmpty else { return }
        if isCancelled() { throw .cancelled }
        let (given, options, channels) = (candidates, options, predictor.preparation.imageChannels)
        candidates.removeAll(keepingCapacity: true)
        var results = [Result<OpenedCase.Prepared, AnalyzerError>?](repeating: nil, count: given.count)
        results.withUnsafeMutableBufferPointer { results in
            parallelFor(given.count, threads: predictor.threads) { index in
                results[index] = Result { () throws(AnalyzerError) in
                    try given[index].opened.prepared(given[index].image, options: options, imageChannels: channels)
                }
            }
        }
        for (candidate, result) in zip(given, results) where candidate.caseNumber != failed {
            switch result {
            case .success(let prepared)?:
                if prepared.values != nil { filled += 1 }
                items.append(
                    Item(
                        caseNumber: candidate.caseNumber, opened: candidate.opened, image: candidate.image,
                        prepared: prepared))
            case .failure(let error)?:
                try drop(candidate.caseNumber, error)
            case nil: break
            }
        }
    }

    private mutating func drop(_ number: Int, _ error: AnalyzerError) throws(AnalyzerError) {
        failed = number
        filled -= items.count { $0.caseNumber == number && $0.prepared.values != nil }
        items.removeAll { $0.caseNumber == number }
        try classify()
        try receiver.fail(number, error)
    }

    /// Runs the network on what is prepared and hands on the classes.
    private mutating func classify() throws(AnalyzerError) {
        guard !items.isEmpty else { return }
        if isCancelled() { throw .cancelled }
        let images = items.compactMap(\.prepared.values)
        let logits = images.isEmpty ? [] : try predictor.logits(of: images)
        let classes = classes(logits)
        var start = 0
        while start < items.count {
            let first = items[start]
            var end = start + 1
            while end < items.count, items[end].caseNumber == first.caseNumber { end += 1 }
            let run = ClassifiedRun(
                caseNumber: first.caseNumber, opened: first.opened, images: first.image..<first.image + end - start,
                labels: classes[start..<end].flatMap(\.labels),
                probabilities: classes[start..<end].flatMap(\.probabilities))
            try receiver.receive(run)
            if run.images.upperBound == first.opened.content.imageCount {
                try receiver.end(first.caseNumber, first.opened)
            }
            start = end
        }
        done += items.count
        items.removeAll(keepingCapacity: true)
        filled = 0
        progress(done)
    }

    /// The classes of the prepared images in their own frames, side by side.
    private func classes(_ logits: [Float]) -> [ImageClasses] {
        let preparation = predictor.preparation.image
        let channels = predictor.logitChannels
        let size = channels * preparation.height * preparation.width
        var slot = 0
        let slots = items.map { item -> Int? in
            guard item.prepared.values != nil else { return nil }
            slot += 1
            return slot - 1
        }
        let (items, wantsProbabilities) = (items, wantsProbabilities)
        var result = [ImageClasses?](repeating: nil, count: items.count)
        result.withUnsafeMutableBufferPointer { result in
            logits.withUnsafeBufferPointer { logits in
                parallelFor(items.count, threads: predictor.threads) { index in
                    let image = items[index].opened.imageSize
                    guard let slot = slots[index] else {
                        result[index] = ImageClasses(
                            background: channels, count: image.height * image.width,
                            wantsProbabilities: wantsProbabilities)
                        return
                    }
                    let back = FrameReturn(
                        frame: (preparation.height, preparation.width), box: items[index].prepared.box, image: image)
                    result[index] = back(
                        UnsafeBufferPointer(rebasing: logits[slot * size..<(slot + 1) * size]), channels: channels,
                        wantsProbabilities: wantsProbabilities)
                }
            }
        }
        return result.compactMap(\.self)
    }
}
