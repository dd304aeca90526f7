// Writing a checkpoint as several safetensors files and the index that says which tensor is where, named as
// huggingface_hub names them: `model-00001-of-00003.safetensors`, `model.safetensors.index.json`.

/// A sharded checkpoint to be written.
struct SafetensorsShards {
    let tensors: [DraftTensor]
    let metadata: [(key: String, value: String)]
    let ties: [(name: String, kept: String)]
    /// The most bytes of tensors in one file; a larger tensor has a file to itself.
    let limit: Int

    /// Writes the shards beside `path`, then the index, and says which.
    ///
    /// - Parameter path: `NAME.safetensors`, or the index's own path. Shards written before a failure are removed.
    func write(besides path: String) throws(FormatError) -> WrittenCheckpoint {
        let ending = ".safetensors"
        var stem = path.hasSuffix(".index.json") ? String(path.dropLast(".index.json".count)) : path
        if stem.hasSuffix(ending) { stem = String(stem.dropLast(ending.count)) }
        let groups = grouped()
        func shardPath(_ index: Int) -> String {
            "\(stem)-\(padded(index + 1))-of-\(padded(groups.count))\(ending)"
        }
        var written: [String] = []
        var byteCount = 0
        do throws(FormatError) {
            for (index, group) in groups.enumerated() {
                let part = SafetensorsPart(tensors: group, metadata: [("format", "pt")])
                byteCount += try part.write(to: shardPath(index))
                written.append(shardPath(index))
            }
            let text = index(groups, fileName: { lastComponent(shardPath($0)) }).text() + "\n"
            let indexPath = "\(stem)\(ending).index.json"
            try AtomicFile.write(text, to: indexPath)
            return WrittenCheckpoint(paths: [indexPath] + written, byteCount: byteCount + text.utf8.count)
        } catch {
            for file in written { removeFile(file) }
            throw error
        }
    }

    /// The tensors in their order, as many to a shard as fit.
    private func grouped() -> [[DraftTensor]] {
        var groups: [[DraftTensor]] = []
        var size = 0
        for tensor in tensors {
            if groups.isEmpty || size + tensor.byteCount > limit && size > 0 {
                groups.append([])
                size = 0
            }
            groups[groups.count - 1].append(tensor)
            size += tensor.byteCount
        }
        return groups.isEmpty ? [[]] : groups
    }

    private func index(_ groups: [[DraftTensor]], fileName: (Int) -> String) -> JSON {
        let total = tensors.reduce(0) { $0 + $1.byteCount }
        var about = [JSON.Member(key: "total_size", value: .integer(total))]
        for entry in metadata where entry.key != "total_size" {
            about.append(JSON.Member(key: entry.key, value: .string(entry.value)))
        }
        about += ties.map { JSON.Member(key: $0.name, value: .string($0.kept)) }
        let map = groups.enumerated().flatMap { index, group in
            group.map { JSON.Member(key: $0.name, value: .string(fileName(index))) }
        }
        return .object([
            JSON.Member(key: "metadata", value: .object(about)), JSON.Member(key: "weight_map", value: .object(map)),
        ])
    }

    private func padded(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    private func lastComponent(_ path: String) -> String { path.split(separator: "/").last.map(String.init) ?? path }
}
