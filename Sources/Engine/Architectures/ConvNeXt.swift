// ConvNeXt (Liu et al. 2022): depthwise 7×7 convolutions, LayerNorms over channels, inverted MLPs and layer scales.
//
// torchvision, timm and the original code share this network; they differ in tensor names only.

import Formats

/// The sizes of a ConvNeXt.
struct ConvNeXtConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// The stem's kernel and stride.
    var patch = 4
    /// The side of the depthwise kernels.
    var kernel = 7
    var stages: [Stage]
    var hasLayerScale = true
    /// What every LayerNorm adds to the variance, in all three code bases.
    static let epsilon: Float = 1e-6

    /// One resolution: its blocks, the channels between them and inside their MLPs.
    struct Stage: Sendable, Hashable {
        var blocks: Int, channels: Int, hidden: Int
    }

    /// The network, with timm's parameter names; its levels are the stages' outputs before the next downsampling.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        var width = stages.first?.channels ?? 0
        var x = graph.convolution(
            0, "stem.0", kernel: [width, inputChannels, patch, patch], stride: patch, hasBias: true)
        x = graph.layerNorm(x, "stem.1", channels: width, epsilon: Self.epsilon)
        for (index, stage) in stages.enumerated() {
            if index > 0 {
                let name = "stages.\(index).downsample"
                x = graph.layerNorm(x, "\(name).0", channels: width, epsilon: Self.epsilon)
                x = graph.convolution(
                    x, "\(name).1", kernel: [stage.channels, width, 2, 2], stride: 2, hasBias: true)
                width = stage.channels
            }
            for block in 0..<stage.blocks { x = addBlock(to: &graph, x, "stages.\(index).blocks.\(block)", stage) }
            graph.levels.append(x)
        }
        return graph
    }

    private func addBlock(
        to graph: inout Graph, _ input: Graph.NodeID, _ name: String, _ stage: Stage
    ) -> Graph.NodeID {
        let channels = stage.channels
        var x = graph.convolution(
            input, "\(name).conv_dw", kernel: [channels, 1, kernel, kernel], padding: .fixed(Padding(kernel / 2)),
            groups: channels, hasBias: true)
        x = graph.layerNorm(x, "\(name).norm", channels: channels, epsilon: Self.epsilon)
        x = graph.linear(x, "\(name).mlp.fc1", from: channels, to: stage.hidden)
        x = graph.activation(x, .gelu, "\(name).mlp.act")
        x = graph.linear(x, "\(name).mlp.fc2", from: stage.hidden, to: channels)
        if hasLayerScale {
            x = graph.add(.channelScale(Parameter("\(name).gamma", [channels])), x, name: "\(name).gamma")
        }
        return graph.add(.add, [x, input], name: "\(name).add")
    }
}

extension Architectures {
    /// The published ConvNeXts: channels of the first stage, which double from stage to stage.
    static let convNeXts: [Model] = [
        ("atto", "Atto", 40, [2, 2, 6, 2]), ("femto", "Femto", 48, [2, 2, 6, 2]), ("pico", "Pico", 64, [2, 2, 6, 2]),
        ("nano", "Nano", 80, [2, 2, 8, 2]), ("tiny", "T", 96, [3, 3, 9, 3]), ("small", "S", 96, [3, 3, 27, 3]),
        ("base", "B", 128, [3, 3, 27, 3]), ("large", "L", 192, [3, 3, 27, 3]), ("xlarge", "XL", 256, [3, 3, 27, 3]),
    ].map { name, title, width, blocks in
        let stages = blocks.enumerated().map { index, count in
            ConvNeXtConfiguration.Stage(blocks: count, channels: width << index, hidden: 4 * width << index)
        }
        return Model(
            name: "convnext_\(name)", title: "ConvNeXt-\(title)", families: ["convnext"],
            configuration: .convNeXt(ConvNeXtConfiguration(stages: stages)))
    }
}
