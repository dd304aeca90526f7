// Measures a network on labelled cases, in the frame of the files themselves.

public import Formats

/// What an evaluation can be told.
public struct EvaluationOptions: Sendable {
    /// Which images of the target: their cases are measured whole. nil for all that have a mask.
    public var samples: [Int]?
    /// The label value of pixels that take part in nothing.
    public var ignoreValue: Int32?
    /// How PNG masks become labels.
    public var masks = MaskPolicy()
    /// The measures.
    public var metrics = Set(SegmentationMetric.allCases)
    /// Whether each image is measured too, besides each case and the whole set.
    public var measuresImages = true
    /// Asked before every batch.
    public var isCancelled: @Sendable () -> Bool = { false }
    /// Called with images so far and in all, on the caller's thread.
    public var progress: @Sendable (Int, Int) -> Void = { _, _ in }

    /// Everything, of all labelled cases.
    public init() {}
}

extension Predictor {
    /// The measures of the network on a target's labelled cases, every image of them in its own frame.
    ///
    /// A volume is a case: its distances are in three dimensions and millimetres, and slices that the target left out as
    /// empty count too. Separate images of one group (slices of a patient) are a case together; others are a case each.
    /// Cases without a mask are passed over.
    ///
    /// - Parameter target: opened with the model's own preparation; other options are refused.
    /// - Throws: ``AnalyzerError``: `.evaluation` when no case has a mask or labels are no classes of the model, `.option`
    ///   for another preparation, `.cancelled`, and whatever reading images and running the network throw.
    public func evaluate(
        _ target: Target, _ options: EvaluationOptions = EvaluationOptions()
    ) throws(AnalyzerError) -> MetricResults { try measure(target, options).results }

    /// The measures as ``evaluate(_:_:)`` gives them, to be added to those of other cases.
    public func measure(
        _ target: Target, _ options: EvaluationOptions = EvaluationOptions()
    ) throws(AnalyzerError) -> MetricAccumulator {
        try check(target)
        let wanted = options.samples.map { Set($0.map { target.samples[$0].caseNumber }) }
        let numbers = target.listing.cases.indices.filter { number in
            target.listing.cases[number].mask != nil && (wanted?.contains(number) ?? true)
        }
        guard !numbers.isEmpty else {
            throw .evaluation(place: target.listing.place, expected: "cases with a segmentation", found: "none")
        }
        let settings = try MetricSettings(
            classes: card.classNames, ignoreLabel: options.ignoreValue == nil ? nil : LabelScheme.ignoredIndex,
            metrics: options.metrics, measuresImages: options.measuresImages, threads: threads)
        let receiver = EvaluationReceiver(
            settings: settings, coding: ClassCoding(card.classValues, ignoreValue: options.ignoreValue),
            groups: Self.groups(target, numbers: numbers))
        let masks = options.masks
        let feed = CaseFeed(count: numbers.count, imagesAhead: batchSize) { (index) throws(AnalyzerError) in
            var opened = try target.openedCase(numbers[index])
            guard let path = opened.listed.mask else { return opened }
            do throws(FormatError) {
                opened.mask = try MaskContent(reading: path, like: opened.content, policy: masks)
            } catch { throw .format(error) }
            return opened
        }
        let total = numbers.reduce(0) { $0 + target.index[$1].images.count + target.index[$1].droppedCount }
        let progress = options.progress
        var stream = ImageStream(
            self, options: target.options, wantsProbabilities: true, receiver: receiver,
            isCancelled: options.isCancelled, progress: { progress($0, total) })
        try stream.run(feed)
        return receiver.accumulator
    }

    /// Refuses targets prepared in another way than the model's training images.
    func check(_ target: Target) throws(AnalyzerError) {
        let found = ModelPreparation(target.options, imageChannels: preparation.imageChannels)
        guard found == preparation else {
            throw .option(
                name: "the target's preparation", value: (try? found.text()) ?? "",
                expected: "the model's own: \((try? preparation.text()) ?? "")")
        }
    }

