// Small data sets made on the spot in a temporary folder.

import Formats
import FoundationEssentials
import Testing

/// A folder that is removed after the test.
struct TargetTree {
    let path: String

    /// Calls `body` with an empty folder.
    static func make<Result>(_ body: (TargetTree) throws -> Result) throws -> Result {
        let path = FileManager.default.temporaryDirectory.path + "/ripe-target-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(TargetTree(path: path))
    }

    /// The full path of a name, its folders created.
    func callAsFunction(_ name: String) throws -> String {
        let full = "\(path)/\(name)"
        let folder = full[..<(full.lastIndex(of: "/") ?? full.endIndex)]
        try FileManager.default.createDirectory(atPath: String(folder), withIntermediateDirectories: true)
        return full
    }

    /// Writes text.
    func text(_ name: String, _ content: String) throws {
        try Data(content.utf8).write(to: URL(filePath: self(name)))
    }

    /// Writes an int16 volume whose voxel (x, y, z) is 100·x + 10·y + z + `base`, with the given spacing.
    @discardableResult
    func volume(
        _ name: String, _ shape: [Int] = [4, 3, 2], spacing: SIMD3<Double> = [1, 1, 5], base: Int = 0, frames: Int = 1
    ) throws -> Volume {
        var values: [Int16] = []
        for frame in 0..<frames {
            for z in 0..<shape[2] {
                for y in 0..<shape[1] {
                    for x in 0..<shape[0] { values.append(Int16(100 * x + 10 * y + z + base + 1000 * frame)) }
                }
            }
        }
        let sizes = (frames > 1 ? [frames] : []) + shape.reversed()
        let affine = Affine(linear: Matrix3(diagonal: spacing), translation: [0, 0, 0])
        let volume = try Volume(
            voxels: TensorView(dtype: .int16, shape: Shape(sizes), bytes: Bytes(copying: values)),
            geometry: VolumeGeometry(affine: affine))
        try volume.write(to: self(name))
        return volume
    }

    /// Writes a grey PNG.
    func gray(_ name: String, _ values: [UInt8] = [0, 51, 102, 153, 204, 255], _ shape: Shape = [2, 3]) throws {
        let samples = TensorView(dtype: .uint8, shape: shape, bytes: Bytes(copying: values))
        try PNGImage(samples: samples).write(to: self(name))
    }

    /// The description of the error that `body` throws, the folder's name shortened to `ROOT`.
    func refusal(_ body: () throws -> some Any) -> String {
        do {
            _ = try body()
            return "no error"
        } catch {
            var text = "\(error)"
            while let place = text.firstRange(of: path) { text.replaceSubrange(place, with: "ROOT") }
            return text
        }
    }
}
