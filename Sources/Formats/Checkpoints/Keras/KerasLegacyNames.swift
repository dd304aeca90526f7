// Legacy Keras files (`save_weights` to .h5 and `model.save` to .h5, Keras 1 to 3): one group for each layer, attribute
// `layer_names` at the root, attribute `weight_names` at each group, split into `weight_names0`, `weight_names1`, …
// above 64 KB. A nested model is one group with the weights of all its layers.

/// A layer group of a legacy file.
struct KerasLegacyLayer: Sendable {
    /// The layer's name: the group's.
    let name: String
    /// Its weights in the file's order: trainable ones first, then the others.
    let weights: [Weight]

    /// A weight by its name in the file, such as `conv1/kernel:0`.
    struct Weight: Sendable {
        let storedName: String
        let dataSet: HDF5DataSet
        /// Names of layers that lead to the weight within the group: empty for the group's own layer.
        let scope: [String]
        /// The variable's own name, normalised.
        let role: String

        /// The name that tensors go by: group, scope, role.
        func canonicalName(in group: String) -> String { ([group] + scope + [role]).joined(separator: "/") }
    }
}

/// Lists the layers and weights below `root` ("" or "model_weights").
///
/// - Throws: ``FormatError`` with `.invalid` when a listed layer or weight is not in the file.
func kerasLegacyLayers(
    _ contents: HDF5Contents, root: String, path: String
) throws(FormatError) -> [KerasLegacyLayer] {
    let dataSets = Dictionary(contents.dataSets.map { ($0.name, $0) }) { first, _ in first }
    let prefix = root.isEmpty ? "" : root + "/"
    var names = kerasSplitAttribute("layer_names", contents.groups[root] ?? [:]) ?? []
    // Weights that belong to the model and to no layer (TensorFlow 2.8 and later).
    let topLevel = "top_level_model_weights"
    if contents.groups[prefix + topLevel] != nil, !names.contains(topLevel) { names.append(topLevel) }
    var layers: [KerasLegacyLayer] = []
    for name in names {
        guard let attributes = contents.groups[prefix + name] else {
            throw FormatError(
                path,
                .invalid(
                    section: "attribute layer_names", expected: "a group '\(prefix + name)'", found: "no such group"))
        }
        var weights: [KerasLegacyLayer.Weight] = []
        for weight in kerasSplitAttribute("weight_names", attributes) ?? [] {
            guard let dataSet = dataSets["\(prefix)\(name)/\(weight)"] else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "attribute weight_names of '\(prefix + name)'",
                        expected: "a data set '\(prefix)\(name)/\(weight)'", found: "no such data set"))
            }
            let (scope, role) = kerasLegacyScope(weight, group: name)
            weights.append(
                KerasLegacyLayer.Weight(storedName: weight, dataSet: dataSet, scope: scope, role: role))
        }
        layers.append(KerasLegacyLayer(name: name, weights: weights))
    }
    return layers
}

/// A list of names that is one attribute, or `name0`, `name1`, … joined; nil when there is neither.
func kerasSplitAttribute(_ name: String, _ attributes: [String: HDF5Text]) -> [String]? {
    if let whole = attributes[name] { return whole.strings }
    guard attributes["\(name)0"] != nil else { return nil }
    var names: [String] = []
    var index = 0
    while let part = attributes["\(name)\(index)"] {
        names += part.strings
        index += 1
    }
    return names
}

/// Splits a weight's stored name into the layers below its group and the variable's own name.
///
/// `conv1/kernel:0` in `conv1` is (`[]`, `kernel`); `c/kernel:0` in the nested model `inner` is (`[c]`, `kernel`);
/// `sequential/dense/kernel` in `dense` is (`[]`, `kernel`): Keras 3 puts the model's name in front.
func kerasLegacyScope(_ storedName: String, group: String) -> (scope: [String], role: String) {
    var parts = storedName.split(separator: "/").map(String.init)
    guard var last = parts.popLast() else { return ([], storedName) }
    if let colon = last.lastIndex(of: ":"), last[last.index(after: colon)...].allSatisfy(\.isNumber) {
        last = String(last[..<colon])
    }
    let layer = parts.last ?? group
    if let own = parts.firstIndex(of: group) { parts.removeFirst(own + 1) }
    return (parts, kerasNormalizedRole(last, layer: layer))
}

/// Variable names of Keras 1 (`conv1_W`, `bn_running_std`), and names that TensorFlow made unique (`kernel_1`), to
/// today's.
func kerasNormalizedRole(_ name: String, layer: String) -> String {
    var role = Substring(name)
    if role.hasPrefix(layer + "_") { role = role.dropFirst(layer.utf8.count + 1) }
    if let underscore = role.lastIndex(of: "_"), role[role.index(after: underscore)...].allSatisfy(\.isNumber),
        role.index(after: underscore) < role.endIndex
    {
        role = role[..<underscore]
    }
    switch role {
    case "W": return "kernel"
    case "b": return "bias"
    case "running_mean": return "moving_mean"
    case "running_std": return "moving_variance"  // Keras 1 kept a variance under this name
    case "kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "depthwise_kernel", "pointwise_kernel",
        "recurrent_kernel", "embeddings", "alpha":
        return String(role)
    default: return name
    }
}
