// Splitting, cutting and shuffling the channels of a map in an ONNX graph: 1×1 convolutions that pick one channel each.

import Formats

extension ONNXImporter {
    /// A map of some of the channels of another, in the given order. Products with 1 and sums with 0 change no value.
    mutating func picked(
        _ node: Graph.NodeID, channels picked: [Int], name: String
    ) throws(EngineError) -> Graph.NodeID {
        let count = channels(node)
        guard picked != Array(0..<count) else { return node }
        try spend(picked.count * count, "operator '\(name)'")
        var values = [Float](repeating: 0, count: picked.count * count)
        for (row, channel) in picked.enumerated() { values[row * count + channel] = 1 }
        let weight = try fixedParameter(
            "\(name) choice", TensorView(floats: values, shape: [picked.count, count, 1, 1]))
        return try add(.convolution(Op.Convolution(weight: weight)), [node], name: name)
    }

    /// The channels of each output of Split, from first to last.
    mutating func split(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        let axis = try Self.axis(call.integer("axis", default: 0), axes.count, call)
        guard axes[axis] == .channel else { throw call.unsupported("it splits another axis than the channels") }
        let outputs = call.node.outputs
        let count = channels(node)
        let part = outputs.isEmpty ? count : (count + outputs.count - 1) / outputs.count
        let sizes = try integers(call, input: 1, or: "split") ?? outputs.indices.map { min(part, count - $0 * part) }
        guard sizes.count == outputs.count, sizes.allSatisfy({ (1...count).contains($0) }),
            sizes.reduce(0, +) == count
        else { throw call.unsupported("its parts \(sizes) are not \(count) channels") }
        var first = 0
        var result: ONNXValue?
        for (output, size) in zip(outputs, sizes) {
            let value = ONNXValue.map(
                try picked(node, channels: Array(first..<first + size), name: output.isEmpty ? call.output : output),
                axes)
            if result == nil { result = value }
            if !output.isEmpty, values[output] == nil { values[output] = value }
            first += size
        }
        guard let result else { throw call.unsupported("it has no outputs") }
        return result
    }

    /// Channels regrouped as ShuffleNet does: those of each place in their groups together.
    mutating func shuffled(
        _ node: Graph.NodeID, groups: Int, name: String
    ) throws(EngineError) -> Graph.NodeID {
        let width = channels(node) / groups
        let order = (0..<width).flatMap { place in (0..<groups).map { $0 * width + place } }
        return try picked(node, channels: order, name: name)
    }
}
