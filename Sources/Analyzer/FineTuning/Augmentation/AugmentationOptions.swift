// How training images are varied.

/// Random changes of training images, drawn anew for every image and epoch. The defaults change nothing.
///
/// Places change image and labels alike: flips, then rotation, scaling and translation about the centre, then elastic
/// deformation, then a crop that fills the frame again, all in one resampling (image bilinear, labels nearest). What comes
/// from outside the image is 0, and background. Intensities change before that, so that the outside stays black.
public struct AugmentationOptions: Sendable, Hashable, Codable {
    /// The probability of mirroring left and right.
    public var horizontalFlip = 0.0
    /// The probability of mirroring top and bottom.
    public var verticalFlip = 0.0
    /// Rotation by an angle between −`rotation` and +`rotation`, in degrees, 0…180.
    public var rotation = 0.0
    /// Rotation by 0, 90, 180 or 270 degrees besides, without loss for square images.
    public var quarterTurns = false
    /// Scaling by a factor between 1 − `scale` and 1 + `scale`, 0…0.9.
    public var scale = 0.0
    /// Translation along each axis by up to this share of the side, in whole pixels, 0…1.
    public var translation = 0.0
    /// A crop whose side is between this share of the image's and all of it, enlarged to the whole frame, 0.1…1.
    public var crop = 1.0
    /// Elastic deformation: the standard deviation of the control points' displacement as a share of the side, 0…0.2; see
    /// ``ElasticField``.
    public var elastic = 0.0
    /// Colour jitter, nil for none.
    public var jitter: JitterStrength?
    /// Adds a number between −`brightness` and +`brightness`, 0…1; clamped to 0…1.
    public var brightness = 0.0
    /// Raises to a power between 1 / (1 + `gamma`) and 1 + `gamma`, 0…4.
    public var gamma = 0.0

    /// No change.
    public init() {}

    /// Whether nothing changes.
    public var isNone: Bool { self == AugmentationOptions() }

    /// As the paper trains on ACDC: rotation by ±180°, outside filled with 0, and a vertical flip of every other image.
    public static let paperACDC: AugmentationOptions = {
        var options = AugmentationOptions()
        (options.rotation, options.verticalFlip) = (180, 0.5)
        return options
    }()

    /// As the paper trains on IDRiD: crops, flips and colour jitter. The smallest crop (half the side) is ours.
    public static let paperIDRiD: AugmentationOptions = {
        var options = AugmentationOptions()
        (options.horizontalFlip, options.verticalFlip, options.crop, options.jitter) = (0.5, 0.5, 0.5, .paper)
        return options
    }()
}

/// How strong a colour jitter is, as torchvision's `ColorJitter(brightness, contrast, saturation, hue)`.
public struct JitterStrength: Sendable, Hashable, Codable {
    /// Factors are drawn from max(0, 1 − x)…1 + x; the hue from ±x turns, x up to 0.5.
    public var brightness: Double, contrast: Double, saturation: Double, hue: Double

    /// Names the four.
    public init(brightness: Double, contrast: Double, saturation: Double, hue: Double) {
        (self.brightness, self.contrast, self.saturation, self.hue) = (brightness, contrast, saturation, hue)
    }

    /// The paper's: 0.1, 0.05, 0.1, 0.05.
    public static let paper = JitterStrength(brightness: 0.1, contrast: 0.05, saturation: 0.1, hue: 0.05)

    /// The ranges that factors are drawn from.
    public var ranges: JitterRanges {
        func around(_ strength: Double) -> ClosedRange<Double> { max(0, 1 - strength)...(1 + max(0, strength)) }
        let hue = min(max(hue, 0), 0.5)
        return JitterRanges(
            brightness: around(brightness), contrast: around(contrast), saturation: around(saturation), hue: -hue...hue)
    }
}
