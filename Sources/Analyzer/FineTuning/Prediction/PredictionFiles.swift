// Writes what was predicted: label maps in the geometry of the images, masks, probabilities.

import Formats

/// The values that stand for classes in files, and the one element type that holds them all: it does not depend on which
/// classes a case has.
struct ClassValues: Sendable {
    let values: [Int32]
    let type: DType

    init(_ values: [Int32]) {
        self.values = values
        type = LabelMap(shape: [values.count], values: values).smallestType
    }

    /// Refuses values that no PNG holds.
    func checkPNG(_ path: String) throws(FormatError) {
        guard values.allSatisfy({ 0...65535 ~= $0 }) else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "class values \(values.min() ?? 0) to \(values.max() ?? 0) in a PNG",
                    advice: "PNG holds 0 to 65535; predict NIfTI files"))
        }
    }

    /// Class indices as packed values.
    func packed(_ labels: [UInt8]) -> Bytes {
        switch type {
        case .uint8: packed(labels, as: UInt8.self)
        case .int16: packed(labels, as: Int16.self)
        case .uint16: packed(labels, as: UInt16.self)
        default: packed(labels, as: Int32.self)
        }
    }

    private func packed<Value: FixedWidthInteger & BitwiseCopyable>(_ labels: [UInt8], as type: Value.Type) -> Bytes {
        var table = [Value](repeating: 0, count: 256)
        for (index, value) in values.enumerated() where index < 256 { table[index] = Value(truncatingIfNeeded: value) }
        return Bytes(copying: labels.map { table[Int($0)] })
    }
}

extension PlacedClasses {
    /// The ending of the label map's file, by what the case is.
    static func ending(of listed: ListedCase) -> String {
        let name = (listed.images.first ?? "").lowercased()
        return name.hasSuffix(".png") ? ".png" : name.hasSuffix(".npy") ? ".npy" : ".nii.gz"
    }

    /// The ending of the probabilities' file.
    static func probabilityEnding(of listed: ListedCase) -> String {
        ending(of: listed) == ".nii.gz" ? "_probabilities.nii.gz" : "_probabilities.npy"
    }

    /// Writes the label map: NIfTI for a volume, PNG for an image, .npy for an array; whole or not at all.
    ///
    /// The geometry of a volume is its image's, number for number.
    func writeLabels(to path: String, values: ClassValues) throws(FormatError) {
        let size = opened.imageSize
        let bytes = values.packed(labels)
        if let volume = opened.volume {
            let shape = Shape(volume.shape.prefix(3).reversed())
            let map = try Volume(
                labelValues: TensorView(dtype: values.type, shape: shape, bytes: bytes), like: volume, path: path)
            return try map.write(to: path, keepingStoredGeometry: true)
        }
        if case .array = opened.content {
            let shape = Shape([opened.content.imageCount, size.height, size.width])
            return try NumPy.write(TensorView(dtype: values.type, shape: shape, bytes: bytes), to: path)
        }
        try values.checkPNG(path)
        // int16 values above 255 fit uint16 as they are.
        let type: DType = values.type == .uint8 ? .uint8 : .uint16
        let samples = TensorView(dtype: type, shape: [size.height, size.width], bytes: bytes)
        try PNGImage(samples: samples, path: path).write(to: path)
    }

    /// Writes the probabilities as float32: a frame for each channel of the logits.
    func writeProbabilities(to path: String, channels: Int) throws(FormatError) {
        let size = opened.imageSize
        if let volume = opened.volume {
            let shape = Shape([channels] + volume.spatialShape.reversed())
            let view = TensorView(floats: probabilities, shape: shape)
            return try Volume(labelValues: view, like: volume, path: path)
                .write(to: path, keepingStoredGeometry: true)
        }
        let shape = Shape([opened.content.imageCount, channels, size.height, size.width])
        try NumPy.write(TensorView(floats: probabilities, shape: shape), to: path)
    }
}
