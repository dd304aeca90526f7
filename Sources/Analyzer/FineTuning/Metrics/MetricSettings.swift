// What is measured.

/// Which measures of which classes are wanted.
public struct MetricSettings: Sendable, Hashable {
    /// The classes' names; the first is the background, which is never measured itself.
    public let classes: [String]
    /// The label of pixels that take part in nothing.
    public let ignoreLabel: UInt8?
    /// The measures.
    public let metrics: Set<SegmentationMetric>
    /// Whether each image is measured too, besides each case and the whole set.
    public let measuresImages: Bool
    /// How many distinct probabilities a class are told apart before neighbouring ones are taken together; see
    /// docs/metrics.md. About 24 bytes each.
    public let distinctProbabilities: Int
    /// How many threads may work; never changes the values.
    public let threads: Int

    /// The usual number of distinct probabilities, 2²¹.
    public static let usualDistinctProbabilities = 1 << 21

    /// States what is wanted.
    ///
    /// - Throws: ``AnalyzerError/option(name:value:expected:)`` unless there are 2…256 classes.
    public init(
        classes: [String], ignoreLabel: UInt8? = nil,
        metrics: Set<SegmentationMetric> = Set(SegmentationMetric.allCases), measuresImages: Bool = true,
        distinctProbabilities: Int = usualDistinctProbabilities, threads: Int = 1
    ) throws(AnalyzerError) {
        guard (2...256).contains(classes.count) else {
            throw .option(
                name: "classes", value: "\(classes.count)", expected: "2 to 256 class names, the background first")
        }
        self.classes = classes
        self.ignoreLabel = ignoreLabel
        self.metrics = metrics
        self.measuresImages = measuresImages
        self.distinctProbabilities = max(distinctProbabilities, 1 << 16)
        self.threads = max(1, threads)
    }

    /// The names of the classes that are measured.
    public var foreground: [String] { Array(classes.dropFirst()) }

    /// The measures wanted of a family.
    func wanted(_ family: SegmentationMetric.Family) -> [SegmentationMetric] {
        SegmentationMetric.allCases.filter { $0.family == family && metrics.contains($0) }
    }

    /// Whether parts measured with other settings can be added to parts measured with these.
    func agrees(with other: MetricSettings) -> Bool {
        classes == other.classes && ignoreLabel == other.ignoreLabel && metrics == other.metrics
            && measuresImages == other.measuresImages && distinctProbabilities == other.distinctProbabilities
    }
}

/// What a network says about images.
public enum SegmentationPrediction: Sendable {
    /// Class indices, N × H × W.
    case labels([UInt8])
    /// Probabilities, N × K × H × W: K = number of classes, background first (the largest wins, the first of equals), or
    /// K = 1 for the second of two classes (it wins from 0.5 on).
    case probabilities([Float])
}

/// How the images of a case belong together.
public enum CaseKind: Sendable, Hashable {
    /// Slices of a volume in order: distances are measured in three dimensions.
    case volume
    /// Images of their own, of any sizes: the case's distances are the means of its images'.
    case images
}
