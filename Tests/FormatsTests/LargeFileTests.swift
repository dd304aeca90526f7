// Files above 4 GiB: what lies behind 2³² is found and read, without a pass over what lies before it.

import FoundationEssentials
import Testing

@testable import Formats

private let canRun = keepsHoles(FileManager.default.temporaryDirectory.path)

@Suite(.enabled(if: canRun, "the temporary folder's file system fills holes or has a size limit"))
struct LargeFileTests {
    /// Four and a quarter gibibytes.
    private static let hole = 17 << 28
    /// 0…5 as float32.
    private static let far = Made.sixFloats

    /// Writes a sparse file, opens it and reads the tensor behind the hole.
    private func farValues(_ file: SparseFile, _ name: String, tensor: String, hole: String) throws -> [Float]? {
        try withTemporaryFolder { folder in
            let path = "\(folder)/\(name)"
            try #require(file.write(to: path))
            let start = ContinuousClock.now
            let checkpoint = try Checkpoint.open(path)
            #expect(checkpoint.tensors.first { $0.name == hole }?.byteCount == Self.hole)
            let values = try checkpoint.tensor(tensor).floats()
            #expect(ContinuousClock.now - start < .seconds(5))
            return values
        }
    }

    @Test func safetensorsOffsetsBeyond4GiBAreRead() throws {
        let header = """
            {"hole":{"dtype":"U8","shape":[\(Self.hole)],"data_offsets":[0,\(Self.hole)]},\
            "far":{"dtype":"F32","shape":[2,3],"data_offsets":[\(Self.hole),\(Self.hole + 24)]}}
            """
        var file = SparseFile()
        var size: [UInt8] = []
        size.append(littleEndian: UInt64(header.utf8.count))
        let head = size + Array(header.utf8)
        file.append(head, count: head.count + Self.hole)
        file.append(Self.far)
        #expect(try farValues(file, "m.safetensors", tensor: "far", hole: "hole") == [0, 1, 2, 3, 4, 5])
    }

    @Test func zip64MembersBeyond4GiBAreRead() throws {
        var archive = SparseZip()
        archive.add("hole.npy", NumPyHeader(dtype: .uint8, shape: [Self.hole]).encoded(code: "|u1"), hole: Self.hole)
        archive.add("far.npy", NumPyHeader(dtype: .float32, shape: [2, 3]).encoded(code: "<f4") + Self.far)
        #expect(try farValues(archive.finished(), "m.npz", tensor: "far", hole: "hole") == [0, 1, 2, 3, 4, 5])
    }

    @Test func pyTorchStoragesBeyond4GiBAreRead() throws {
        let hole = Made.tensor("0", count: Self.hole, sizes: [Self.hole], strides: [1], storageClass: "ByteStorage")
        let pickle = Made.pickle(Made.dictionary([("hole", hole), ("far", Made.tensor("1"))]))
        var archive = SparseZip()
        archive.add("m/data/0", [], hole: Self.hole)
        archive.add("m/data/1", Self.far)
        archive.add("m/data.pkl", pickle)
        archive.add("m/version", Array("3\n".utf8))
        #expect(try farValues(archive.finished(), "m.pt", tensor: "far", hole: "hole") == [0, 1, 2, 3, 4, 5])
    }
}

/// A zip64 archive with holes, every size and offset in its 64-bit form.
private struct SparseZip {
    private var file = SparseFile()
    private var directory: [UInt8] = []
    private var memberCount = 0

    /// Adds a stored member: bytes, then a hole. The checksum of a member with a hole is wrong: nothing reads it.
    mutating func add(_ name: String, _ bytes: [UInt8], hole: Int = 0) {
        let size = bytes.count + hole
        let checksum = hole > 0 ? 1 : Inflate.crc32(Bytes(copying: bytes))
        let offset = file.count
        var common: [UInt8] = [45, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]
        common.append(littleEndian: checksum)
        common += [UInt8](repeating: 0xFF, count: 8)
        common.append(littleEndian: UInt16(name.utf8.count))
        let local = [0x50, 0x4B, 3, 4] + common + [20, 0] + Array(name.utf8) + Self.wide([size, size])
        file.append(local + bytes, count: local.count + size)
        directory += [0x50, 0x4B, 1, 2, 45, 0] + common + [28, 0] + [UInt8](repeating: 0, count: 10)
        directory += [0xFF, 0xFF, 0xFF, 0xFF] + Array(name.utf8) + Self.wide([size, size, offset])
        memberCount += 1
    }

    /// The file with its directory.
    func finished() -> SparseFile {
        var whole = file
        var end = directory + [0x50, 0x4B, 6, 6]
        end.append(littleEndian: UInt64(44))
        end += [45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]
        for value in [memberCount, memberCount, directory.count, file.count] {
            end.append(littleEndian: UInt64(value))
        }
        end += [0x50, 0x4B, 6, 7, 0, 0, 0, 0]
        end.append(littleEndian: UInt64(file.count + directory.count))
        end += [1, 0, 0, 0, 0x50, 0x4B, 5, 6, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12) + [0, 0]
        whole.append(end)
        return whole
    }

    private static func wide(_ values: [Int]) -> [UInt8] {
        var field: [UInt8] = [1, 0, UInt8(8 * values.count), 0]
        for value in values { field.append(littleEndian: UInt64(value)) }
        return field
    }
}
