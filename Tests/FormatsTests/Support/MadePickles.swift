// Pickles and PyTorch archives that tests assemble instruction by instruction.

@testable import Formats

/// Pieces of a protocol 2 pickle.
enum Made {
    static func pickle(_ body: [UInt8]...) -> [UInt8] { [0x80, 2] + body.joined() + [0x2E] }

    static func text(_ text: String) -> [UInt8] {
        var bytes: [UInt8] = [0x58]
        bytes.append(littleEndian: UInt32(text.utf8.count))
        return bytes + Array(text.utf8)
    }

    static func global(_ module: String, _ name: String) -> [UInt8] { Array("c\(module)\n\(name)\n".utf8) }

    static func int(_ value: Int) -> [UInt8] {
        var bytes: [UInt8] = [0x8A, 8]
        bytes.append(littleEndian: value)
        return bytes
    }

    static func tuple(_ members: [UInt8]...) -> [UInt8] { [0x28] + members.joined() + [0x74] }

    static func tuple(_ values: [Int]) -> [UInt8] { [0x28] + values.flatMap { int($0) } + [0x74] }

    static func call(_ module: String, _ name: String, _ arguments: [UInt8]...) -> [UInt8] {
        global(module, name) + [0x28] + arguments.joined() + [0x74, 0x52]
    }

    static func dictionary(_ entries: [(String, [UInt8])]) -> [UInt8] {
        [0x7D, 0x28] + entries.flatMap { text($0.0) + $0.1 } + [0x75]
    }

    static let emptyDictionary: [UInt8] = [0x7D]
    static let no: [UInt8] = [0x89]

    /// A float32 tensor over storage `key` of `count` elements.
    static func tensor(
        _ key: String = "0", count: Int = 6, offset: Int = 0, sizes: [Int] = [2, 3], strides: [Int] = [3, 1],
        storageClass: String = "FloatStorage"
    ) -> [UInt8] {
        let storage =
            tuple(text("storage"), global("torch", storageClass), text(key), text("cpu"), int(count)) + [0x51]
        return call(
            "torch._utils", "_rebuild_tensor_v2", storage, int(offset), tuple(sizes), tuple(strides), no,
            emptyDictionary)
    }

    /// Six float32 values 0…5.
    static let sixFloats: [UInt8] = [0, 1, 2, 3, 4, 5].flatMap { (value: Float) in
        withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
    }

    /// An archive as torch.save writes it.
    static func archive(
        _ pickle: [UInt8], storages: [(String, [UInt8])] = [("0", sixFloats)], folder: String = "m/",
        version: String? = "3\n", byteOrder: String? = nil, extra: [(String, [UInt8])] = []
    ) -> [UInt8] {
        var members: [(name: String, data: [UInt8])] = [("\(folder)data.pkl", pickle)]
        for (key, data) in storages { members.append(("\(folder)data/\(key)", data)) }
        if let version { members.append(("\(folder)version", Array(version.utf8))) }
        if let byteOrder { members.append(("\(folder)byteorder", Array(byteOrder.utf8))) }
        return zipBytes(members + extra.map { (name: $0.0, data: $0.1) })
    }
}

/// Opens bytes as a checkpoint named `m.pt`.
func openCheckpoint(_ bytes: [UInt8], name: String = "m.pt") throws -> any CheckpointReader {
    try Checkpoint.open(path: name, bytes: Bytes(copying: bytes))
}
