// Networks of inverted residual blocks: MobileNetV2 and V3 (Sandler et al. 2018, Howard et al. 2019), EfficientNet and
// EfficientNetV2 (Tan and Le 2019, 2021). They differ in sizes, activations, squeeze-and-excitation and padding.

import Formats

/// The sizes of a network of inverted residual blocks.
struct InvertedResidualConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// Channels of the 3×3 convolution of stride 2 that comes first, and what follows it.
    var stem: Int, stemActivation: Op.Activation
    /// The blocks of each stage.
    var stages: [[Block]]
    /// The activation between, and the gate after, the two convolutions of squeeze-and-excitation.
    var squeezeActivation = Op.Activation.silu, gate = Op.Activation.sigmoid
    var epsilon: Float = 1e-5
    var border = Border.half
    /// Channels of the 1×1 convolution before the classifier, if it counts as part of the encoder.
    var head: Int?

    /// How convolutions are padded.
    enum Border: Sendable, Hashable {
        /// By half the kernel on every side (PyTorch's way).
        case half
        /// TensorFlow's "same", for every input by its size.
        case same
        /// TensorFlow's "same" as computed once for square images of this size, whatever the input's.
        case sameFor(imageSize: Int)
    }

    /// One block: its kind, channels before, inside and after, kernel and stride.
    struct Block: Sendable, Hashable {
        var kind: Kind
        var input: Int, inner: Int, output: Int, kernel: Int, stride: Int
        /// Channels between the convolutions of squeeze-and-excitation, if it has one.
        var squeezed: Int?
        var activation: Op.Activation

        /// What convolutions a block has.
        enum Kind: Sendable, Hashable {
            /// A depthwise one and a projection.
            case separable
            /// An expansion, a depthwise one and a projection.
            case inverted
            /// A dense one that expands, and a projection.
            case fused
            /// A single dense one.
            case plain
        }
    }

    /// The network, with timm's parameter names; its levels are the last block's output at each resolution (the stem's
    /// where no block has it), as timm's `features_only` models hand out.
    func graph() -> Graph {
        var build = Building(sizes: self, graph: Graph(inputChannels: inputChannels))
        var x = build.convolution(0, ("conv_stem", "bn1"), [stem, inputChannels, 3, 3], stride: 2)
        x = build.graph.activation(x, stemActivation, "bn1.act")
        for (stage, blocks) in stages.enumerated() {
            for (number, block) in blocks.enumerated() {
                if block.stride > 1 { build.graph.levels.append(x) }
                x = build.add(block, x, "blocks.\(stage).\(number)")
            }
        }
        if let head, let width = stages.last?.last?.output {
            x = build.convolution(x, ("conv_head", "bn2"), [head, width, 1, 1])
            x = build.graph.activation(x, stemActivation, "bn2.act")
        }
        build.graph.levels.append(x)
        return build.graph
    }
}

extension InvertedResidualConfiguration.Block {
    /// timm's names of the block's convolutions, each with its norm, in order.
    var timmLayers: [(convolution: String, norm: String)] {
        switch kind {
        case .separable: [("conv_dw", "bn1"), ("conv_pw", "bn2")]
        case .inverted: [("conv_pw", "bn1"), ("conv_dw", "bn2"), ("conv_pwl", "bn3")]
        case .fused: [("conv_exp", "bn1"), ("conv_pwl", "bn2")]
        case .plain: [("conv", "bn1")]
        }
    }
}

/// A graph being built, with the image's size where padding depends on it.
private struct Building {
    let sizes: InvertedResidualConfiguration
    var graph: Graph
    /// Rows of the map that static padding was computed for.
    var size: Int

    init(sizes: InvertedResidualConfiguration, graph: Graph) {
        self.sizes = sizes
        self.graph = graph
        if case .sameFor(let imageSize) = sizes.border { size = imageSize } else { size = 0 }
    }

    /// A convolution without bias and its norm.
    mutating func convolution(
        _ input: Graph.NodeID, _ names: (convolution: String, norm: String), _ kernel: Shape, stride: Int = 1,
        groups: Int = 1
    ) -> Graph.NodeID {
        let window = kernel[2]
        let padding: PaddingRule
        switch sizes.border {
        case .half: padding = .fixed(Padding(window / 2))
        case .same: padding = window > 1 || stride > 1 ? .same : .fixed(.none)
        case .sameFor:
            padding = .fixed(
                PaddingRule.same.resolved(
                    input: Size2(size), window: Size2(window), stride: Size2(stride), dilation: Size2(1)))
            size = (size + stride - 1) / stride
        }
        let x = graph.convolution(
            input, names.convolution, kernel: kernel, stride: stride, padding: padding, groups: groups, hasBias: false)
        return graph.batchNorm(x, names.norm, channels: kernel[0], epsilon: sizes.epsilon)
    }

    mutating func add(
        _ block: InvertedResidualConfiguration.Block, _ input: Graph.NodeID, _ name: String
    ) -> Graph.NodeID {
        let layers = block.timmLayers.map { ("\(name).\($0.convolution)", "\(name).\($0.norm)") }
        let (side, stride) = (block.kernel, block.stride)
        let depthwise: Shape = [block.inner, 1, side, side]
        var x = input
        switch block.kind {
        case .separable:
            x = activated(convolution(x, layers[0], depthwise, stride: stride, groups: block.inner), block, layers[0])
        case .inverted:
            x = activated(convolution(x, layers[0], [block.inner, block.input, 1, 1]), block, layers[0])
            x = activated(convolution(x, layers[1], depthwise, stride: stride, groups: block.inner), block, layers[1])
        case .fused, .plain:
            x = activated(
                convolution(x, layers[0], [block.inner, block.input, side, side], stride: stride), block, layers[0])
        }
        if let squeezed = block.squeezed { x = squeeze(x, "\(name).se", block.inner, squeezed) }
        if block.kind != .plain, let last = layers.last {
            x = convolution(x, last, [block.output, block.inner, 1, 1])
        }
        guard stride == 1, block.input == block.output else { return x }
        return graph.add(.add, [x, input], name: "\(name).add")
    }

    private mutating func activated(
        _ input: Graph.NodeID, _ block: InvertedResidualConfiguration.Block, _ names: (String, String)
    ) -> Graph.NodeID {
        graph.activation(input, block.activation, "\(names.1).act")
    }

    /// Squeeze-and-excitation (Hu et al. 2018): each channel is weighed by what two convolutions make of all means.
    private mutating func squeeze(
        _ input: Graph.NodeID, _ name: String, _ channels: Int, _ squeezed: Int
    ) -> Graph.NodeID {
        var x = graph.add(.globalAveragePool, input, name: "\(name).pool")
        x = graph.linear(x, "\(name).conv_reduce", from: channels, to: squeezed)
        x = graph.activation(x, sizes.squeezeActivation, "\(name).act")
        x = graph.linear(x, "\(name).conv_expand", from: squeezed, to: channels)
        x = graph.activation(x, sizes.gate, "\(name).gate")
        return graph.add(.multiply, [input, x], name: "\(name).scale")
    }
}
