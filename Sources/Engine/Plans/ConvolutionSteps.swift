// Convolutions: BatchNorm and constant factors folded into the weights, sums and activations as post-operations. Those
// that Winograd's filtering shortens go to WinogradSteps.swift.

import COneDNN
import Formats

extension PlanBuilder {
    /// Appends a convolution with everything fused to it.
    func addConvolution(_ node: FusedNode, _ convolution: Op.Convolution, isTransposed: Bool) throws(EngineError) {
        if node.doublesInput { return try addDoublingConvolution(node, convolution) }
        let weights = try FoldedWeights(convolution, node.folded, isTransposed: isTransposed, parameters: parameters)
        try addConvolution(node, convolution, weights, isTransposed: isTransposed)
    }

    /// The same with given weights, everything folded in.
    func addConvolution(
        _ node: FusedNode, _ convolution: Op.Convolution, _ given: FoldedWeights, isTransposed: Bool
    ) throws(EngineError) {
        let source = try layout(of: node.inputs[0])
        let target = try layout(of: node.output)
        let geometry = ConvolutionGeometry(
            node, convolution, source: source, target: target, isTransposed: isTransposed)
        var weights = given
        weights.fill(geometry)
        if let residual = node.residual, !sharesMemory(residual, node.output) {
            try addCopy(from: residual, to: node.output)
        }
        if let plan = WinogradPlan(geometry, activation: node.activation) {
            return try addWinograd(node, plan, weights)
        }
        let primitive = try convolutionPrimitive(node, geometry, hasBias: weights.bias != nil)
        var arguments: [(Primitive.Role, MemoryReference)] = [
            (.source, try memory(of: node.inputs[0])), (.destination, try memory(of: node.output)),
            (.weights, constant(try packed(weights, geometry, for: primitive))),
        ]
        if let bias = weights.bias { arguments.append((.bias, constant(bias))) }
        append(primitive, layer: node.name, arguments)
    }

    /// A 1×1 convolution between buffers that are not graph values (attention's projections).
    func addPointwise(
        weight: Parameter, bias: Parameter?, from source: (MemoryReference, MapLayout),
        to target: (MemoryReference, MapLayout), layer: String
    ) throws(EngineError) {
        let convolution = Op.Convolution(
            weight: Parameter(weight.name, [weight.shape[0], weight.shape[1], 1, 1]), bias: bias)
        let weights = try FoldedWeights(convolution, [], isTransposed: false, parameters: parameters)
        try addPointwise(convolution, weights, from: source, to: target, layer: layer)
    }

    /// The same with given weights.
    func addPointwise(
        _ convolution: Op.Convolution, _ given: FoldedWeights, from source: (MemoryReference, MapLayout),
        to target: (MemoryReference, MapLayout), layer: String
    ) throws(EngineError) {
        let kernel = try pointwise(convolution, given, from: source.1, to: target.1, layer: layer)
        append(kernel.primitive, layer: layer, kernel.arguments(from: source.0, to: target.0))
    }

    /// A 1×1 convolution to be appended, once or several times.
    func pointwise(
        _ convolution: Op.Convolution, _ given: FoldedWeights, from source: MapLayout, to target: MapLayout,
        layer: String
    ) throws(EngineError) -> PointwiseKernel {
        let node = FusedNode(op: .convolution(convolution), inputs: [], output: 0, name: layer)
        let geometry = ConvolutionGeometry(node, convolution, source: source, target: target, isTransposed: false)
        var weights = given
        weights.fill(geometry)
        let primitive = try convolutionPrimitive(node, geometry, hasBias: weights.bias != nil)
        var constants: [(Primitive.Role, MemoryReference)] = [
            (.weights, constant(try packed(weights, geometry, for: primitive)))
        ]
        if let bias = weights.bias { constants.append((.bias, constant(bias))) }
        return PointwiseKernel(primitive: primitive, constants: constants)
    }

