// Every operation, in plain loops and in the fast plan, against the numbers that PyTorch computed
// (fixtures/generate/ops_golden.py).

import Engine
import Formats
import TestSupport
import Testing

/// One operation with the name of its vectors.
struct OperationCase: CustomTestStringConvertible, Sendable {
    let name: String
    let op: Op
    var testDescription: String { name }

    init(_ name: String, _ op: Op) {
        self.name = name
        self.op = op
    }

    static let all: [OperationCase] =
        convolutions + pointwise + pooling + rearrangements + attention + tokens

    private static let tokens: [OperationCase] =
        ["same", "grown", "shrunk"].map { name in
            OperationCase(
                "tokens_\(name)",
                .tokens(
                    Op.Tokens(
                        prefix: [Parameter("first", [1, 1, 3]), Parameter("second", [1, 2, 3])],
                        positions: Parameter("positions", [1, 31, 3]), grid: Size2(6, 5), embeddedPrefix: 1)))
        } + [
            OperationCase("self_attention", .selfAttention(heads: 2)),
            OperationCase("patch_map", .patchMap(prefix: 3)),
        ]

    private static func convolution(
        _ name: String, _ kernel: Shape, hasBias: Bool = false, stride: Int = 1,
        padding: PaddingRule = .fixed(Padding(1)),
        dilation: Int = 1, groups: Int = 1
    ) -> OperationCase {
        let convolution = Op.Convolution(
            weight: Parameter("weight", kernel), bias: hasBias ? Parameter("bias", [kernel[0]]) : nil,
            stride: Size2(stride), padding: padding, dilation: Size2(dilation), groups: groups)
        return OperationCase(name, .convolution(convolution))
    }

    private static let convolutions: [OperationCase] = [
        convolution("conv", [4, 3, 3, 3], hasBias: true),
        convolution("conv_stride2", [4, 3, 3, 3], stride: 2),
        convolution(
            "conv_dilated", [4, 3, 3, 3], padding: .fixed(Padding(top: 2, left: 1, bottom: 2, right: 1)), dilation: 2),
        convolution("conv_groups", [6, 2, 3, 3], groups: 2),
        convolution("conv_depthwise", [8, 1, 3, 3], groups: 4),
        convolution("conv_1x1", [5, 3, 1, 1], hasBias: true, padding: .fixed(.none)),
        convolution("conv_stem", [2, 3, 7, 7], stride: 2, padding: .fixed(Padding(3))),
        convolution(
            "conv_uneven_padding", [4, 3, 3, 3], padding: .fixed(Padding(top: 1, left: 0, bottom: 0, right: 2))),
        convolution("conv_same_stride2_even", [4, 3, 3, 3], stride: 2, padding: .same),
        convolution("conv_same_stride2_odd", [4, 3, 3, 3], stride: 2, padding: .same),
        convolution("conv_same_kernel2", [2, 3, 2, 2], padding: .same),
        OperationCase(
            "conv_transposed",
            .transposedConvolution(
                Op.Convolution(
                    weight: Parameter("weight", [4, 3, 3, 3]), bias: Parameter("bias", [3]), stride: Size2(2),
                    padding: .fixed(Padding(1))), outputPadding: Size2(1))),
        OperationCase(
            "conv_transposed_groups",
            .transposedConvolution(
                Op.Convolution(weight: Parameter("weight", [4, 3, 2, 2]), stride: Size2(2), groups: 2),
                outputPadding: Size2(0))),
    ]

    private static let pointwise: [OperationCase] = [
        OperationCase(
            "batch_norm",
            .batchNorm(
                Op.BatchNorm(
                    weight: Parameter("weight", [3]), bias: Parameter("bias", [3]), mean: Parameter("mean", [3]),
                    variance: Parameter("variance", [3]), epsilon: 1e-3))),
        OperationCase(
            "layer_norm",
            .layerNorm(
                Op.LayerNorm(weight: Parameter("weight", [6]), bias: Parameter("bias", [6]), epsilon: 1e-5))),
        OperationCase("relu", .activation(.relu(cap: nil))), OperationCase("relu6", .activation(.relu(cap: 6))),
        OperationCase("leaky_relu", .activation(.leakyRelu(slope: 0.2))), OperationCase("gelu", .activation(.gelu)),
        OperationCase("gelu_tanh", .activation(.geluTanh)), OperationCase("sigmoid", .activation(.sigmoid)),
        OperationCase("silu", .activation(.silu)), OperationCase("tanh", .activation(.tanh)),
        OperationCase("elu", .activation(.elu(alpha: 0.7))), OperationCase("hard_swish", .activation(.hardSwish)),
        OperationCase("hard_sigmoid", .activation(.hardSigmoid(slope: 1 / 6, offset: 0.5))),
        OperationCase("hard_sigmoid_keras2", .activation(.hardSigmoid(slope: 0.2, offset: 0.5))),
        OperationCase("softplus", .activation(.softplus)), OperationCase("scale", .scale(0.9)),
        OperationCase("channel_scale", .channelScale(Parameter("gamma", [3]))),
        OperationCase("add", .add), OperationCase("add_broadcast", .add), OperationCase("multiply", .multiply),
        OperationCase("concatenate", .concatenate),
    ]

