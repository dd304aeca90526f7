// `.keras` archives and sharded weights: several files that are one checkpoint.

/// Opens a `.keras` archive: `config.json`, `metadata.json` and `model.weights.h5`, stored or deflated.
///
/// - Throws: ``FormatError`` with `.invalid` when there are no weights in it, `.unsupported` for weights as pickled
///   NumPy objects.
func openKerasArchive(path: String, archive: ZipArchive) throws(FormatError) -> any CheckpointReader {
    guard let member = archive["model.weights.h5"] else {
        guard archive["model.weights.npz"] == nil else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "model.weights.npz, which holds pickled Python objects,",
                    advice: "load the model in Keras and save it again with h5py installed"))
        }
        let names = archive.members.prefix(5).map { "'\($0.name)'" }.joined(separator: ", ")
        throw FormatError(
            path,
            .invalid(
                section: "Keras archive", expected: "a member 'model.weights.h5'",
                found: names.isEmpty ? "an empty archive" : names))
    }
    var metadata = CheckpointMetadata()
    metadata.wrapper = ["model.weights.h5"]
    if let text = try archive.contents(named: "metadata.json") {
        let json = try JSON(text, path: path, section: "metadata.json")
        metadata.writer = json["keras_version"]?.string.map { "Keras \($0)" }
        if let date = json["date_saved"]?.string { metadata.entries.append(("date_saved", date)) }
    }
    if let config = try archive.contents(named: "config.json") {
        guard let text = config.utf8 else {
            throw FormatError(path, .invalid(section: "config.json", expected: "UTF-8 text", found: "other bytes"))
        }
        try metadata.takeConfig(text, path: path)
    }
    let source =
        member.isStored
        ? KerasCheckpoint.Source(path: path, bytes: try archive.storedBytes(of: member), member: (archive, member))
        : KerasCheckpoint.Source(path: path, bytes: try archive.contents(of: member))
    let contents = try HDF5Contents(path: path, bytes: source.bytes)
    let checkpoint = try storeCheckpoint(
        [contents], format: "Keras 3 archive", path: path, sources: [source], metadata: metadata)
    return checkpoint.namedByConfiguration()
}

/// Opens sharded weights by their map, `x.weights.json`: `{"metadata": {…}, "weight_map": {"/layers/dense/vars":
/// "x_00000.weights.h5" or a list of such names}}`.
///
/// - Throws: ``FormatError`` with `.invalid` for a map that leads out of its folder or to groups that its shards lack,
///   `.system` when a shard is missing.
func openKerasSharded(path: String, bytes: Bytes) throws(FormatError) -> any CheckpointReader {
    let section = "shard map"
    let json = try JSON(bytes, path: path, section: section)
    guard let map = json["weight_map"]?.members else {
        throw FormatError(
            path, .invalid(section: section, expected: "an object 'weight_map'", found: "no such member"))
    }
    let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    var files: [HDF5Contents] = []
    var sources: [KerasCheckpoint.Source] = []
    var indices: [String: Int] = [:]
    for entry in map {
        let names = entry.value.string.map { [$0] } ?? entry.value.array?.compactMap(\.string) ?? []
        guard !names.isEmpty else {
            throw FormatError(
                path, .invalid(section: "\(section), '\(entry.key)'", expected: "a file name", found: "none"))
        }
        var isFound = false
        for name in names {
            if indices[name] == nil {
                let shard = folder + (try checkedShardName(name, path: path, section: section))
                let bytes = try Bytes(mapping: shard)
                indices[name] = files.count
                files.append(try HDF5Contents(path: shard, bytes: bytes))
                sources.append(KerasCheckpoint.Source(path: shard, bytes: bytes))
            }
            let group = entry.key.split(separator: "/").joined(separator: "/")
            if let index = indices[name], files[index].groups[group] != nil { isFound = true }
        }
        guard isFound else {
            throw FormatError(
                path,
                .invalid(
                    section: section, expected: "a group '\(entry.key)' in \(names.joined(separator: ", "))",
                    found: "no such group"))
        }
    }
    guard !files.isEmpty else {
        throw FormatError(
            path, .invalid(section: section, expected: "at least one shard", found: "an empty weight_map"))
    }
    return try storeCheckpoint(files, format: "Keras 3 sharded weights", path: path, sources: sources)
}

/// A shard lies in the map's own folder.
private func checkedShardName(_ name: String, path: String, section: String) throws(FormatError) -> String {
    guard !name.isEmpty, name != ".", name != "..", !name.contains("/"), !name.contains("\0") else {
        throw FormatError(
            path, .invalid(section: section, expected: "a file name in the same folder", found: "'\(name)'"))
    }
    return name
}
