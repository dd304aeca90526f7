// An opened mask: the segmentation of one case, and how to take single images' labels out of it.

import Formats

/// A case's decoded mask, of the same size as its image.
enum MaskContent: Sendable {
    /// A volume, cut along the image's axis and standing as the image does.
    case volume(Volume, axis: Int)
    /// One image.
    case image(LabelMap)
    /// N×H×W.
    case array(TensorView, path: String)

    /// Opens the mask of an opened case.
    ///
    /// - Throws: ``FormatError`` for masks that cannot be read or differ from their image in size or kind.
    init(reading path: String, like image: CaseContent, policy: MaskPolicy) throws(FormatError) {
        switch image {
        case .volume(let channels, let axis):
            guard let first = channels.first?.volume else { throw Self.kindError(path, "no image") }
            self = .volume(try Self.volume(path, like: first), axis: axis)
        case .png(let images):
            let labels = try PNGImage(reading: path).labels(policy: policy)
            guard let first = images.first, labels.shape == [first.height, first.width] else {
                throw Self.sizeError(path, labels.shape, images.first.map { [$0.height, $0.width] } ?? [0, 0])
            }
            self = .image(labels)
        case .array(let images, _):
            self = .array(try Self.array(path, count: images.shape[0], images.shape[2], images.shape[3]), path: path)
        }
    }

    /// The labels of one image, rows × columns.
    ///
    /// - Throws: ``FormatError`` for values that are no labels.
    func labels(_ number: Int) throws(FormatError) -> LabelMap {
        switch self {
        case .volume(let mask, let axis):
            return try mask.labels(of: VolumePlane(upright: mask, axis: axis, index: number))
        case .image(let labels): return labels
        case .array(let array, let path):
            let (height, width) = (array.shape[1], array.shape[2])
            let size = height * width * array.dtype.bitWidth / 8
            let floats = array.bytes.slice(number * size, size)
                .flatMap { TensorView(dtype: array.dtype, shape: [height, width], bytes: $0).floats() }
            let values = (floats ?? []).map { Int32(exactly: $0) ?? Int32.min }
            guard values.count == height * width, !values.contains(Int32.min) else {
                throw FormatError(
                    path, .invalid(section: "labels of image \(number + 1)", expected: "integers", found: "fractions"))
            }
            return LabelMap(shape: [height, width], values: values)
        }
    }

    /// What was odd about the file, and about its place in space.
    var warnings: [String] {
        switch self {
        case .volume(let mask, _): mask.warnings
        // "The only label is 255" is said of each file; the scheme settles it for all.
        case .image, .array: []
        }
    }

    private static func volume(_ path: String, like image: Volume) throws(FormatError) -> Volume {
        var mask = try Volume(reading: path)
        guard mask.spatialShape == image.spatialShape else {
            throw sizeError(path, Shape(mask.spatialShape), Shape(image.spatialShape))
        }
        guard mask.frameCount == 1 else {
            throw FormatError(
                path,
                .invalid(
                    section: "mask", expected: "one frame of labels",
                    found: "\(mask.frameCount) along the fourth axis; give one label volume"))
        }
        if let remark = MaskPlacement(of: mask, on: image).remark { mask.warnings.append(remark) }
        // Voxel for voxel as in the image: some programs drop the orientation when they save a mask.
        mask.geometry = image.geometry
        return mask
    }

    private static func array(_ path: String, count: Int, _ height: Int, _ width: Int) throws(FormatError) -> TensorView
    {
        let kind = try FileKind.sniff(path)
        guard case .npy = kind else { throw kindError(path, "an array") }
        let array = try NumPy.readArray(path)
        let shape: Shape = array.shape.axes.count == 2 ? Shape([1] + array.shape.axes) : array.shape
        guard array.dtype.isInteger || array.dtype == .bool || array.dtype.isFloatingPoint,
            shape == [count, height, width]
        else { throw sizeError(path, array.shape, [count, height, width]) }
        return TensorView(dtype: array.dtype, shape: shape, bytes: array.bytes)
    }

    private static func kindError(_ path: String, _ expected: String) -> FormatError {
        FormatError(
            path, .invalid(section: "mask", expected: "\(expected) as its image", found: "another kind of file"))
    }

    private static func sizeError(_ path: String, _ found: Shape, _ expected: Shape) -> FormatError {
        FormatError(
            path,
            .invalid(
                section: "mask", expected: "\(expected) as its image",
                found: "\(found); give the mask of this very image"))
    }
}
