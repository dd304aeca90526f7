// More operations whose gradients are checked: those that pool, add, move and attend.

import Engine
import Formats

private func window(
    _ size: Int, stride: Int, padding: PaddingRule = .fixed(.none), roundsUp: Bool = false
) -> Op.Window {
    Op.Window(size: Size2(size), stride: Size2(stride), padding: padding, roundsUp: roundsUp)
}

private func pointwise(_ name: String, _ from: Int, _ to: Int) -> Op {
    .convolution(
        Op.Convolution(weight: Parameter("\(name).weight", [to, from, 1, 1]), bias: Parameter("\(name).bias", [to])))
}

private func layerNorm(_ channels: Int, _ name: String = "ln") -> Op {
    .layerNorm(
        Op.LayerNorm(
            weight: Parameter("\(name).weight", [channels]), bias: Parameter("\(name).bias", [channels]), epsilon: 1e-5)
    )
}

private let relu = Op.activation(.relu(cap: nil))
private let quarters = [Size2(0, 0), Size2(1, 0), Size2(0, 1), Size2(1, 1)]

extension GradientCase {
    static let pooling: [GradientCase] = [
        GradientCase("max pool 3, stride 2", channels: 20, .maxPool(window(3, stride: 2, padding: .fixed(Padding(1))))),
        GradientCase("max pool 2", .maxPool(window(2, stride: 2))),
        GradientCase("max pool, rounding up", .maxPool(window(3, stride: 2, roundsUp: true))),
        GradientCase("max pool, same padding", .maxPool(window(3, stride: 2, padding: .same))),
        GradientCase("average pool", channels: 20, .averagePool(window(2, stride: 2), countsPadding: false)),
        GradientCase(
            "average pool that counts padding",
            .averagePool(window(3, stride: 2, padding: .fixed(Padding(1))), countsPadding: true)),
        GradientCase(
            "average pool that leaves padding out",
            .averagePool(window(3, stride: 2, padding: .fixed(Padding(1))), countsPadding: false)),
        GradientCase(
            "average pool, rounding up", .averagePool(window(3, stride: 2, roundsUp: true), countsPadding: false)),
        GradientCase(
            "average pool, rounding up, that counts padding", input: [2, 3, 8, 6],
            .averagePool(window(3, stride: 2, padding: .fixed(Padding(1)), roundsUp: true), countsPadding: true)),
        GradientCase("global average pool", channels: 20, .globalAveragePool),
        GradientCase("max pool, channels last", channels: 5) { graph, stem in
            let x = graph.add(.maxPool(window(3, stride: 2, padding: .fixed(Padding(1)))), stem, name: "op")
            return graph.add(layerNorm(5), x, name: "ln")
        },
    ]

