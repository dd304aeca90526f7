// The paper's U-Net decoder, plain and with attention gates, and the Unet of segmentation_models_pytorch.

import Formats

/// Appends a decoder to an encoder's graph.
struct DecoderBuilder {
    var graph: Graph
    let levels: EncoderShape
    let channels: [Int]
    /// Channels of the logits.
    let outputs: Int
    /// Shapes in files that differ from the parameters' own.
    var storedShapes: [String: Shape] = [:]

    init(graph: Graph, levels: EncoderShape, channels: [Int], outputs: Int) {
        self.graph = graph
        self.levels = levels
        self.channels = channels
        self.outputs = outputs
    }

    /// The paper's decoder (MedSegPretrainImageNet, UNet_decoder): every level doubles the resolution by nearest
    /// neighbour, halves the channels by a 2×2 convolution padded at the bottom and right with a ReLU, appends the skip
    /// and convolves twice.
    mutating func addUNet(isGated: Bool) throws(EngineError) {
        var x = levels.bottom.node
        var width = levels.bottom.channels
        for (index, output) in channels.enumerated() {
            guard width >= 2 else {
                throw .shape(
                    operation: "--decoder-channels", expected: "at least 2 channels in all but the last level",
                    found: "\(width)")
            }
            let name = "decoder.up_layers.\(index)"
            let coarse = x
            x = upsampled(x, "\(name).upsampl.convup.0")
            x = graph.convolution(
                x, "\(name).upsampl.convup.1", kernel: [width / 2, width, 2, 2],
                padding: .fixed(Padding(top: 0, left: 0, bottom: 1, right: 1)), hasBias: true)
            x = graph.relu(x, "\(name).upsampl.convup.2")
            var inputs = width / 2
            if let skip = levels.skip(stride: levels.stride >> (index + 1)) {
                let node = isGated ? gated(skip, by: coarse, width, "\(name).mixing") : skip.node
                x = graph.add(.concatenate, [x, node], name: "\(name).mixing")
                inputs += skip.channels
            }
            x = doubleConvolution(x, "\(name).conv0.block", from: inputs, to: output)
            width = output
        }
        finish(graph.convolution(x, "decoder.final_block", kernel: [outputs, width, 1, 1], hasBias: true))
    }

    private mutating func upsampled(_ input: Graph.NodeID, _ name: String) -> Graph.NodeID {
        graph.add(.upsample(Size2(2), .nearest), input, name: name)
    }

    private mutating func doubleConvolution(
        _ input: Graph.NodeID, _ name: String, from inputs: Int, to outputs: Int
    ) -> Graph.NodeID {
        var x = input
        for index in 0..<2 {
            x = graph.convolution(
                x, "\(name).\(3 * index)", kernel: [outputs, index == 0 ? inputs : outputs, 3, 3],
                padding: .fixed(Padding(1)), hasBias: true)
            x = graph.batchNorm(x, "\(name).\(3 * index + 1)", channels: outputs, epsilon: 1e-5)
            x = graph.relu(x, "\(name).\(3 * index + 2)")
        }
        return x
    }

    /// The skip times a gate between 0 and 1 that the coarser level decides: σ(BN(ψ ReLU(BN(W_g g) + BN(W_s skip)))),
    /// doubled by nearest neighbour, with g = ReLU(BN(conv x)).
    private mutating func gated(
        _ skip: EncoderShape.Level, by coarse: Graph.NodeID, _ width: Int, _ name: String
    ) -> Graph.NodeID {
        func normalized(_ input: Graph.NodeID, _ layer: String, kernel: Shape, stride: Int = 1) -> Graph.NodeID {
            let x = graph.convolution(input, "\(name).\(layer).0", kernel: kernel, stride: stride, hasBias: true)
            return graph.batchNorm(x, "\(name).\(layer).1", channels: kernel[0], epsilon: 1e-5)
        }
        var signal = normalized(coarse, "gs_block.block", kernel: [width, width, 1, 1])
        signal = graph.relu(signal, "\(name).gs_block.block.2")
        let fine = normalized(skip.node, "W_s", kernel: [width, skip.channels, 2, 2], stride: 2)
        signal = normalized(signal, "W_g", kernel: [width, width, 1, 1])
        signal = graph.relu(graph.add(.add, [fine, signal], name: "\(name).add"), "\(name).relu")
        signal = normalized(signal, "psi", kernel: [skip.channels, width, 1, 1])
        signal = upsampled(graph.activation(signal, .sigmoid, "\(name).psi.2"), "\(name).upsample")
        return graph.add(.multiply, [skip.node, signal], name: "\(name).gate")
    }

    /// segmentation_models_pytorch's UnetDecoder and head: nearest upsampling, the skip behind it, two 3×3 convolutions
    /// without bias, each with BatchNorm and ReLU; a 3×3 convolution as the head.
    mutating func addSMP() throws(EngineError) {
        var x = levels.bottom.node
        var width = levels.bottom.channels
        for (index, output) in channels.enumerated() {
            let name = "decoder.blocks.\(index)"
            x = upsampled(x, "\(name).upsample")
            if let skip = levels.skip(stride: levels.stride >> (index + 1)) {
                x = graph.add(.concatenate, [x, skip.node], name: "\(name).concatenate")
                width += skip.channels
            }
            for layer in ["conv1", "conv2"] {
                x = graph.convolution(
                    x, "\(name).\(layer).0", kernel: [output, width, 3, 3], padding: .fixed(Padding(1)), hasBias: false)
                x = graph.batchNorm(x, "\(name).\(layer).1", channels: output, epsilon: 1e-5)
                x = graph.relu(x, "\(name).\(layer).2")
                width = output
            }
        }
        finish(
            graph.convolution(
                x, "segmentation_head.0", kernel: [outputs, width, 3, 3], padding: .fixed(Padding(1)), hasBias: true))
    }

    mutating func finish(_ logits: Graph.NodeID) {
        graph.levels = [logits]
        graph.hasTokenLevels = false
    }
}
