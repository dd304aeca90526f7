// Writing Keras' legacy weights (`model.save_weights("x.h5")` of Keras 1 and 2, keras/src/legacy/saving/
// legacy_h5_format.py): a group for each layer with the list of its weights, trainable ones first.

extension CheckpointDraft {
    /// Writes the file.
    func writeKerasLegacy(to path: String) throws(FormatError) -> WrittenCheckpoint {
        let plan = try kerasLegacyPlan(path: path)
        let image = try HDF5Image(plan, path: path)
        try image.write(to: path)
        var written = WrittenCheckpoint(paths: [path], byteCount: image.byteCount)
        let identities = KerasIdentities(self, path: path)
        written.remarks = identities.remarks(on: tensors)
        let areStored = tensors.contains { tensor in
            if case .store = tensor.kerasPlace.map(KerasPlace.init) { identities[tensor] == nil } else { false }
        }
        if areStored {
            written.remarks.append(
                "a Keras 3 file without a description does not tell the order of layers, by which Keras matches them here; "
                    + "load this with by_name=True")
        }
        return written
    }

    private func kerasLegacyPlan(path: String) throws(FormatError) -> HDF5Plan {
        let identities = KerasIdentities(self, path: path)
        var groups = KerasLegacyGroups(names: identities.destinations?.layerNames ?? [])
        var others: [HDF5Plan.DataSet] = []
        for tensor in tensors {
            guard tensor.dtype.isWritableInHDF5 else { throw tensor.unsupportedType(.kerasLegacy, path: path) }
            let place = tensor.kerasPlace.map { KerasPlace($0, layers: groups.names) }
            if case .training(let place) = place {
                let isLegacy = place.hasPrefix(kerasLegacyOptimizer + "/")
                let path = isLegacy ? place : "\(kerasLegacyOptimizer)/\(place)"
                others.append(HDF5Plan.DataSet(path: path, tensor: tensor))
            } else {
                groups.add(tensor, place: place, identity: identities[tensor])
            }
        }
        var plan = HDF5Plan()
        let version = metadata.first { $0.key == "keras_version" }?.value ?? kerasAssumedVersion
        let backend = metadata.first { $0.key == "backend" }?.value ?? "tensorflow"
        let own: Set = ["keras_version", "backend"]
        let pairs =
            metadata.filter { !own.contains($0.key) } + kerasEntries.filter { $0.key == CheckpointMetadata.configKey }
        plan.add(HDF5Attribute.list("layer_names", groups.names), to: "")
        plan.add([HDF5Attribute("backend", backend), HDF5Attribute("keras_version", version)], to: "")
        plan.add(HDF5Attribute.metadata(pairs, reserved: own.union(["model_config"])), to: "")
        for name in groups.names {
            let weights = groups.weights(of: name)
            plan.groups.append((name, HDF5Attribute.list("weight_names", weights.map(\.name))))
            plan.dataSets += weights.map { HDF5Plan.DataSet(path: "\(name)/\($0.name)", tensor: $0.tensor) }
        }
        plan.dataSets += others
        try plan.check(path: path)
        let source = KerasCheckpoint.Source(path: path, bytes: Bytes(copying: [UInt8]()))
        try plan.nameTensors { (contents) throws(FormatError) in
            try legacyCheckpoint(contents, root: "", format: CheckpointFormat.kerasLegacy.title, source: source)
        }
        return plan
    }
}

/// The version that is written when nothing says one. Keras takes a file without a version for one of Keras 1, and
/// would turn its kernels.
let kerasAssumedVersion = "3.0.0"

/// Tensors by layer group.
private struct KerasLegacyGroups {
    /// The groups in the order in which Keras, which matches by order, is to find them.
    private(set) var names: [String]
    private var members: [String: [Weight]] = [:]

    struct Weight {
        /// The name in the list of weights, and the path below the group.
        let name: String
        let tensor: DraftTensor
        /// The place among the network's variables, if known.
        let index: Int?
        /// Whether training moves it.
        let isTrainable: Bool
        /// Whether a legacy file had it under this name: its order is Keras' own.
        let isPlaced: Bool
    }

    /// - Parameter names: the layers of the described network; one that occurs twice is one group.
    init(names: [String]) {
        var seen = Set<String>()
        self.names = names.filter { seen.insert($0).inserted }
    }

    mutating func add(
        _ tensor: DraftTensor, place: KerasPlace?, identity: (index: Int, variable: KerasDestinations.Variable)?
    ) {
        let (group, name) = Self.place(of: tensor, place, identity?.variable)
        var isPlaced = false
        if case .legacy = place { isPlaced = true }
        let last = name.split { $0 == "/" || $0 == "." }.last.map(String.init) ?? name
        let weight = Weight(
            name: name, tensor: tensor, index: identity?.index,
            isTrainable: identity?.variable.isTrainable ?? !Self.statistics.contains(last), isPlaced: isPlaced)
        if !names.contains(group) { names.append(group) }
        members[group, default: []].append(weight)
    }

    /// Variables that training does not move, in Keras' words and in PyTorch's.
    private static let statistics: Set<String> = [
        "moving_mean", "moving_variance", "running_mean", "running_var", "num_batches_tracked",
    ]

    /// The group and the weight's name: where it was, else as Keras 3 writes it, else what stands before the last dot.
    private static func place(
        of tensor: DraftTensor, _ place: KerasPlace?, _ variable: KerasDestinations.Variable?
    ) -> (group: String, name: String) {
        if case .legacy(let group, let weight) = place { return (group, weight) }
        if let variable, let group = variable.layer.first {
            let inner = variable.layer.count == 1 ? variable.layer : Array(variable.layer.dropFirst())
            return (group, (inner + [variable.role]).joined(separator: "/"))
        }
        if let slash = tensor.name.firstIndex(of: "/") {
            let group = String(tensor.name[..<slash])
            let rest = String(tensor.name[tensor.name.index(after: slash)...])
            return (group, rest.contains("/") ? rest : tensor.name)
        }
        guard let dot = tensor.name.lastIndex(of: "."), dot > tensor.name.startIndex else {
            return (tensor.name, tensor.name)
        }
        return (String(tensor.name[..<dot]), tensor.name)
    }

    /// A group's weights in Keras' order: as the network has them, or as they came; trainable ones first.
    func weights(of group: String) -> [Weight] {
        let all = members[group] ?? []
        guard !all.contains(where: \.isPlaced) else { return all }
        let isKnown = all.allSatisfy { $0.index != nil }
        let ordered = all.enumerated().sorted { first, second in
            let (a, b) = (first.element, second.element)
            if isKnown { return (a.index ?? 0) < (b.index ?? 0) }
            let ranks = (Self.ranks(a.name), Self.ranks(b.name))
            return ranks.0 == ranks.1 ? first.offset < second.offset : ranks.0.lexicographicallyPrecedes(ranks.1)
        }
        let weights = ordered.map(\.element)
        return weights.filter(\.isTrainable) + weights.filter { !$0.isTrainable }
    }

    /// The layers inside a layer in the order in which Keras makes them; groups of Keras 3 files are in that of letters.
    private static let innerLayers = [
        "forward_layer", "backward_layer", "query_dense", "key_dense", "value_dense", "output_dense",
    ]

    private static func ranks(_ name: String) -> [Int] {
        name.split(separator: "/").map { (innerLayers.firstIndex(of: String($0)) ?? -1) + 1 }
    }
}
