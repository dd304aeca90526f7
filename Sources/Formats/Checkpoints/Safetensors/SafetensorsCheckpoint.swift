// Reading safetensors files.

/// An open safetensors file; its tensors are lent from the map.
struct SafetensorsCheckpoint: CheckpointReader {
    let path: String
    let format = "safetensors"
    let tensors: [TensorInfo]
    let metadata: CheckpointMetadata
    private let bytes: Bytes
    private let dataOffset: Int
    private let entries: [String: SafetensorsHeader.Entry]

    /// Reads and checks the header.
    ///
    /// - Throws: ``FormatError`` for every file that the reference reader refuses, with the tensor and the numbers.
    init(path: String, bytes: Bytes) throws(FormatError) {
        let header = try SafetensorsHeader(bytes, path: path)
        var entries: [String: SafetensorsHeader.Entry] = [:]
        for entry in header.entries { entries[entry.name] = entry }
        var tensors = header.entries.map { Self.info($0, name: $0.name) }
        var metadata = CheckpointMetadata()
        for (key, value) in header.metadata {
            // `safetensors.torch.save_model` drops tied tensors and records {dropped: kept}.
            if key != "format", entries[key] == nil, let kept = header.entries.first(where: { $0.name == value }) {
                metadata.aliases[key] = value
                tensors.append(Self.info(kept, name: key))
                continue
            }
            try metadata.take(key, value, path: path)
        }
        for (alias, kept) in metadata.aliases { entries[alias] = entries[kept] }
        self.path = path
        self.bytes = bytes
        self.entries = entries
        self.tensors = tensors
        self.metadata = metadata
        dataOffset = header.dataOffset
    }

    private static func info(_ entry: SafetensorsHeader.Entry, name: String) -> TensorInfo {
        TensorInfo(
            name: name, dtype: entry.dtype, shape: entry.shape,
            storage: .init(
                key: "\(entry.range.lowerBound)..<\(entry.range.upperBound)", byteOffset: 0,
                byteCount: entry.range.count))
    }

    func tensor(_ name: String) throws(FormatError) -> TensorView {
        guard let entry = entries[name] else {
            throw FormatError(path, .missingTensor(name: name, available: tensors.count))
        }
        guard let values = bytes.slice(dataOffset + entry.range.lowerBound, entry.range.count) else {
            throw FormatError(
                path,
                .truncated(
                    section: "tensor '\(printable(name))'", offset: dataOffset + entry.range.lowerBound,
                    expected: entry.range.count, found: 0))
        }
        return TensorView(dtype: entry.dtype, shape: entry.shape, bytes: values)
    }
}
