// Values of the measures, for each class.

/// A value for each measure and foreground class; undefined ones are nil.
public struct MetricValues: Sendable, Hashable {
    /// How many classes are measured.
    public let classCount: Int
    private var values: [Double?]

    /// All undefined.
    init(classCount: Int) {
        self.classCount = classCount
        values = [Double?](repeating: nil, count: classCount * SegmentationMetric.allCases.count)
    }

    /// The value of a measure for a foreground class, counted from 0 without the background.
    public subscript(metric: SegmentationMetric, index: Int) -> Double? {
        get { values[metric.ordinal * classCount + index] }
        set { values[metric.ordinal * classCount + index] = newValue }
    }

    /// The values of a measure, a class each.
    public subscript(metric: SegmentationMetric) -> [Double?] { (0..<classCount).map { self[metric, $0] } }

    /// The mean of a measure over the classes for which it is defined; nil where it is for none. The background is no
    /// part of it.
    public func mean(_ metric: SegmentationMetric) -> Double? { Self.mean(self[metric]) }

    /// The mean of the defined values.
    static func mean(_ values: [Double?]) -> Double? {
        let defined = values.compactMap(\.self)
        return defined.isEmpty ? nil : defined.reduce(0, +) / Double(defined.count)
    }
}

/// Sums of the measures over units (images or cases), each with the number of units for which it was defined.
struct MetricTotals: Sendable, Hashable {
    private var sums: [Double]
    private var counts: [Int]
    private let classCount: Int
    private(set) var units = 0

    init(classCount: Int) {
        self.classCount = classCount
        sums = [Double](repeating: 0, count: classCount * SegmentationMetric.allCases.count)
        counts = [Int](repeating: 0, count: sums.count)
    }

    mutating func add(_ unit: MetricValues) {
        units += 1
        for metric in SegmentationMetric.allCases {
            for index in 0..<classCount {
                guard let value = unit[metric, index] else { continue }
                sums[metric.ordinal * classCount + index] += value
                counts[metric.ordinal * classCount + index] += 1
            }
        }
    }

    mutating func merge(_ other: MetricTotals) {
        units += other.units
        for index in sums.indices {
            sums[index] += other.sums[index]
            counts[index] += other.counts[index]
        }
    }

    /// The means over the units for which each value is defined.
    var means: MetricValues {
        var result = MetricValues(classCount: classCount)
        for metric in SegmentationMetric.allCases {
            for index in 0..<classCount {
                let place = metric.ordinal * classCount + index
                result[metric, index] = counts[place] > 0 ? sums[place] / Double(counts[place]) : nil
            }
        }
        return result
    }

    /// How many units had no value, for each class.
    func undefined(_ metric: SegmentationMetric) -> [Int] {
        (0..<classCount).map { units - counts[metric.ordinal * classCount + $0] }
    }
}
