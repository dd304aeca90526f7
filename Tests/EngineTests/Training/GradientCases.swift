// The operations whose gradients are checked, each in a small network, at sizes that do not fit vectors or windows.

import Engine
import Formats

/// A convolution with the parameters `name.weight` and `name.bias`.
private func convolution(
    _ kernel: Shape, _ name: String = "c", stride: Int = 1, padding: PaddingRule = .fixed(.none), dilation: Int = 1,
    groups: Int = 1, hasBias: Bool = true
) -> Op.Convolution {
    Op.Convolution(
        weight: Parameter("\(name).weight", kernel),
        bias: hasBias ? Parameter("\(name).bias", [kernel[0]]) : nil, stride: Size2(stride), padding: padding,
        dilation: Size2(dilation), groups: groups)
}

private func norm(_ channels: Int, _ name: String = "n", isAffine: Bool = true) -> Op {
    .batchNorm(
        Op.BatchNorm(
            weight: isAffine ? Parameter("\(name).weight", [channels]) : nil,
            bias: isAffine ? Parameter("\(name).bias", [channels]) : nil,
            mean: Parameter("\(name).running_mean", [channels]),
            variance: Parameter("\(name).running_var", [channels]), epsilon: 1e-5))
}

private func layerNorm(_ channels: Int, _ name: String = "ln") -> Op {
    .layerNorm(
        Op.LayerNorm(
            weight: Parameter("\(name).weight", [channels]), bias: Parameter("\(name).bias", [channels]), epsilon: 1e-5)
    )
}

private let relu = Op.activation(.relu(cap: nil))

extension GradientCase {
    static let all: [GradientCase] = [
        convolutions, doubling, transposed, norms, activations, pooling, sums, rearrangements, attention, composites,
    ].flatMap { $0 }

    static let convolutions: [GradientCase] = [
        GradientCase("3×3", .convolution(convolution([20, 8, 3, 3], padding: .fixed(Padding(1))))),
        GradientCase("3×3 without bias", .convolution(convolution([5, 8, 3, 3], hasBias: false))),
        GradientCase("1×1", channels: 20, .convolution(convolution([17, 20, 1, 1]))),
        GradientCase("1×1, stride 2", channels: 16, .convolution(convolution([32, 16, 1, 1], stride: 2))),
        GradientCase(
            "3×3, stride 2", .convolution(convolution([16, 8, 3, 3], stride: 2, padding: .fixed(Padding(1))))),
        GradientCase("2×2, stride 2, odd sides", .convolution(convolution([16, 8, 2, 2], stride: 2))),
        GradientCase(
            "7×7, stride 2", input: [2, 3, 13, 11],
            .convolution(convolution([16, 8, 7, 7], stride: 2, padding: .fixed(Padding(3))))),
        GradientCase(
            "3×3, dilation 2", .convolution(convolution([16, 8, 3, 3], padding: .fixed(Padding(2)), dilation: 2))),
        GradientCase(
            "2×2, padded below and right",
            .convolution(convolution([4, 8, 2, 2], padding: .fixed(Padding(top: 0, left: 0, bottom: 1, right: 1))))),
        GradientCase(
            "3×3, uneven padding",
            .convolution(convolution([4, 8, 3, 3], padding: .fixed(Padding(top: 1, left: 0, bottom: 0, right: 2))))),
        GradientCase(
            "3×3, stride 2, same padding", .convolution(convolution([16, 8, 3, 3], stride: 2, padding: .same))),
        GradientCase(
            "two groups", channels: 32,
            .convolution(convolution([32, 16, 3, 3], padding: .fixed(Padding(1)), groups: 2))),
        GradientCase(
            "groups of four", channels: 32,
            .convolution(convolution([32, 4, 3, 3], padding: .fixed(Padding(1)), groups: 8))),
        GradientCase(
            "groups that fill no vector", channels: 12,
            .convolution(convolution([18, 4, 3, 3], padding: .fixed(Padding(1)), groups: 3))),
        GradientCase(
            "depthwise", channels: 20,
            .convolution(convolution([20, 1, 3, 3], padding: .fixed(Padding(1)), groups: 20, hasBias: false))),
        GradientCase(
            "depthwise, stride 2, 5×5", channels: 16,
            .convolution(convolution([16, 1, 5, 5], stride: 2, padding: .fixed(Padding(2)), groups: 16))),
        GradientCase(
            "depthwise, channels last", channels: 24
        ) { graph, stem in
            let op = Op.convolution(convolution([24, 1, 7, 7], padding: .fixed(Padding(3)), groups: 24))
            return graph.add(layerNorm(24), graph.add(op, stem, name: "op"), name: "ln")
        },
        GradientCase("3×3, channels last") { graph, stem in
            let op = Op.convolution(convolution([12, 8, 3, 3], stride: 2, padding: .fixed(Padding(1))))
            return graph.add(layerNorm(12), graph.add(op, stem, name: "op"), name: "ln")
        },
    ]

    /// 2×2 convolutions that read a doubled map, which is never made.
    static let doubling: [GradientCase] = [
        doubled("2×2 of a doubled map", channels: 20, to: 17),
        doubled("2×2 of a doubled map, without bias", channels: 8, to: 40, hasBias: false),
        doubled("2×2 of a doubled map of one row", input: [2, 3, 1, 4], channels: 8, to: 5),
        GradientCase("2×2 of a doubled map that others read too", channels: 16) { graph, stem in
            let large = graph.add(.upsample(Size2(2), .nearest), stem, name: "up")
            let x = graph.add(.convolution(belowAndRight([16, 16, 2, 2], "c")), large, name: "op")
            return graph.add(.add, [x, large], name: "sum")
        },
        GradientCase("2×2 of a doubled map, channels last", channels: 5) { graph, stem in
            let large = graph.add(.upsample(Size2(2), .nearest), stem, name: "up")
            let x = graph.add(.convolution(belowAndRight([6, 5, 2, 2], "c")), large, name: "op")
            return graph.add(layerNorm(6), x, name: "ln")
        },
    ]

