// What a PyTorch checkpoint says beside its weights: epoch, step, version, hyper-parameters.

/// Collects the plain values around the weights.
struct PyTorchMetadataReader {
    let tree: PyTorchTree
    private var entries: [(key: String, value: String)] = []

    /// Keys whose contents are flattened.
    private static let nestedKeys: Set<String> = [
        "hyper_parameters", "hparams", "args", "config", "cfg", "init_args", "datamodule_hyper_parameters", "opt",
        "model_args", "model_config", "metadata", "meta", "settings",
    ]
    private static let epochKeys = ["epoch", "current_epoch", "epochs_trained", "last_epoch"]
    private static let stepKeys = [
        "global_step", "step", "iteration", "iterations", "iter", "global_iter", "num_updates",
    ]
    private static let greatestCount = 500

    init(_ tree: PyTorchTree) { self.tree = tree }

    /// Reads the values beside each key of `wrapper`, the outermost level first.
    mutating func read(_ wrapper: PyTorchWrapper) -> CheckpointMetadata {
        var metadata = CheckpointMetadata()
        metadata.wrapper = wrapper.keys
        var node = tree.graph.root
        for key in wrapper.keys + [""] {
            guard let level = tree.graph.entries(node) else { break }
            // The weights' own level counts too: nothing but tensors is in a plain state_dict.
            for entry in level { add(entry) }
            metadata.epoch = metadata.epoch ?? number(Self.epochKeys, in: level)
            metadata.step = metadata.step ?? number(Self.stepKeys, in: level)
            guard let next = level.last(where: { tree.graph.string($0.key) == key }) else { break }
            node = next.value
        }
        if let version = entries.first(where: { $0.key == "pytorch-lightning_version" }) {
            metadata.writer = "PyTorch Lightning \(version.value)"
        }
        metadata.entries = entries
        return metadata
    }

    private mutating func add(_ entry: PickleEntry) {
        guard let key = tree.graph.keyText(entry.key), tree.graph.torchValue(entry.value) == nil else { return }
        if let text = plainText(entry.value) {
            append(key, text)
        } else if Self.nestedKeys.contains(key) {
            flatten(entry.value, path: key, depth: 0)
        }
    }

    private mutating func append(_ key: String, _ value: String) {
        guard entries.count < Self.greatestCount else { return }
        entries.append((printable(String(key.prefix(200))), value))
    }

    /// Plain values below a node as `outer.inner`; an object such as `argparse.Namespace` by its attributes.
    private mutating func flatten(_ node: Int, path: String, depth: Int) {
        guard depth < 6, entries.count < Self.greatestCount else { return }
        if let text = plainText(node) { return append(path, text) }
        guard let children = tree.graph.entries(node) ?? tree.state(of: node) else {
            if tree.graph.sequence(node) != nil { append(path, tree.graph.text(node, limit: 200)) }
            return
        }
        for child in children {
            guard let key = tree.graph.keyText(child.key) else { continue }
            flatten(child.value, path: "\(path).\(key)", depth: depth + 1)
        }
    }

    /// A string, number or bool as text.
    private func plainText(_ node: Int) -> String? {
        switch tree.graph.nodes[node] {
        case .string(let text): printable(String(text.prefix(500)))
        case .integer(let value): String(value)
        case .float(let value): "\(value)"
        case .bool(let value): value ? "true" : "false"
        case .longInteger: tree.graph.text(node)
        default: nil
        }
    }

    /// The first of the keys that holds a whole number.
    private func number(_ keys: [String], in entries: [PickleEntry]) -> Int? {
        for key in keys {
            guard let entry = entries.last(where: { tree.graph.string($0.key) == key }) else { continue }
            switch tree.graph.nodes[entry.value] {
            case .integer(let value): return value
            case .float(let value): if let whole = Int(exactly: value) { return whole }
            default: continue
            }
        }
        return nil
    }

    /// A tensor of one element under one of the keys, which the caller reads: some loops save `epoch` so.
    func scalarTensor(isEpoch: Bool, in wrapper: PyTorchWrapper) -> PyTorchTensor? {
        guard let level = tree.graph.entries(tree.graph.root), !wrapper.keys.isEmpty else { return nil }
        for key in isEpoch ? Self.epochKeys : Self.stepKeys {
            guard let entry = level.last(where: { tree.graph.string($0.key) == key }),
                case .tensor(let tensor) = tree.graph.torchValue(entry.value),
                tensor.layout.sizes.allSatisfy({ $0 == 1 })
            else { continue }
            return tensor
        }
        return nil
    }
}
