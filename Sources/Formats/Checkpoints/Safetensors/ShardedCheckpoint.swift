// Checkpoints split over several files with a JSON index: `model.safetensors.index.json` of huggingface_hub and its
// PyTorch twin `pytorch_model.bin.index.json`.

/// The index of a sharded checkpoint.
struct ShardIndex {
    let path: String
    /// Tensor names and the files that hold them, in file order.
    let shards: [(tensor: String, file: String)]
    /// The strings and numbers under `metadata`.
    let metadata: [(key: String, value: JSON)]
    /// Whether the files are Keras weights, whose index maps layers and may list several files.
    let isKeras: Bool

    /// Reads an index.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for file names that lead out of the index's folder.
    init(path: String, bytes: Bytes) throws(FormatError) {
        let json = try JSON(bytes, path: path, section: "index")
        guard let members = json["weight_map"]?.members else {
            throw FormatError(path, .invalid(section: "index", expected: "a weight_map", found: "none"))
        }
        self.path = path
        metadata = json["metadata"]?.members?.map { ($0.key, $0.value) } ?? []
        isKeras = members.contains { member in
            member.value.array != nil || member.value.string?.hasSuffix(".h5") == true
        }
        var shards: [(tensor: String, file: String)] = []
        for member in members where !isKeras {
            guard let file = member.value.string else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "weight_map '\(printable(member.key))'", expected: "a file name",
                        found: "another value"))
            }
            guard Self.staysInFolder(file) else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "weight_map '\(printable(member.key))'", expected: "a file beside the index",
                        found: "'\(printable(String(file.prefix(100))))'"))
            }
            shards.append((member.key, file))
        }
        self.shards = shards
    }

    /// Whether a name is that of a file in the same folder.
    static func staysInFolder(_ name: String) -> Bool {
        !name.isEmpty && name != "." && name != ".." && !name.utf8.contains { $0 == 0x2F || $0 == 0x5C || $0 == 0 }
    }

    /// The path of a file beside the index.
    func path(of file: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return file }
        return path[...slash] + file
    }
}

/// An open sharded checkpoint.
struct ShardedCheckpoint: CheckpointReader {
    let path: String
    let format: String
    let tensors: [TensorInfo]
    let metadata: CheckpointMetadata
    private let readers: [any CheckpointReader]
    /// The reader that holds a tensor, and its name there.
    private let places: [String: (reader: Int, name: String)]

    /// Opens every shard and checks that each named tensor exists.
    init(_ index: ShardIndex) throws(FormatError) {
        var builder = ShardBuilder(index: index)
        for shard in index.shards { try builder.add(shard.tensor, in: shard.file) }
        try builder.resolveAliases()
        path = index.path
        readers = builder.readers
        places = builder.places
        tensors = builder.tensors
        metadata = builder.metadata
        let formats = Set(readers.map(\.format)).sorted()
        format = "sharded \(formats.isEmpty ? "checkpoint" : formats.joined(separator: " and "))"
    }

    func tensor(_ name: String) throws(FormatError) -> TensorView {
        guard let place = places[name] else {
            throw FormatError(path, .missingTensor(name: name, available: tensors.count))
        }
        return try readers[place.reader].tensor(place.name)
    }
}

/// Collects the shards of an index.
private struct ShardBuilder {
    let index: ShardIndex
    var readers: [any CheckpointReader] = []
    var places: [String: (reader: Int, name: String)] = [:]
    var tensors: [TensorInfo] = []
    var metadata = CheckpointMetadata()
    private var files: [String: Int] = [:]
    private var infos: [[String: TensorInfo]] = []

    init(index: ShardIndex) { self.index = index }

    mutating func add(_ tensor: String, in file: String) throws(FormatError) {
        let number = try reader(for: file)
        // A PyTorch shard opened by itself takes common prefixes off; the index has the full names.
        let prefix = readers[number].metadata.strippedPrefix
        let bare = tensor.hasPrefix(prefix) ? String(tensor.dropFirst(prefix.count)) : tensor
        guard var info = infos[number][tensor] ?? infos[number][bare] else {
            throw FormatError(
                index.path,
                .invalid(
                    section: "weight_map", expected: "'\(printable(tensor))' in '\(file)'",
                    found: "\(infos[number].count) other tensors there"))
        }
        guard places.updateValue((number, info.name), forKey: tensor) == nil else {
            throw FormatError(
                index.path,
                .invalid(section: "weight_map", expected: "distinct names", found: "'\(printable(tensor))' twice"))
        }
        info.name = tensor
        info.storage.key = "\(file): \(info.storage.key)"
        tensors.append(info)
    }

    private mutating func reader(for file: String) throws(FormatError) -> Int {
        if let number = files[file] { return number }
        let path = index.path(of: file)
        let bytes: Bytes
        do throws(FormatError) {
            bytes = try Bytes(mapping: path)
        } catch {
            guard case .system(_, let detail) = error.reason else { throw error }
            throw FormatError(index.path, .system(action: "open its shard '\(printable(file))'", detail: detail))
        }
        let reader: any CheckpointReader
        switch FileKind(bytes) {
        case .safetensors: reader = try SafetensorsCheckpoint(path: path, bytes: bytes)
        case .pytorchZip, .pytorchLegacy: reader = try Checkpoint.open(path)
        case let kind:
            throw FormatError(
                index.path,
                .invalid(
                    section: "shard '\(printable(file))'", expected: "safetensors or PyTorch weights",
                    found: "\(kind); fetch it again"))
        }
        files[file] = readers.count
        readers.append(reader)
        infos.append(Dictionary(reader.tensors.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first }))
        metadata.foreignCalls += reader.metadata.foreignCalls
        metadata.warnings += reader.metadata.warnings.map { "\(printable(file)): \($0)" }
        return readers.count - 1
    }

    /// Reads the index's metadata: the total size, and {dropped: kept} for tied tensors.
    mutating func resolveAliases() throws(FormatError) {
        for (key, value) in index.metadata {
            if key == "total_size", let claimed = value.int {
                let found = tensors.reduce(0) { $0 + $1.byteCount }
                if claimed != found {
                    metadata.warnings.append("the index promises \(claimed) bytes of tensors, its shards hold \(found)")
                }
            }
            if let kept = value.string, places[key] == nil, let place = places[kept],
                var info = tensors.first(where: { $0.name == kept })
            {
                metadata.aliases[key] = kept
                places[key] = place
                info.name = key
                tensors.append(info)
            } else if let text = value.string ?? value.int.map({ String($0) }) {
                try metadata.take(key, text, path: index.path)
            }
        }
    }
}
