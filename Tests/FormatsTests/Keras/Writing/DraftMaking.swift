// Drafts for the tests of the HDF5 writers, with values that depend only on names.

import FoundationEssentials
import Testing

@testable import Formats

/// A tensor of pseudo-random bytes.
func made(
    _ name: String, _ dtype: DType = .float32, _ shape: Shape = [3], tie: String? = nil, place: String? = nil
) -> DraftTensor {
    DraftTensor(name: name, dtype: dtype, shape: shape, tie: tie, kerasPlace: place) { () throws(FormatError) in
        var random = SplitMix64(seed: (tie ?? name).utf8.reduce(7) { ($0 &* 31) &+ UInt64($1) })
        let count = dtype.byteCount(of: shape.elementCount) ?? 0
        let bytes = (0..<count).map { _ in dtype == .bool ? UInt8(random.below(2)) : UInt8(random.below(256)) }
        return TensorView(dtype: dtype, shape: shape, bytes: Bytes(copying: bytes))
    }
}

/// A folder that a test writes into, and what it checks there; it goes away with the value.
final class WrittenFiles: Sendable {
    let folder: String

    init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/ripe-XXXXXX".utf8CString)
        folder = try #require(template.withUnsafeMutableBufferPointer { makeFolder($0) })
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    /// The names in the folder.
    var contents: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).sorted() }

    /// Writes a draft and opens what was written.
    func written(
        _ draft: CheckpointDraft, _ name: String, _ format: CheckpointFormat
    ) throws -> (written: WrittenCheckpoint, reader: any CheckpointReader) {
        let (path, before) = (folder + "/" + name, contents)
        let written = try draft.write(to: path, as: format)
        let byteCount = try Bytes(mapping: path).count
        #expect(written.paths == [path] && written.byteCount == byteCount)
        #expect(contents == (before + [name]).sorted())
        return (written, try Checkpoint.open(path))
    }

    /// The message of a draft that cannot be written, which must leave nothing behind.
    func refusal(_ draft: CheckpointDraft, _ format: CheckpointFormat) -> String {
        let (path, before) = (folder + "/refused", contents)
        let text = message { try draft.write(to: path, as: format) }
        #expect(contents == before)
        #expect(text.hasPrefix(path + ": "))
        return String(text.dropFirst(path.count + 2))
    }
}

/// Expects the reader to give a draft's tensors again: names, types, shapes and bytes.
func expectSame(_ reader: any CheckpointReader, _ draft: CheckpointDraft) throws {
    #expect(reader.metadata.warnings == [])
    let found = reader.tensors.map(\.name).sorted()
    try #require(found == draft.tensors.map(\.name).sorted())
    for tensor in draft.tensors {
        let expected = try tensor.read()
        let view = try reader.tensor(tensor.name)
        #expect(view.dtype == expected.dtype && view.shape == expected.shape, "\(tensor.name)")
        #expect(view.bytes.array == expected.bytes.array, "\(tensor.name)")
    }
}

/// A tensor of every type that whole bytes hold, and of odd shapes.
let everyKindOfTensor: [DraftTensor] =
    DType.allCases.filter(\.isWritableInHDF5).map { made("type/\($0.rawValue)", $0, [2, 3]) } + [
        made("shape/scalar", .float64, []), made("shape/none", .float32, [0]), made("shape/hollow", .int16, [3, 0, 2]),
        made("shape/one", .uint8, [1]), made("shape/deep", .int8, [2, 1, 2, 1, 2, 1, 2, 1]),
        made("shape/opaque scalar", .bfloat16, []), made("shape/odd", .uint8, [65]),
    ]
