// Binding another checkpoint to an ONNX graph: by the names of tensors alone.

import Formats

/// Finds a graph's weights in a checkpoint.
struct ONNXNames {
    /// What stands before the names in the checkpoint, and in the graph, and not in the other.
    let checkpointPrefix: String, graphPrefix: String
    private let tensors: [String: TensorInfo]

    /// Chooses the pair of prefixes under which most weights are found; none where that is as good.
    ///
    /// - Parameter prefix: what the user says stands before the names in the checkpoint.
    init(_ checkpoint: any CheckpointReader, graph: ONNXCheckpoint, prefix: String?) {
        let tensors = Dictionary(checkpoint.tensors.map { ($0.name, $0) }) { first, _ in first }
        self.tensors = tensors
        let names = Self.weightNames(graph)
        var best = (checkpoint: prefix ?? "", graph: "", count: -1)
        let candidates = Self.candidates(names, checkpoint.tensors, prefix: prefix)
        // Copies kept for momentum come last.
        func isCopy(_ candidate: (checkpoint: String, graph: String)) -> Bool {
            Recognizer.copies.contains { candidate.checkpoint.contains($0) }
        }
        for candidate in candidates.filter({ !isCopy($0) }) + candidates.filter(isCopy) {
            let count = names.count { name in
                name.hasPrefix(candidate.graph)
                    && tensors[candidate.checkpoint + name.dropFirst(candidate.graph.count)] != nil
            }
            if count > best.count { best = (candidate.checkpoint, candidate.graph, count) }
        }
        checkpointPrefix = best.checkpoint
        graphPrefix = best.graph
    }

    /// The graph's names for its weights of two or more axes.
    private static func weightNames(_ graph: ONNXCheckpoint) -> [String] {
        graph.model.graph.initializers.filter { $0.shape.rank > 1 && $0.dtype?.isFloatingPoint == true }.map(\.name)
    }

    /// Prefixes that a few of the names suggest, the empty ones first.
    private static func candidates(
        _ names: [String], _ tensors: [TensorInfo], prefix: String?
    ) -> [(checkpoint: String, graph: String)] {
        var found = [(checkpoint: prefix ?? "", graph: "")]
        for name in names.prefix(3) {
            var rest = Substring(name)
            for _ in 0..<4 {
                let graph = String(name.dropLast(rest.count))
                for tensor in tensors where tensor.name.hasSuffix(rest) {
                    let before = String(tensor.name.dropLast(rest.count))
                    guard before.isEmpty || before.hasSuffix(".") || before.hasSuffix("/"),
                        prefix == nil || prefix == before, found.count < 64,
                        !found.contains(where: { $0.checkpoint == before && $0.graph == graph })
                    else { continue }
                    found.append((before, graph))
                }
                guard let dot = rest.firstIndex(of: ".") else { break }
                rest = rest[rest.index(after: dot)...]
                // A name such as "weight" alone ends every layer's.
                if !rest.contains(".") { break }
            }
        }
        return found
    }

    /// A name of the graph as it would stand in the checkpoint.
    func inCheckpoint(_ name: String) -> String {
        name.hasPrefix(graphPrefix) ? checkpointPrefix + name.dropFirst(graphPrefix.count) : name
    }

    /// The checkpoint's tensor of a weight, by the first of its names that there is.
    func tensor(_ weight: ONNXWeight) -> TensorInfo? {
        for name in weight.names { if let tensor = tensors[inCheckpoint(name)] { return tensor } }
        return nil
    }
}

/// Sorts a checkpoint's tensors into those that a graph takes, those it does not need, and those that nothing explains.
struct ONNXAccount {
    let names: ONNXNames
    let network: ONNXTranslation
    let graphPath: String

    private(set) var bindings: [ParameterBinding] = []
    private(set) var ignored: [Recognition.IgnoredTensor] = []
    /// Parameters that the graph fixes.
    private(set) var constants: [String: TensorView] = [:]
    private var missing: [String] = []
    private var misshapen: [String] = []
    private var unexpected: [String] = []
    private var used: Set<String> = []

    init(names: ONNXNames, network: ONNXTranslation, graphPath: String) {
        self.names = names
        self.network = network
        self.graphPath = graphPath
    }

