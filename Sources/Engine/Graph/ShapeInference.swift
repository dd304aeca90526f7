// Output shapes of every operation, with the framework's rounding rules.

public import Formats

extension Graph {
    /// The shape N×C×h×w of every node for an input of the given shape.
    ///
    /// - Throws: ``EngineError`` with `.shape` naming the layer where sizes do not fit.
    public func outputShapes(input: Shape) throws(EngineError) -> [Shape] {
        guard input.rank == 4, input.axes.allSatisfy({ $0 > 0 }), input[1] == inputChannels else {
            throw .shape(operation: "input", expected: "N×\(inputChannels)×h×w", found: "\(input)")
        }
        var shapes: [Shape] = []
        for node in nodes {
            let inputs = node.inputs.map { shapes[$0] }
            shapes.append(inputs.isEmpty ? input : try node.outputShape(of: inputs))
        }
        return shapes
    }
}

extension Graph.Node {
    /// The output's shape for the given input shapes (at least one).
    func outputShape(of inputs: [Shape]) throws(EngineError) -> Shape {
        let first = inputs[0]
        switch op {
        case .input, .batchNorm, .layerNorm, .activation, .scale, .affine, .channelScale, .dropPath:
            return try checkedChannels(first)
        case .windowAttention:
            return try checkedChannels(first)
        case .convolution(let convolution): return try convolutionShape(convolution, first)
        case .transposedConvolution(let convolution, let outputPadding):
            return try transposedShape(convolution, outputPadding, first)
        case .maxPool(let window), .averagePool(let window, _):
            return try windowedShape(
                first, channels: first[1], window: window.size, stride: window.stride, dilation: Size2(1),
                padding: window.padding, roundsUp: window.roundsUp)
        case .tokens(let tokens): return try tokensShape(tokens, first)
        case .selfAttention(let heads):
            guard heads > 0, first[1] % (3 * heads) == 0 else {
                throw mismatch("queries, keys and values of \(heads) heads", first)
            }
            return [first[0], first[1] / 3, first[2], first[3]]
        case .patchMap(let prefix):
            let positions = inputs.count == 2 ? inputs[1][2] * inputs[1][3] : 0
            guard positions > 0, first[2] * first[3] == prefix + positions else {
                throw mismatch("\(prefix) + \(positions) tokens", first)
            }
            return [first[0], first[1], inputs[1][2], inputs[1][3]]
        case .globalAveragePool: return [first[0], first[1], 1, 1]
        case .add, .multiply: return try broadcastShape(inputs)
        case .concatenate: return try concatenatedShape(inputs)
        case .subsample(let stride):
            return [first[0], first[1], (first[2] - 1) / stride + 1, (first[3] - 1) / stride + 1]
        case .padChannels(let channels):
            guard channels >= first[1] else { throw mismatch("at most \(channels) channels", first) }
            return [first[0], channels, first[2], first[3]]
        case .pad(let padding, _):
            return [
                first[0], first[1], first[2] + padding.top + padding.bottom, first[3] + padding.left + padding.right,
            ]
        case .upsample(let factor, _): return [first[0], first[1], first[2] * factor.height, first[3] * factor.width]
        case .spaceToDepth(let block, _):
            return [first[0], first[1] * block * block, (first[2] + block - 1) / block, (first[3] + block - 1) / block]
        case .depthToSpace(let block, let order):
            guard block > 0, order.count == block * block, first[1] % order.count == 0 else {
                throw mismatch("channels in \(block)×\(block) groups", first)
            }
            return [first[0], first[1] / order.count, first[2] * block, first[3] * block]
        }
    }

    private func mismatch(_ expected: String, _ found: Shape) -> EngineError {
        .shape(operation: "layer '\(name)'", expected: expected, found: "\(found)")
    }

    /// Checks that per-channel parameters have the input's channel count.
    private func checkedChannels(_ input: Shape) throws(EngineError) -> Shape {
        let channels: Int? =
            switch op {
            case .batchNorm(let norm): norm.mean.shape.elementCount
            case .layerNorm(let norm): (norm.weight ?? norm.bias)?.shape.elementCount
            case .affine(let scale, _): scale.count
            case .channelScale(let factors): factors.shape.elementCount
            case .windowAttention(let attention): attention.projection.shape.axes.first
            default: nil
            }
        if let channels, channels != input[1] { throw mismatch("\(channels) channels", input) }
        return input
    }

