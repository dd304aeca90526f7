// Telling Keras' HDF5 forms apart and reading each.

/// Opens an HDF5 file: legacy Keras weights or model, Keras 3 weights, or plain HDF5.
///
/// Values are not read. The attribute lists decide, not the file's name.
///
/// - Parameters:
///   - path: the file, for errors.
///   - bytes: its contents, mapped.
/// - Throws: ``FormatError``.
func openKerasHDF5(path: String, bytes: Bytes) throws(FormatError) -> any CheckpointReader {
    let contents = try HDF5Contents(path: path, bytes: bytes)
    let root = contents.groups[""] ?? [:]
    let source = KerasCheckpoint.Source(path: path, bytes: bytes)
    if root[HDF5Attribute.layoutKey] != nil { return try plainCheckpoint(contents, source: source) }
    if kerasSplitAttribute("layer_names", root) != nil {
        return try legacyCheckpoint(contents, root: "", format: "Keras weights (legacy HDF5)", source: source)
    }
    if root["model_config"] != nil || contents.groups["model_weights"] != nil {
        guard let weights = contents.groups["model_weights"], kerasSplitAttribute("layer_names", weights) != nil else {
            throw FormatError(
                path,
                .invalid(
                    section: "Keras model", expected: "a group 'model_weights' with the attribute layer_names",
                    found: contents.groups["model_weights"] == nil ? "no such group" : "no such attribute"))
        }
        return try legacyCheckpoint(
            contents, root: "model_weights", format: "Keras model (legacy HDF5)", source: source)
    }
    if contents.dataSets.contains(where: { KerasStore.place(of: $0.name) != nil }) {
        return try storeCheckpoint([contents], format: "Keras 3 weights", path: path, sources: [source])
    }
    return try plainCheckpoint(contents, source: source)
}

/// A file whose layer groups carry lists of weight names.
func legacyCheckpoint(
    _ contents: HDF5Contents, root: String, format: String, source: KerasCheckpoint.Source
) throws(FormatError) -> KerasCheckpoint {
    let layers = try kerasLegacyLayers(contents, root: root, path: source.path)
    var entries: [KerasCheckpoint.Entry] = []
    for layer in layers {
        for weight in layer.weights {
            let name = weight.dataSet.tensorName ?? weight.canonicalName(in: layer.name)
            entries.append(KerasCheckpoint.Entry(name: name, dataSet: weight.dataSet))
        }
    }
    var metadata = CheckpointMetadata()
    if !root.isEmpty { metadata.wrapper = [root] }
    let attributes = (contents.groups[""] ?? [:]).merging(contents.groups[root] ?? [:]) { first, _ in first }
    metadata.writer = attributes["keras_version"]?.strings.first.map { "Keras \($0)" }
    if let backend = attributes["backend"]?.strings.first { metadata.entries.append(("backend", backend)) }
    if let training = attributes["training_config"]?.strings.first {
        metadata.entries.append(("training_config", training))
    }
    try metadata.takeConfig(attributes["model_config"]?.strings.first, path: source.path)
    try metadata.take(attributes: attributes, except: kerasLegacyAttributes, path: source.path)
    metadata.warnings += contents.notes
    let used = Set(entries.map(\.dataSet.name))
    var unlisted = 0
    var others: [KerasCheckpoint.Entry] = []
    for dataSet in contents.dataSets where !used.contains(dataSet.name) {
        metadata.countOther(dataSet)
        others.append(KerasCheckpoint.Entry(other: dataSet))
        if !dataSet.name.hasPrefix(kerasLegacyOptimizer + "/") { unlisted += 1 }
    }
    if unlisted > 0 {
        metadata.warnings.append("\(unlisted) data sets are in no list of weight_names and were left out")
    }
    let counters = contents.dataSets.filter { dataSet in
        guard dataSet.name.hasPrefix(kerasLegacyOptimizer + "/") else { return false }
        let last = dataSet.name.split(separator: "/").last ?? ""
        return ["iteration", "iterations", "iter"].contains(last.split(separator: ":").first ?? "")
    }
    try metadata.takeStep(from: counters, in: source.bytes, path: source.path)
    return KerasCheckpoint(
        path: source.path, format: format, entries: entries, others: others, sources: [source],
        naming: .legacy(layers), metadata: metadata)
}

/// The root's group with the optimizer's weights in a legacy file.
let kerasLegacyOptimizer = "optimizer_weights"