    private static func belowAndRight(_ kernel: Shape, _ name: String, hasBias: Bool = true) -> Op.Convolution {
        convolution(
            kernel, name, padding: .fixed(Padding(top: 0, left: 0, bottom: 1, right: 1)), hasBias: hasBias)
    }

    /// Two in a row, so that the derivative by the input is seen as well.
    private static func doubled(
        _ name: String, input: Shape = [2, 3, 5, 3], channels: Int, to outputs: Int, hasBias: Bool = true
    ) -> GradientCase {
        GradientCase(name, input: input, channels: channels) { graph, stem in
            var x = graph.add(.upsample(Size2(2), .nearest), stem, name: "up1")
            x = graph.add(
                .convolution(belowAndRight([outputs, channels, 2, 2], "c", hasBias: hasBias)), x, name: "c1")
            x = graph.add(relu, x, name: "relu")
            x = graph.add(.upsample(Size2(2), .nearest), x, name: "up2")
            return graph.add(
                .convolution(belowAndRight([6, outputs, 2, 2], "d", hasBias: hasBias)), x, name: "op")
        }
    }

    /// Large enough for Winograd's kernels.
    static let winograd: [GradientCase] = [
        GradientCase(
            "Winograd", input: [2, 3, 23, 22], channels: 32,
            .convolution(convolution([40, 32, 3, 3], padding: .fixed(Padding(1))))),
        GradientCase(
            "Winograd without padding", input: [2, 3, 25, 24], channels: 32,
            .convolution(convolution([32, 32, 3, 3], hasBias: false))),
    ]

    static let transposed: [GradientCase] = [
        GradientCase(
            "transposed 2×2, stride 2",
            .transposedConvolution(
                Op.Convolution(
                    weight: Parameter("c.weight", [8, 6, 2, 2]), bias: Parameter("c.bias", [6]), stride: Size2(2)),
                outputPadding: Size2(0))),
        GradientCase(
            "transposed 3×3, stride 2, output padding",
            .transposedConvolution(
                Op.Convolution(
                    weight: Parameter("c.weight", [8, 20, 3, 3]), stride: Size2(2), padding: .fixed(Padding(1))),
                outputPadding: Size2(1))),
        GradientCase(
            "transposed, two groups",
            .transposedConvolution(
                Op.Convolution(
                    weight: Parameter("c.weight", [8, 3, 3, 3]), bias: Parameter("c.bias", [6]), stride: Size2(2),
                    groups: 2), outputPadding: Size2(0))),
    ]

    static let norms: [GradientCase] = [
        GradientCase("batch norm", channels: 20, norm(20)),
        GradientCase("batch norm without scale and shift", norm(8, isAffine: false)),
        GradientCase("batch norm and ReLU", channels: 20) { graph, stem in
            graph.add(relu, graph.add(norm(20), stem, name: "n"), name: "relu")
        },
        GradientCase("batch norm that two layers read", channels: 20) { graph, stem in
            let x = graph.add(norm(20), stem, name: "n")
            return graph.add(.add, [graph.add(relu, x, name: "relu"), x], name: "sum")
        },
        GradientCase("batch norm, channels last", channels: 12) { graph, stem in
            let x = graph.add(relu, graph.add(norm(12), stem, name: "n"), name: "relu")
            return graph.add(layerNorm(12), x, name: "ln")
        },
        GradientCase("layer norm", channels: 20, layerNorm(20)),
        GradientCase(
            "layer norm without scale and shift", channels: 5, .layerNorm(.init(weight: nil, bias: nil, epsilon: 1e-3))),
    ]

    private static let functions: [(name: String, function: Op.Activation)] = [
        ("ReLU", .relu(cap: nil)), ("ReLU6", .relu(cap: 0.5)), ("leaky ReLU", .leakyRelu(slope: 0.1)),
        ("GELU", .gelu), ("GELU, tanh", .geluTanh), ("sigmoid", .sigmoid), ("SiLU", .silu), ("tanh", .tanh),
        ("ELU", .elu(alpha: 0.7)), ("hard swish", .hardSwish),
        ("hard sigmoid", .hardSigmoid(slope: 1 / 6, offset: 0.5)),
        ("hard sigmoid of Keras 2", .hardSigmoid(slope: 0.2, offset: 0.5)), ("softplus", .softplus),
    ]

    static var activations: [GradientCase] {
        var cases: [GradientCase] = []
        for (name, function) in functions {
            let op = Op.activation(function)
            cases.append(GradientCase(name, channels: 20, op))
            cases.append(
                GradientCase("\(name), channels last", channels: 5) { graph, stem in
                    graph.add(layerNorm(5), graph.add(op, stem, name: "op"), name: "ln")
                })
        }
        // Of what is positive: the square.
        cases.append(
            GradientCase("inverse square root", channels: 20) { graph, stem in
                let square = graph.add(.multiply, [stem, stem], name: "square")
                return graph.add(.activation(.inverseSquareRoot(epsilon: 0.1)), square, name: "op")
            })
        return cases
    }
}
