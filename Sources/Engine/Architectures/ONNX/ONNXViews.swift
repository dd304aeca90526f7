// ONNX operators that name the axes of a map anew, reduce them or join maps.

import Formats

extension ONNXImporter {
    /// Transposing changes nothing but the names of the axes.
    func transposed(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        let order = call.integers("perm") ?? Array(axes.indices.reversed())
        guard order.count == axes.count, Set(order) == Set(axes.indices) else {
            throw call.unsupported("its order \(order) does not fit")
        }
        return .map(node, order.map { axes[$0] })
    }

    /// Reshape, Flatten, Squeeze and Unsqueeze of a map, as far as it stays one; flattened for a head, it is none any more.
    mutating func reshaped(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        let sizes = sizes(node, axes)
        let target: [Int]
        switch call.node.kind {
        case "Reshape":
            guard let given = try integers(call, input: 1, or: "shape") else {
                throw call.unsupported("it has no shape")
            }
            target = try Self.reshaped(sizes, given, allowsZero: call.integer("allowzero", default: 0) == 1, call)
        case "Flatten": target = try Self.flattened(sizes, call)
        case "Unsqueeze":
            target = try Self.unsqueezed(sizes, try integers(call, input: 1, or: "axes") ?? [], call)
        default: target = try Self.squeezed(sizes, try integers(call, input: 1, or: "axes"), call)
        }
        if let axes = renamed(node, axes, sizes, target) { return .map(node, axes) }
        if axes.count == 5, case .group(let groups) = axes[2], axes[1] == .member(groups: groups),
            axes[3...] == [.row, .column], target == shapes[node].axes
        {
            return .map(try shuffled(node, groups: groups, name: call.output), .channelsFirst)
        }
        if target.count <= 2 { return .head(call.unsupported("it flattens a map")) }
        throw call.unsupported(
            "it rearranges a map of \(Shape(sizes)) to \(Shape(target)), as attention does")
    }

    /// The axes of a map seen in another shape; nil if they are mixed.
    private func renamed(
        _ node: Graph.NodeID, _ axes: [ONNXAxis], _ sizes: [Int], _ target: [Int]
    ) -> [ONNXAxis]? {
        if target == sizes { return axes }
        let shape = shapes[node]
        guard target.first == shape[0], axes.first == .batch else { return nil }
        let rest = Array(target.dropFirst())
        let (channels, area) = (shape[1], shape[2] * shape[3])
        if !isMap(node) {
            guard rest.count <= 3, let place = rest.firstIndex(of: channels),
                rest.indices.allSatisfy({ $0 == place || rest[$0] == 1 })
            else { return nil }
            switch (rest.count, place) {
            case (1, 0): return [.batch, .channel]
            case (2, 0): return [.batch, .channel, .position]
            case (2, 1): return [.batch, .position, .channel]
            case (3, 0): return .channelsFirst
            case (3, 2): return .channelsLast
            default: return nil
            }
        }
        if axes == .channelsFirst, rest.count == 2, (1..<channels).contains(rest[0]), channels % rest[0] == 0,
            rest[1] == channels / rest[0] * area
        {
            return [.batch, .group(rest[0]), .within(groups: rest[0])]
        }
        if axes == .channelsFirst, rest.count == 4, Array(rest[2...]) == [shape[2], shape[3]],
            (1...channels).contains(rest[0]), rest[0] * rest[1] == channels
        {
            return [.batch, .group(rest[0]), .member(groups: rest[0]), .row, .column]
        }
        if case .group = axes[1] { return rest == [channels, shape[2], shape[3]] ? .channelsFirst : nil }
        if axes[1] == .channel {
            if rest == [channels, area] { return [.batch, .channel, .position] }
            if rest == [channels, shape[2], shape[3]] { return .channelsFirst }
        } else if axes.last == .channel {
            if rest == [area, channels] { return [.batch, .position, .channel] }
            if rest == [shape[2], shape[3], channels] { return .channelsLast }
        }
        return nil
    }

    /// Expand to the same sizes.
    mutating func expanded(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        guard let target = try call.constant(1) else { throw call.unsupported("it has no shape") }
        let sizes = sizes(node, axes)
        let wanted = try integers(target)
        guard wanted.count <= sizes.count, zip(wanted.reversed(), sizes.reversed()).allSatisfy({ $0 == $1 || $0 == 1 })
        else { throw call.unsupported("it repeats a map") }
        return .map(node, axes)
    }

    /// The mean over all positions.
    mutating func mean(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        var reduced: Set<ONNXAxis> = []
        for axis in try integers(call, input: 1, or: "axes") ?? Array(axes.indices) {
            reduced.insert(axes[try Self.axis(axis, axes.count, call)])
        }
        guard reduced == [.row, .column] || reduced == [.position] else {
            throw call.unsupported("its mean is over other axes than rows and columns")
        }
        let pooled = isMap(node) ? try add(.globalAveragePool, [node], name: call.output) : node
        let isKept = call.integer("keepdims", default: 1) == 1
        return .map(pooled, isKept ? axes : axes.filter { !reduced.contains($0) })
    }

    /// Channels one after another.
    mutating func concatenation(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        guard call.inputs.allSatisfy({ if case .map = $0 { true } else { false } }) else {
            throw call.unsupported("it joins a map with constants, such as a class token")
        }
        let (nodes, axes) = try maps(call)
        let axis = try Self.axis(call.integer("axis", default: 1), axes.count, call)
        guard axes[axis] == .channel else {
            throw call.unsupported("it joins maps along another axis than the channels")
        }
        return .map(nodes.count == 1 ? nodes[0] : try add(.concatenate, nodes, name: call.output), axes)
    }
}
