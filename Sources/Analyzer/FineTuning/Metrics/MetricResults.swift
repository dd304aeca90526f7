// What was measured of a set: over all its pixels, image by image, case by case.

/// The measures of one case.
public struct CaseMetrics: Sendable, Hashable {
    /// The case's name.
    public let name: String
    /// Its values over all its pixels; distances in three dimensions where it is a volume.
    public let values: MetricValues
    /// How often each class was taken for each other.
    public let confusion: ConfusionMatrix
    /// What its distances are measured in.
    public let unit: DistanceUnit
    let imageTotals: MetricTotals
    /// How many images it has.
    public let imageCount: Int
}

/// The measures of a set of cases.
public struct MetricResults: Sendable, Hashable {
    /// What was measured.
    public let settings: MetricSettings
    /// The cases, in the order in which they were added.
    public let cases: [CaseMetrics]
    /// Counted over all pixels of the set.
    public let confusion: ConfusionMatrix
    /// Values over all pixels of the set taken together; there are no such distances.
    public let pooled: MetricValues
    /// How far pooled ranking measures may be from exact ones, 0 unless there were too many distinct probabilities.
    public let rankingErrors: MetricValues
    let imageTotals: MetricTotals
    let caseTotals: MetricTotals

    /// How many images there were.
    public var imageCount: Int { cases.reduce(0) { $0 + $1.imageCount } }

    /// What distances are measured in; nil when some cases have a known spacing and others not, whose distances have no
    /// common mean, or when there are no cases.
    public var unit: DistanceUnit? {
        guard let first = cases.first?.unit else { return nil }
        return cases.allSatisfy { $0.unit == first } ? first : nil
    }

    /// The means over the images for which each value is defined; all undefined unless images were measured.
    public var byImage: MetricValues { comparable(imageTotals.means) }

    /// The means over the cases for which each value is defined.
    public var byCase: MetricValues { comparable(caseTotals.means) }

    /// How many images had no value of a measure, for each foreground class.
    public func undefinedImages(_ metric: SegmentationMetric) -> [Int] { imageTotals.undefined(metric) }

    /// How many cases had no value of a measure, for each foreground class.
    public func undefinedCases(_ metric: SegmentationMetric) -> [Int] { caseTotals.undefined(metric) }

    /// Millimetres and pixels are not averaged.
    private func comparable(_ means: MetricValues) -> MetricValues {
        guard unit == nil else { return means }
        var result = means
        for metric in SegmentationMetric.allCases where metric.family == .distance {
            for index in 0..<means.classCount { result[metric, index] = nil }
        }
        return result
    }
}
