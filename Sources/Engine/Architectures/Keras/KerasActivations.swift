// Keras' activations, by name or as layers.

import Formats

extension KerasImporter {
    /// Translates an activation setting; softmax makes a head.
    mutating func activation(
        _ json: JSON, _ input: Graph.NodeID, _ name: String, _ settings: KerasSettings
    ) throws(EngineError) -> KerasValue {
        if Self.activationName(json) == "softmax" { return .head }
        return .map(try chain(try activations(json, settings), input, name: name))
    }

    /// Adds operations one after another; the last gets the name.
    mutating func chain(_ ops: [Op], _ input: Graph.NodeID, name: String) throws(EngineError) -> Graph.NodeID {
        var node = input
        for (index, op) in ops.enumerated() {
            node = try add(op, [node], name: index == ops.count - 1 ? name : "\(name)/\(index)")
        }
        return node
    }

    /// The function's name in a setting: text, or a serialised function or layer.
    static func activationName(_ json: JSON) -> String {
        (json.string ?? json["config"]?.string ?? json["class_name"]?.string ?? "linear").lowercased()
    }

    /// The operations of an activation setting; none for linear.
    func activations(_ json: JSON, _ settings: KerasSettings) throws(EngineError) -> [Op] {
        // A layer as an activation: Keras 3 writes its settings beside its class.
        if let config = json["config"], config.members != nil, let kind = json["class_name"]?.string {
            let inner = KerasSettings(config, layer: settings.layer, kind: kind, json: json)
            return try layerActivation(kind, inner).map { [$0] } ?? []
        }
        switch Self.activationName(json) {
        case "linear": return []
        case "relu": return [.activation(.relu(cap: nil))]
        case "relu6": return [.activation(.relu(cap: 6))]
        case "leaky_relu": return [.activation(.leakyRelu(slope: 0.2))]
        case "sigmoid": return [.activation(.sigmoid)]
        case "hard_sigmoid":
            return [
                .activation(
                    majorVersion < 3 ? .hardSigmoid(slope: 0.2, offset: 0.5) : .hardSigmoid(slope: 1 / 6, offset: 0.5))
            ]
        case "tanh": return [.activation(.tanh)]
        case "silu", "swish": return [.activation(.silu)]
        case "hard_silu", "hard_swish": return [.activation(.hardSwish)]
        case "gelu": return [.activation(.gelu)]
        case "elu": return [.activation(.elu(alpha: 1))]
        case "selu": return [.activation(.elu(alpha: 1.673_263_2)), .scale(1.050_701)]
        case "softplus": return [.activation(.softplus)]
        case let name: throw settings.unsupported("its activation \(name) is not known here")
        }
    }

    /// Translates ReLU, LeakyReLU, ELU and Softmax layers.
    mutating func activationLayer(
        _ layer: KerasModelConfig.Layer, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> KerasValue {
        if layer.className == "Softmax" { return .head }
        guard let op = try layerActivation(layer.className, layer.settings) else { return .map(input) }
        return .map(try add(op, [input], name: path.name))
    }

    /// The operation of an activation layer; nil for one that does nothing.
    private func layerActivation(_ kind: String, _ settings: KerasSettings) throws(EngineError) -> Op? {
        switch kind {
        case "ReLU":
            let slope = settings.number("negative_slope", default: 0)
            let cap = settings["max_value"].double
            guard settings.number("threshold", default: 0) == 0, slope == 0 || cap == nil else {
                throw settings.unsupported("a threshold, or a slope with a maximum, is not supported")
            }
            return .activation(slope == 0 ? .relu(cap: cap.map { Float($0) }) : .leakyRelu(slope: Float(slope)))
        case "LeakyReLU":
            let slope = settings["negative_slope"].double ?? settings.number("alpha", default: 0.3)
            return .activation(.leakyRelu(slope: Float(slope)))
        case "ELU": return .activation(.elu(alpha: Float(settings.number("alpha", default: 1))))
        default: throw settings.unsupported("this activation is not known here")
        }
    }
}
