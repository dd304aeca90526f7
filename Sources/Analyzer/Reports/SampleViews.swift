// A few sample images with the two views that a score compares, as pictures for the report.

import Formats
import FoundationEssentials

/// Writes pictures of views.
public enum SampleViews {
    /// How many images are shown.
    static let count = 4
    /// Pictures have no longer side than this; larger images are averaged down by a whole factor.
    static let longestSide = 256

    /// Writes a few images, spread evenly over all, with the first pair of views of each, into a folder `views` of `folder`;
    /// pictures that an earlier run left there go.
    ///
    /// The pictures show what is handed to a network before its own normalisation. Values beyond 0…1, which only given views
    /// have, are scaled to the range of the image's views.
    ///
    /// - Throws: ``AnalyzerError`` when an image cannot be read or a picture not be written.
    public static func write(_ source: any ViewSource, to folder: String) throws(AnalyzerError) {
        let place = folder + "/views"
        do throws(FormatError) { try makeFolder(place) } catch { throw .format(error) }
        for name in (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? [] where name.hasSuffix(".png") {
            removeFile("\(place)/\(name)")
        }
        let shown = min(count, source.imageCount)
        let shape = source.imageShape
        for number in 0..<shown {
            let image = (2 * number + 1) * source.imageCount / (2 * shown)
            let group = try source.open([image])
            var panels: [(kind: String, values: [Float])] = []
            if let original = try source.original(image) { panels.append(("image", original)) }
            for view in 0..<2 {
                var values = [Float](repeating: 0, count: shape.count)
                values.withUnsafeMutableBufferPointer { group.write(member: 0, view: view, draw: 0, to: $0) }
                panels.append(("view\(view + 1)", values))
            }
            let name = fileName(source.name(of: image) ?? "image \(image + 1)")
            let range = commonRange(panels.map(\.values))
            for (kind, values) in panels {
                do throws(FormatError) {
                    try picture(values, shape, range).write(to: "\(place)/\(number + 1) \(name) \(kind).png")
                } catch { throw .format(error) }
            }
        }
    }

    /// 0…1, or all values where some are beyond.
    private static func commonRange(_ panels: [[Float]]) -> ClosedRange<Float> {
        let low = panels.compactMap { $0.min() }.min() ?? 0
        let high = panels.compactMap { $0.max() }.max() ?? 1
        return low >= 0 && high <= 1 || !(low < high) ? 0...1 : low...high
    }

    /// An 8-bit picture: RGB of three channels, else grey of the first.
    static func picture(
        _ values: [Float], _ shape: ImageShape, _ range: ClosedRange<Float>
    ) throws(FormatError) -> PNGImage {
        let channels = shape.channels == 3 ? 3 : 1
        let factor = max(1, (max(shape.height, shape.width) + longestSide - 1) / longestSide)
        let (height, width) = (max(1, shape.height / factor), max(1, shape.width / factor))
        let (rows, columns) = (min(factor, shape.height), min(factor, shape.width))
        var pixels = [UInt8](repeating: 0, count: height * width * channels)
        for channel in 0..<channels {
            let plane = channel * shape.height * shape.width
            for row in 0..<height {
                for column in 0..<width {
                    var sum: Float = 0
                    for y in row * factor..<row * factor + rows {
                        for x in column * factor..<column * factor + columns {
                            sum += values[plane + y * shape.width + x]
                        }
                    }
                    let share = (sum / Float(rows * columns) - range.lowerBound) / (range.upperBound - range.lowerBound)
                    pixels[(row * width + column) * channels + channel] = UInt8(min(max(share, 0), 1) * 255 + 0.5)
                }
            }
        }
        return try PNGImage(
            samples: TensorView(dtype: .uint8, shape: [height, width, channels], bytes: Bytes(copying: pixels)),
            path: "view")
    }

    /// An image's name as a file's: whatever could lead elsewhere becomes an underscore.
    private static func fileName(_ identity: String) -> String {
        String(identity.prefix(80).map { $0.isLetter || $0.isNumber || "-_.= ".contains($0) ? $0 : "_" })
    }
}