    private func convolutionPrimitive(
        _ node: FusedNode, _ geometry: ConvolutionGeometry, hasBias: Bool
    ) throws(EngineError) -> Primitive {
        let source = try geometry.source.described()
        let target = try geometry.target.described()
        var spec = geometry.specification
        spec.source = source.handle
        spec.destination = target.handle
        spec.has_bias = hasBias ? 1 : 0
        spec.post = PostOperations.describe(sums: node.residual != nil, node.activation)
        return try withExtendedLifetimes(source, target) { () throws(EngineError) in
            return try Primitive("dnnl_convolution (\(node.name))") {
                CDNN_convolution_create(stream.handle, &spec, $0)
            }
        }
    }

    /// Reorders weights into the layout that the kernel asked for.
    private func packed(
        _ weights: FoldedWeights, _ geometry: ConvolutionGeometry, for primitive: Primitive
    ) throws(EngineError) -> AlignedBuffer {
        guard let wanted = try primitive.layout(.weights) else {
            throw .library(call: "dnnl_convolution", detail: "no weights layout")
        }
        let plain = try Layout(geometry.weightAxes, .plain)
        let reorder = try Primitive("dnnl_reorder (weights)") {
            CDNN_reorder_create(stream.handle, plain.handle, wanted.handle, $0)
        }
        let from = AlignedBuffer(weights.values)
        let to = AlignedBuffer(byteCount: wanted.byteCount)
        let scratch = AlignedBuffer(byteCount: reorder.scratchByteCount)
        var arguments = [
            (role: Primitive.Role.source.rawValue, data: from.base),
            (role: Primitive.Role.destination.rawValue, data: to.base),
        ]
        if reorder.scratchByteCount > 0 { arguments.append((Primitive.Role.scratchpad.rawValue, scratch.base)) }
        try Step(reorder, stream, arguments).run(on: stream)
        try stream.wait()
        withExtendedLifetime((from, scratch)) {}
        return to
    }
}

/// Keeps two layouts alive while `body` uses their handles.
private func withExtendedLifetimes<Result>(
    _ a: Layout, _ b: Layout, _ body: () throws(EngineError) -> Result
) throws(EngineError) -> Result {
    defer { withExtendedLifetime((a, b)) {} }
    return try body()
}

/// A 1×1 convolution with its weights.
struct PointwiseKernel {
    let primitive: Primitive
    fileprivate let constants: [(Primitive.Role, MemoryReference)]

    func arguments(from source: MemoryReference, to target: MemoryReference) -> [(Primitive.Role, MemoryReference)] {
        [(.source, source), (.destination, target)] + constants
    }
}

/// Sizes and padding of one convolution, with channels rounded up to whole blocks.
struct ConvolutionGeometry {
    let source: MapLayout, target: MapLayout
    let groups: Int
    /// How many of the network's groups are computed as one (with zero weights between them) to fill a vector.
    let mergedGroups: Int
    let kernel: Size2
    let specification: CDNN_convolution

    init(_ node: FusedNode, _ convolution: Op.Convolution, source: MapLayout, target: MapLayout, isTransposed: Bool) {
        self.source = source
        self.target = target
        let shape = convolution.weight.shape
        kernel = Size2(shape[2], shape[3])
        // A depthwise convolution has one group per channel, padding channels included.
        let isDepthwise = convolution.groups > 1 && convolution.groups == source.channels
        mergedGroups = isDepthwise ? 1 : MapLayout.mergedGroups(convolution, source: source, target: target)
        groups = isDepthwise ? source.storedChannels : convolution.groups / mergedGroups
        var padding = convolution.padding.resolved(
            input: Size2(source.height, source.width), window: kernel, stride: convolution.stride,
            dilation: convolution.dilation)
        padding.top += node.extraPadding.top
        padding.left += node.extraPadding.left
        padding.bottom += node.extraPadding.bottom
        padding.right += node.extraPadding.right
        var spec = CDNN_convolution()
        spec.kernel = (Int64(kernel.height), Int64(kernel.width))
        spec.stride = (Int64(convolution.stride.height), Int64(convolution.stride.width))
        spec.dilation = (Int64(convolution.dilation.height), Int64(convolution.dilation.width))
        spec.before = (Int64(padding.top), Int64(padding.left))
        spec.after = (Int64(padding.bottom), Int64(padding.right))
        spec.groups = Int64(groups)
        spec.transposed = isTransposed ? 1 : 0
        specification = spec
    }

