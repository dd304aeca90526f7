// Opening labelled data: every case is read once, then the classes are settled and the masks checked against them.

import Formats

extension SegmentationData {
    /// Opens the labels of a target.
    ///
    /// - Parameters:
    ///   - target: an opened target; its images keep their preparation.
    ///   - options: classes, mask colours, purpose and memory.
    ///   - isCancelled: asked before every case, from any thread.
    ///   - progress: called with cases read so far and in all, from any thread.
    /// - Throws: ``AnalyzerError/format(_:)`` naming the file for masks that cannot be read, have other sizes than their
    ///   image or hold values outside the classes, for a target without any mask and, in training, for a foreground class
    ///   that occurs nowhere; ``AnalyzerError/cancelled``.
    public static func open(
        _ target: Target, options: SegmentationDataOptions = SegmentationDataOptions(),
        isCancelled: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws(AnalyzerError) -> SegmentationData {
        let plan = try LabelledPlan(target)
        let shape = target.imageShape
        let store = PreparedStore(
            count: plan.samples.count, valueCount: shape.count, labelCount: shape.height * shape.width,
            byteLimit: options.cacheBytes ?? target.options.cacheBytes, scratchFolder: options.scratchFolder)
        let readings = try readInOrder(
            plan.cases.count, threads: target.options.threads, isCancelled: isCancelled, progress: progress
        ) { (number) throws(AnalyzerError) in
            try read(plan.cases[number], of: plan, in: target, policy: options.masks, into: store)
        }
        let (scheme, origin) = try scheme(of: readings, in: target, options: options)
        try refuseUnexpectedValues(in: readings, plan, scheme: scheme, origin: origin)
        let cases = zip(plan.cases, readings).map { listed, facts in
            LabelledCase(
                name: listed.name, images: listed.slots, imagePath: listed.imagePath, maskPath: listed.maskPath,
                isVolume: facts.spacing != nil, spacing: facts.spacing, preparedSpacing: facts.preparedSpacing,
                height: facts.height, width: facts.width, volumeShape: target.index[listed.number].volume?.shape,
                values: facts.values, classes: facts.values.classes(in: scheme).map { $0 ?? 0 },
                maskHash: facts.maskHash)
        }
        let images = labelledImages(plan, readings, cases: cases, target: target, scheme: scheme)
        let checks = DataChecks(images: images, cases: cases, scheme: scheme, target: target)
        if options.use == .training { try checks.refuseEmptyClasses(place: target.summary.place, origin: origin) }
        return SegmentationData(
            target: target, scheme: scheme, schemeOrigin: origin, options: options, images: images, cases: cases,
            warnings: checks.warnings(unlabelled: plan.unlabelled, maskRemarks: readings.map(\.warnings)),
            unlabelledCases: plan.unlabelled, store: store)
    }

    /// Reads a case and hands its images to the store; what comes back is small.
    private static func read(
        _ listed: LabelledPlan.Case, of plan: LabelledPlan, in target: Target, policy: MaskPolicy,
        into store: PreparedStore
    ) throws(AnalyzerError) -> CaseFacts {
        let samples = Array(plan.samples[listed.slots])
        let reading = try CaseReading(of: samples, in: target, maskPath: listed.maskPath, policy: policy)
        for (slot, image) in zip(listed.slots, reading.images) { store.keep(image.values, image.numbers, as: slot) }
        return CaseFacts(reading)
    }

    // MARK: Classes

    private static func scheme(
        of readings: [CaseFacts], in target: Target, options: SegmentationDataOptions
    ) throws(AnalyzerError) -> (LabelScheme, LabelScheme.Origin) {
        if let given = options.scheme { return (given, .given) }
        if [.nnunet, .decathlon].contains(target.summary.layout),
            let description = try DatasetDescription(TargetFolder(target.summary.place)),
            let declared = try LabelScheme(description)
        {
            return (declared, .description)
        }
        let values = Set(readings.flatMap(\.values.values))
        return (try LabelScheme(found: Array(values), place: target.summary.place), .found)
    }

    /// - Throws: ``AnalyzerError/format(_:)`` naming the first mask that holds values of no class, the values with their
    ///   numbers of pixels, and what to do.
    private static func refuseUnexpectedValues(
        in readings: [CaseFacts], _ plan: LabelledPlan, scheme: LabelScheme, origin: LabelScheme.Origin
    ) throws(AnalyzerError) {
        let unexpected = readings.map { facts in facts.values.values.filter { scheme.index(of: $0) == nil }.sorted() }
        let odd = unexpected.indices.filter { !unexpected[$0].isEmpty }
        guard let first = odd.first else { return }
        let counts = unexpected[first].prefix(4).map { value -> String in
            let count = readings[first].pixels(of: value)
            return "\(value) (\(count) pixel\(count == 1 ? "" : "s"))"
        }
        let more = unexpected[first].count > 4 ? " and \(unexpected[first].count - 4) more values" : ""
        let others = odd.count > 1 ? ", as in \(odd.count) of \(readings.count) masks" : ""
        let all = Set(unexpected.joined()).sorted()
        // Masks of 0 and 255 for two classes are the usual case.
        let isStretched = scheme.classCount == 2 && all.count == 1 && !readings.contains { $0.holds(scheme.values[1]) }
        let advice =
            isStretched
            ? "\(scheme.names[0])=\(scheme.values[0]),\(scheme.names[1])=\(all[0])"
            : "\(scheme),NAME=\(all[0])\(all.count > 1 ? ",…" : "")"
        throw .format(
            FormatError(
                plan.cases[first].maskPath,
                .invalid(
                    section: "label values", expected: "\(scheme) (\(origin.title))",
                    found: "\(counts.joined(separator: ", "))\(more)\(others); correct the mask, or say --classes "
                        + "\(advice) (NAME 'ignore' leaves such pixels out)")))
    }

    private static func labelledImages(
        _ plan: LabelledPlan, _ readings: [CaseFacts], cases: [LabelledCase], target: Target, scheme: LabelScheme
    ) -> [LabelledImage] {
        var images: [LabelledImage] = []
        for (number, owner) in cases.enumerated() {
            for (slot, counts) in zip(owner.images, readings[number].counts) {
                let source = classPixels(counts.source, owner.classes, scheme.classCount)
                let prepared = classPixels(counts.prepared, owner.classes, scheme.classCount)
                images.append(
                    LabelledImage(
                        number: plan.samples[slot], caseNumber: number, group: target.samples[plan.samples[slot]].group,
                        pixels: source.classes, ignoredPixels: source.ignored, preparedPixels: prepared.classes,
                        preparedIgnoredPixels: prepared.ignored))
            }
        }
        return images
    }

    /// Counts by number of a value → counts by class.
    private static func classPixels(
        _ counts: [Int], _ classes: [UInt8], _ classCount: Int
    ) -> (classes: [Int], ignored: Int) {
        var result = [Int](repeating: 0, count: classCount)
        var ignored = 0
        for (count, index) in zip(counts, classes) {
            if index == LabelScheme.ignoredIndex { ignored += count } else { result[Int(index)] += count }
        }
        return (result, ignored)
    }
}

extension LabelScheme.Origin {
    /// For messages.
    var title: String {
        switch self {
        case .given: "the given classes"
        case .description: "by dataset.json"
        case .found: "the values in the masks"
        }
    }
}

/// What stays of a case once its images are in the store.
private struct CaseFacts: Sendable {
    let values: ValueNumbers
    let counts: [(source: [Int], prepared: [Int])]
    let spacing: SIMD3<Double>?
    let preparedSpacing: SIMD3<Double>?
    let height: Int
    let width: Int
    let maskHash: ContentHash
    let warnings: [String]

