// One case being measured: its images come in order, a batch at a time, and only what is needed stays.

/// Measures one case.
///
/// Add the images in order, then hand it to ``MetricAccumulator/add(_:)``. Cases can be measured side by side. Held until
/// then: two bytes a voxel of a volume (its labels), and what ranking needs (4 bytes a pixel and class, at most 16 MB, and
/// 24 bytes a distinct probability).
public struct CaseMeasurement: Sendable {
    /// The case's name.
    public let name: String
    let settings: MetricSettings
    let kind: CaseKind
    /// z, y, x; ones where it is unknown.
    let spacing: SIMD3<Double>
    let unit: DistanceUnit
    var confusion: ConfusionMatrix
    /// For each foreground class, where there are probabilities.
    var scores: [RankedScores] = []
    var imageTotals: MetricTotals
    /// How many images were added.
    public internal(set) var imageCount = 0
    /// The volume so far, nil when nothing needs it.
    var grid: GridSize?
    var prediction: [UInt8] = []
    var truth: [UInt8] = []
    private var sliceSize: GridSize?
    private var hasProbabilities: Bool?

    /// Begins a case.
    ///
    /// - Parameters:
    ///   - spacing: the distance between slices, rows and columns in millimetres; nil where it is unknown, and distances
    ///     are in pixels. The first is not used for images.
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` for a spacing that is not above 0.
    public init(
        name: String, kind: CaseKind, spacing: SIMD3<Double>?, settings: MetricSettings
    ) throws(AnalyzerError) {
        if let spacing {
            let used = kind == .volume ? [0, 1, 2] : [1, 2]
            // A square must be finite and above 0 too.
            guard used.allSatisfy({ (1e-100...1e100).contains(spacing[$0]) }) else {
                throw .evaluation(place: name, expected: "a spacing above 0", found: "\(spacing)")
            }
        }
        self.name = name
        self.kind = kind
        self.spacing = spacing ?? SIMD3(1, 1, 1)
        unit = spacing == nil ? .pixels : .millimetres
        self.settings = settings
        confusion = ConfusionMatrix(classCount: settings.classes.count)
        imageTotals = MetricTotals(classCount: settings.classes.count - 1)
    }

    /// Adds images: the next slices of a volume, or images of their own.
    ///
    /// - Parameters:
    ///   - prediction: see ``SegmentationPrediction``.
    ///   - truth: class indices, N × H × W.
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` for sizes that do not agree, labels outside the
    ///   classes, and probabilities outside 0…1; the case is then as it was.
    public mutating func add(
        _ prediction: SegmentationPrediction, truth: [UInt8], height: Int, width: Int
    ) throws(AnalyzerError) {
        let (plane, overflows) = height.multipliedReportingOverflow(by: width)
        guard height > 0, width > 0, !overflows, !truth.isEmpty, truth.count % plane == 0 else {
            throw .evaluation(
                place: name, expected: "a truth of whole images of \(height) × \(width) pixels",
                found: "\(truth.count) pixels")
        }
        let size = GridSize(depth: truth.count / plane, height: height, width: width)
        try checkAgreement(prediction, size)
        try checkLabels(truth, of: "the truth", ignoreLabel: settings.ignoreLabel)
        switch prediction {
        case .labels(let labels):
            guard labels.count == truth.count else {
                throw .evaluation(
                    place: name, expected: "\(truth.count) predicted labels", found: "\(labels.count)")
            }
            try checkLabels(labels, of: "the prediction", ignoreLabel: nil)
            measure(labels, probabilities: nil, truth: truth, size)
            hasProbabilities = false
        case .probabilities(let probabilities):
            let labels = try labelMap(of: probabilities, size)
            measure(labels, probabilities: probabilities, truth: truth, size)
            hasProbabilities = true
        }
        sliceSize = size
    }

    /// Slices of one volume have one size, and a case has probabilities for all its images or for none.
    private func checkAgreement(_ prediction: SegmentationPrediction, _ size: GridSize) throws(AnalyzerError) {
        if kind == .volume, let sliceSize, sliceSize.height != size.height || sliceSize.width != size.width {
            throw .evaluation(
                place: name, expected: "slices of \(sliceSize.height) × \(sliceSize.width) pixels as before",
                found: "\(size.height) × \(size.width)")
        }
        let isProbability = if case .probabilities = prediction { true } else { false }
        if let hasProbabilities, hasProbabilities != isProbability {
            throw .evaluation(
                place: name, expected: hasProbabilities ? "probabilities as before" : "labels as before",
                found: hasProbabilities ? "labels" : "probabilities")
        }
    }

    private func checkLabels(_ labels: [UInt8], of what: String, ignoreLabel: UInt8?) throws(AnalyzerError) {
        var counts = [Int](repeating: 0, count: 256)
        for label in labels { counts[Int(label)] += 1 }
        for label in settings.classes.count..<256 where counts[label] > 0 && UInt8(label) != ignoreLabel {
            let allowed = "labels 0…\(settings.classes.count - 1)" + (ignoreLabel.map { " and \($0) (ignored)" } ?? "")
            throw .evaluation(
                place: "\(name), \(what)", expected: allowed,
                found: "label \(label) at \(counts[label]) pixel\(counts[label] == 1 ? "" : "s")")
        }
    }

    /// The class of the largest probability for each pixel.
    private func labelMap(of probabilities: [Float], _ size: GridSize) throws(AnalyzerError) -> [UInt8] {
        let classCount = settings.classes.count
        let channels = probabilities.count / size.count
        let isWhole = probabilities.count % size.count == 0
        guard isWhole, channels == classCount || (channels == 1 && classCount == 2) else {
            throw .evaluation(
                place: name,
                expected: "\(size.depth) × \(classCount) × \(size.height) × \(size.width) probabilities",
                found: "\(probabilities.count)")
        }
        if let wrong = probabilities.firstIndex(where: { !($0 >= 0 && $0 <= 1.0001) }) {
            throw .evaluation(
                place: "\(name), image \(imageCount + wrong / (channels * size.plane) + 1)",
                expected: "probabilities from 0 to 1", found: "\(probabilities[wrong])")
        }
        return channels == 1 ? probabilities.map { $0 >= 0.5 ? 1 : 0 } : largest(probabilities, channels, size)
    }

    private func largest(_ probabilities: [Float], _ channels: Int, _ size: GridSize) -> [UInt8] {
        var labels = [UInt8](repeating: 0, count: size.count)
        var best = [Float](repeating: 0, count: size.plane)
        for image in 0..<size.depth {
            let first = image * channels * size.plane
            for index in 0..<size.plane { best[index] = probabilities[first + index] }
            for label in 1..<channels {
                let start = first + label * size.plane
                for index in 0..<size.plane where probabilities[start + index] > best[index] {
                    best[index] = probabilities[start + index]
                    labels[image * size.plane + index] = UInt8(label)
                }
            }
        }
        return labels
    }
}
