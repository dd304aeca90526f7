// Recognition of an ONNX file, and of other checkpoints of the same model by the names of their tensors.

import Formats

/// Networks described by an ONNX graph.
enum ONNXNetwork {
    static let name = "onnx"
    /// The `--arch-option` keys it knows.
    static let options = FamilyOption.common

    /// Translates the graph of an ONNX file and takes its own weights.
    ///
    /// - Throws: ``EngineError`` with `.unsupportedLayer` when a level needs an operator that is not run.
    static func recognize(_ file: ONNXCheckpoint) throws(EngineError) -> Recognition {
        let network = try translate(file) { weight throws(EngineError) in try read(file, weight.stored) }
        var bindings: [ParameterBinding] = []
        for (parameter, weight, transform) in network.weights {
            bindings.append(ParameterBinding(parameter: parameter, tensor: weight.stored, transform: transform))
        }
        let used = Set(bindings.map(\.tensor))
        let folded = Set(network.folded.map(\.stored))
        let ignored = file.tensors.filter { !used.contains($0.name) }.map {
            Recognition.IgnoredTensor(
                name: $0.name,
                reason: folded.contains($0.name)
                    ? "a constant that is part of the operations" : "no level depends on it")
        }
        return network.recognition(
            bindings: bindings, ignored: ignored, normalization: normalization(network, weights(file)))
    }

    /// The tensors of a file that are weights rather than settings of its graph.
    static func weights(_ checkpoint: any CheckpointReader) -> [TensorInfo] {
        let constants = (checkpoint as? ONNXCheckpoint)?.constantNames ?? []
        return checkpoint.tensors.filter {
            $0.dtype.isFloatingPoint && $0.shape.rank > 0 && !constants.contains($0.name)
        }
    }

    /// Translates the graph of an ONNX file with the values of a checkpoint of the same model.
    ///
    /// Tensors are found by their exact names, after a single prefix was taken off one side's; never by shape.
    ///
    /// - Throws: ``EngineError`` with `.parameterMismatch` for tensors that are missing, left over or of another shape,
    ///   `.unsupportedLayer` as ``recognize(_:)``.
    static func recognize(
        _ checkpoint: any CheckpointReader, graph path: String, hints: ArchitectureHints
    ) throws(EngineError) -> Recognition {
        let file = try open(path)
        let names = ONNXNames(checkpoint, graph: file, prefix: hints.options["prefix"])
        let network = try translate(file) { weight throws(EngineError) in
            // Another shape is told below.
            guard let tensor = names.tensor(weight), tensor.shape == weight.shape else {
                return try read(file, weight.stored)
            }
            return try read(checkpoint, tensor.name)
        }
        var account = ONNXAccount(names: names, network: network, graphPath: path)
        try account.bind { weight throws(EngineError) in try read(file, weight.stored) }
        account.explain(checkpoint, file, userRules: hints.options["ignore"])
        if let mismatch = account.mismatch { throw mismatch }
        var found = network.recognition(
            bindings: account.bindings, ignored: account.ignored,
            normalization: normalization(network, weights(checkpoint)))
        found.prefix = names.checkpointPrefix
        found.computed.merge(account.constants) { $1 }
        if !names.checkpointPrefix.isEmpty { found.evidence += ", below '\(names.checkpointPrefix)'" }
        let hash = try contentHash(file)
        found.facts.insert(Recognition.Fact("graph", "\(lastComponent(path)) (content \(hash))"), at: 0)
        found.outsideDescription = "ONNX graph \(hash)"
        return found
    }

    /// Opens the file given as a graph.
    ///
    /// - Throws: ``EngineError`` with `.format` when it cannot be read, `.invalidOption` when it is no ONNX file.
    static func open(_ path: String) throws(EngineError) -> ONNXCheckpoint {
        let reader: any CheckpointReader
        do throws(FormatError) { reader = try Checkpoint.open(path) } catch { throw .format(error) }
        if let file = reader as? ONNXCheckpoint { return file }
        throw .invalidOption(option: "graph", value: path, expected: "an ONNX file, but this is \(reader.format)")
    }