    /// The plain weight tensor's axes as oneDNN counts them.
    var weightAxes: [Int] {
        let outputs = target.storedChannels, inputs = source.storedChannels
        return groups > 1
            ? [groups, outputs / groups, inputs / groups, kernel.height, kernel.width]
            : [outputs, inputs, kernel.height, kernel.width]
    }
}

/// A kernel and bias with the BatchNorms and factors behind them multiplied in.
///
/// For y = γ (conv(x) + b − μ) / √(σ² + ε) + β: W′ = W·s, b′ = (b − μ)·s + β with s = γ / √(σ² + ε), in double.
struct FoldedWeights {
    /// O×I/groups×h×w, row-major; rounded up to whole blocks after ``fill(_:)``.
    private(set) var values: [Float]
    private(set) var bias: [Float]?
    private let outputs: Int, inputs: Int, kernelArea: Int

    /// Values with nothing to fold, O×I×1×1.
    init(pointwise values: [Float], outputs: Int, inputs: Int) {
        self.values = values
        self.outputs = outputs
        self.inputs = inputs
        kernelArea = 1
    }

    private init(values: [Float], bias: [Float]?, outputs: Int, inputs: Int, kernelArea: Int) {
        self.values = values
        self.bias = bias
        self.outputs = outputs
        self.inputs = inputs
        self.kernelArea = kernelArea
    }

    /// The weights of some neighbouring inputs, of a convolution in one group.
    func part(inputs range: Range<Int>) -> FoldedWeights {
        var part: [Float] = []
        part.reserveCapacity(outputs * range.count * kernelArea)
        for output in 0..<outputs {
            let first = output * inputs
            part += values[(first + range.lowerBound) * kernelArea..<(first + range.upperBound) * kernelArea]
        }
        return FoldedWeights(
            values: part, bias: bias, outputs: outputs, inputs: range.count, kernelArea: kernelArea)
    }

    init(
        _ convolution: Op.Convolution, _ folds: [FusedNode.Fold], isTransposed: Bool, parameters: any ParameterSource
    ) throws(EngineError) {
        let shape = convolution.weight.shape
        let groups = convolution.groups
        outputs = isTransposed ? shape[1] * groups : shape[0]
        inputs = isTransposed ? shape[0] / groups : shape[1]
        kernelArea = shape[2] * shape[3]
        values = try parameters.floats(of: convolution.weight)
        if isTransposed {
            values = Self.swappingFirstAxes(values, groups: groups, inputs, shape[1], kernelArea)
        }
        var bias: [Double]?
        if let parameter = convolution.bias { bias = try parameters.floats(of: parameter).map(Double.init) }
        guard !folds.isEmpty else {
            self.bias = bias.map { $0.map { Float($0) } }
            return
        }
        var factor = [Double](repeating: 1, count: outputs)
        var shift = bias ?? [Double](repeating: 0, count: outputs)
        for fold in folds {
            switch fold {
            case .scale(let constant):
                for o in 0..<outputs {
                    factor[o] *= Double(constant)
                    shift[o] *= Double(constant)
                }
            case .channelScale(let factors):
                let scale = try parameters.floats(of: factors)
                for o in 0..<outputs {
                    factor[o] *= Double(scale[o])
                    shift[o] *= Double(scale[o])
                }
            case .batchNorm(let norm):
                let (scale, offset) = try norm.affine(parameters)
                for o in 0..<outputs {
                    factor[o] *= scale[o]
                    shift[o] = shift[o] * scale[o] + offset[o]
                }
            }
        }
        let stride = values.count / max(outputs, 1)
        values.withUnsafeMutableBufferPointer { values in
            for o in 0..<outputs {
                let scale = factor[o]
                for index in o * stride..<(o + 1) * stride { values[index] = Float(Double(values[index]) * scale) }
            }
        }
        self.bias = shift.map { Float($0) }
    }

