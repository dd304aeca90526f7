// Where Keras keeps each variable of a network that is described: the inverse of KerasStoreResolver.swift. A Keras 3
// file knows a layer by its class and its number among the model's layers of that class.

/// The variables of a configuration's network.
struct KerasDestinations {
    /// The variables in Keras' own order: layers as the configuration lists them, each one's variables as it made them.
    private(set) var variables: [Variable] = []
    /// Groups `vars` of all layers, with the names that users gave these.
    private(set) var owners: [(path: String, name: String)] = []
    /// The top layers' names: the groups of a legacy file.
    let layerNames: [String]
    private var indices: [String: Int] = [:]

    /// One variable.
    struct Variable {
        /// Names that lead to its layer, as in ``KerasVariableTable``.
        let layer: [String]
        /// Its name within the layer: `kernel`, `cell/kernel`.
        let role: String
        /// Its data set in a Keras 3 file, such as `layers/conv2d/vars/0`.
        let storePath: String
        /// Whether it and everything around it may be trained; legacy files list the others last.
        let isTrainable: Bool

        /// The name that readers give it.
        var name: String { (layer + [role]).joined(separator: "/") }

        /// Whether a tensor's name alone leads to its place.
        func isFound(_ place: String, _ tensor: DraftTensor) -> Bool { tensor.name == name && place == storePath }
    }

    /// Walks a whole network.
    init(_ root: KerasLayer) {
        layerNames = root.layers.map(\.name)
        owners.append(("vars", root.name))
        addModel(root, owner: [], path: [], isTrainable: true)
        for (index, variable) in variables.enumerated() {
            indices[variable.name] = indices[variable.name] ?? index
            indices[Self.key(storePath: variable.storePath)] = index
        }
    }

    /// The place in ``variables`` of the one that readers give this name.
    func index(named name: String) -> Int? { indices[name] }

    /// The place in ``variables`` of the one that a Keras 3 file keeps there.
    func index(storePath: String) -> Int? { indices[Self.key(storePath: storePath)] }

    /// Store paths share a table with names, apart by a mark that no name begins with.
    private static func key(storePath: String) -> String { "\0" + storePath }

    private mutating func addModel(_ model: KerasLayer, owner: [String], path: [String], isTrainable: Bool) {
        var counts: [String: Int] = [:]
        for layer in model.layers {
            let stem = layer.storeName
            let number = counts[stem, default: 0]
            counts[stem] = number + 1
            let group = number == 0 ? stem : "\(stem)_\(number)"
            add(layer, owner: owner + ["layers", group], path: path + [layer.name], isTrainable: isTrainable)
        }
    }

    private mutating func add(_ layer: KerasLayer, owner: [String], path: [String], isTrainable: Bool) {
        let isTrainable = isTrainable && layer.config["trainable"]?.bool ?? true
        owners.append(((owner + ["vars"]).joined(separator: "/"), layer.name))
        if layer.isModel { return addModel(layer, owner: owner, path: path, isTrainable: isTrainable) }
        for (attribute, inner) in layer.wrapped {
            add(inner, owner: owner + [attribute], path: path + [attribute], isTrainable: isTrainable)
        }
        guard layer.wrapped.isEmpty else { return }
        for role in kerasRoles(className: layer.className, config: layer.config) ?? [] {
            let group = owner + (role.owner.isEmpty ? [] : [role.owner]) + ["vars", "\(role.index)"]
            variables.append(
                Variable(
                    layer: path, role: role.name, storePath: group.joined(separator: "/"),
                    isTrainable: isTrainable && role.isTrainable))
        }
    }
}

/// Which variable of the described network each tensor of a draft is.
struct KerasIdentities {
    /// The network's variables; nil when no network is described.
    let destinations: KerasDestinations?
    private var indices: [String: Int] = [:]

