// DeepResNet v1 of the paper's code (MedSegPretrainImageNet): a ResNet whose shortcuts have no weights.
//
// Where a block changes the resolution its shortcut takes every second position, and where channels grow it appends
// zero channels. DropPath there scales the branch by the keep probability at evaluation, and the rate is not in the
// checkpoint, so it is an option.

import Formats

/// The sizes of a DeepResNet.
struct DeepResNetConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// Channels after the stem.
    var stem = 64
    /// Blocks and output channels of each level.
    var blocks = [3, 4, 6, 3], channels = [256, 512, 1024, 2048]
    /// Whether a block is 1×1, 3×3, 1×1 with a quarter of the channels inside, or two 3×3.
    var isBottleneck = true
    var hasBias = false
    /// DropPath's probability at the last block; it grows linearly from 0 at the first.
    var stochasticDepthRate = 0.0

    /// The network; its levels are the stem's output before the max-pool and the output of each level.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        var x = graph.convolution(
            0, "stem.0", kernel: [stem, inputChannels, 7, 7], stride: 2, padding: .fixed(Padding(3)), hasBias: hasBias)
        x = graph.relu(graph.batchNorm(x, "stem.1", channels: stem, epsilon: 1e-5), "stem.2")
        graph.levels = [x]
        x = graph.stemPool(x, "max_pool")
        let count = blocks.reduce(0, +)
        var number = 0
        var width = stem
        for (level, (depth, output)) in zip(blocks, channels).enumerated() {
            for block in 0..<depth {
                let rate = count > 1 ? stochasticDepthRate * Double(number) / Double(count - 1) : 0
                x = addBlock(
                    to: &graph, x, "levels.\(level).\(block)", from: width, to: output,
                    stride: level > 0 && block == 0 ? 2 : 1, rate: Float(rate))
                width = output
                number += 1
            }
            graph.levels.append(x)
        }
        return graph
    }

    private func addBlock(
        to graph: inout Graph, _ input: Graph.NodeID, _ name: String, from width: Int, to output: Int, stride: Int,
        rate: Float
    ) -> Graph.NodeID {
        let inner = isBottleneck ? output / 4 : output
        let convolutions: [BlockConvolution] =
            isBottleneck
            ? [.init(inner, width, 1), .init(inner, inner, 3, stride: stride), .init(output, inner, 1)]
            : [.init(inner, width, 3, stride: stride), .init(output, inner, 3)]
        var x = input
        for (index, convolution) in convolutions.enumerated() {
            let number = index + 1
            if index > 0 { x = graph.relu(x, "\(name).relu\(index)") }
            x = graph.convolution(
                x, "\(name).conv\(number)", kernel: convolution.kernel, stride: convolution.stride,
                padding: .fixed(Padding(convolution.kernel[2] / 2)), hasBias: hasBias)
            x = graph.batchNorm(x, "\(name).bn\(number)", channels: convolution.kernel[0], epsilon: 1e-5)
        }
        if rate > 0 {
            x = graph.add(.dropPath(Op.DropPath(rate: rate, rescales: false)), x, name: "\(name).drop_path")
        }
        var shortcut = input
        if stride > 1 { shortcut = graph.add(.subsample(stride: stride), shortcut, name: "\(name).shortcut.subsample") }
        if output > width { shortcut = graph.add(.padChannels(to: output), shortcut, name: "\(name).shortcut.pad") }
        return graph.relu(graph.add(.add, [x, shortcut], name: "\(name).add"), "\(name).relu\(convolutions.count)")
    }
}

/// Recognises DeepResNet by `stem.0` and `levels.0.0.conv1`.
enum DeepResNet: ArchitectureFamily {
    static let name = "deepresnet"
    static let anchors = ["stem.0.weight", "stem.1.running_mean", "levels.0.0.conv1.weight"]
    static let options = [FamilyOption("stochastic_depth_rate", .number(0...0.99))]
    static let dropsModel = true

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        var sizes = DeepResNetConfiguration()
        sizes.stem = table.size("stem.0.weight", 0) ?? 64
        sizes.inputChannels = table.size("stem.0.weight", 1) ?? 3
        sizes.hasBias = table.contains("stem.0.bias")
        sizes.isBottleneck = table.contains("levels.0.0.conv3.weight")
        sizes.stochasticDepthRate = options.number("stochastic_depth_rate") ?? 0
        let levels = table.count { "levels.\($0).0.conv1.weight" }
        sizes.blocks = (0..<levels).map { level in table.count { "levels.\(level).\($0).conv1.weight" } }
        let last = sizes.isBottleneck ? 3 : 2
        sizes.channels = (0..<levels).map { table.size("levels.\($0).0.conv\(last).weight", 0) ?? 0 }
        guard sizes.isPlausible else {
            throw .parameterMismatch(
                architecture: "DeepResNet", missing: [], unexpected: [], misshapen: [],
                cause: "its levels have \(dashed(sizes.channels)) channels, which must grow and divide by 4")
        }
        let isPublished = sizes.blocks == [3, 4, 6, 3] && sizes.channels == [256, 512, 1024, 2048] && sizes.stem == 64
        let kind = sizes.isBottleneck ? "bottleneck" : "basic"
        return FamilyFit(
            architecture: isPublished
                ? "DeepResNet-50 of MedSegPretrainImageNet"
                : "DeepResNet of MedSegPretrainImageNet, blocks \(dashed(sizes.blocks)), channels \(dashed(sizes.channels))",
            model: isPublished ? "deepresnet50" : nil,
            evidence: "stem.0, levels.L.B.conv1…\(last) (\(kind) blocks \(dashed(sizes.blocks))), no shortcut weights",
            graph: sizes.graph(),
            facts: [
                Recognition.Fact("stochastic depth rate", "\(sizes.stochasticDepthRate)"),
                Recognition.Fact("shortcuts", "every second position, zero channels appended"),
                Recognition.Fact("BatchNorm epsilon", "1e-05"),
            ],
            normalization: .unit,
            cause: { unexpected, missing in
                missing.contains { $0.hasSuffix("running_mean") } || unexpected.contains { $0.contains("shortcut") }
                    ? "the published DeepResNet v1 has BatchNorm after every convolution and no shortcut weights" : nil
            })
    }
}

extension DeepResNetConfiguration {
    /// Whether a network can be built: channels that grow from the stem on and divide by 4 in bottleneck blocks.
    var isPlausible: Bool {
        let widths = [stem] + channels
        return inputChannels > 0 && stem > 0 && zip(widths, channels).allSatisfy { $0 <= $1 }
            && (!isBottleneck || channels.allSatisfy { $0 % 4 == 0 })
    }
}