    /// The bias, zeros where there is none, with zeros for the padding channels of blocked layouts.
    func storedBias(_ storedOutputs: Int) -> [Float] {
        let known = bias ?? []
        return known + [Float](repeating: 0, count: max(storedOutputs - known.count, 0))
    }

    /// Adds zero weights for the padding channels of blocked layouts.
    mutating func fill(_ geometry: ConvolutionGeometry) {
        if geometry.mergedGroups > 1 { return mergeGroups(geometry.mergedGroups, groups: geometry.groups) }
        let storedOutputs = geometry.target.storedChannels
        let storedInputs = geometry.groups > 1 ? inputs : geometry.source.storedChannels
        if bias != nil { bias = storedBias(storedOutputs) }
        guard storedOutputs != outputs || storedInputs != inputs else { return }
        var filled = [Float](repeating: 0, count: storedOutputs * storedInputs * kernelArea)
        for o in 0..<outputs {
            let from = o * inputs * kernelArea
            filled.replaceSubrange(
                o * storedInputs * kernelArea..<o * storedInputs * kernelArea + inputs * kernelArea,
                with: values[from..<from + inputs * kernelArea])
        }
        values = filled
    }

    /// Puts `count` neighbouring groups into one: O×(I·count)×h×w with zeros where an output does not read an input.
    private mutating func mergeGroups(_ count: Int, groups: Int) {
        let perGroup = outputs / (groups * count)
        var merged = [Float](repeating: 0, count: values.count * count)
        for o in 0..<outputs {
            let place = o / perGroup % count
            let to = (o * count + place) * inputs * kernelArea
            let from = o * inputs * kernelArea
            merged.replaceSubrange(to..<to + inputs * kernelArea, with: values[from..<from + inputs * kernelArea])
        }
        values = merged
    }

    /// Within each group, I×O×h×w to O×I×h×w.
    private static func swappingFirstAxes(
        _ values: [Float], groups: Int, _ inputs: Int, _ outputs: Int, _ area: Int
    ) -> [Float] {
        var result = [Float](repeating: 0, count: values.count)
        for group in 0..<groups {
            let start = group * inputs * outputs * area
            for i in 0..<inputs {
                for o in 0..<outputs {
                    for k in 0..<area {
                        result[start + (o * inputs + i) * area + k] = values[start + (i * outputs + o) * area + k]
                    }
                }
            }
        }
        return result
    }
}

extension ParameterSource {
    /// A parameter's values as an array.
    func floats(of parameter: Parameter) throws(EngineError) -> [Float] {
        let view = try values(of: parameter)
        guard let floats = view.floats(), floats.count == parameter.shape.elementCount else {
            throw .shape(
                operation: "parameter '\(parameter.name)'", expected: "\(parameter.shape) real numbers",
                found: "\(view.shape) \(view.dtype)")
        }
        return floats
    }
}

extension Op.BatchNorm {
    /// The normalisation as y = scale·x + offset per channel, in double.
    func affine(_ parameters: any ParameterSource) throws(EngineError) -> (scale: [Double], offset: [Double]) {
        let mean = try parameters.floats(of: mean).map(Double.init)
        let variance = try parameters.floats(of: variance).map(Double.init)
        let weight = try self.weight.map { (parameter) throws(EngineError) in try parameters.floats(of: parameter) }
        let bias = try self.bias.map { (parameter) throws(EngineError) in try parameters.floats(of: parameter) }
        // A ReLU behind it would turn the roots of negative numbers into zeros that look like features.
        let negative = variance.count { $0 + Double(epsilon) <= 0 }
        guard negative == 0 else { throw .negativeVariance(tensor: self.variance.name, count: negative) }
        let scale = variance.indices.map { index in
            Double(weight?[index] ?? 1) / (variance[index] + Double(epsilon)).squareRoot()
        }
        let offset = mean.indices.map { Double(bias?[$0] ?? 0) - mean[$0] * scale[$0] }
        return (scale, offset)
    }
}
