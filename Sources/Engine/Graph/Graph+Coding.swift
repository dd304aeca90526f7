// A graph as text, in the metadata of saved models, and the checks that such text needs: it may be hostile.

extension Graph: Codable {
    private enum CodingKeys: String, CodingKey { case nodes, levels, hasTokenLevels }

    /// Writes nodes and levels.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(nodes, forKey: .nodes)
        try values.encode(levels, forKey: .levels)
        try values.encode(hasTokenLevels, forKey: .hasTokenLevels)
    }

    /// Reads a graph and checks it: nodes read only earlier ones, and every size is one that a network can have.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let nodes = try values.decode([Node].self, forKey: .nodes)
        let levels = try values.decode([Int].self, forKey: .levels)
        func refuse(_ reason: String) -> DecodingError {
            .dataCorrupted(DecodingError.Context(codingPath: decoder.codingPath, debugDescription: reason))
        }
        guard nodes.count <= 100_000, case .input(let channels)? = nodes.first?.op, 1...65536 ~= channels else {
            throw refuse("expected an input first and at most 100000 nodes")
        }
        self.init(inputChannels: channels)
        for (id, node) in nodes.enumerated().dropFirst() {
            guard node.isPlausible(before: id) else { throw refuse("node \(id) ('\(node.name)') cannot be run") }
            add(node.op, node.inputs, name: node.name)
        }
        guard levels.allSatisfy(nodes.indices.contains) else { throw refuse("a level is no node") }
        self.levels = levels
        hasTokenLevels = try values.decode(Bool.self, forKey: .hasTokenLevels)
    }
}

extension Graph.Node {
    /// Whether a node read from a file is one that shape inference and kernels can take.
    fileprivate func isPlausible(before id: Graph.NodeID) -> Bool {
        guard !inputs.isEmpty, inputs.allSatisfy({ (0..<id).contains($0) }), op.hasPlausibleParameters else {
            return false
        }
        switch op {
        case .input: return false
        case .add, .multiply: return inputs.count >= 2
        case .concatenate: return true
        case .patchMap(let prefix): return inputs.count == 2 && isSize(prefix)
        default: return inputs.count == 1 && op.hasPlausibleSizes
        }
    }
}

/// Sizes from 0 to a million: products of four of them fit in 80 bits less than they would overflow at in any sum here.
private func isSize(_ value: Int) -> Bool { (0...1 << 20).contains(value) }

private func isStep(_ size: Size2) -> Bool { (1...1 << 12).contains(size.height) && (1...1 << 12).contains(size.width) }

extension Op {
    fileprivate var hasPlausibleParameters: Bool {
        parameters.allSatisfy { parameter in
            parameter.shape.axes.allSatisfy { (1...1 << 20).contains($0) }
                && (parameter.shape.checkedElementCount ?? .max) <= 1 << 34
        }
    }

    fileprivate var hasPlausibleSizes: Bool {
        switch self {
        case .convolution(let convolution): convolution.isPlausible
        case .transposedConvolution(let convolution, let padding):
            convolution.isPlausible && isSize(padding.height) && isSize(padding.width)
        case .maxPool(let window), .averagePool(let window, _):
            isStep(window.size) && isStep(window.stride) && window.padding.isPlausible
        case .subsample(let stride): (1...1 << 12).contains(stride)
        case .padChannels(let channels): isSize(channels)
        case .pad(let padding, _): padding.isPlausible
        case .upsample(let factor, _): isStep(factor) && factor.height <= 64 && factor.width <= 64
        case .affine(let scale, let shift): scale.count == shift.count
        case .selfAttention(let heads): (1...4096).contains(heads)
        case .spaceToDepth(let block, let order), .depthToSpace(let block, let order):
            (1...16).contains(block) && order.count == block * block
                && Set(order).count == order.count
                && order.allSatisfy { (0..<block).contains($0.height) && (0..<block).contains($0.width) }
        case .dropPath(let path): path.rate >= 0 && path.rate < 1
        case .windowAttention(let attention): attention.isPlausible
        case .tokens(let tokens):
            isSize(tokens.grid.height) && isSize(tokens.grid.width) && isSize(tokens.embeddedPrefix)
        default: true
        }
    }
}

extension Op.Convolution {
    fileprivate var isPlausible: Bool {
        weight.shape.rank == 4 && isStep(stride) && isStep(dilation) && padding.isPlausible
            && (1...1 << 16).contains(groups) && weight.shape[0] % groups == 0
            && (bias.map { $0.shape.rank == 1 } ?? true)
    }
}

extension PaddingRule {
    fileprivate var isPlausible: Bool { if case .fixed(let padding) = self { padding.isPlausible } else { true } }
}

extension Padding {
    fileprivate var isPlausible: Bool { [top, left, bottom, right].allSatisfy { abs($0 % (1 << 20)) == abs($0) } }
}

extension Op.WindowAttention {
    fileprivate var isPlausible: Bool {
        let side = 2 * window - 1
        let channels = projection.shape.axes.first ?? 0
        return (1...64).contains(window) && (0..<window).contains(shift) && (1...1024).contains(heads)
            && channels % heads == 0 && projection.shape == [channels, channels]
            && qkv.shape == [3 * channels, channels] && biasTable.shape == [side * side, heads]
            && (qkvBias.map { $0.shape == [3 * channels] } ?? true)
            && (projectionBias.map { $0.shape == [channels] } ?? true)
    }
}