    static let sums: [GradientCase] = [
        GradientCase("sum") { graph, stem in graph.add(.add, [stem, graph.add(relu, stem, name: "relu")], name: "op") },
        GradientCase("sum of a value with itself") { graph, stem in graph.add(.add, [stem, stem], name: "op") },
        GradientCase("sum of three") { graph, stem in
            let a = graph.add(relu, stem, name: "a"), b = graph.add(.activation(.tanh), stem, name: "b")
            return graph.add(.add, [a, stem, b], name: "op")
        },
        GradientCase("sum with a broadcast value", channels: 20) { graph, stem in
            graph.add(.add, [stem, graph.add(.globalAveragePool, stem, name: "mean")], name: "op")
        },
        GradientCase("product") { graph, stem in
            graph.add(.multiply, [stem, graph.add(.activation(.sigmoid), stem, name: "gate")], name: "op")
        },
        GradientCase("square") { graph, stem in graph.add(.multiply, [stem, stem], name: "op") },
        GradientCase("gate of one number a channel", channels: 20) { graph, stem in
            let mean = graph.add(.globalAveragePool, stem, name: "mean")
            return graph.add(.multiply, [graph.add(.activation(.sigmoid), mean, name: "gate"), stem], name: "op")
        },
        GradientCase("gate of one number a channel, channels last", channels: 5) { graph, stem in
            let mean = graph.add(.globalAveragePool, stem, name: "mean")
            let x = graph.add(.multiply, [stem, graph.add(.activation(.sigmoid), mean, name: "gate")], name: "op")
            return graph.add(layerNorm(5), x, name: "ln")
        },
        GradientCase("value that three layers read") { graph, stem in
            let x = graph.add(relu, stem, name: "x")
            let readers = (0..<3).map { graph.add(pointwise("r\($0)", 8, 8), x, name: "r\($0)") }
            return graph.add(.add, readers, name: "op")
        },
        GradientCase("concatenation of whole vectors", channels: 16) { graph, stem in
            graph.add(.concatenate, [stem, graph.add(relu, stem, name: "relu")], name: "op")
        },
        GradientCase("concatenation across vectors", channels: 5) { graph, stem in
            let wide = graph.add(pointwise("wide", 5, 18), stem, name: "wide")
            return graph.add(.concatenate, [stem, wide, stem], name: "op")
        },
        GradientCase("concatenation, channels last", channels: 5) { graph, stem in
            let x = graph.add(.concatenate, [stem, graph.add(relu, stem, name: "relu")], name: "op")
            return graph.add(layerNorm(10), x, name: "ln")
        },
        GradientCase("constant factor", .scale(0.3)),
        GradientCase("fixed scale and shift", channels: 3, .affine(scale: [2, -1, 0.5], shift: [0.1, 0.2, 0.3])),
        GradientCase("layer scale", channels: 20, .channelScale(Parameter("gamma", [20]))),
        GradientCase("layer scale, channels last", channels: 5) { graph, stem in
            graph.add(layerNorm(5), graph.add(.channelScale(Parameter("gamma", [5])), stem, name: "op"), name: "ln")
        },
    ]

    static let rearrangements: [GradientCase] = [
        GradientCase("subsampling", channels: 20, .subsample(stride: 2)),
        GradientCase("subsampling, channels last", channels: 5) { graph, stem in
            graph.add(layerNorm(5), graph.add(.subsample(stride: 2), stem, name: "op"), name: "ln")
        },
        GradientCase("appended zero channels", channels: 20, .padChannels(to: 37)),
        GradientCase("appended zero channels, channels last", channels: 5) { graph, stem in
            graph.add(layerNorm(7), graph.add(.padChannels(to: 7), stem, name: "op"), name: "ln")
        },
        GradientCase("padding", .pad(Padding(top: 1, left: 0, bottom: 2, right: 3), value: 0.5)),
        GradientCase("cutting", .pad(Padding(top: 0, left: -1, bottom: -2, right: -1), value: 0)),
        GradientCase("padding, channels last", channels: 5) { graph, stem in
            let x = graph.add(.pad(Padding(top: 0, left: 0, bottom: 1, right: 2), value: 0), stem, name: "op")
            return graph.add(layerNorm(5), x, name: "ln")
        },
        GradientCase("nearest upsampling", channels: 20, .upsample(Size2(2), .nearest)),
        GradientCase("nearest upsampling by 3 and 2", .upsample(Size2(3, 2), .nearest)),
        GradientCase("bilinear upsampling", channels: 20, .upsample(Size2(2), .bilinear)),
        GradientCase("bilinear upsampling by 2 and 3", .upsample(Size2(2, 3), .bilinear)),
        GradientCase("bilinear upsampling of one row", input: [2, 3, 1, 4], .upsample(Size2(4), .bilinear)),
        GradientCase("nearest upsampling, channels last", channels: 5) { graph, stem in
            graph.add(layerNorm(5), graph.add(.upsample(Size2(2), .nearest), stem, name: "op"), name: "ln")
        },
        GradientCase("bilinear upsampling, channels last", channels: 5) { graph, stem in
            graph.add(layerNorm(5), graph.add(.upsample(Size2(2), .bilinear), stem, name: "op"), name: "ln")
        },
        GradientCase("neighbourhoods to channels, odd sides", channels: 5, .spaceToDepth(block: 2, order: quarters)),
        GradientCase("channels to neighbourhoods", channels: 12, .depthToSpace(block: 2, order: quarters)),
    ]

