// The layers that architectures are written in: each adds one node whose parameters carry PyTorch's names.

import Formats

extension Graph {
    /// Adds a convolution with parameters `name.weight` (O×I/groups×h×w) and `name.bias`.
    mutating func convolution(
        _ input: NodeID, _ name: String, kernel: Shape, stride: Int = 1, padding: PaddingRule = .fixed(.none),
        groups: Int = 1, hasBias: Bool
    ) -> NodeID {
        let convolution = Op.Convolution(
            weight: Parameter("\(name).weight", kernel), bias: hasBias ? Parameter("\(name).bias", [kernel[0]]) : nil,
            stride: Size2(stride), padding: padding, groups: groups)
        return add(.convolution(convolution), input, name: name)
    }

    /// Adds a BatchNorm with parameters `name.weight`, `.bias`, `.running_mean` and `.running_var`.
    mutating func batchNorm(_ input: NodeID, _ name: String, channels: Int, epsilon: Float) -> NodeID {
        let norm = Op.BatchNorm(
            weight: Parameter("\(name).weight", [channels]), bias: Parameter("\(name).bias", [channels]),
            mean: Parameter("\(name).running_mean", [channels]), variance: Parameter("\(name).running_var", [channels]),
            epsilon: epsilon)
        return add(.batchNorm(norm), input, name: name)
    }

    /// Adds a LayerNorm over channels with parameters `name.weight` and `name.bias`.
    mutating func layerNorm(_ input: NodeID, _ name: String, channels: Int, epsilon: Float) -> NodeID {
        let norm = Op.LayerNorm(
            weight: Parameter("\(name).weight", [channels]), bias: Parameter("\(name).bias", [channels]),
            epsilon: epsilon)
        return add(.layerNorm(norm), input, name: name)
    }

    /// Adds a Linear over channels: a 1×1 convolution whose weight may be stored with two axes.
    mutating func linear(
        _ input: NodeID, _ name: String, from inputs: Int, to outputs: Int, hasBias: Bool = true
    ) -> NodeID {
        convolution(input, name, kernel: [outputs, inputs, 1, 1], hasBias: hasBias)
    }

    /// Adds an element-wise function.
    mutating func activation(_ input: NodeID, _ function: Op.Activation, _ name: String) -> NodeID {
        add(.activation(function), input, name: name)
    }

    /// Adds max(x, 0).
    mutating func relu(_ input: NodeID, _ name: String) -> NodeID {
        add(.activation(.relu(cap: nil)), input, name: name)
    }

    /// Adds PyTorch's usual max-pool after a stem: 3×3, stride 2, padding 1.
    mutating func stemPool(_ input: NodeID, _ name: String) -> NodeID {
        add(.maxPool(Op.Window(size: Size2(3), stride: Size2(2), padding: .fixed(Padding(1)))), input, name: name)
    }
}

/// A convolution of a residual block: a square kernel and its stride.
struct BlockConvolution {
    let kernel: Shape, stride: Int

    init(_ outputs: Int, _ inputs: Int, _ size: Int, stride: Int = 1) {
        kernel = [outputs, inputs, size, size]
        self.stride = stride
    }
}

/// Sizes joined by dashes, for descriptions: 64-128-256.
func dashed(_ sizes: [Int]) -> String { sizes.map { String($0) }.joined(separator: "-") }