    /// For each case the name of the case that it is measured as, and how many share it.
    private static func groups(_ target: Target, numbers: [Int]) -> [EvaluationReceiver.Group] {
        let groupOf = Dictionary(
            target.samples.map { ($0.caseNumber, $0.group) }, uniquingKeysWith: { first, _ in first })
        func key(_ number: Int) -> Int? { target.index[number].volume == nil ? groupOf[number] : nil }
        var sizes: [Int: Int] = [:]
        for case let group? in numbers.map(key) { sizes[group, default: 0] += 1 }
        return numbers.map { number in
            let listed = target.listing.cases[number]
            guard let group = key(number), let size = sizes[group], size > 1 else {
                return EvaluationReceiver.Group(name: listed.name, key: nil, caseCount: 1)
            }
            let name = listed.group ?? CaseGrouping.prefix(of: listed.name) ?? listed.name
            return EvaluationReceiver.Group(name: name, key: group, caseCount: size)
        }
    }
}

extension Target {
    /// A case opened with all its images, those left out as empty too.
    func openedCase(_ number: Int) throws(AnalyzerError) -> OpenedCase {
        let listed = listing.cases[number]
        let sample = TargetSample(
            caseName: listed.name, slice: nil, group: number, caseNumber: number, imageNumber: 0)
        return OpenedCase(listed, content: try content(of: sample), statistics: index[number].statistics)
    }
}

/// Measures cases as their classes arrive.
final class EvaluationReceiver: ClassReceiver {
    /// What a case of files is measured as.
    struct Group {
        let name: String
        /// Cases of one key are one case; nil for a case alone.
        let key: Int?
        let caseCount: Int
    }

    private let settings: MetricSettings
    private let coding: ClassCoding
    private let groups: [Group]
    private(set) var accumulator: MetricAccumulator
    /// The case alone that is being measured.
    private var current: CaseMeasurement?
    /// Cases that several cases of files belong to, and how many of these are to come.
    private var grouped: [Int: CaseMeasurement] = [:]
    private var remaining: [Int: Int] = [:]

    init(settings: MetricSettings, coding: ClassCoding, groups: [Group]) {
        self.settings = settings
        self.coding = coding
        self.groups = groups
        accumulator = MetricAccumulator(settings)
    }

    func receive(_ run: ClassifiedRun) throws(AnalyzerError) {
        guard let mask = run.opened.mask else { return }
        let place = run.opened.listed.mask ?? run.opened.listed.name
        var truth: [UInt8] = []
        for image in run.images {
            let labels: LabelMap
            do throws(FormatError) { labels = try mask.labels(image) } catch { throw .format(error) }
            truth += try coding.indices(of: labels.values, place: place)
        }
        let group = groups[run.caseNumber]
        let size = run.opened.imageSize
        // Taken out while it grows, so that it is not copied.
        var measurement = try take(group, run.opened)
        try measurement.add(.probabilities(run.probabilities), truth: truth, height: size.height, width: size.width)
        put(measurement, group)
    }

    private func take(_ group: Group, _ opened: OpenedCase) throws(AnalyzerError) -> CaseMeasurement {
        if let key = group.key {
            if let known = grouped.removeValue(forKey: key) { return known }
            remaining[key] = group.caseCount
        } else if let known = current {
            current = nil
            return known
        }
        return try CaseMeasurement(
            name: group.name, kind: opened.volume == nil ? .images : .volume, spacing: opened.spacing,
            settings: settings)
    }

    private func put(_ measurement: consuming CaseMeasurement, _ group: Group) {
        if let key = group.key { grouped[key] = measurement } else { current = measurement }
    }

    func end(_ caseNumber: Int, _ opened: OpenedCase) throws(AnalyzerError) {
        guard let key = groups[caseNumber].key else {
            guard let finished = current else { return }
            current = nil
            return try accumulator.add(finished)
        }
        remaining[key, default: 1] -= 1
        guard remaining[key] == 0, let finished = grouped.removeValue(forKey: key) else { return }
        try accumulator.add(finished)
    }

    func fail(_ caseNumber: Int, _ error: AnalyzerError) throws(AnalyzerError) { throw error }
}