    init(_ reading: CaseReading) {
        values = reading.values
        let used = reading.values.values.count + 1
        counts = reading.images.map { (Array($0.pixels.prefix(used)), Array($0.preparedPixels.prefix(used))) }
        (spacing, preparedSpacing) = (reading.spacing, reading.preparedSpacing)
        (height, width) = (reading.height, reading.width)
        maskHash = reading.maskHash
        warnings = reading.warnings
    }

    /// How many pixels of the files have a value.
    func pixels(of value: Int32) -> Int {
        guard let number = values.values.firstIndex(of: value) else { return 0 }
        return counts.reduce(0) { $0 + $1.source[number + 1] }
    }

    func holds(_ value: Int32) -> Bool { values.values.contains(value) }
}

/// Which images of a target have masks.
private struct LabelledPlan: Sendable {
    struct Case: Sendable {
        let name: String
        let number: Int
        let imagePath: String
        let maskPath: String
        let slots: Range<Int>
    }

    /// Numbers of the target's images.
    var samples: [Int] = []
    var cases: [Case] = []
    /// Cases without a mask.
    var unlabelled: [String] = []

    init(_ target: Target) throws(AnalyzerError) {
        var start = 0
        while start < target.samples.count {
            let number = target.samples[start].caseNumber
            let end = target.samples[start...].firstIndex { $0.caseNumber != number } ?? target.samples.count
            let listed = target.listing.cases[number]
            if let mask = listed.mask {
                cases.append(
                    Case(
                        name: listed.name, number: number, imagePath: listed.images.first ?? listed.name,
                        maskPath: mask, slots: samples.count..<samples.count + end - start))
                samples += start..<end
            } else {
                unlabelled.append(listed.name)
            }
            start = end
        }
        guard cases.isEmpty else { return }
        throw .format(
            FormatError(
                target.summary.place,
                .unrecognized(
                    found: "none of the \(unlabelled.count) cases has a mask",
                    advice: "training needs labels: labelsTr beside imagesTr, masks/ beside images/, or _gt files")))
    }
}
