// Containers around fuzzed bytes, so that no container's own checks stand between the fuzzer and the reader behind them.

@testable import Formats

/// Cuts an input into `count` parts: two bytes for the length of each but the last, then the parts.
func sections(_ bytes: Bytes, _ count: Int) -> [Bytes] {
    var position = 2 * (count - 1)
    var parts: [Bytes] = []
    for index in 0..<count {
        let rest = max(0, bytes.count - position)
        let claimed = index < count - 1 ? Int(bytes.littleEndian(at: 2 * index, as: UInt16.self) ?? 0) : rest
        let part = bytes.slice(position, min(claimed, rest)) ?? Bytes(copying: [UInt8]())
        parts.append(part)
        position += part.count
    }
    return parts
}

/// A zip archive of stored members.
func storedArchive(_ members: [(name: String, data: Bytes)]) -> Bytes {
    var layout = ZipLayout()
    var file: [UInt8] = []
    for member in members {
        file += layout.localHeader(name: member.name, data: [member.data]) + member.data.array
    }
    return Bytes(copying: file + layout.directory())
}

/// What torch.save writes: the pickle, and a storage of the announced size for each that it names, up to 64 KiB.
func archiveAround(pickle: Bytes) throws -> Bytes {
    let graph = try PickleMachine.parse(pickle, path: "fuzz.pt", section: "data.pkl")
    var storages: [String: Int] = [:]
    for index in graph.nodes.indices {
        guard let storage = graph.storage(index), storages.count < 16, let size = storage.kind.elementByteCount else {
            continue
        }
        let byteCount = storage.count.multipliedReportingOverflow(by: size)
        guard !byteCount.overflow, (0...65_536).contains(byteCount.partialValue), storage.key.utf8.count < 256 else {
            continue
        }
        storages[storage.key] = byteCount.partialValue
    }
    let members = storages.sorted { $0.key < $1.key }.map { storage in
        (name: "a/data/\(storage.key)", data: Bytes(copying: (0..<storage.value).map { UInt8(truncatingIfNeeded: $0) }))
    }
    return storedArchive(
        [(name: "a/data.pkl", data: pickle), (name: "a/version", data: Bytes(copying: [0x33]))] + members)
}

/// What Keras writes, of configuration, metadata and weights.
func kerasArchive(_ parts: [Bytes]) -> Bytes {
    storedArchive([
        (name: "metadata.json", data: parts[1]), (name: "config.json", data: parts[0]),
        (name: "model.weights.h5", data: withHDF5Checksums(parts[2])),
    ])
}

/// A gzip member around a deflate stream, its trailer right for what the stream yields.
func gzipAround(deflate body: Bytes) throws -> Bytes {
    var trailer: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
    var used = body.count
    _ = try Bytes(byteCount: 1 << 20) { output in
        let outcome = try Inflate.deflate(body, into: output, path: "fuzz.gz")
        used = min(used, outcome.consumed)
        let yielded = Bytes(copying: Array(output[..<outcome.produced]))
        trailer = []
        trailer.append(littleEndian: Inflate.crc32(yielded))
        trailer.append(littleEndian: UInt32(yielded.count))
    }
    return Bytes(copying: [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3] + body.array[..<used] + trailer)
}
