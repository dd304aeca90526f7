// Finding a configuration's layers in the tree of a Keras 3 weight file.

/// Walks a configuration and a file's groups side by side.
struct KerasStoreResolver {
    let path: String
    let store: KerasStore
    /// Tensor names by data set path.
    let tensorNames: [String: String]

    /// The table of a whole model.
    func layers(of root: KerasLayer) throws(FormatError) -> [KerasVariableTable.Layer] {
        try modelLayers(root, owner: [], path: [])
    }

    /// The layers of a model whose group is `owner`.
    private func modelLayers(
        _ model: KerasLayer, owner: KerasStore.Owner, path: [String]
    ) throws(FormatError) -> [KerasVariableTable.Layer] {
        let container = KerasStore.containers.first { !store.groups(in: owner + [$0]).isEmpty } ?? "layers"
        let groups = places(of: model.layers, in: owner + [container])
        var layers: [KerasVariableTable.Layer] = []
        for (layer, group) in zip(model.layers, groups) {
            layers += try resolve(layer, owner: owner + [container, group], path: path + [layer.name])
        }
        return layers
    }

    private func resolve(
        _ layer: KerasLayer, owner: KerasStore.Owner, path: [String]
    ) throws(FormatError) -> [KerasVariableTable.Layer] {
        if layer.isModel { return try modelLayers(layer, owner: owner, path: path) }
        if !layer.wrapped.isEmpty {
            var layers: [KerasVariableTable.Layer] = []
            for (attribute, inner) in layer.wrapped {
                layers += try resolve(inner, owner: owner + [attribute], path: path + [attribute])
            }
            return layers
        }
        return [
            KerasVariableTable.Layer(
                path: path, className: layer.className, variables: try variables(of: layer, owner: owner, path: path))
        ]
    }

    /// A layer's variables by number; all that lies below its group when its class is unknown.
    private func variables(
        of layer: KerasLayer, owner: KerasStore.Owner, path: [String]
    ) throws(FormatError) -> [KerasVariableTable.Variable] {
        guard let roles = kerasRoles(className: layer.className, config: layer.config) else {
            return unknownVariables(below: owner)
        }
        var variables: [KerasVariableTable.Variable] = []
        for (name, members) in grouped(roles) {
            let stored = store.variables[name.isEmpty ? owner : owner + [name]] ?? []
            // A layer that occurs in two models is stored where Keras met it first.
            guard !stored.isEmpty else { continue }
            guard stored.count == members.count, zip(stored, members).allSatisfy({ $0.index == $1.index }) else {
                throw mismatch(layer, path, expected: members, found: stored.map(\.dataSet))
            }
            for (variable, role) in zip(stored, members) {
                guard let tensor = tensorNames[variable.dataSet.storageName] else { continue }
                variables.append(KerasVariableTable.Variable(role: role.name, tensor: tensor))
            }
        }
        guard variables.isEmpty || variables.count == roles.count else {
            throw mismatch(layer, path, expected: roles, found: [])
        }
        return variables
    }

    /// Roles by owner, owners in their first order.
    private func grouped(_ roles: [KerasRole]) -> [(owner: String, roles: [KerasRole])] {
        var groups: [(owner: String, roles: [KerasRole])] = []
        for role in roles {
            if let index = groups.firstIndex(where: { $0.owner == role.owner }) {
                groups[index].roles.append(KerasRole(role, index: groups[index].roles.count))
            } else {
                groups.append((role.owner, [KerasRole(role, index: 0)]))
            }
        }
        return groups
    }

    private func unknownVariables(below owner: KerasStore.Owner) -> [KerasVariableTable.Variable] {
        store.owners.filter { $0.starts(with: owner) && $0.last != "seed_generator" }.flatMap { found in
            zip(store.variables[found] ?? [], store.roles(of: found)).compactMap { variable, role in
                tensorNames[variable.dataSet.storageName].map { tensor in
                    let name = (found.dropFirst(owner.count) + [role]).joined(separator: "/")
                    return KerasVariableTable.Variable(role: name, tensor: tensor)
                }
            }
        }
    }

    /// The group of each layer: by given names, by exact number, or by order.
    private func places(of layers: [KerasLayer], in container: KerasStore.Owner) -> [String] {
        var groups: [String: [String]] = [:]
        for group in store.groups(in: container) {
            groups[kerasNumberedStem(group).stem, default: []].append(group)
        }
        var byClass: [String: [KerasLayer]] = [:]
        for layer in layers { byClass[layer.storeName, default: []].append(layer) }
        var found: [String: [String]] = [:]
        for (stem, members) in byClass {
            let present = groups[stem] ?? []
            let given = Dictionary(
                present.compactMap { group in store.name(of: container + [group]).map { ($0, group) } },
                uniquingKeysWith: { first, _ in first })
            let exact = members.indices.map { $0 == 0 ? stem : "\(stem)_\($0)" }
            if given.count == members.count, members.allSatisfy({ given[$0.name] != nil }) {
                found[stem] = members.map { given[$0.name] ?? "" }
            } else if present.count == members.count, !exact.allSatisfy(present.contains) {
                // TensorFlow 2.13 counts layers twice, so numbers skip; their order is right.
                found[stem] = present
            } else {
                found[stem] = exact
            }
        }
        var next: [String: Int] = [:]
        return layers.map { layer in
            let index = next[layer.storeName, default: 0]
            next[layer.storeName] = index + 1
            return found[layer.storeName]?[index] ?? layer.storeName
        }
    }

    private func mismatch(
        _ layer: KerasLayer, _ path: [String], expected: [KerasRole], found: [HDF5DataSet]
    ) -> FormatError {
        FormatError(
            self.path,
            .invalid(
                section: "layer '\(path.joined(separator: "/"))' (\(layer.className))",
                expected: "the variables \(expected.map(\.name).joined(separator: ", "))",
                found: found.isEmpty ? "fewer" : "\(found.count): \(found.map(\.name).joined(separator: ", "))"))
    }
}

extension KerasRole {
    /// The same role under another number.
    fileprivate init(_ role: KerasRole, index: Int) {
        self.init(name: role.name, owner: role.owner, index: index, isTrainable: role.isTrainable)
    }
}
