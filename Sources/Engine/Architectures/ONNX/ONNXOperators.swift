// What each ONNX operator means as operations. Source: onnx/docs/Operators.md, operator sets 7 to 24.

import Formats

extension ONNXImporter {
    /// The operators that are known, some only with certain settings or as part of a head.
    static let kinds: Set<String> = Set(activationKinds.keys).union([
        "Constant", "ConstantOfShape", "Identity", "Dropout", "Cast", "CastLike", "Shape", "Size", "Gather", "Concat",
        "Slice", "Split", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Expand", "Range", "Where",
        "Equal", "Conv",
        "ConvTranspose", "Gemm", "MatMul", "BatchNormalization", "LayerNormalization", "InstanceNormalization",
        "GroupNormalization", "MaxPool", "AveragePool",
        "GlobalAveragePool", "ReduceMean", "Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Neg", "Max", "Min",
        "Clip",
        "PRelu", "Pad", "Resize", "Upsample", "SpaceToDepth", "DepthToSpace", "Softmax", "LogSoftmax", "ArgMax", "Erf",
        "Sqrt",
    ])

    /// Translates an operator that has a map among its inputs.
    ///
    /// - Throws: ``EngineError`` with `.unsupportedLayer` for operators and settings that are not run.
    mutating func translate(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        try checkPadding(call)
        if let layer = patterns.ends[call.index] { return try pattern(layer.kind, call) }
        guard call.node.domain.isEmpty else {
            throw call.unsupported("operators of '\(call.node.domain)' are not known here")
        }
        if Self.activationKinds[call.node.kind] != nil { return try activation(call) }
        switch call.node.kind {
        case "Identity", "Dropout", "Cast", "CastLike": return try passed(call)
        case "Shape":
            let (node, axes) = try call.map()
            return .constant(.integers(Self.part(of: sizes(node, axes), call), origins: [.imageSize]))
        case "Conv": return .map(try convolution(call), .channelsFirst)
        case "ConvTranspose": return try transposedConvolution(call)
        case "MatMul", "Gemm": return try linear(call)
        case "BatchNormalization": return try batchNorm(call)
        case "LayerNormalization": return try layerNorm(call)
        case "InstanceNormalization", "GroupNormalization": return try groupNorm(call)
        case "MaxPool", "AveragePool": return .map(try pool(call), .channelsFirst)
        case "GlobalAveragePool":
            return .map(try add(.globalAveragePool, [try call.image()], name: call.output), .channelsFirst)
        case "ReduceMean": return try mean(call)
        case "Add", "Sub", "Mul", "Div", "Pow", "Sum", "Mean", "Neg", "Max", "Min", "Clip", "PRelu":
            return try arithmetic(call)
        case "Concat": return try concatenation(call)
        case "Split": return try split(call)
        case "Pad": return try pad(call)
        case "Slice": return try slice(call)
        case "Resize", "Upsample": return try resize(call)
        case "SpaceToDepth": return .map(try spaceToDepth(call), .channelsFirst)
        case "DepthToSpace": return .beyond
        case "Transpose": return try transposed(call)
        case "Reshape", "Flatten", "Squeeze", "Unsqueeze": return try reshaped(call)
        case "Expand": return try expanded(call)
        case "Softmax", "LogSoftmax", "ArgMax": return .head(call.unsupported("it makes probabilities of a map"))
        default: throw call.unsupported("this version knows the operators of common convolutional encoders only")
        }
    }

    /// Operators that change nothing in a trained network.
    private func passed(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        if call.node.kind == "Cast", [2, 3, 4, 5, 6, 7, 9, 12, 13].contains(call.integer("to", default: 1)) {
            throw call.unsupported("it makes integers of a map")
        }
        guard let input = call.inputs.first ?? nil else { throw call.unsupported("it has no input") }
        return input
    }

    private mutating func pattern(_ kind: ONNXPatterns.Layer.Kind, _ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        switch kind {
        case .gelu: return .map(try add(.activation(.gelu), [node], name: call.output), axes)
        case .layerNorm(let reduced, let epsilon):
            guard reduced.count == 1, axes[try Self.axis(reduced[0], axes.count, call)] == .channel else {
                throw call.unsupported("it normalises over other axes than the channels")
            }
            let norm = Op.LayerNorm(weight: nil, bias: nil, epsilon: epsilon)
            return .map(try add(.layerNorm(norm), [node], name: call.output), axes)
        }
    }

    // MARK: Layers with weights

    /// A weight that must be there.
    func weight(_ call: ONNXCall, _ index: Int) throws(EngineError) -> ONNXConstant {
        guard let constant = try call.constant(index) else {
            throw call.unsupported("its input \(index + 1) is missing")
        }
        return constant
    }

    /// A bias that is not all zero. Exporters write zeros where there is none.
    mutating func bias(_ call: ONNXCall, _ index: Int, _ count: Int) throws(EngineError) -> Parameter? {
        guard let constant = try call.constant(index) else { return nil }
        if case .numbers(let values, _, let origins) = constant.content, origins.isEmpty, values.allSatisfy({ $0 == 0 })
        {
            return nil
        }
        return try parameter(constant, shape: [count], name: "\(call.output) bias")
    }