    static func windows(
        _ name: String, input: Shape, window: Int, shift: Int, _ border: Op.WindowAttention.Border, hasBias: Bool = true
    ) -> GradientCase {
        GradientCase(
            name, input: input, channels: 6,
            .windowAttention(
                Op.WindowAttention(
                    qkv: Parameter("qkv.weight", [18, 6]), qkvBias: hasBias ? Parameter("qkv.bias", [18]) : nil,
                    projection: Parameter("proj.weight", [6, 6]), projectionBias: Parameter("proj.bias", [6]),
                    biasTable: Parameter("relative_position_bias_table", [(2 * window - 1) * (2 * window - 1), 2]),
                    heads: 2, window: window, shift: shift, border: border)))
    }

    static let attention: [GradientCase] =
        [
            windows("window attention", input: [2, 3, 6, 6], window: 3, shift: 0, .shiftsThenPads),
            windows("shifted windows", input: [2, 3, 6, 6], window: 3, shift: 1, .shiftsThenPads),
            windows("shifted windows, then padding", input: [1, 3, 7, 5], window: 3, shift: 1, .shiftsThenPads),
            windows("padding, then shifted windows", input: [1, 3, 7, 5], window: 3, shift: 1, .padsThenShifts),
            windows(
                "window attention without bias", input: [1, 3, 5, 6], window: 3, shift: 1, .shiftsThenPads,
                hasBias: false),
            GradientCase("self-attention", input: [2, 3, 3, 4], channels: 18, .selfAttention(heads: 2)),
            GradientCase("self-attention of one head", input: [1, 3, 5, 5], channels: 15, .selfAttention(heads: 1)),
            tokens("tokens and their map", grid: Size2(3, 4)),
            tokens("tokens with the positions of another grid", grid: Size2(5, 3)),
        ]

    private static func tokens(_ name: String, grid: Size2) -> GradientCase {
        GradientCase(name, input: [2, 3, 3, 4], channels: 6) { graph, stem in
            let tokens = Op.Tokens(
                prefix: [Parameter("first", [1, 1, 6]), Parameter("second", [1, 2, 6])],
                positions: Parameter("positions", [1, 1 + grid.height * grid.width, 6]), grid: grid, embeddedPrefix: 1)
            var x = graph.add(.tokens(tokens), stem, name: "tokens")
            x = graph.add(layerNorm(6), x, name: "ln")
            x = graph.add(.selfAttention(heads: 1), graph.add(pointwise("qkv", 6, 18), x, name: "qkv"), name: "op")
            return graph.add(.patchMap(prefix: 3), [x, stem], name: "map")
        }
    }

    static let composites: [GradientCase] = [
        GradientCase("squeeze and excitation", channels: 20) { graph, stem in
            var x = graph.add(.globalAveragePool, stem, name: "mean")
            x = graph.add(pointwise("a", 20, 5), x, name: "a")
            x = graph.add(.activation(.silu), x, name: "silu")
            x = graph.add(pointwise("b", 5, 20), x, name: "b")
            x = graph.add(.activation(.hardSigmoid(slope: 1 / 6, offset: 0.5)), x, name: "gate")
            return graph.add(.multiply, [stem, x], name: "op")
        },
        GradientCase("shortcut that subsamples and appends channels", channels: 20) { graph, stem in
            var x = graph.add(
                .convolution(
                    Op.Convolution(
                        weight: Parameter("c.weight", [36, 20, 3, 3]), stride: Size2(2), padding: .fixed(Padding(1)))),
                stem, name: "c")
            x = graph.add(
                .batchNorm(
                    Op.BatchNorm(
                        weight: Parameter("n.weight", [36]), bias: Parameter("n.bias", [36]),
                        mean: Parameter("n.running_mean", [36]), variance: Parameter("n.running_var", [36]),
                        epsilon: 1e-5)), x, name: "n")
            let shortcut = graph.add(
                .padChannels(to: 36), graph.add(.subsample(stride: 2), stem, name: "s"), name: "p")
            return graph.add(relu, graph.add(.add, [x, shortcut], name: "sum"), name: "relu")
        },
    ]
}