    private static func read(_ reader: any CheckpointReader, _ name: String) throws(EngineError) -> TensorView {
        do throws(FormatError) { return try reader.tensor(name) } catch { throw .format(error) }
    }

    private static func translate(
        _ file: ONNXCheckpoint, read: @escaping (ONNXWeight) throws(EngineError) -> TensorView
    ) throws(EngineError) -> ONNXTranslation {
        var importer = try ONNXImporter(file, read: read)
        try importer.run()
        let graph = try importer.finish()
        guard !graph.levels.isEmpty else {
            throw .unsupportedLayer(
                name: file.model.graph.name, kind: "ONNX graph", advice: "it has no convolutional feature maps")
        }
        return ONNXTranslation(
            model: file.model, graph: graph, sources: importer.sources, folded: importer.folded,
            inputShape: importer.shapes[0], axes: importer.inputAxes, operatorCount: importer.operatorCount)
    }

    private static func contentHash(_ file: ONNXCheckpoint) throws(EngineError) -> String {
        do throws(FormatError) {
            var hashes = [try ContentHash(file: file.path).hexadecimal]
            for path in file.dataFiles { hashes.append(try ContentHash(file: path).hexadecimal) }
            return hashes.count == 1 ? hashes[0] : ContentHash(hashes.joined(separator: "\n")).hexadecimal
        } catch { throw .format(error) }
    }

    private static func lastComponent(_ path: String) -> String {
        path.split(separator: "/").last.map { String($0) } ?? path
    }

    /// What images the network wants: none normalised where it begins with a normalisation of its own, else what the family
    /// does that the weights' names tell, else ImageNet's for colour networks of PyTorch.
    private static func normalization(
        _ network: ONNXTranslation, _ weights: [TensorInfo]
    ) -> InputNormalization {
        if network.graph.nodes.count > 1 {
            switch network.graph.nodes[1].op {
            case .affine(let scale, _): return scale.max() ?? 1 < 0.02 ? .bytes : .unit
            case .scale(let factor): return abs(factor) < 0.02 ? .bytes : .unit
            default: break
            }
        }
        if let family = try? Recognizer.recognize(weights) { return family.normalization }
        let isTorch = network.model.producer == "pytorch" && network.axes == .channelsFirst
        return isTorch && network.graph.inputChannels == 3 ? .imageNet : .unit
    }
}

/// An ONNX graph translated to ours.
struct ONNXTranslation {
    let model: ONNXModel
    let graph: Graph
    let sources: [String: ONNXImporter.ParameterSourceTensor]
    let folded: Set<ONNXWeight>
    let inputShape: Shape
    let axes: [ONNXAxis]
    let operatorCount: Int

    /// The parameters that are stored tensors.
    var weights: [(parameter: Parameter, weight: ONNXWeight, transform: WeightTransform)] {
        graph.parameters.compactMap { parameter in
            guard case .weight(let weight, let transform) = sources[parameter.name] else { return nil }
            return (parameter, weight, transform)
        }
    }

    func recognition(
        bindings: [ParameterBinding], ignored: [Recognition.IgnoredTensor], normalization: InputNormalization
    ) -> Recognition {
        let name = model.graph.name.isEmpty ? "" : " '\(model.graph.name)'"
        let levels = graph.levels.map { graph.nodes[$0].name }.joined(separator: ", ")
        var recognition = Recognition(
            architecture: "ONNX graph\(name)", family: ONNXNetwork.name,
            evidence: "opset \(model.opset), \(operatorCount) operators, \(graph.levels.count) resolutions", prefix: "",
            graph: graph, bindings: bindings, ignored: ignored,
            facts: [
                Recognition.Fact("described input", "\(inputShape)"), Recognition.Fact("levels", levels),
            ],
            normalization: normalization)
        for parameter in graph.parameters {
            if case .numbers(let view) = sources[parameter.name] { recognition.computed[parameter.name] = view }
        }
        return recognition
    }
}
