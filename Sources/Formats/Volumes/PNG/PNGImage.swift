// A PNG as it is stored: raw samples of every depth, the palette, and the facts that must not change intensities.

/// A PNG image with its samples unscaled and unconverted.
///
/// Medical PNGs carry 12 or 16 bits, and masks carry class numbers in low bit depths or palettes: nothing is widened,
/// shifted, gamma-corrected or turned into colours here.
public struct PNGImage: Sendable {
    /// The file, for messages.
    public var path: String
    /// How samples make up a pixel.
    public let colorType: ColorType
    /// Bits of a stored sample: 1, 2, 4, 8 or 16.
    public let depth: Int
    /// The samples, height × width × channels: uint8 up to 8 bits (0…2^depth − 1), else uint16.
    public let samples: TensorView
    /// The colours of a palette image.
    public var palette: [PaletteColor] = []
    /// What the file says beside its pixels.
    public var facts = PNGFacts()
    /// What was odd about the file, one sentence each.
    public var warnings: [String] = []

    /// The colour types of PNG.
    public enum ColorType: UInt8, Sendable, Hashable {
        case gray = 0
        case rgb = 2
        case palette = 3
        case grayAlpha = 4
        case rgba = 6

        /// Samples in a pixel.
        public var channelCount: Int {
            switch self {
            case .gray, .palette: 1
            case .grayAlpha: 2
            case .rgb: 3
            case .rgba: 4
            }
        }
    }

    /// Rows of pixels.
    public var height: Int { samples.shape[0] }
    /// Pixels in a row.
    public var width: Int { samples.shape[1] }
    /// Samples in a pixel.
    public var channelCount: Int { samples.shape[2] }
    /// The greatest value that a sample can have.
    public var fullScale: Int { 1 << depth - 1 }

    /// An image to be written.
    ///
    /// - Parameters:
    ///   - samples: height × width, or height × width × channels with 1 to 4 channels; uint8 or uint16.
    ///   - palette: makes the samples (uint8, one channel) palette indices.
    /// - Throws: ``FormatError`` with `.invalid` for anything else.
    public init(samples: TensorView, palette: [PaletteColor] = [], path: String = "image") throws(FormatError) {
        let axes = samples.shape.rank == 2 ? samples.shape.axes + [1] : samples.shape.axes
        let colors: [ColorType] = palette.isEmpty ? [.gray, .grayAlpha, .rgb, .rgba] : [.palette]
        guard axes.count == 3, let color = colors.first(where: { $0.channelCount == axes[2] }),
            samples.dtype == .uint8 || samples.dtype == .uint16 && palette.isEmpty, palette.count <= 256,
            axes[0] > 0, axes[1] > 0
        else {
            throw FormatError(
                path,
                .invalid(
                    section: "PNG samples",
                    expected: palette.isEmpty
                        ? "height×width or height×width×(1 to 4) of uint8 or uint16" : "height×width uint8 indices",
                    found: "\(samples.shape) of \(samples.dtype)"))
        }
        self.init(
            path: path, colorType: color, depth: samples.dtype.bitWidth,
            samples: TensorView(dtype: samples.dtype, shape: Shape(axes), bytes: samples.bytes))
        self.palette = palette
    }

    init(path: String, colorType: ColorType, depth: Int, samples: TensorView) {
        self.path = path
        self.colorType = colorType
        self.depth = depth
        self.samples = samples
    }
}

/// Ancillary chunks of a PNG. None of them is ever applied to the samples.
public struct PNGFacts: Sendable, Hashable {
    /// Whether the pixels were stored in Adam7 passes.
    public var isInterlaced = false
    /// `sBIT`: how many bits of each channel carry information, such as 12 of 16.
    public var significantBits: [Int] = []
    /// `pHYs` in millimetres per pixel (x, y), when it is given per metre: a hint at the spacing.
    public var pixelSize: SIMD2<Double>?
    /// `tRNS` of a grey or RGB image: the sample values that viewers show transparent.
    public var transparentKey: [UInt16] = []
    /// `gAMA`, or nil.
    public var gamma: Double?
    /// Colour management that was found and not applied: `sRGB`, `iCCP`, `cHRM`.
    public var colorChunks: [String] = []
    /// Whether there is EXIF data, which may ask viewers to turn the image.
    public var hasEXIF = false

    /// Nothing beside the pixels.
    public init() {}
}
