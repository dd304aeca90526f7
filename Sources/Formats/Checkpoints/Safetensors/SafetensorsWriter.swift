// Writing safetensors files as the reference does (safetensors/src/tensor.rs): big element types first, then by name,
// so that every tensor is aligned; the header padded with spaces to a multiple of 8.

extension CheckpointDraft {
    /// Writes one file, or shards with an index (huggingface_hub's `model-00001-of-00003.safetensors`).
    func writeSafetensors(to path: String, options: WritingOptions) throws(FormatError) -> WrittenCheckpoint {
        let (kept, tied) = try SafetensorsPart.withoutTies(self, path: path)
        var metadata: [(key: String, value: String)] = []
        // A pair that holds a tensor's name would be read as a tied weight.
        let names = Set(tensors.map(\.name))
        var dropped: [String] = []
        for entry in self.metadata {
            let namesTensor = names.contains(entry.key) || names.contains(entry.value)
            if namesTensor { dropped.append(entry.key) } else { metadata.append(entry) }
        }
        if !metadata.contains(where: { $0.key == "format" }) { metadata.insert(("format", "pt"), at: 0) }
        metadata += kerasEntries
        let limit = options.shardByteCount ?? .max
        let total = kept.reduce(0) { $0 + $1.byteCount }
        var written: WrittenCheckpoint
        if total <= limit, !path.hasSuffix(".index.json") {
            let ties = tied.map { (key: $0.name, value: $0.kept) }
            let bytes = try SafetensorsPart(tensors: kept, metadata: metadata + ties).write(to: path)
            written = WrittenCheckpoint(paths: [path], byteCount: bytes)
        } else {
            written = try SafetensorsShards(tensors: kept, metadata: metadata, ties: tied, limit: limit).write(
                besides: path)
        }
        written.droppedMetadata = dropped
        written.tied = tied
        return written
    }
}

/// One safetensors file to be written.
struct SafetensorsPart {
    let tensors: [DraftTensor]
    let metadata: [(key: String, value: String)]

    /// The tensors that hold values, and the names that stand for another's.
    static func withoutTies(
        _ draft: CheckpointDraft, path: String
    ) throws(FormatError) -> (kept: [DraftTensor], tied: [(name: String, kept: String)]) {
        var kept: [DraftTensor] = []
        var holders: [String: String] = [:]
        var tied: [(name: String, kept: String)] = []
        for tensor in draft.tensors {
            guard tensor.dtype.safetensorsName != nil else { throw tensor.unsupportedType(.safetensors, path: path) }
            // The reader takes the key `format` for itself, so such a tensor must hold its values.
            if let tie = tensor.tie, let holder = holders[tie], tensor.name != "format" {
                tied.append((tensor.name, holder))
                continue
            }
            if let tie = tensor.tie { holders[tie] = holders[tie] ?? tensor.name }
            guard tensor.name != "__metadata__" else {
                throw FormatError(
                    path,
                    .unsupported(
                        feature: "a tensor named '__metadata__' in safetensors",
                        advice: "rename it with --rename __metadata__=NAME"))
            }
            kept.append(tensor)
        }
        return (kept, tied)
    }

    /// The tensors in the reference's order: by rank of their type, then by name.
    private var ordered: [DraftTensor] {
        tensors.sorted { first, second in
            let ranks = (first.dtype.safetensorsName?.rank ?? 0, second.dtype.safetensorsName?.rank ?? 0)
            return ranks.0 != ranks.1
                ? ranks.0 > ranks.1 : first.name.utf8.lexicographicallyPrecedes(second.name.utf8)
        }
    }

    /// The header with its size in front.
    private func header(_ ordered: [DraftTensor], path: String) throws(FormatError) -> [UInt8] {
        var members: [JSON.Member] = []
        if !metadata.isEmpty {
            let pairs = metadata.map { JSON.Member(key: $0.key, value: .string($0.value)) }
            members.append(JSON.Member(key: "__metadata__", value: .object(pairs)))
        }
        var offset = 0
        for tensor in ordered {
            let end = offset + tensor.byteCount
            let entry: JSON = .object([
                "dtype": .string(tensor.dtype.safetensorsName?.name ?? ""), "shape": .integers(tensor.shape.axes),
                "data_offsets": .integers([offset, end]),
            ])
            members.append(JSON.Member(key: tensor.name, value: entry))
            offset = end
        }
        var text = Array(JSON.object(members).compactText.utf8)
        text += [UInt8](repeating: 0x20, count: (8 - text.count % 8) % 8)
        guard text.count <= SafetensorsHeader.greatestSize else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "the header", claimed: "\(text.count) bytes", limit: "\(SafetensorsHeader.greatestSize)"))
        }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(text.count))
        return bytes + text
    }

    /// Writes the file and returns its size in bytes.
    func write(to path: String) throws(FormatError) -> Int {
        let ordered = ordered
        var file = try AtomicFile(path)
        try file.write(header(ordered, path: path))
        for tensor in ordered { try file.write(streaming: tensor.values(path: path).bytes) }
        let byteCount = file.byteCount
        try file.commit()
        return byteCount
    }
}