    /// Joins tensors and variables: by name, by the place that a Keras file gave the tensor, and, for places in legacy
    /// files, as a reader of such a file would.
    init(_ draft: CheckpointDraft, path: String) {
        guard let config = draft.kerasConfig,
            let root = try? KerasLayer(configuration: config, path: path)
        else {
            destinations = nil
            return
        }
        let destinations = KerasDestinations(root)
        self.destinations = destinations
        for tensor in draft.tensors {
            let place = tensor.kerasPlace.map(KerasPlace.init)
            if case .training = place { continue }
            indices[tensor.name] =
                destinations.index(named: tensor.name)
                ?? tensor.kerasPlace.flatMap { destinations.index(storePath: $0) }
        }
        let open = draft.tensors.filter { indices[$0.name] == nil && $0.kerasPlace != nil }
        if !open.isEmpty { resolve(draft, root: root, destinations, path: path) }
    }

    /// The variable that a tensor is, by its place among the destinations.
    subscript(tensor: DraftTensor) -> (index: Int, variable: KerasDestinations.Variable)? {
        guard let index = indices[tensor.name], let destinations else { return nil }
        return (index, destinations.variables[index])
    }

    /// What Keras will miss: variables of the network that no tensor is.
    func remarks(on tensors: [DraftTensor]) -> [String] {
        guard let destinations else { return [] }
        let found = Set(tensors.compactMap { indices[$0.name] })
        let missing = destinations.variables.indices.filter { !found.contains($0) }.map { destinations.variables[$0] }
        guard let first = missing.first else { return [] }
        let names = missing.count == 1 ? "'\(first.name)'" : "\(missing.count) variables ('\(first.name)', …)"
        return ["the network's description has \(names) without a tensor; Keras will not load it all"]
    }

    /// Matches legacy places by all that a legacy group tells: scopes, roles, order.
    private mutating func resolve(
        _ draft: CheckpointDraft, root: KerasLayer, _ destinations: KerasDestinations, path: String
    ) {
        var groups: [String: [KerasLegacyLayer.Weight]] = [:]
        var names: [String: String] = [:]
        for tensor in draft.tensors {
            guard let place = tensor.kerasPlace,
                case .legacy(let group, let weight) = KerasPlace(place, layers: destinations.layerNames)
            else { continue }
            let (scope, role) = kerasLegacyScope(weight, group: group)
            groups[group, default: []].append(
                KerasLegacyLayer.Weight(
                    storedName: weight, dataSet: HDF5DataSet(tensor, path: place), scope: scope, role: role))
            names[place] = tensor.name
        }
        var resolver = KerasLegacyResolver(path: path, tensorNames: names)
        let layers = groups.map { KerasLegacyLayer(name: $0.key, weights: $0.value) }
        guard let found = try? resolver.layers(of: root, groups: layers) else { return }
        for layer in found {
            for variable in layer.variables where indices[variable.tensor] == nil {
                indices[variable.tensor] = destinations.index(
                    named: (layer.path + [variable.role]).joined(separator: "/"))
            }
        }
    }
}

/// What a path in a Keras file says.
enum KerasPlace {
    /// A variable in a Keras 3 file.
    case store(String)
    /// A weight in a legacy file, by its layer's group and its name in the list of weights.
    case legacy(group: String, weight: String)
    /// The optimizer's, or other state that is no weight.
    case training(String)

    /// Reads a path.
    init(_ place: String) { self.init(place, layers: []) }

    /// Reads a path; `layers` are known names of layers, which may have slashes.
    init(_ place: String, layers: [String]) {
        let first = place.prefix { $0 != "/" }
        if let (owner, index) = KerasStore.place(of: place), index != nil {
            let isTraining = kerasTrainingGroups.contains(owner.first ?? "") || owner.last == "seed_generator"
            self = isTraining ? .training(place) : .store(place)
            return
        }
        if first == kerasLegacyOptimizer {
            self = .training(place)
            return
        }
        let path = first == "model_weights" ? String(place.dropFirst(first.count + 1)) : place
        let known = layers.filter { path.hasPrefix($0 + "/") }.max { $0.utf8.count < $1.utf8.count }
        let group = known ?? String(path.prefix { $0 != "/" })
        let weight = path.dropFirst(group.count + 1)
        self = .legacy(group: group, weight: weight.isEmpty ? group : String(weight))
    }
}
