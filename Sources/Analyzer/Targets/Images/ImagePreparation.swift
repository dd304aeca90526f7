// From stored pixels to the network's input: intensities into 0…1, then one size for all.

/// How images are prepared. The result is always float32 in 0…1, because the colour jitter clamps to that range: what
/// lies outside would be lost (score.md 1.3 tells of raw MR images that became 99.7 % white).
public struct ImagePreparation: Sendable, Hashable {
    /// How stored intensities map to 0…1.
    public var normalization = Normalization.automatic
    /// Rows of the prepared image.
    public var height = 224
    /// Columns of the prepared image.
    public var width = 224
    /// What happens to another aspect.
    public var fit = Fit.stretch

    /// The defaults.
    public init() {}

    /// How an image of another aspect fills the prepared one.
    public enum Fit: String, Sendable, Hashable, CaseIterable {
        /// Both sides are scaled on their own, as most segmentation pipelines and the paper's do. Every pixel is kept and
        /// none is spent on borders.
        case stretch
        /// The whole image, its physical aspect kept, in a frame of zeros.
        case pad
        /// The largest centred part that has the frame's aspect.
        case crop
    }
}

/// Schemes that map stored intensities to 0…1; values beyond the ends are clamped, NaN and infinities become 0.
public enum Normalization: Sendable, Hashable {
    /// ``full`` for 8-bit (and shallower) PNG and uint8 arrays, as the paper does with natural images; arrays whose
    /// values all lie in 0…1 stay as they are; ``percentile(low:high:)`` for everything else.
    case automatic
    /// The volume's percentiles `low` and `high` (of its finite voxels) become 0 and 1. Images that belong to no volume
    /// have their own percentiles.
    case percentile(low: Double, high: Double)
    /// A window of physical values, such as Hounsfield units, becomes 0…1.
    case window(low: Double, high: Double)
    /// (x − mean) / deviation over the volume, clamped at ±`clip`, then moved to 0…1: mean − clip·deviation becomes 0,
    /// mean + clip·deviation 1.
    case zScore(clip: Double)
    /// The volume's smallest and largest finite value become 0 and 1.
    case minMax
    /// The stored type's range becomes 0…1: 8-bit values are divided by 255, 16-bit PNG by 65535. Refused for values
    /// that have no such range (signed and float volumes outside 0…1).
    case full

    /// Soft tissue in CT: −160…240 HU.
    public static let softTissue = Normalization.window(low: -160, high: 240)
    /// Percentiles 0.5 and 99.5.
    public static let standardPercentile = Normalization.percentile(low: 0.5, high: 99.5)

    /// Reads a scheme: `auto`, `percentile[:LOW,HIGH]`, `ct[:LOW,HIGH]`, `window:LOW,HIGH`, `zscore[:CLIP]`, `minmax`,
    /// `none`.
    ///
    /// - Throws: ``AnalyzerError/option(name:value:expected:)``.
    public init(_ text: String) throws(AnalyzerError) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts.count == 2 ? parts[1].split(separator: ",").map { Double($0) ?? .nan } : []
        let scheme: Normalization? =
            switch (parts.first ?? "", numbers.count) {
            case ("auto", 0): .automatic
            case ("percentile", 0): .standardPercentile
            case ("percentile", 2): .percentile(low: numbers[0], high: numbers[1])
            case ("ct", 0): .softTissue
            case ("ct", 2), ("window", 2): .window(low: numbers[0], high: numbers[1])
            case ("zscore", 0): .zScore(clip: 3)
            case ("zscore", 1): .zScore(clip: numbers[0])
            case ("minmax", 0): .minMax
            case ("none", 0): .full
            default: nil
            }
        guard let scheme, scheme.isSound else {
            throw .option(
                name: "--normalize", value: text,
                expected: "auto, percentile[:LOW,HIGH], ct[:LOW,HIGH], window:LOW,HIGH, zscore[:CLIP], minmax or none")
        }
        self = scheme
    }

    private var isSound: Bool {
        switch self {
        case .percentile(let low, let high): low >= 0 && high <= 100 && low < high
        case .window(let low, let high): low < high && low.isFinite && high.isFinite
        case .zScore(let clip): clip > 0 && clip.isFinite
        case .automatic, .minMax, .full: true
        }
    }
}

extension Normalization: CustomStringConvertible {
    /// As ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .automatic: "auto"
        case .percentile(let low, let high): "percentile:\(low),\(high)"
        case .window(let low, let high): "window:\(low),\(high)"
        case .zScore(let clip): "zscore:\(clip)"
        case .minMax: "minmax"
        case .full: "none"
        }
    }
}

/// A linear map with clamping: `low` becomes 0, `high` 1.
struct IntensityMap: Sendable, Hashable {
    let low: Double
    let high: Double

    /// The value in 0…1; 0 for NaN and infinities, and for every value when the ends meet.
    func callAsFunction(_ value: Double) -> Float {
        guard value.isFinite, high > low else { return 0 }
        return Float(min(max((value - low) / (high - low), 0), 1))
    }
}
