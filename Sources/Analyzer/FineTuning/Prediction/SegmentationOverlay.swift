// Pictures for people: an image in grey with the classes in colour on it.

public import Formats

/// Colours that are told apart on grey and by most colour-blind people (Okabe and Ito 2008), then colours spread over the
/// hues.
public enum OverlayPalette {
    private static let named: [(UInt8, UInt8, UInt8)] = [
        (213, 94, 0), (86, 180, 233), (240, 228, 66), (0, 158, 115), (204, 121, 167), (0, 114, 178), (230, 159, 0),
    ]

    /// The colour of a class, counted from 1; the background has none.
    public static func color(of label: Int) -> PaletteColor {
        guard label > named.count else {
            let color = named[max(label, 1) - 1]
            return PaletteColor(red: color.0, green: color.1, blue: color.2)
        }
        // Steps of the golden angle never come back near a hue used before.
        let hue = (Double(label - named.count) * 0.618_033_988_75).truncatingRemainder(dividingBy: 1) * 6
        func channel(_ offset: Double) -> UInt8 {
            let distance = (hue + offset).truncatingRemainder(dividingBy: 6)
            return UInt8(60 + 195 * min(max(min(distance, 4 - distance), 0), 1))
        }
        return PaletteColor(red: channel(5), green: channel(3), blue: channel(1))
    }
}

/// An image with its classes, drawn: each class translucent with an opaque border.
public struct SegmentationOverlay: Sendable {
    private let gray: [Float]
    private let labels: LabelMap

    /// The shorter side that small images are enlarged to at least, in whole steps.
    static let leastSide = 256

    /// Prepares a picture.
    ///
    /// - Parameters:
    ///   - gray: intensities in 0…1, rows × columns.
    ///   - labels: class indices, as many.
    ///   - spacing: the distance between rows and between columns in any unit, so that the picture has the body's
    ///     proportions.
    /// - Precondition: both have height × width values, at least one.
    public init(
        gray: [Float], labels: [UInt8], height: Int, width: Int, spacing: (row: Double, column: Double) = (1, 1)
    ) {
        precondition(gray.count == height * width && labels.count == gray.count && !gray.isEmpty, "an image's pixels")
        let finest = min(spacing.row, spacing.column)
        // Pixels a hundred times longer than wide are a mistake of the header: taken as square.
        let isPlausible = finest > 0 && max(spacing.row, spacing.column) / finest <= 100
        let (rowFactor, columnFactor) = isPlausible ? (spacing.row / finest, spacing.column / finest) : (1, 1)
        let natural = (Double(height) * rowFactor, Double(width) * columnFactor)
        let scale = max(1, (Double(Self.leastSide) / min(natural.0, natural.1)).rounded(.up))
        // No picture beyond what a screen shows, however thin the image.
        let limit = 4096 / max(natural.0, natural.1)
        let factor = min(scale, max(1, limit.rounded(.down)))
        let size = (
            height: max(1, min(8192, Int((natural.0 * factor).rounded()))),
            width: max(1, min(8192, Int((natural.1 * factor).rounded())))
        )
        self.gray = PlaneResampling(from: (height, width), to: size)(gray)
        self.labels = LabelMap(shape: [height, width], values: labels.map { Int32($0) })
            .resized(height: size.height, width: size.width)
    }

    /// The picture, 8-bit RGB.
    ///
    /// - Throws: ``FormatError`` when it is too large to be a PNG.
    public func image() throws(FormatError) -> PNGImage {
        let (height, width) = (labels.shape[0], labels.shape[1])
        var pixels = [UInt8](repeating: 0, count: height * width * 3)
        for row in 0..<height {
            for column in 0..<width {
                let index = row * width + column
                let level = min(max(gray[index], 0), 1) * 255
                let label = labels.values[index]
                let color = OverlayPalette.color(of: Int(label))
                let share: Float = label == 0 ? 0 : isBorder(row, column) ? 1 : 0.35
                for (channel, value) in [color.red, color.green, color.blue].enumerated() {
                    pixels[3 * index + channel] = UInt8((level * (1 - share) + Float(value) * share).rounded())
                }
            }
        }
        return try PNGImage(
            samples: TensorView(dtype: .uint8, shape: [height, width, 3], bytes: Bytes(copying: pixels)),
            path: "overlay")
    }

    /// Whether one of the four neighbours has another class.
    private func isBorder(_ row: Int, _ column: Int) -> Bool {
        let (height, width) = (labels.shape[0], labels.shape[1])
        let index = row * width + column
        let label = labels.values[index]
        return row > 0 && labels.values[index - width] != label
            || row + 1 < height && labels.values[index + width] != label
            || column > 0 && labels.values[index - 1] != label
            || column + 1 < width && labels.values[index + 1] != label
    }
}

extension PlacedClasses {
    /// The most pictures of one case.
    static let overlayLimit = 8

    /// Images worth a picture: spread evenly over those with a class other than background, over all where there is none.
    func overlayImages() -> [Int] {
        let count = opened.content.imageCount
        guard count > 1 else { return Array(0..<count) }
        let filled = (0..<count).filter { image(number: $0).contains { $0 != 0 } }
        let from = filled.isEmpty ? Array(0..<count) : filled
        guard from.count > Self.overlayLimit else { return from }
        return (0..<Self.overlayLimit).map { from[(2 * $0 + 1) * from.count / (2 * Self.overlayLimit)] }
    }

    /// The picture of an image of the case.
    func overlay(_ number: Int, options: TargetOptions) throws(AnalyzerError) -> PNGImage {
        let size = opened.imageSize
        let spacing = opened.spacing.map { (row: $0[1], column: $0[2]) } ?? (1, 1)
        let picture = SegmentationOverlay(
            gray: try opened.grayPlane(number, options: options), labels: image(number: number), height: size.height,
            width: size.width, spacing: spacing)
        do throws(FormatError) { return try picture.image() } catch { throw .format(error) }
    }
}
