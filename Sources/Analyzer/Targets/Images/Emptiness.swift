// Slices that show nothing, such as the air above a head.

/// When an image counts as empty: it is constant, or, for slices of volumes, less than 1 % of its pixels exceed the
/// volume's background.
///
/// Background is what lies below 5 % of the way from the volume's 0.5 percentile to its 99.5 percentile (of finite
/// voxels): air in CT, noise around the patient in MR. Separate images are only left out when they are constant, since
/// their few bright pixels may be the subject.
public enum Emptiness {
    /// The least share of pixels that exceed the background.
    public static let leastForeground = 0.01
    /// Where background ends, between the percentiles.
    public static let backgroundLevel = 0.05

    /// Whether an image's values are all the same (NaN and infinities count as one value).
    static func isConstant(_ values: [Float]) -> Bool {
        guard let first = values.first else { return true }
        return values.allSatisfy { $0 == first || !$0.isFinite && !first.isFinite }
    }

    /// Whether a slice of a volume is empty.
    static func isEmpty(_ values: [Float], volume statistics: ChannelStatistics) -> Bool {
        if isConstant(values) { return true }
        let level = statistics.low + backgroundLevel * (statistics.high - statistics.low)
        let foreground = values.reduce(0) { $0 + (Double($1) > level ? 1 : 0) }
        return Double(foreground) < leastForeground * Double(values.count)
    }
}

/// What is known of one channel of a case; volumes have one for the whole volume, separate images one each.
struct ChannelStatistics: Sendable, Hashable {
    /// Percentile 0.5, or the minimum where it equals percentile 99.5.
    var low = 0.0
    /// Percentile 99.5, or the maximum where it equals percentile 0.5.
    var high = 0.0
    var minimum = 0.0
    var maximum = 0.0
    var mean = 0.0
    var deviation = 0.0
    /// NaN and infinite values.
    var nonFiniteCount = 0
    /// The ends that the preparation's own percentiles give, where it asks for others.
    var window: IntensityMap?
}
