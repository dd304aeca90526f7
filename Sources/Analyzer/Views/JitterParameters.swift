// What one colour jitter does: four factors and the order in which they act, and how both are drawn.

/// The four operations of a colour jitter; the raw values are torchvision's numbers for them.
public enum JitterOperation: Int, Sendable, CaseIterable, Codable {
    case brightness, contrast, saturation, hue
}

/// The ranges from which a jitter's factors are drawn, uniformly.
public struct JitterRanges: Sendable, Hashable, Codable {
    /// Multiplies the image.
    public var brightness: ClosedRange<Double>
    /// Blends the image with its mean grey level.
    public var contrast: ClosedRange<Double>
    /// Blends the image with its grey version.
    public var saturation: ClosedRange<Double>
    /// Turns the hue, in turns (within −0.5…0.5).
    public var hue: ClosedRange<Double>

    /// Names the four ranges.
    public init(
        brightness: ClosedRange<Double>, contrast: ClosedRange<Double>, saturation: ClosedRange<Double>,
        hue: ClosedRange<Double>
    ) {
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
    }

    /// The paper's jitter: torchvision `ColorJitter(brightness=0.1, contrast=0.05, saturation=0.1, hue=0.05)`.
    public static let paper = JitterRanges(
        brightness: 0.9...1.1, contrast: 0.95...1.05, saturation: 0.9...1.1, hue: -0.05...0.05)
}

/// One jitter: factors and order.
public struct JitterParameters: Sendable, Hashable {
    /// The operations, first to act first.
    public var order: [JitterOperation]
    /// Multiplies the image.
    public var brightness: Double
    /// Blends the image with its mean grey level.
    public var contrast: Double
    /// Blends the image with its grey version.
    public var saturation: Double
    /// Turns the hue, in turns.
    public var hue: Double

    /// A jitter with given factors; factors that are left out do nothing and leave the order.
    public init(
        order: [JitterOperation] = JitterOperation.allCases, brightness: Double = 1, contrast: Double = 1,
        saturation: Double = 1, hue: Double = 0
    ) {
        self.order = order
        self.brightness = brightness
        self.contrast = contrast
        self.saturation = saturation
        self.hue = hue
    }

    /// Draws a jitter.
    ///
    /// The numbers depend on the arguments alone: the same image, draw and view get the same jitter in every run with
    /// that seed, in any order, on any machine.
    ///
    /// - Parameters:
    ///   - image: the image's identity, or nil for a jitter that all images of the view share.
    ///   - draw: which pair of views.
    ///   - view: 0 or 1.
    public init(_ ranges: JitterRanges, seed: UInt64, image: UInt64?, draw: Int, view: Int) {
        var generator = CounterGenerator(
            seed: seed, purpose: .jitter, place: image ?? 0, index: draw, view: view + (image == nil ? 2 : 0))
        self.init(ranges, from: &generator)
    }

    /// Draws a jitter from a stream: four factors, then the order.
    init(_ ranges: JitterRanges, from generator: inout CounterGenerator) {
        self.init(
            brightness: generator.next(in: ranges.brightness), contrast: generator.next(in: ranges.contrast),
            saturation: generator.next(in: ranges.saturation), hue: generator.next(in: ranges.hue))
        order = generator.permutation(of: 4).compactMap(JitterOperation.init(rawValue:))
    }
}
