// The measures of a set of cases, added up case by case.

/// Adds up the measures of a set.
///
/// Holds, besides a row of values for each case, only counts: nothing grows with the number of pixels but the number of
/// distinct probabilities, which is bounded. Accumulators of parts can be merged; the results are those of one that was
/// given all cases in the order of the parts.
public struct MetricAccumulator: Sendable {
    /// What is measured.
    public let settings: MetricSettings
    private(set) var cases: [CaseMetrics] = []
    private var scores: [RankedScores] = []

    /// Nothing measured yet.
    public init(_ settings: MetricSettings) { self.settings = settings }

    /// Adds a measured case.
    ///
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` for a case without images or of other settings.
    public mutating func add(_ measurement: consuming CaseMeasurement) throws(AnalyzerError) {
        guard measurement.imageCount > 0 else {
            throw .evaluation(place: measurement.name, expected: "at least one image", found: "none")
        }
        guard measurement.settings.agrees(with: settings) else {
            throw .evaluation(place: measurement.name, expected: "the settings of this set", found: "others")
        }
        let values = measurement.finish()
        cases.append(
            CaseMetrics(
                name: measurement.name, values: values, confusion: measurement.confusion,
                unit: measurement.unit, imageTotals: measurement.imageTotals, imageCount: measurement.imageCount))
        mergeScores(measurement.scores)
    }

    /// Measures and adds an image that is a case of its own.
    ///
    /// - Parameters:
    ///   - truth: class indices, H × W.
    ///   - spacing: between rows and between columns in millimetres; nil where it is unknown.
    /// - Throws: as ``CaseMeasurement``.
    public mutating func addImage(
        _ name: String, _ prediction: SegmentationPrediction, truth: [UInt8], height: Int, width: Int,
        spacing: SIMD2<Double>? = nil
    ) throws(AnalyzerError) {
        var measurement = try CaseMeasurement(
            name: name, kind: .images, spacing: spacing.map { SIMD3(1, $0[0], $0[1]) }, settings: settings)
        try measurement.add(prediction, truth: truth, height: height, width: width)
        try add(measurement)
    }

    /// Measures and adds a volume.
    ///
    /// - Parameters:
    ///   - truth: class indices, slices × H × W.
    ///   - spacing: between slices, rows and columns in millimetres; nil where it is unknown.
    /// - Throws: as ``CaseMeasurement``.
    public mutating func addVolume(
        _ name: String, _ prediction: SegmentationPrediction, truth: [UInt8], height: Int, width: Int,
        spacing: SIMD3<Double>? = nil
    ) throws(AnalyzerError) {
        var measurement = try CaseMeasurement(name: name, kind: .volume, spacing: spacing, settings: settings)
        try measurement.add(prediction, truth: truth, height: height, width: width)
        try add(measurement)
    }

    /// Adds the cases of another accumulator behind this one's.
    ///
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` when it measured with other settings.
    public mutating func merge(_ other: MetricAccumulator) throws(AnalyzerError) {
        guard other.settings.agrees(with: settings) else {
            throw .evaluation(place: "metrics of a part", expected: "the settings of this set", found: "others")
        }
        cases += other.cases
        mergeScores(other.scores)
    }

    private mutating func mergeScores(_ others: [RankedScores]) {
        guard !others.isEmpty else { return }
        guard !scores.isEmpty else {
            scores = others
            return
        }
        for index in scores.indices { scores[index].merge(others[index]) }
    }

    /// The measures of what was added so far.
    public var results: MetricResults {
        var confusion = ConfusionMatrix(classCount: settings.classes.count)
        var images = MetricTotals(classCount: settings.classes.count - 1)
        var byCase = images
        for part in cases {
            confusion.merge(part.confusion)
            images.merge(part.imageTotals)
            byCase.add(part.values)
        }
        var pooled = MetricValues(classCount: settings.classes.count - 1)
        var errors = pooled
        for label in 1..<settings.classes.count {
            pooled.setOverlap(confusion[label], index: label - 1, settings)
            guard !scores.isEmpty else { continue }
            var scores = scores[label - 1]
            scores.sort()
            pooled.setRanking(scores, index: label - 1, settings)
            errors[.rocAUC, label - 1] = scores.rocAUC.maximumError
            errors[.averagePrecision, label - 1] = scores.averagePrecision.maximumError
        }
        return MetricResults(
            settings: settings, cases: cases, confusion: confusion, pooled: pooled, rankingErrors: errors,
            imageTotals: images, caseTotals: byCase)
    }
}