    /// Whether a constant can be the kernel of a convolution of images.
    private static func isKernel(_ kernel: ONNXConstant) -> Bool {
        kernel.shape.count == 4 && kernel.shape.allSatisfy { (1...1 << 20).contains($0) }
    }

    private mutating func convolution(_ call: ONNXCall) throws(EngineError) -> Graph.NodeID {
        let kernel = try weight(call, 1)
        let groups = call.integer("group", default: 1)
        guard Self.isKernel(kernel), (1...1 << 16).contains(groups), kernel.shape[0] % groups == 0 else {
            throw call.unsupported("its kernel must be O×I×h×w: only images are supported, not signals or volumes")
        }
        let size = Size2(kernel.shape[2], kernel.shape[3])
        let dilation = try call.pair("dilations", default: Size2(1))
        let stride = try call.pair("strides", default: Size2(1))
        let (input, padding) = try padded(call, size: size, stride: stride, dilation: dilation, value: 0)
        let convolution = Op.Convolution(
            weight: try parameter(kernel, shape: Shape(kernel.shape), name: call.output),
            bias: try bias(call, 2, kernel.shape[0]), stride: stride, padding: padding, dilation: dilation,
            groups: groups)
        return try add(.convolution(convolution), [input], name: call.output)
    }

    /// What is not supported here belongs to a decoder, where no level is taken.
    private mutating func transposedConvolution(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let input = try call.image()
        let kernel = try weight(call, 1)
        let groups = call.integer("group", default: 1)
        guard Self.isKernel(kernel), (1...1 << 16).contains(groups) else {
            throw call.unsupported("its kernel must be I×O×h×w")
        }
        let stride = try call.pair("strides", default: Size2(1))
        let isEnlarging = stride != Size2(1)
        let extra = call.integers("output_padding") ?? [0, 0]
        guard call.integers("output_shape") == nil, extra.count == 2, extra.allSatisfy({ (0..<64).contains($0) }),
            let padding = fixedPadding(call)
        else {
            if isEnlarging { return .beyond }
            throw call.unsupported("its padding is not supported")
        }
        let convolution = Op.Convolution(
            weight: try parameter(kernel, shape: Shape(kernel.shape), name: call.output),
            bias: try bias(call, 2, kernel.shape[1] * groups), stride: stride, padding: .fixed(padding),
            dilation: try call.pair("dilations", default: Size2(1)), groups: groups)
        let op = Op.transposedConvolution(convolution, outputPadding: Size2(extra[0], extra[1]))
        return .map(try add(op, [input], name: call.output), .channelsFirst)
    }

    /// MatMul or Gemm of a map's channels with a matrix: a convolution of 1×1. A sum with a bias behind it is taken along.
    private mutating func linear(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (input, axes) = try call.map()
        let matrix = try weight(call, 1)
        let isGemm = call.node.kind == "Gemm"
        guard axes.last == .channel, matrix.shape.count == 2 else {
            throw call.unsupported("it multiplies something else than a map's channels with a matrix")
        }
        if isGemm {
            guard call.integer("transA", default: 0) == 0, call.float("alpha", default: 1) == 1,
                call.float("beta", default: 1) == 1, axes == [.batch, .channel]
            else { throw call.unsupported("its factors are not supported") }
        }
        let isTransposed = isGemm && call.integer("transB", default: 0) == 1
        let outputs = matrix.shape[isTransposed ? 0 : 1]
        let inputs = matrix.shape[isTransposed ? 1 : 0]
        var convolution = Op.Convolution(
            weight: try parameter(
                matrix, order: isTransposed ? nil : [1, 0], shape: [outputs, inputs, 1, 1], name: call.output))
        var name = call.output
        if isGemm {
            convolution.bias = try bias(call, 2, outputs)
        } else if let next = patterns.reader(of: call.output), let added = biasBehind(call, next, outputs) {
            convolution.bias = try parameter(added, shape: [outputs], name: "\(call.output) bias")
            name = model.graph.nodes[next].outputs.first ?? name
            done.insert(next)
        }
        let value = ONNXValue.map(try add(.convolution(convolution), [input], name: name), axes)
        if name != call.output { values[name] = value }
        return value
    }

    /// The bias of a sum of a matrix product and one number for each of its outputs.
    private func biasBehind(_ call: ONNXCall, _ next: Int, _ outputs: Int) -> ONNXConstant? {
        let node = model.graph.nodes[next]
        guard node.kind == "Add", node.domain.isEmpty, node.inputs.count == 2, patterns.ends[next] == nil,
            !patterns.skipped.contains(next)
        else { return nil }
        let name = node.inputs[0] == call.output ? node.inputs[1] : node.inputs[0]
        guard case .constant(let constant) = values[name], constant.shape == [outputs] else { return nil }
        return constant
    }
}
