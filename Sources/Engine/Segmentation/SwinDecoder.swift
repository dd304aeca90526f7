// The paper's Swin U-Net decoder: patch expanding, skips mixed in by a Linear, Swin blocks as in the encoder.

import Formats

extension DecoderBuilder {
    /// Every level doubles the resolution by patch expanding (Linear C→2C, channels to 2×2 neighbourhoods, LayerNorm),
    /// mixes the skip in by a Linear over both, and runs as many Swin blocks as the encoder has at that resolution.
    mutating func addSwin(dropPathRate: Float) throws(EngineError) {
        let depth = channels.count
        guard levels.levels.count >= 2,
            zip(levels.levels, levels.levels.dropFirst()).allSatisfy({ $1.stride == 2 * $0.stride }),
            zip(levels.levels.dropLast().reversed(), channels).allSatisfy({ $0.channels == $1 })
        else {
            throw .shape(
                operation: "swin-unet",
                expected: "an encoder whose levels halve the resolution one by one, and as many "
                    + "decoder channels as its levels have", found: "levels at strides \(levels.levels.map(\.stride))")
        }
        var x = levels.bottom.node
        var width = levels.bottom.channels
        for (index, level) in levels.levels.dropLast().reversed().enumerated() {
            guard width == 2 * level.channels else {
                throw .shape(
                    operation: "swin-unet", expected: "an encoder that doubles its channels from level to level",
                    found: "\(level.channels) and \(width)")
            }
            let blocks = swinBlocks(before: level.node)
            guard !blocks.isEmpty else {
                throw .shape(
                    operation: "swin-unet", expected: "a Swin encoder",
                    found: "a level at stride \(level.stride) without window attention; use --network unet or smp-unet")
            }
            let name = "decoder.up_layers.\(index)"
            x = linear(x, "\(name).upsampl.expand", from: width, to: 2 * width, hasBias: false)
            x = graph.add(.depthToSpace(block: 2, order: offsets(2)), x, name: "\(name).upsampl.rearrange")
            x = graph.layerNorm(x, "\(name).upsampl.norm", channels: width / 2, epsilon: 1e-5)
            x = graph.add(.concatenate, [x, level.node], name: "\(name).mixing")
            x = linear(x, "\(name).mixing.linear_layer", from: width, to: level.channels, hasBias: true)
            width = level.channels
            for (block, attention) in blocks.enumerated() {
                // The mirror image of the encoder's rates: its next to last level, then up.
                let total = (depth + 1) * blocks.count
                let place = (depth - 1 - index) * blocks.count + block
                let rate = total > 1 ? dropPathRate * Float(place) / Float(total - 1) : 0
                x = swinBlock(x, "\(name).conv\(block)", attention, channels: width, rate: rate)
            }
        }
        addFinalExpansion(x, width: width)
    }

    /// LayerNorm, Linear C→s²C, channels to s×s neighbourhoods, LayerNorm and a 1×1 convolution without bias.
    private mutating func addFinalExpansion(_ input: Graph.NodeID, width: Int) {
        let factor = levels.levels.first?.stride ?? 1
        let name = "decoder.final_block"
        var x = graph.layerNorm(input, "\(name).init_norm", channels: width, epsilon: 1e-5)
        if factor > 1 {
            x = linear(x, "\(name).expand", from: width, to: factor * factor * width, hasBias: false)
            x = graph.add(.depthToSpace(block: factor, order: offsets(factor)), x, name: "\(name).rearrange")
        }
        x = graph.layerNorm(x, "\(name).norm", channels: width, epsilon: 1e-5)
        finish(graph.convolution(x, "\(name).output", kernel: [outputs, width, 1, 1], hasBias: false))
    }

    /// Row by row: the first half of the channels goes to the first row.
    private func offsets(_ block: Int) -> [Size2] {
        (0..<block * block).map { Size2($0 / block, $0 % block) }
    }

    /// The window attentions at a level's resolution, in order.
    private func swinBlocks(before level: Graph.NodeID) -> [Op.WindowAttention] {
        var blocks: [Op.WindowAttention] = []
        for id in graph.ancestors(of: [level]) {
            switch graph.nodes[id].op {
            case .windowAttention(let attention): blocks.append(attention)
            case .spaceToDepth: blocks = []
            default: break
            }
        }
        return blocks
    }

    private mutating func linear(
        _ input: Graph.NodeID, _ name: String, from inputs: Int, to outputs: Int, hasBias: Bool
    ) -> Graph.NodeID {
        storedShapes["\(name).weight"] = [outputs, inputs]
        return graph.linear(input, name, from: inputs, to: outputs, hasBias: hasBias)
    }

    private mutating func swinBlock(
        _ input: Graph.NodeID, _ name: String, _ model: Op.WindowAttention, channels: Int, rate: Float
    ) -> Graph.NodeID {
        func dropped(_ branch: Graph.NodeID, _ number: Int) -> Graph.NodeID {
            guard rate > 0 else { return branch }
            return graph.add(
                .dropPath(Op.DropPath(rate: rate, rescales: true)), branch, name: "\(name).drop_path\(number)")
        }
        var attention = model
        attention.qkv = Parameter("\(name).attn.qkv.weight", [3 * channels, channels])
        attention.qkvBias = model.qkvBias == nil ? nil : Parameter("\(name).attn.qkv.bias", [3 * channels])
        attention.projection = Parameter("\(name).attn.proj.weight", [channels, channels])
        attention.projectionBias = Parameter("\(name).attn.proj.bias", [channels])
        attention.biasTable = Parameter("\(name).attn.relative_position_bias_table", model.biasTable.shape)
        var branch = graph.layerNorm(input, "\(name).norm1", channels: channels, epsilon: 1e-5)
        branch = dropped(graph.add(.windowAttention(attention), branch, name: "\(name).attn"), 1)
        let middle = graph.add(.add, [input, branch], name: "\(name).add1")
        branch = graph.layerNorm(middle, "\(name).norm2", channels: channels, epsilon: 1e-5)
        branch = linear(branch, "\(name).mlp.fc1", from: channels, to: 4 * channels, hasBias: true)
        branch = graph.activation(branch, .gelu, "\(name).mlp.act")
        branch = dropped(linear(branch, "\(name).mlp.fc2", from: 4 * channels, to: channels, hasBias: true), 2)
        return graph.add(.add, [middle, branch], name: "\(name).add2")
    }
}
