// The segmentation that belongs to an opened case, read once for all its images.

import Formats

/// A case's mask: a volume like the images', or an image.
enum CaseMask: Sendable {
    case volume(Volume)
    case image(LabelMap)

    /// Reads a case's mask; nil when it has none.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` for masks that cannot be read or differ from their image in size.
    init?(of opened: OpenedCase, policy: MaskPolicy) throws(AnalyzerError) {
        guard let path = opened.listed.mask else { return nil }
        do throws(FormatError) {
            switch opened.content {
            case .volume(let channels, _):
                guard let image = channels.first?.volume else { return nil }
                var mask = try Volume(reading: path)
                try Self.check(Shape(mask.spatialShape), Shape(image.spatialShape), path)
                // Voxel for voxel as in the image: some programs drop the orientation when they save a mask.
                mask.geometry = image.geometry
                self = .volume(mask)
            case .png:
                let labels = try PNGImage(reading: path).labels(policy: policy)
                let size = opened.imageSize
                try Self.check(labels.shape, [size.height, size.width], path)
                self = .image(labels)
            case .array: return nil
            }
        } catch { throw .format(error) }
    }

    private static func check(_ found: Shape, _ expected: Shape, _ path: String) throws(FormatError) {
        guard found != expected else { return }
        throw FormatError(
            path,
            .invalid(
                section: "mask", expected: "\(expected) as its image",
                found: "\(found); give the mask of this very image"
            ))
    }

    /// The label values of an image, rows × columns as the image stands.
    func labels(_ image: Int, of opened: OpenedCase) throws(AnalyzerError) -> [Int32] {
        switch self {
        case .image(let labels): return labels.values
        case .volume(let mask):
            guard let plane = opened.plane(image) else { return [] }
            do throws(FormatError) { return try mask.labels(of: plane).values } catch { throw .format(error) }
        }
    }
}

/// Label values of files as class indices, and back.
struct ClassCoding: Sendable {
    /// The value of each class in label files.
    let values: [Int32]
    /// The value of pixels that take part in nothing.
    let ignoreValue: Int32?
    private let indices: [Int32: UInt8]

    /// The index that stands for pixels to ignore.
    static let ignoreIndex: UInt8 = 255

    init(_ values: [Int32], ignoreValue: Int32? = nil) {
        self.values = values
        self.ignoreValue = ignoreValue
        var indices = Dictionary(
            zip(values, values.indices.map { UInt8(truncatingIfNeeded: $0) }), uniquingKeysWith: { first, _ in first })
        if let ignoreValue { indices[ignoreValue] = Self.ignoreIndex }
        self.indices = indices
    }

    /// The class of each label.
    ///
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` for a label that is no class's.
    func indices(of labels: [Int32], place: @autoclosure () -> String) throws(AnalyzerError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: labels.count)
        // Runs of equal labels are long.
        var (last, index) = (Int32.min, UInt8(0))
        for (position, label) in labels.enumerated() {
            if label != last || position == 0 {
                guard let known = indices[label] else {
                    let allowed = values.map { "\($0)" }.joined(separator: ", ")
                    throw .evaluation(
                        place: place(), expected: "labels \(allowed)",
                        found: "label \(label); is this the model's task?")
                }
                (last, index) = (label, known)
            }
            result[position] = index
        }
        return result
    }
}
