// ONNX's arithmetic between maps, and between maps and constants for all or each of the channels.

import Formats

extension ONNXImporter {
    /// Translates a sum, product, bound and the like.
    mutating func arithmetic(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        switch call.node.kind {
        case "Sum", "Mean":
            let (nodes, axes) = try maps(call)
            guard nodes.count > 1 else { return .map(nodes[0], axes) }
            guard call.node.kind == "Mean" else { return .map(try add(.add, nodes, name: call.output), axes) }
            let sum = try add(.add, nodes, name: "\(call.output) sum")
            return .map(try add(.scale(1 / Float(nodes.count)), [sum], name: call.output), axes)
        case "Neg":
            let (node, axes) = try call.map()
            return .map(try add(.scale(-1), [node], name: call.output), axes)
        case "Clip":
            let (node, axes) = try call.map()
            let low = try bound(call, 1, "min") ?? -.infinity
            let high = try bound(call, 2, "max") ?? .infinity
            return .map(try clip(node, from: low, to: high, call), axes)
        case "PRelu": return try slope(call)
        default: break
        }
        guard call.inputs.count == 2 else { throw call.unsupported("it needs two inputs") }
        guard call.opset >= 7 || call.integer("broadcast", default: 0) == 0 else {
            throw call.unsupported("it repeats its second input by the rules before operator set 7; export anew")
        }
        if case .map(let first, let axes) = call.inputs[0], case .map(let second, let others) = call.inputs[1] {
            return .map(try joined(call, first, axes, second, others), axes.count >= others.count ? axes : others)
        }
        let isReversed = if case .constant = call.inputs[0] { true } else { false }
        let (node, axes) = try call.map(isReversed ? 1 : 0)
        guard let constant = try call.constant(isReversed ? 0 : 1) else {
            throw call.unsupported("it needs two inputs")
        }
        return .map(try withConstant(call, node, axes, constant, isReversed: isReversed), axes)
    }

    /// The maps of all inputs, in one order of axes.
    func maps(_ call: ONNXCall) throws(EngineError) -> (nodes: [Graph.NodeID], axes: [ONNXAxis]) {
        let (_, axes) = try call.map()
        var nodes: [Graph.NodeID] = []
        for index in call.inputs.indices {
            let (node, own) = try call.map(index)
            guard own == axes else { throw call.unsupported("it joins values in different orders") }
            nodes.append(node)
        }
        return (nodes, axes)
    }

    private mutating func bound(_ call: ONNXCall, _ index: Int, _ key: String) throws(EngineError) -> Double? {
        if let constant = try call.constant(index) {
            let (values, origins) = try numbers(constant)
            guard values.count == 1 else { throw call.unsupported("its \(key) must be one number") }
            use(origins)
            return abs(values[0]) >= 3e38 ? values[0] * .infinity : values[0]
        }
        guard case .float(let value) = call.node.attributes[key] else { return nil }
        return abs(value) >= 3e38 ? Double(value) * .infinity : Double(value)
    }

    // MARK: Two maps

    private mutating func joined(
        _ call: ONNXCall, _ first: Graph.NodeID, _ axes: [ONNXAxis], _ second: Graph.NodeID, _ others: [ONNXAxis]
    ) throws(EngineError) -> Graph.NodeID {
        let isSame =
            axes == others
            || (!isMap(first) && !isMap(second) && axes.count == others.count
                && axes.firstIndex(of: .channel) == others.firstIndex(of: .channel))
        guard isSame else { throw call.unsupported("it joins values in different orders") }
        switch call.node.kind {
        case "Add": return try add(.add, [first, second], name: call.output)
        case "Sub":
            let negative = try add(.scale(-1), [second], name: "\(call.output) negative")
            return try add(.add, [first, negative], name: call.output)
        case "Mul":
            if let gated = gate(first, second) {
                let value = graph.nodes[first].inputs == [second] ? second : first
                return try add(gated, [value], name: call.output)
            }
            return try add(.multiply, [first, second], name: call.output)
        default: throw call.unsupported("it does not join maps here")
        }
    }

    // MARK: A map and a constant

