// Swin Transformer (Liu et al. 2021) as a graph over maps: tokens are positions, a Linear is a 1×1 convolution.
//
// torchvision, timm, the original code and the paper's U-Net variant share this network; they differ in tensor names,
// in where patch merging is filed, and in what happens at borders.

import Formats

/// The sizes of a Swin Transformer.
struct SwinConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// The patch embedding's kernel and stride.
    var patch = 4
    var hasPatchNorm = true
    var stages: [Stage]
    var border = Op.WindowAttention.Border.shiftsThenPads
    var hasQKVBias = true
    var isTokenSequence = false

    /// One resolution.
    struct Stage: Sendable, Hashable {
        var blocks: Int, channels: Int, heads: Int, window = 7
        /// The shift of every second block; 0 where the stage's maps are a single window in training.
        var shift = 3
        /// Channels inside the MLP.
        var hidden: Int
    }

    /// The network, with timm's parameter names; its levels are the stages' outputs before the next patch merging.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        graph.hasTokenLevels = isTokenSequence
        var width = stages.first?.channels ?? 0
        var x = graph.convolution(
            0, "patch_embed.proj", kernel: [width, inputChannels, patch, patch], stride: patch, hasBias: true)
        if hasPatchNorm { x = graph.layerNorm(x, "patch_embed.norm", channels: width, epsilon: 1e-5) }
        for (index, stage) in stages.enumerated() {
            if index > 0 {
                let name = "layers.\(index).downsample"
                let order = [Size2(0, 0), Size2(1, 0), Size2(0, 1), Size2(1, 1)]
                x = graph.add(.spaceToDepth(block: 2, order: order), x, name: "\(name).merge")
                x = graph.layerNorm(x, "\(name).norm", channels: 4 * width, epsilon: 1e-5)
                x = graph.linear(x, "\(name).reduction", from: 4 * width, to: stage.channels, hasBias: false)
                width = stage.channels
            }
            for block in 0..<stage.blocks {
                x = addBlock(to: &graph, x, "layers.\(index).blocks.\(block)", stage, isShifted: block % 2 == 1)
            }
            graph.levels.append(x)
        }
        return graph
    }

    private func addBlock(
        to graph: inout Graph, _ input: Graph.NodeID, _ name: String, _ stage: Stage, isShifted: Bool
    ) -> Graph.NodeID {
        let channels = stage.channels
        let side = 2 * stage.window - 1
        let attention = Op.WindowAttention(
            qkv: Parameter("\(name).attn.qkv.weight", [3 * channels, channels]),
            qkvBias: hasQKVBias ? Parameter("\(name).attn.qkv.bias", [3 * channels]) : nil,
            projection: Parameter("\(name).attn.proj.weight", [channels, channels]),
            projectionBias: Parameter("\(name).attn.proj.bias", [channels]),
            biasTable: Parameter("\(name).attn.relative_position_bias_table", [side * side, stage.heads]),
            heads: stage.heads, window: stage.window, shift: isShifted ? stage.shift : 0, border: border)
        var branch = graph.layerNorm(input, "\(name).norm1", channels: channels, epsilon: 1e-5)
        branch = graph.add(.windowAttention(attention), branch, name: "\(name).attn")
        let middle = graph.add(.add, [input, branch], name: "\(name).add1")
        branch = graph.layerNorm(middle, "\(name).norm2", channels: channels, epsilon: 1e-5)
        branch = graph.linear(branch, "\(name).mlp.fc1", from: channels, to: stage.hidden, hasBias: true)
        branch = graph.add(.activation(.gelu), branch, name: "\(name).mlp.act")
        branch = graph.linear(branch, "\(name).mlp.fc2", from: stage.hidden, to: channels, hasBias: true)
        return graph.add(.add, [middle, branch], name: "\(name).add2")
    }
}