    private static let pooling: [OperationCase] = {
        func window(_ size: Int, padding: PaddingRule = .fixed(.none), roundsUp: Bool = false) -> Op.Window {
            Op.Window(size: Size2(size), stride: Size2(2), padding: padding, roundsUp: roundsUp)
        }
        let padded = PaddingRule.fixed(Padding(1))
        return [
            OperationCase("max_pool", .maxPool(window(3, padding: padded))),
            OperationCase("max_pool_rounding_up", .maxPool(window(2, roundsUp: true))),
            OperationCase("max_pool_rounding_up_padded", .maxPool(window(3, padding: padded, roundsUp: true))),
            OperationCase("max_pool_same", .maxPool(window(3, padding: .same))),
            OperationCase("average_pool", .averagePool(window(3, padding: padded), countsPadding: true)),
            OperationCase("average_pool_inside", .averagePool(window(3, padding: padded), countsPadding: false)),
            OperationCase("average_pool_rounding_up", .averagePool(window(2, roundsUp: true), countsPadding: false)),
            OperationCase(
                "average_pool_rounding_up_counting",
                .averagePool(window(3, padding: padded, roundsUp: true), countsPadding: true)),
            OperationCase("global_average_pool", .globalAveragePool),
        ]
    }()

    private static let rearrangements: [OperationCase] = {
        let patches = Op.spaceToDepth(block: 2, order: [Size2(0, 0), Size2(1, 0), Size2(0, 1), Size2(1, 1)])
        return [
            OperationCase("subsample", .subsample(stride: 2)), OperationCase("pad_channels", .padChannels(to: 5)),
            OperationCase("pad", .pad(Padding(top: 0, left: 1, bottom: 3, right: 2), value: -1.5)),
            OperationCase("crop", .pad(Padding(top: -1, left: -1, bottom: -2, right: 0), value: 0)),
            OperationCase("upsample_nearest", .upsample(Size2(2, 3), .nearest)),
            OperationCase("upsample_bilinear", .upsample(Size2(2, 3), .bilinear)),
            OperationCase("space_to_depth", patches), OperationCase("space_to_depth_odd", patches),
        ]
    }()

    private static let attention: [OperationCase] = [
        (6, 6, 3, 0), (6, 6, 3, 1), (7, 5, 3, 1), (3, 8, 4, 2), (2, 3, 4, 2), (4, 4, 4, 2),
    ].flatMap { height, width, window, shift in
        [("torchvision", Op.WindowAttention.Border.padsThenShifts), ("timm", .shiftsThenPads)].map { origin, border in
            let side = 2 * window - 1
            return OperationCase(
                "attention_\(origin)_\(height)x\(width)_window\(window)_shift\(shift)",
                .windowAttention(
                    Op.WindowAttention(
                        qkv: Parameter("qkv", [18, 6]), qkvBias: Parameter("qkv_bias", [18]),
                        projection: Parameter("projection", [6, 6]), projectionBias: Parameter("projection_bias", [6]),
                        biasTable: Parameter("table", [side * side, 2]), heads: 2, window: window, shift: shift,
                        border: border)))
        }
    }
}

@Suite("Operations")
struct OperationTests {
    /// An operation's inputs, parameters and expected output.
    private struct Setup {
        let inputs: [ReferenceMap]
        let expected: ReferenceMap
        let parameters: ParameterTable

        init(_ name: String) throws {
            let golden = try GoldenArchive(TestData.fixtures + "/golden/ops.npz")
            var inputs: [ReferenceMap] = []
            var tensors: [String: TensorView] = [:]
            for key in golden.names where key.hasPrefix(name + "/") {
                let rest = String(key.dropFirst(name.count + 1))
                if rest.hasPrefix("input") {
                    inputs.append(try #require(try golden.map(key)))
                } else {
                    tensors[rest] = golden.tensor(key)
                }
            }
            self.inputs = inputs
            expected = try #require(try golden.map(name + "/output"))
            parameters = ParameterTable(tensors)
        }
    }

    @Test(arguments: OperationCase.all)
    func plainLoopsAgreeWithPyTorch(operation: OperationCase) throws {
        let setup = try Setup(operation.name)
        let output = try ReferenceInterpreter.output(of: operation.op, setup.inputs, parameters: setup.parameters)
        #expect(output.shape == setup.expected.shape)
        #expect(relativeDifference(output.values, setup.expected.values) < 2e-6)
    }

    @Test(
        arguments: OperationCase.all.filter { ![.add, .multiply, .concatenate, .patchMap(prefix: 3)].contains($0.op) })
    func theFastPlanAgreesWithPyTorch(operation: OperationCase) throws {
        let setup = try Setup(operation.name)
        let input = setup.inputs[0]
        var graph = Graph(inputChannels: input.shape[1])
        graph.levels = [graph.add(operation.op, 0, name: operation.name)]
        let plan = try InferencePlan(graph, parameters: setup.parameters, input: input.shape, threads: 1)
        let output = try #require(try plan.features(of: input.values).first)
        #expect(output.shape == setup.expected.shape)
        #expect(relativeDifference(output.values, setup.expected.values) < 2e-5)
    }
}
