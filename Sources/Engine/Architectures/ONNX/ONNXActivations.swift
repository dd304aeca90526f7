// ONNX's element-wise functions.

import Formats

extension ONNXImporter {
    /// What each function is as operations, from its settings.
    static let activationKinds: [String: @Sendable (ONNXCall) -> [Op]] = [
        "Relu": { _ in [.activation(.relu(cap: nil))] },
        "LeakyRelu": { [.activation(.leakyRelu(slope: $0.float("alpha", default: 0.01)))] },
        "Elu": { [.activation(.elu(alpha: $0.float("alpha", default: 1)))] },
        "Selu": {
            [
                .activation(.elu(alpha: $0.float("alpha", default: 1.673_263_2))),
                .scale($0.float("gamma", default: 1.050_701)),
            ]
        },
        "Sigmoid": { _ in [.activation(.sigmoid)] },
        "HardSigmoid": {
            [.activation(.hardSigmoid(slope: $0.float("alpha", default: 0.2), offset: $0.float("beta", default: 0.5)))]
        },
        "HardSwish": { _ in [.activation(.hardSwish)] },
        "Tanh": { _ in [.activation(.tanh)] },
        "Softplus": { _ in [.activation(.softplus)] },
        "Gelu": { [.activation($0.text("approximate", default: "none") == "tanh" ? .geluTanh : .gelu)] },
        "Swish": { _ in [.activation(.silu)] },
        "Mish": { _ in [.activation(.softplus), .activation(.tanh)] },
    ]

    /// Translates an element-wise function.
    mutating func activation(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (input, axes) = try call.map()
        if call.node.kind == "Swish", call.float("alpha", default: 1) != 1 {
            throw call.unsupported("only its factor 1 is supported")
        }
        let ops = Self.activationKinds[call.node.kind]?(call) ?? []
        let isProduct = call.node.kind == "Mish"
        var node = input
        for (index, op) in ops.enumerated() {
            let isLast = index == ops.count - 1 && !isProduct
            node = try add(op, [node], name: isLast ? call.output : "\(call.output) part \(index + 1)")
        }
        if isProduct { node = try add(.multiply, [input, node], name: call.output) }
        return .map(node, axes)
    }

    /// The function that a product of a value and a function of it is: SiLU or hard swish.
    func gate(_ one: Graph.NodeID, _ other: Graph.NodeID) -> Op? {
        for (value, gate) in [(one, other), (other, one)] where graph.nodes[gate].inputs == [value] {
            switch graph.nodes[gate].op {
            case .activation(.sigmoid): return .activation(.silu)
            case .activation(.hardSigmoid(let slope, let offset)) where abs(slope - 1 / 6) < 1e-6 && offset == 0.5:
                return .activation(.hardSwish)
            default: continue
            }
        }
        return nil
    }

    /// Clip from any number to any other.
    mutating func clip(
        _ input: Graph.NodeID, from low: Double, to high: Double, _ call: ONNXCall
    ) throws(EngineError) -> Graph.NodeID {
        func shifted(_ node: Graph.NodeID, by shift: Double, _ name: String) throws(EngineError) -> Graph.NodeID {
            try affine(node, scale: [1], shift: [shift], name: name)
        }
        guard low <= high else { throw call.unsupported("its bounds \(low) and \(high) are no range") }
        switch (low.isFinite, high.isFinite) {
        case (false, false): return input
        case (true, _):
            let cap = high.isFinite ? Float(high - low) : nil
            if low == 0 { return try add(.activation(.relu(cap: cap)), [input], name: call.output) }
            let moved = try shifted(input, by: -low, "\(call.output) part 1")
            let capped = try add(.activation(.relu(cap: cap)), [moved], name: "\(call.output) part 2")
            return try shifted(capped, by: low, call.output)
        case (false, true):
            // min(x, h) = h − max(h − x, 0)
            let turned = try affine(input, scale: [-1], shift: [high], name: "\(call.output) part 1")
            let cut = try add(.activation(.relu(cap: nil)), [turned], name: "\(call.output) part 2")
            return try affine(cut, scale: [-1], shift: [high], name: call.output)
        }
    }
}
