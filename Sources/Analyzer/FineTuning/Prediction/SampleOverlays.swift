// Pictures of what a network does on images with masks: the truth on the left, the prediction on the right.

import Engine
import Formats

extension Predictor {
    /// Draws some images in the network's frame, spread evenly over those that show a class, and writes them as PNG.
    ///
    /// - Parameters:
    ///   - images: candidates, by number in `data`.
    ///   - count: how many pictures at most.
    ///   - folder: made where there is none; a picture is named after its case and slice.
    /// - Returns: the pictures' paths.
    /// - Throws: ``AnalyzerError`` when an image cannot be read or a picture not be written.
    @discardableResult
    public func writeSamples(
        of data: SegmentationData, images: [Int], count: Int, to folder: String
    ) throws(AnalyzerError) -> [String] {
        let shown = images.filter { data.images[$0].preparedPixels.dropFirst().contains { $0 > 0 } }
        let from = shown.isEmpty ? images : shown
        guard !from.isEmpty, count > 0 else { return [] }
        let chosen =
            from.count <= count ? from : (0..<count).map { from[(2 * $0 + 1) * from.count / (2 * count)] }
        do throws(FormatError) { try makeFolder(folder) } catch { throw .format(error) }
        var paths: [String] = []
        for number in chosen {
            let sample = data.target.samples[data.images[number].number]
            let name = Self.fileName(sample.identity)
            let path = "\(folder)/\(name).png"
            let picture = try picture(of: number, in: data)
            do throws(FormatError) { try picture.write(to: path) } catch { throw .format(error) }
            paths.append(path)
        }
        return paths
    }

    private func picture(of number: Int, in data: SegmentationData) throws(AnalyzerError) -> PNGImage {
        let (height, width) = (data.imageShape.height, data.imageShape.width)
        let image = try data.image(number)
        let truth = try data.labels(number).map { $0 == LabelScheme.ignoredIndex ? 0 : $0 }
        let predicted = classes(try logits(of: [image]), row: 0, plane: height * width)
        let spacing = data.cases[data.images[number].caseNumber].preparedSpacing
        let pixels = spacing.map { (row: $0[1], column: $0[2]) } ?? (1, 1)
        let gray = Array(image.prefix(height * width))
        do throws(FormatError) {
            let panels = try [truth, predicted].map { (labels) throws(FormatError) in
                try SegmentationOverlay(gray: gray, labels: labels, height: height, width: width, spacing: pixels)
                    .image()
            }
            return try panels[0].beside(panels[1])
        } catch { throw .format(error) }
    }

    /// A case's name as a file's: whatever could lead elsewhere becomes an underscore.
    private static func fileName(_ identity: String) -> String {
        let name = String(identity.map { $0.isLetter || $0.isNumber || "-_.=".contains($0) ? $0 : "_" })
        return name.hasPrefix(".") ? "_" + name : name
    }
}

extension PNGImage {
    /// Two 8-bit RGB pictures of one height, with a white line between them.
    fileprivate func beside(_ other: PNGImage) throws(FormatError) -> PNGImage {
        let gap = 4
        let rows = [UInt8](repeating: 255, count: gap * 3)
        let (left, right) = (samples.bytes.array, other.samples.bytes.array)
        var pixels: [UInt8] = []
        pixels.reserveCapacity(height * (width + gap + other.width) * 3)
        for row in 0..<min(height, other.height) {
            pixels += left[row * width * 3..<(row + 1) * width * 3] + rows
            pixels += right[row * other.width * 3..<(row + 1) * other.width * 3]
        }
        return try PNGImage(
            samples: TensorView(
                dtype: .uint8, shape: [min(height, other.height), width + gap + other.width, 3],
                bytes: Bytes(copying: pixels)), path: "overlay")
    }
}
