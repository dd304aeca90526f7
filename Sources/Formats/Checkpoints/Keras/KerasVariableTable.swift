// Which tensor is which variable of which layer. A file's own names depend on its form (`layers/conv2d_1/vars/0`,
// `conv2/conv2/kernel:0`); a network description knows layers by name. This table joins the two, so that every form of
// one model gives the same values under the same keys.
//
// A layer is found
// - in a legacy file by its group and the names of its weights;
// - in a Keras 3 file by the attribute `name` of its group when those attributes are the names of the configuration's
//   layers of that class, else by its class and its place among the model's layers of that class, which is how Keras
//   itself finds it.
// A variable is found by its name, or by its number in the order of the layer's `build`, which depends on settings such
// as `use_bias` and `scale`.

/// The variables of a Keras model, layer by layer.
public struct KerasVariableTable: Sendable {
    /// The layers that have variables, in the order of the configuration (of the file, when there is none).
    public let layers: [Layer]
    /// Tensors of the model that belong to no layer of the configuration.
    public let unassigned: [String]
    private let indices: [[String]: Int]

    /// One layer's variables.
    public struct Layer: Sendable, Hashable {
        /// Names that lead to the layer: `["conv1"]`, or `["inner", "dw"]` in a nested model. The layer in a wrapper is
        /// its attribute: `["td", "layer"]`, `["bi", "forward_layer"]`.
        public let path: [String]
        /// The class, such as `Conv2D`; nil without a configuration.
        public let className: String?
        /// In the order in which Keras creates them.
        public let variables: [Variable]

        /// The tensor of a variable, or nil when the layer has none of that name.
        public subscript(role: String) -> String? { variables.first { $0.role == role }?.tensor }
    }

    /// One variable.
    public struct Variable: Sendable, Hashable {
        /// Keras 3's name: `kernel`, `bias`, `gamma`, `beta`, `moving_mean`, `moving_variance`, `depthwise_kernel` and
        /// `pointwise_kernel` (SeparableConv only), `embeddings`, `alpha`, `cell/kernel`, `query_dense/kernel`, …;
        /// `vars/N` where nothing tells.
        public let role: String
        /// The tensor's name in the checkpoint.
        public let tensor: String
    }

    /// Joins a checkpoint and a configuration.
    ///
    /// - Parameters:
    ///   - checkpoint: a Keras file that ``Checkpoint/open(_:)`` opened.
    ///   - configuration: the JSON of the network; by default the one that the file holds, if any. Without one, the
    ///     file's own names are taken as they are.
    /// - Throws: ``FormatError`` with `.invalid` when a layer's variables do not fit the configuration,
    ///   `.unsupported` when the checkpoint is no Keras file.
    public init(_ checkpoint: any CheckpointReader, configuration: String? = nil) throws(FormatError) {
        guard let keras = checkpoint as? KerasCheckpoint else {
            throw FormatError(
                checkpoint.path,
                .unsupported(
                    feature: "a table of Keras variables of a \(checkpoint.format) file", advice: "use a Keras file"))
        }
        guard let configuration = configuration ?? keras.metadata.kerasConfig else {
            self.init(layers: kerasLayersByName(keras), of: keras)
            return
        }
        let root = try KerasLayer(configuration: configuration, path: keras.path)
        // Tensors are known to both sides by the path of their data set.
        let tensorNames = Dictionary(keras.tensors.map { ($0.storage.key, $0.name) }) { first, _ in first }
        switch keras.naming {
        case .legacy(let groups):
            var resolver = KerasLegacyResolver(path: keras.path, tensorNames: tensorNames)
            self.init(layers: try resolver.layers(of: root, groups: groups), of: keras)
        case .store(let store):
            let resolver = KerasStoreResolver(path: keras.path, store: store, tensorNames: tensorNames)
            self.init(layers: try resolver.layers(of: root), of: keras)
        case .plain: self.init(layers: kerasLayersByName(keras), of: keras)
        }
    }

    private init(layers: [Layer], of checkpoint: KerasCheckpoint) {
        self.layers = layers.filter { !$0.variables.isEmpty }
        indices = Dictionary(self.layers.enumerated().map { ($1.path, $0) }) { first, _ in first }
        let assigned = Set(self.layers.flatMap(\.variables).map(\.tensor))
        unassigned = checkpoint.tensors.map(\.name).filter { !assigned.contains($0) }
    }

    /// The layer at a path, or nil when it has no variables.
    public subscript(path: [String]) -> Layer? { indices[path].map { layers[$0] } }
}

/// The table that a file's own names give: what stands before a tensor's variable name is its layer.
private func kerasLayersByName(_ checkpoint: KerasCheckpoint) -> [KerasVariableTable.Layer] {
    var order: [[String]] = []
    var variables: [[String]: [KerasVariableTable.Variable]] = [:]
    for tensor in checkpoint.tensors {
        var path = tensor.name.split(separator: "/").map(String.init)
        guard var role = path.popLast() else { continue }
        if path.last == "vars", Int(role) != nil {
            path.removeLast()
            role = "vars/\(role)"
        }
        if variables[path] == nil { order.append(path) }
        variables[path, default: []].append(KerasVariableTable.Variable(role: role, tensor: tensor.name))
    }
    return order.map { path in
        var list = variables[path] ?? []
        // Keras 3 calls DepthwiseConv's only kernel `kernel`, Keras 2 `depthwise_kernel`.
        if !list.contains(where: { $0.role == "pointwise_kernel" }) {
            list = list.map { variable in
                let role = variable.role == "depthwise_kernel" ? "kernel" : variable.role
                return KerasVariableTable.Variable(role: role, tensor: variable.tensor)
            }
        }
        return KerasVariableTable.Layer(path: path, className: nil, variables: list)
    }
}
