// The image input of an ONNX graph: which it is, how many channels it has, and in which order its axes are.

import Formats

/// The image input.
struct ONNXInput {
    let name: String
    let channels: Int
    /// The described batch and size; 1 and 224 where they are open.
    let batch: Int
    let size: Size2
    let axes: [ONNXAxis]

    /// Finds the input that leads to a convolution, or the only one of rank 4.
    ///
    /// - Throws: ``EngineError`` with `.unsupportedLayer`.
    init(_ model: ONNXModel) throws(EngineError) {
        let graph = model.graph
        let weights = Dictionary(graph.initializers.map { ($0.name, $0.shape) }) { first, _ in first }
        let inputs = graph.inputs.filter { weights[$0.name] == nil && ($0.shape.map { $0.count == 4 } ?? true) }
        func failure(_ advice: String) -> EngineError {
            .unsupportedLayer(name: graph.name, kind: "ONNX graph", advice: advice)
        }
        guard let first = inputs.first else { throw failure("it has no input of images, N×C×H×W") }
        let trace = Self.trace(graph, inputs.map(\.name), weights)
        let input = inputs.first { $0.name == trace?.input } ?? first
        let shape = input.shape ?? [nil, nil, nil, nil]
        let place = trace?.axis ?? (Self.isLast(shape) ? 3 : 1)
        guard place == 1 || place == 3 else { throw failure("its images are not in the order N×C×H×W or N×H×W×C") }
        guard let channels = trace?.channels ?? shape[place], (1...1 << 16).contains(channels) else {
            throw failure("it does not say how many channels images have")
        }
        if let stated = shape[place], stated != channels {
            throw failure("it takes \(stated) channels, but its first convolution \(channels)")
        }
        name = input.name
        self.channels = channels
        axes = place == 1 ? .channelsFirst : .channelsLast
        func extent(_ axis: Int) -> Int { shape[axis].map { (1...1 << 14).contains($0) ? $0 : 224 } ?? 224 }
        size = Size2(extent(place == 1 ? 2 : 1), extent(place == 1 ? 3 : 2))
        batch = shape[0].map { (1...1 << 12).contains($0) ? $0 : 1 } ?? 1
    }

    /// Whether the last axis looks like channels and the second does not.
    private static func isLast(_ shape: [Int?]) -> Bool {
        shape[1].map { $0 > 4 } ?? true && shape[3].map { $0 <= 4 } ?? false
    }

    /// Follows the inputs through operators that keep their sizes to the first convolution: which axis are its channels, and
    /// how many.
    private static func trace(
        _ graph: ONNXGraph, _ inputs: [String], _ weights: [String: Shape]
    ) -> (input: String, axis: Int, channels: Int)? {
        let passing: Set<String> = [
            "Identity", "Cast", "Pad", "Mul", "Add", "Sub", "Div", "BatchNormalization", "Resize", "Upsample", "Clip",
            "Relu", "Dropout", "Slice",
        ]
        // Where each value's axes come from in its input.
        var known: [String: (input: String, axes: [Int])] = [:]
        for input in inputs { known[input] = (input, [0, 1, 2, 3]) }
        for node in graph.nodes {
            guard let source = node.inputs.compactMap({ known[$0] }).first, let output = node.outputs.first else {
                continue
            }
            switch node.kind {
            case "Conv":
                guard node.inputs.count > 1, let shape = weights[node.inputs[1]], shape.rank == 4 else { continue }
                var groups = 1
                if case .integer(let value) = node.attributes["group"] { groups = value }
                guard (1...1 << 16).contains(groups), (1...1 << 16).contains(shape[1]) else { continue }
                return (source.input, source.axes[1], shape[1] * groups)
            case "Transpose":
                guard case .integers(let order) = node.attributes["perm"], order.count == 4,
                    Set(order) == Set(0..<4)
                else { continue }
                known[output] = (source.input, order.map { source.axes[$0] })
            case let kind where passing.contains(kind): known[output] = source
            default: continue
            }
        }
        return nil
    }
}
