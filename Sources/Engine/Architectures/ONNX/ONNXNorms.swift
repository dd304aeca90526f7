// ONNX's normalisations. Those by the image's own statistics are written out in means, sums and products.

import Formats

extension ONNXImporter {
    /// By running statistics.
    mutating func batchNorm(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (input, axes) = try call.map()
        guard axes.count > 1, axes[1] == .channel else {
            throw call.unsupported("its channels are not the second axis")
        }
        guard call.integer("training_mode", default: 0) == 0, call.integer("spatial", default: 1) == 1 else {
            throw call.unsupported("the graph was exported for training; call model.eval() before the export")
        }
        let shape: Shape = [channels(input)]
        func parameter(_ index: Int, _ what: String) throws(EngineError) -> Parameter {
            try self.parameter(try weight(call, index), shape: shape, name: "\(call.output) \(what)")
        }
        let norm = Op.BatchNorm(
            weight: try parameter(1, "weight"), bias: try parameter(2, "bias"), mean: try parameter(3, "mean"),
            variance: try parameter(4, "variance"), epsilon: call.float("epsilon", default: 1e-5))
        return .map(try add(.batchNorm(norm), [input], name: call.output), axes)
    }

    /// Over the channels of each position.
    mutating func layerNorm(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (input, axes) = try call.map()
        let axis = try Self.axis(call.integer("axis", default: -1), axes.count, call)
        guard axis == axes.count - 1, axes.last == .channel else {
            throw call.unsupported("it normalises over other axes than the channels")
        }
        let shape: Shape = [channels(input)]
        let norm = Op.LayerNorm(
            weight: try parameter(try weight(call, 1), shape: shape, name: "\(call.output) weight"),
            bias: try bias(call, 2, channels(input)), epsilon: call.float("epsilon", default: 1e-5))
        return .map(try add(.layerNorm(norm), [input], name: call.output), axes)
    }

    /// InstanceNormalization and GroupNormalization, by an image's mean and variance in each channel or group of channels.
    /// PyTorch exports groups as instances of a reshaped map.
    mutating func groupNorm(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (input, axes) = try call.map()
        let count = channels(input)
        var groups = count
        if case .group(let number)? = axes.dropFirst().first {
            groups = number
        } else if axes.count < 2 || axes[1] != .channel {
            throw call.unsupported("its channels are not the second axis")
        } else if call.node.kind == "GroupNormalization" {
            groups = call.integer("num_groups", default: 0)
        }
        guard groups > 0, count % groups == 0 else {
            throw call.unsupported("its \(groups) groups do not divide \(count) channels")
        }
        var (scale, shift) = (try vector(call, 1), try vector(call, 2))
        if scale.count == groups, shift.count == groups, groups < count {
            // Operator set 18 has one number for each group.
            scale = scale.flatMap { [Double](repeating: $0, count: count / groups) }
            shift = shift.flatMap { [Double](repeating: $0, count: count / groups) }
        }
        guard scale.count == count, shift.count == count else {
            throw call.unsupported("its scale and shift are not one number for each channel")
        }
        let name = call.output
        let mean = try groupMean(input, groups, name: "\(name) mean")
        let negative = try add(.scale(-1), [mean], name: "\(name) negative mean")
        let centred = try add(.add, [input, negative], name: "\(name) centred")
        let squares = try add(.multiply, [centred, centred], name: "\(name) squares")
        let variance = try groupMean(squares, groups, name: "\(name) variance")
        let root = Op.Activation.inverseSquareRoot(epsilon: call.float("epsilon", default: 1e-5))
        let factor = try add(.activation(root), [variance], name: "\(name) factor")
        let normal = try add(.multiply, [centred, factor], name: "\(name) normalised")
        if scale.allSatisfy({ $0 == 1 }), shift.allSatisfy({ $0 == 0 }) { return .map(normal, axes) }
        return .map(try affine(normal, scale: scale, shift: shift, name: name), axes)
    }

    /// The numbers of a constant with one axis.
    private mutating func vector(_ call: ONNXCall, _ index: Int) throws(EngineError) -> [Double] {
        let (values, origins) = try numbers(try weight(call, index))
        use(origins)
        return values
    }

    /// The mean of each group's channels and positions, for each channel: means of channels, averaged by a matrix.
    private mutating func groupMean(
        _ input: Graph.NodeID, _ groups: Int, name: String
    ) throws(EngineError) -> Graph.NodeID {
        let count = channels(input)
        guard groups < count else { return try add(.globalAveragePool, [input], name: name) }
        let means = try add(.globalAveragePool, [input], name: "\(name) of channels")
        let weight = try averagingMatrix(count, groups)
        return try add(.convolution(Op.Convolution(weight: weight)), [means], name: name)
    }
}
