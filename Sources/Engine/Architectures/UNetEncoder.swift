// The U-Net encoder of the paper's code (MedSegPretrainImageNet): a bare 3×3 convolution, then blocks of convolution,
// BatchNorm and ReLU with a max-pool after each level but the last.

import Formats

/// The sizes of a U-Net encoder.
struct UNetEncoderConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// Channels after the first convolution and after each level, the bottom last.
    var stem = 64, channels = [64, 128, 256, 512, 1024]
    /// Blocks of a level, and convolutions of a block.
    var blocks = 1, convolutions = 2
    var stemKernel = 3, kernel = 3
    var hasBias = true

    /// The network; its levels are the blocks' outputs before each max-pool, and the bottom's.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        var x = graph.convolution(
            0, "first_block", kernel: [stem, inputChannels, stemKernel, stemKernel], padding: .same, hasBias: hasBias)
        var width = stem
        for (level, output) in channels.enumerated() {
            let name = level == channels.count - 1 ? "bottom_block" : "down_layers.\(level)"
            for block in 0..<blocks {
                for index in 0..<convolutions {
                    let layer = "\(name).conv\(block).block.\(3 * index)"
                    let norm = "\(name).conv\(block).block.\(3 * index + 1)"
                    x = graph.convolution(
                        x, layer, kernel: [output, width, kernel, kernel], padding: .fixed(Padding(1)), hasBias: hasBias
                    )
                    x = graph.relu(graph.batchNorm(x, norm, channels: output, epsilon: 1e-5), "\(norm).relu")
                    width = output
                }
            }
            graph.levels.append(x)
            guard level < channels.count - 1 else { break }
            x = graph.add(.maxPool(Op.Window(size: Size2(2), stride: Size2(2))), x, name: "\(name).downsampl")
        }
        return graph
    }
}

/// Recognises the U-Net encoder by `first_block`, `down_layers` and `bottom_block`.
enum UNetEncoder: ArchitectureFamily {
    static let name = "unet-encoder"
    static let anchors = [
        "first_block.weight", "down_layers.0.conv0.block.0.weight", "bottom_block.conv0.block.0.weight",
    ]
    static let dropsModel = true

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        var sizes = UNetEncoderConfiguration()
        sizes.inputChannels = table.size("first_block.weight", 1) ?? 3
        sizes.stem = table.size("first_block.weight", 0) ?? 64
        sizes.stemKernel = table.size("first_block.weight", 2) ?? 3
        sizes.hasBias = table.contains("first_block.bias")
        let depth = table.count { "down_layers.\($0).conv0.block.0.weight" }
        sizes.blocks = table.count { "bottom_block.conv\($0).block.0.weight" }
        sizes.convolutions = table.count { "bottom_block.conv0.block.\(3 * $0).weight" }
        sizes.kernel = table.size("bottom_block.conv0.block.0.weight", 2) ?? 3
        let names = (0..<depth).map { "down_layers.\($0)" } + ["bottom_block"]
        sizes.channels = names.map { table.size("\($0).conv0.block.0.weight", 0) ?? 0 }
        let isPublished = sizes.withThreeInputs == UNetEncoderConfiguration()
        return FamilyFit(
            architecture: "U-Net encoder of MedSegPretrainImageNet"
                + (isPublished ? "" : ", channels \(dashed(sizes.channels))"),
            model: isPublished ? "unet-encoder" : nil,
            evidence: "first_block, down_layers.0…\(depth - 1), bottom_block, channels \(dashed(sizes.channels))",
            graph: sizes.graph(),
            facts: [
                Recognition.Fact("BatchNorm epsilon", "1e-05"),
                Recognition.Fact("stochastic depth", "none at evaluation"),
            ],
            normalization: .unit,
            ignored: [.beginning("up_layers.", "decoder"), .beginning("final_block.", "decoder")],
            cause: { unexpected, _ in
                unexpected.contains { $0.contains("shortcut") || $0.contains("layer_scale") }
                    ? "its blocks have residual connections or layer scaling, which the published encoder has not" : nil
            })
    }
}

extension UNetEncoderConfiguration {
    /// The same network for three input channels.
    fileprivate var withThreeInputs: UNetEncoderConfiguration {
        var copy = self
        copy.inputChannels = 3
        return copy
    }
}
