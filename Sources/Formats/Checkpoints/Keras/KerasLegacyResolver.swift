// Finding a configuration's layers in the groups of a legacy file. A top-level layer is a group; a nested model or a
// wrapper is one group too, whose weights stand in the order "all trainable, then all others", so that freezing a layer
// moves its weights. Names decide; order only where names say nothing.

/// Matches expected variables to a group's weights.
struct KerasLegacyResolver {
    let path: String
    /// Tensor names by data set path.
    let tensorNames: [String: String]

    /// A variable that the configuration says a group holds.
    private struct Expected {
        let path: [String]
        let layer: KerasLayer
        let role: KerasRole
        /// Whether the layer and all models around it may be trained.
        let isTrainable: Bool
    }

    /// The table of a whole model.
    mutating func layers(
        of root: KerasLayer, groups: [KerasLegacyLayer]
    ) throws(FormatError) -> [KerasVariableTable.Layer] {
        let groups = Dictionary(groups.map { ($0.name, $0) }) { first, _ in first }
        var layers: [KerasVariableTable.Layer] = []
        for layer in root.layers {
            guard let group = groups[layer.name], !group.weights.isEmpty else { continue }
            layers += try resolve(layer, group)
        }
        return layers
    }

    private func resolve(
        _ layer: KerasLayer, _ group: KerasLegacyLayer
    ) throws(FormatError) -> [KerasVariableTable.Layer] {
        var expected: [Expected] = []
        guard collect(layer, path: [layer.name], isTrainable: true, into: &expected) else {
            return unknownLayer(layer, group)
        }
        guard expected.count == group.weights.count else {
            throw mismatch(layer, expected, group)
        }
        var free = Set(group.weights.indices)
        var matches = [Int?](repeating: nil, count: expected.count)
        // The more of the path a weight's name repeats, the surer the match: take the surest first.
        for depth in stride(from: expected.map(\.path.count).max() ?? 1, through: 0, by: -1) {
            for index in expected.indices where matches[index] == nil {
                let candidates = free.filter { fits(group.weights[$0], expected[index], depth: depth) }
                // Two weights that fit equally well are told apart by order, below.
                guard candidates.count == 1, let match = candidates.first else { continue }
                matches[index] = match
                free.remove(match)
            }
        }
        matchByOrder(expected, group, free: &free, matches: &matches)
        return try table(expected, matches, group, layer)
    }

    /// The variables of a layer and of those inside it; false when a class is unknown.
    private func collect(
        _ layer: KerasLayer, path: [String], isTrainable: Bool, into expected: inout [Expected]
    ) -> Bool {
        let isTrainable = isTrainable && layer.config["trainable"]?.bool ?? true
        if layer.isModel {
            return layer.layers.allSatisfy {
                collect($0, path: path + [$0.name], isTrainable: isTrainable, into: &expected)
            }
        }
        if !layer.wrapped.isEmpty {
            return layer.wrapped.allSatisfy {
                collect($0.layer, path: path + [$0.attribute], isTrainable: isTrainable, into: &expected)
            }
        }
        guard let roles = kerasRoles(className: layer.className, config: layer.config) else { return false }
        expected += roles.map { Expected(path: path, layer: layer, role: $0, isTrainable: isTrainable) }
        return true
    }

    /// Whether a weight's name ends with the last `depth` layer names below the group and with the role.
    private func fits(_ weight: KerasLegacyLayer.Weight, _ expected: Expected, depth: Int) -> Bool {
        // Keras 2 calls DepthwiseConv's kernel otherwise; a variable that its layer did not name is `variable_7`.
        let isDepthwise = expected.layer.className.hasPrefix("DepthwiseConv") && weight.role == "depthwise_kernel"
        guard weight.role == expected.role.lastName || isDepthwise || weight.role.hasPrefix("variable") else {
            return false
        }
        var names = Array(expected.path.dropFirst())
        if !names.isEmpty { names[names.count - 1] = expected.layer.name }
        return depth <= names.count && weight.scope.suffix(depth).elementsEqual(names.suffix(depth))
            && weight.scope.count >= depth
    }

    /// Gives what is left to what is left, trainable weights first, as Keras writes them.
    private func matchByOrder(
        _ expected: [Expected], _ group: KerasLegacyLayer, free: inout Set<Int>, matches: inout [Int?]
    ) {
        let open = expected.indices.filter { matches[$0] == nil }
        let isLast = { (index: Int) in !(expected[index].isTrainable && expected[index].role.isTrainable) }
        let order = open.filter { !isLast($0) } + open.filter(isLast)
        for (index, weight) in zip(order, free.sorted()) where fits(group.weights[weight], expected[index], depth: 0) {
            matches[index] = weight
            free.remove(weight)
        }
    }

    private func table(
        _ expected: [Expected], _ matches: [Int?], _ group: KerasLegacyLayer, _ layer: KerasLayer
    ) throws(FormatError) -> [KerasVariableTable.Layer] {
        var layers: [KerasVariableTable.Layer] = []
        for (entry, match) in zip(expected, matches) {
            guard let match, let tensor = tensorNames[group.weights[match].dataSet.storageName] else {
                throw mismatch(layer, expected, group)
            }
            let variable = KerasVariableTable.Variable(role: entry.role.name, tensor: tensor)
            if let last = layers.last, last.path == entry.path {
                layers[layers.count - 1] = KerasVariableTable.Layer(
                    path: last.path, className: last.className, variables: last.variables + [variable])
            } else {
                layers.append(
                    KerasVariableTable.Layer(
                        path: entry.path, className: entry.layer.className, variables: [variable]))
            }
        }
        return layers
    }

    /// A layer of a class that we do not know: its weights under their own names.
    private func unknownLayer(_ layer: KerasLayer, _ group: KerasLegacyLayer) -> [KerasVariableTable.Layer] {
        let variables = group.weights.compactMap { weight in
            tensorNames[weight.dataSet.storageName].map { tensor in
                KerasVariableTable.Variable(
                    role: (weight.scope + [weight.role]).joined(separator: "/"), tensor: tensor)
            }
        }
        return [KerasVariableTable.Layer(path: [layer.name], className: layer.className, variables: variables)]
    }

    private func mismatch(_ layer: KerasLayer, _ expected: [Expected], _ group: KerasLegacyLayer) -> FormatError {
        let names = expected.map { ($0.path.dropFirst() + [$0.role.name]).joined(separator: "/") }
        return FormatError(
            path,
            .invalid(
                section: "layer '\(layer.name)' (\(layer.className))",
                expected: "the variables \(names.joined(separator: ", "))",
                found: "\(group.weights.count): \(group.weights.map(\.storedName).joined(separator: ", "))"))
    }
}