/// The root's attributes that have a meaning of their own in a legacy file.
let kerasLegacyAttributes: Set<String> = ["backend", "keras_version", "model_config", "training_config"]

/// Root groups of a Keras 3 file that belong to training, not to the model.
let kerasTrainingGroups: Set<String> = [
    kerasLegacyOptimizer, "optimizer", "_optimizer", "metrics", "_metrics", "compile_metrics", "_compile_metrics",
    "_loss_tracker",
    "loss_tracker",
]

/// One or more files of numbered variables.
///
/// - Parameter metadata: what the caller already knows (an archive's configuration and version).
func storeCheckpoint(
    _ files: [HDF5Contents], format: String, path: String, sources: [KerasCheckpoint.Source],
    metadata known: CheckpointMetadata = CheckpointMetadata()
) throws(FormatError) -> KerasCheckpoint {
    try checkDistinct(files, path: path)
    var store = KerasStore()
    for (source, contents) in files.enumerated() { store.add(contents, source: source) }
    store.sort()
    var metadata = known
    var entries: [KerasCheckpoint.Entry] = []
    var others: [KerasCheckpoint.Entry] = []
    for owner in store.owners {
        let variables = store.variables[owner] ?? []
        // A random layer's seed is state, but no weight.
        if kerasTrainingGroups.contains(owner.first ?? "") || owner.last == "seed_generator" {
            for variable in variables {
                metadata.countOther(variable.dataSet)
                others.append(KerasCheckpoint.Entry(other: variable.dataSet, source: variable.source))
            }
            continue
        }
        let layer = store.layerPath(of: owner)
        for (variable, role) in zip(variables, store.roles(of: owner)) {
            let name = variable.dataSet.tensorName ?? (layer + [role]).joined(separator: "/")
            entries.append(KerasCheckpoint.Entry(name: name, dataSet: variable.dataSet, source: variable.source))
        }
    }
    for (source, contents) in files.enumerated() {
        try metadata.take(attributes: contents.groups[""] ?? [:], except: [], path: path)
        metadata.warnings += contents.notes
        for dataSet in contents.dataSets where KerasStore.place(of: dataSet.name) == nil {
            metadata.countOther(dataSet)
            others.append(KerasCheckpoint.Entry(other: dataSet, source: source))
            metadata.warnings.append("'\(dataSet.name)' is no variable of a layer and was left out")
        }
    }
    if let counter = store.variables[["optimizer"]]?.first(where: { $0.index == 0 }) {
        let source = sources[counter.source]
        try metadata.takeStep(from: [counter.dataSet], in: source.bytes, path: source.path)
    }
    return KerasCheckpoint(
        path: path, format: format, entries: entries, others: others, sources: sources, naming: .store(store),
        metadata: metadata)
}

/// Refuses shards that both hold a variable: nothing says whose values count.
private func checkDistinct(_ files: [HDF5Contents], path: String) throws(FormatError) {
    guard files.count > 1 else { return }
    var seen: Set<String> = []
    for dataSet in files.lazy.flatMap(\.dataSets) where KerasStore.place(of: dataSet.name) != nil {
        guard seen.insert(dataSet.name).inserted else {
            throw FormatError(
                path,
                .invalid(
                    section: "shard map", expected: "each variable in one shard", found: "'\(dataSet.name)' in two"))
        }
    }
}

/// An HDF5 file that follows no convention of Keras: its data sets by path, and the texts of its root.
private func plainCheckpoint(
    _ contents: HDF5Contents, source: KerasCheckpoint.Source
) throws(FormatError) -> KerasCheckpoint {
    let root = contents.groups[""] ?? [:]
    let isOurs = root[HDF5Attribute.layoutKey] != nil
    guard !contents.dataSets.isEmpty || isOurs else {
        throw FormatError(
            source.path,
            .invalid(
                section: "HDF5 file", expected: "at least one tensor",
                found: contents.notes.first.map { "none (\($0))" } ?? "none"))
    }
    var metadata = CheckpointMetadata()
    metadata.warnings = contents.notes
    try metadata.take(attributes: root, except: [], path: source.path)
    // Groups sort their members; the order of a model's tensors is that of their values.
    let dataSets = isOurs ? contents.dataSets.sorted { ($0.offset ?? .max) < ($1.offset ?? .max) } : contents.dataSets
    return KerasCheckpoint(
        path: source.path, format: "HDF5",
        entries: dataSets.map { KerasCheckpoint.Entry(name: $0.name, dataSet: $0) }, sources: [source],
        naming: .plain, metadata: metadata)
}