    /// Looks up every parameter, and what went into the operations.
    ///
    /// - Parameter read: the graph's own values.
    mutating func bind(read: (ONNXWeight) throws(EngineError) -> TensorView) throws(EngineError) {
        for (parameter, weight, transform) in network.weights {
            guard let tensor = names.tensor(weight) else {
                if weight.isLearned {
                    missing.append(names.inCheckpoint(weight.name))
                } else {
                    constants[parameter.name] = try constant(read(weight), transform, parameter)
                }
                continue
            }
            if fits(tensor, weight) {
                bindings.append(ParameterBinding(parameter: parameter, tensor: tensor.name, transform: transform))
            }
        }
        for weight in network.folded.sorted(by: { $0.name < $1.name }) {
            if let tensor = names.tensor(weight) {
                if !used.contains(tensor.name), fits(tensor, weight) {
                    ignored.append(
                        Recognition.IgnoredTensor(
                            name: tensor.name, reason: "a constant that is part of the operations"))
                }
            } else if weight.isLearned, weight.shape.elementCount > 1 {
                missing.append(names.inCheckpoint(weight.name))
            }
        }
    }

    private mutating func fits(_ tensor: TensorInfo, _ weight: ONNXWeight) -> Bool {
        used.insert(tensor.name)
        let isScalar = tensor.shape.checkedElementCount == 1 && weight.shape.checkedElementCount == 1
        if tensor.shape == weight.shape || isScalar { return true }
        misshapen.append("\(tensor.name) is \(tensor.shape), not \(weight.shape)")
        return false
    }

    private func constant(
        _ view: TensorView, _ transform: WeightTransform, _ parameter: Parameter
    ) throws(EngineError) -> TensorView {
        guard let floats = view.floats() else {
            throw .shape(operation: "parameter '\(parameter.name)'", expected: "real numbers", found: "\(view.dtype)")
        }
        switch transform {
        case .identity: return TensorView(floats: floats, shape: parameter.shape)
        case .permuted(let order):
            return TensorView(
                floats: permuted(TensorView(floats: floats, shape: view.shape), order: order), shape: parameter.shape)
        }
    }

    /// Finds a reason for every tensor that the graph does not take.
    mutating func explain(_ checkpoint: any CheckpointReader, _ file: ONNXCheckpoint, userRules: String?) {
        let namesakes = Set(file.tensors.map { names.inCheckpoint($0.name) })
        let beginnings = userRules?.split(separator: ",").map { String($0) } ?? []
        let prefix = names.checkpointPrefix
        let constants = (checkpoint as? ONNXCheckpoint)?.constantNames ?? []
        for tensor in checkpoint.tensors where !used.contains(tensor.name) {
            let inside = tensor.name.hasPrefix(prefix) ? String(tensor.name.dropFirst(prefix.count)) : nil
            let reason: String? =
                if beginnings.contains(where: { tensor.name.hasPrefix($0) || inside?.hasPrefix($0) == true }) {
                    "left out by --arch-option ignore"
                } else if namesakes.contains(tensor.name) {
                    "no level depends on it"
                } else if constants.contains(tensor.name) {
                    "a constant of the file's own graph"
                } else if let inside {
                    IgnoreRule.common.first { $0.covers(inside) }?.reason
                } else {
                    "outside the encoder '\(prefix)'"
                }
            if let reason {
                ignored.append(Recognition.IgnoredTensor(name: tensor.name, reason: reason))
            } else {
                unexpected.append(tensor.name)
            }
        }
    }

    /// The error when something is missing, left over or of another shape.
    var mismatch: EngineError? {
        guard !(missing.isEmpty && unexpected.isEmpty && misshapen.isEmpty) else { return nil }
        // How PyTorch's exporters call what they computed, and what a folded BatchNorm leaves behind.
        let isRenamed = missing.contains { $0.contains("::") || $0.hasPrefix("val_") || $0.hasSuffix(".weight_bias") }
        let isFolded = unexpected.contains { $0.hasSuffix("running_mean") || $0.hasSuffix("running_var") }
        let cause =
            isRenamed || isFolded
            ? "the exporter folded or renamed weights, so that they have no namesakes; export the graph again with "
                + "torch.onnx.export(…, dynamo=True, optimize=False), or with dynamo=False, do_constant_folding=False, "
                + "training=torch.onnx.TrainingMode.PRESERVE"
            : "the checkpoint is not of the network in the graph; --arch-option ignore=NAME leaves tensors out by the "
                + "beginning of their names, if the encoder's output does not depend on them"
        return .parameterMismatch(
            architecture: "the graph \(graphPath)", missing: missing, unexpected: unexpected, misshapen: misshapen,
            cause: cause)
    }
}