    private func tokensShape(_ tokens: Op.Tokens, _ input: Shape) throws(EngineError) -> Shape {
        for parameter in tokens.prefix + [tokens.positions].compactMap({ $0 }) {
            guard parameter.shape.rank == 3, parameter.shape[0] == 1, parameter.shape[2] == input[1] else {
                throw mismatch("\(parameter.name) of 1×tokens×\(input[1])", parameter.shape)
            }
        }
        let (grid, embedded) = (tokens.grid, tokens.embeddedPrefix)
        if let positions = tokens.positions?.shape {
            guard grid.height > 0, grid.width > 0, (0...tokens.prefixCount).contains(embedded),
                positions[1] == embedded + grid.height * grid.width
            else { throw mismatch("\(embedded) + \(grid.height)×\(grid.width) positions", positions) }
        }
        return [input[0], input[1], 1, tokens.prefixCount + input[2] * input[3]]
    }

    private func convolutionShape(_ convolution: Op.Convolution, _ input: Shape) throws(EngineError) -> Shape {
        let weight = convolution.weight.shape
        guard weight.rank == 4, weight[1] * convolution.groups == input[1] else {
            throw mismatch(
                "\(weight.rank == 4 ? weight[1] * convolution.groups : 0) channels for kernel \(weight)", input)
        }
        return try windowedShape(
            input, channels: weight[0], window: Size2(weight[2], weight[3]), stride: convolution.stride,
            dilation: convolution.dilation, padding: convolution.padding, roundsUp: false)
    }

    private func transposedShape(
        _ convolution: Op.Convolution, _ outputPadding: Size2, _ input: Shape
    ) throws(EngineError) -> Shape {
        let weight = convolution.weight.shape
        guard weight.rank == 4, weight[0] == input[1] else {
            throw mismatch("kernel I×O×h×w with I = \(input[1])", weight)
        }
        guard case .fixed(let padding) = convolution.padding else { throw mismatch("fixed padding", input) }
        let height =
            (input[2] - 1) * convolution.stride.height + (weight[2] - 1) * convolution.dilation.height + 1
            + outputPadding.height - padding.top - padding.bottom
        let width =
            (input[3] - 1) * convolution.stride.width + (weight[3] - 1) * convolution.dilation.width + 1
            + outputPadding.width - padding.left - padding.right
        guard height > 0, width > 0 else { throw mismatch("a larger input", input) }
        return [input[0], weight[1] * convolution.groups, height, width]
    }

    private func windowedShape(
        _ input: Shape, channels: Int, window: Size2, stride: Size2, dilation: Size2, padding: PaddingRule,
        roundsUp: Bool
    ) throws(EngineError) -> Shape {
        let resolved = padding.resolved(
            input: Size2(input[2], input[3]), window: window, stride: stride, dilation: dilation)
        func extent(_ size: Int, _ window: Int, _ stride: Int, _ dilation: Int, _ before: Int, _ after: Int) -> Int {
            let free = size + before + after - (window - 1) * dilation - 1
            guard free >= 0 else { return 0 }
            var count = free / stride + 1
            // PyTorch's ceil_mode: a last partial window counts if it starts inside the input or the leading padding.
            if roundsUp, free % stride != 0, count * stride < size + before { count += 1 }
            return count
        }
        let height = extent(
            input[2], window.height, stride.height, dilation.height, resolved.top, resolved.bottom)
        let width = extent(input[3], window.width, stride.width, dilation.width, resolved.left, resolved.right)
        guard height > 0, width > 0 else {
            throw mismatch("an input no smaller than its \(window.height)×\(window.width) window", input)
        }
        return [input[0], channels, height, width]
    }

    private func broadcastShape(_ inputs: [Shape]) throws(EngineError) -> Shape {
        var result = inputs[0]
        for input in inputs.dropFirst() {
            if input == result || (input[1] == result[1] && input[2] == 1 && input[3] == 1) { continue }
            guard input[1] == result[1], result[2] == 1, result[3] == 1 else { throw mismatch("\(result)", input) }
            result = input
        }
        return result
    }

    private func concatenatedShape(_ inputs: [Shape]) throws(EngineError) -> Shape {
        var result = inputs[0]
        for input in inputs.dropFirst() {
            guard input[2] == result[2], input[3] == result[3] else {
                throw mismatch("maps of \(result[2])×\(result[3])", input)
            }
            result[1] += input[1]
        }
        return result
    }
}

extension PaddingRule {
    /// The rows and columns to add for an input of the given size.
    public func resolved(input: Size2, window: Size2, stride: Size2, dilation: Size2) -> Padding {
        switch self {
        case .fixed(let padding): return padding
        case .same:
            func total(_ size: Int, _ window: Int, _ stride: Int, _ dilation: Int) -> Int {
                max(0, ((size + stride - 1) / stride - 1) * stride + (window - 1) * dilation + 1 - size)
            }
            let height = total(input.height, window.height, stride.height, dilation.height)
            let width = total(input.width, window.width, stride.width, dilation.width)
            return Padding(top: height / 2, left: width / 2, bottom: height - height / 2, right: width - width / 2)
        }
    }
}