    private mutating func withConstant(
        _ call: ONNXCall, _ node: Graph.NodeID, _ axes: [ONNXAxis], _ constant: ONNXConstant, isReversed: Bool
    ) throws(EngineError) -> Graph.NodeID {
        if call.node.kind == "Mul", let factors = try learnedFactors(call, constant, node, axes) {
            return try add(.channelScale(factors), [node], name: call.output)
        }
        let values = try channelNumbers(call, constant, node, axes)
        switch (call.node.kind, isReversed) {
        case ("Add", _): return try affine(node, scale: [1], shift: values, name: call.output)
        case ("Sub", false): return try affine(node, scale: [1], shift: values.map { -$0 }, name: call.output)
        case ("Sub", true): return try affine(node, scale: [-1], shift: values, name: call.output)
        case ("Mul", _): return try affine(node, scale: values, shift: [0], name: call.output)
        case ("Div", false) where !values.contains(0):
            return try affine(node, scale: values.map { 1 / $0 }, shift: [0], name: call.output)
        case ("Pow", false) where values == [1]: return node
        case ("Pow", false) where values == [2]: return try add(.multiply, [node, node], name: call.output)
        case ("Pow", false) where values == [3]:
            let square = try add(.multiply, [node, node], name: "\(call.output) part 1")
            return try add(.multiply, [square, node], name: call.output)
        case ("Max", _) where values.count == 1:
            return try clip(node, from: values[0], to: .infinity, call)
        case ("Min", _) where values.count == 1:
            return try clip(node, from: -.infinity, to: values[0], call)
        default: throw call.unsupported("with this constant it is not supported")
        }
    }

    /// The factors of a layer scale: a stored weight with one number for each channel.
    private mutating func learnedFactors(
        _ call: ONNXCall, _ constant: ONNXConstant, _ node: Graph.NodeID, _ axes: [ONNXAxis]
    ) throws(EngineError) -> Parameter? {
        guard case .weight(let weight, _) = constant.content, weight.isLearned, constant.count == channels(node),
            constant.count > 1, isForChannels(constant, node, axes)
        else { return nil }
        return try parameter(constant, shape: [constant.count], name: "\(call.output) factors")
    }

    /// Whether a constant has one number, or one for each channel.
    private func isForChannels(_ constant: ONNXConstant, _ node: Graph.NodeID, _ axes: [ONNXAxis]) -> Bool {
        let rank = axes.count - constant.shape.count
        let wide = constant.shape.indices.filter { constant.shape[$0] != 1 }
        return (rank >= 0 || wide.isEmpty) && constant.shape.allSatisfy { $0 > 0 }
            && wide.allSatisfy {
                $0 + rank >= 0 && axes[$0 + rank] == .channel && constant.shape[$0] == channels(node)
            }
    }

    /// One number, or one for each channel, that a constant gives to every position of a map.
    private mutating func channelNumbers(
        _ call: ONNXCall, _ constant: ONNXConstant, _ node: Graph.NodeID, _ axes: [ONNXAxis]
    ) throws(EngineError) -> [Double] {
        guard isForChannels(constant, node, axes) else {
            throw call.unsupported(
                "its constant of \(Shape(constant.shape)) is neither one number nor one for each channel")
        }
        let (values, origins) = try numbers(constant)
        use(origins)
        guard values.allSatisfy({ $0.isFinite }) else {
            throw .nonFiniteWeights(tensor: origins.first?.name ?? call.output, count: values.count { !$0.isFinite })
        }
        return values
    }

    /// value · scale + shift, for all channels or each; joins with one before it. Nothing is added where nothing changes.
    mutating func affine(
        _ node: Graph.NodeID, scale: [Double], shift: [Double], name: String
    ) throws(EngineError) -> Graph.NodeID {
        if scale == [1], shift == [0] { return node }
        let count = channels(node)
        var source = node
        func spread(_ values: [Double]) -> [Float] {
            values.count == 1 ? [Float](repeating: Float(values[0]), count: count) : values.map { Float($0) }
        }
        if scale.count == 1, shift == [0] { return try add(.scale(Float(scale[0])), [node], name: name) }
        var (scales, shifts) = (spread(scale), spread(shift))
        if case .affine(let before, let moved) = graph.nodes[node].op {
            shifts = shifts.indices.map { scales[$0] * moved[$0] + shifts[$0] }
            scales = scales.indices.map { scales[$0] * before[$0] }
            source = graph.nodes[node].inputs[0]
        }
        return try add(.affine(scale: scales, shift: shifts), [source], name: name)
    }

    /// max(x, 0) − slope · max(−x, 0).
    private mutating func slope(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        guard let constant = try call.constant(1) else { throw call.unsupported("its slope is missing") }
        let slopes = try channelNumbers(call, constant, node, axes)
        if slopes.count == 1 {
            return .map(try add(.activation(.leakyRelu(slope: Float(slopes[0]))), [node], name: call.output), axes)
        }
        let positive = try add(.activation(.relu(cap: nil)), [node], name: "\(call.output) part 1")
        let turned = try add(.scale(-1), [node], name: "\(call.output) part 2")
        let negative = try add(.activation(.relu(cap: nil)), [turned], name: "\(call.output) part 3")
        let sloped = try affine(
            negative, scale: slopes.map { -$0 }, shift: [0], name: "\(call.output) part 4")
        return .map(try add(.add, [positive, sloped], name: call.output), axes)
    }
}
