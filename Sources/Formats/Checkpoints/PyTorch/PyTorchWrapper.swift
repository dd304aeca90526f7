// Finding the weights inside what training code saves around them: Lightning checkpoints, `{"model": …, "epoch": …}`,
// exponential moving averages, DataParallel and torch.compile prefixes.

/// Where a checkpoint keeps its weights.
struct PyTorchWrapper {
    /// The node that holds them.
    var node: Int
    /// The keys that lead there, outermost first.
    var keys: [String] = []
    /// Other keys that would have held weights too.
    var alternatives: [String] = []

    /// Keys that hold weights, the preferred first: averaged weights before the raw ones as timm has it
    /// (timm/models/_helpers.py), then what frameworks use (nnU-Net: network_weights; BasicSR: params_ema; DINO:
    /// teacher before student).
    static let weightKeys = [
        "state_dict_ema", "model_ema", "ema_state_dict", "state_dict", "model_state_dict", "model", "network_weights",
        "model_weights", "weights", "net", "network", "params_ema", "params", "teacher", "student", "ema", "module",
    ]

    /// Keys that hold tensors which are not weights.
    static let otherKeys: Set<String> = [
        "optimizer", "optimizer_state_dict", "optimizer_states", "optimizer_state", "optim", "optimizers", "opt",
        "lr_scheduler", "lr_schedulers", "scheduler", "scheduler_state_dict", "schedulers", "scaler",
        "grad_scaler_state", "grad_scaler", "amp", "amp_scaler", "callbacks", "loops", "rng_state", "random_state",
        "cuda_rng_state", "rng_states", "history", "logging", "metrics", "loss", "criterion", "dataloader", "sampler",
    ]

    /// Follows known keys inwards from the root, and a lone unknown one that stands beside plain values.
    init(_ tree: PyTorchTree) {
        node = tree.graph.root
        for _ in 0..<8 {
            guard let entries = tree.graph.entries(node), let step = Self.step(into: entries, of: tree) else { return }
            keys.append(step.key)
            alternatives += step.alternatives
            node = step.node
        }
    }

    private static func step(
        into entries: [PickleEntry], of tree: PyTorchTree
    ) -> (key: String, node: Int, alternatives: [String])? {
        var holders: [(key: String, node: Int)] = []
        for entry in entries {
            guard let key = tree.graph.string(entry.key), tree.isContainer(entry.value), !otherKeys.contains(key),
                tree.holdsTensors(entry.value)
            else { continue }
            holders.append((key, entry.value))
        }
        let known = weightKeys.compactMap { key in holders.first { $0.key == key } }
        if let first = known.first { return (first.key, first.node, known.dropFirst().map(\.key)) }
        // A lone unknown key: a wrapper if plain values stand beside it; a module of a nested state_dict if not.
        let hasPlainValues = entries.contains { !tree.isContainer($0.value) }
        // An epoch or a loss saved as a tensor of no axes is a plain value too.
        let hasTensors = entries.contains { entry in
            guard case .tensor(let tensor) = tree.graph.torchValue(entry.value) else { return false }
            return !tensor.layout.sizes.isEmpty
        }
        guard let only = holders.first, holders.count == 1, !hasTensors, hasPlainValues else { return nil }
        return (only.key, only.node, [])
    }
}

/// Prefixes that PyTorch's own wrappers put before every name.
enum PyTorchPrefix {
    /// Takes `module.` (DataParallel, AveragedModel) and `_orig_mod.` (torch.compile) off in any order, as long as
    /// every name has them, and `_orig_mod.` wherever else it stands, since no attribute of a user is called so.
    ///
    /// AveragedModel's own counter `n_averaged` does not stand in the way. A Lightning `model.` is the user's
    /// attribute and stays.
    static func strip(_ original: [String]) -> (names: [String], prefix: String, innerCount: Int) {
        var names = original
        var prefix = ""
        let considered = names.indices.filter { names[$0] != "n_averaged" }
        while let next = ["module.", "_orig_mod."].first(where: { candidate in
            !considered.isEmpty && considered.allSatisfy { names[$0].hasPrefix(candidate) }
        }) {
            for index in considered { names[index].removeFirst(next.count) }
            prefix += next
        }
        var innerCount = 0
        for index in names.indices {
            let cleaned = removingCompileSegments(names[index])
            if cleaned != names[index] { innerCount += 1 }
            names[index] = cleaned
        }
        // Taking segments out must not make two names one.
        guard Set(names).count == names.count else { return (original, "", 0) }
        return (names, prefix, innerCount)
    }

    private static func removingCompileSegments(_ name: String) -> String {
        guard name.utf8.contains(0x5F), name.contains("_orig_mod.") else { return name }
        return name.split(separator: ".", omittingEmptySubsequences: false).filter { $0 != "_orig_mod" }
            .joined(separator: ".")
    }
}
