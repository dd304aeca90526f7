// ONNX operators one by one, by values worked out by hand; what is not run, and graphs that mean harm.

import Formats
import TestSupport
import Testing

@testable import Engine

@Suite("ONNX operators")
struct ONNXOperatorTests {
    typealias Setting = MadeONNX.Setting

    /// Channel 0 is 1, −2, 3, −4 and channel 1 ten times that, as rows of two.
    private static let image = ReferenceMap(shape: [1, 2, 2, 2], values: [1, -2, 3, -4, 10, -20, 30, -40])

    private func recognized(
        _ nodes: [ProtoMessage], _ tensors: [ProtoMessage] = [], opset: Int = 17, inputs: [ProtoMessage]? = nil
    ) throws -> Recognition {
        let stem = MadeONNX.node("Conv", ["x", "w"], "s")
        let kernel = MadeONNX.tensor("w", [2, 2, 1, 1], [1, 0, 0, 1])
        let graph = MadeONNX.graph(
            [stem] + nodes, [kernel] + tensors, inputs: inputs ?? [MadeONNX.input("x", [1, 2, 2, 2])])
        return try withMadeFile(MadeONNX.model(graph, opset: opset)) { path in
            try Recognizer.recognize(try Checkpoint.open(path))
        }
    }

    /// The deepest level of an identity convolution followed by these operators, for the image.
    private func level(
        _ nodes: [ProtoMessage], _ tensors: [ProtoMessage] = [], opset: Int = 17,
        image: ReferenceMap = ONNXOperatorTests.image
    ) throws -> ReferenceMap {
        let stem = MadeONNX.node("Conv", ["x", "w"], "s")
        let kernel = MadeONNX.tensor("w", [2, 2, 1, 1], [1, 0, 0, 1])
        let graph = MadeONNX.graph(
            [stem] + nodes, [kernel] + tensors, inputs: [MadeONNX.input("x", image.shape.axes)])
        return try withMadeFile(MadeONNX.model(graph, opset: opset)) { path in
            let reader = try Checkpoint.open(path)
            let found = try Recognizer.recognize(reader)
            let parameters = CheckpointParameters(found, reader: reader)
            let plain = try ReferenceInterpreter(found.graph, parameters: parameters).levels(of: image)
            let plan = try InferencePlan(found.graph, parameters: parameters, input: image.shape, threads: 1)
            let last = try #require(plain.last)
            #expect(
                relativeDifference(try #require(try plan.features(of: image.values).last).values, last.values) < 1e-5)
            return last
        }
    }

    private static func node(
        _ kind: String, _ inputs: [String], _ output: String, _ settings: [(String, Setting)] = []
    ) -> ProtoMessage { MadeONNX.node(kind, inputs, output, settings) }

    private static func tensor(_ name: String, _ sizes: [Int], _ values: [Float]) -> ProtoMessage {
        MadeONNX.tensor(name, sizes, values)
    }

    @Test(
        arguments: [
            ([node("LeakyRelu", ["s"], "y", [("alpha", .float(0.5))])], [], [1, -1, 3, -2, 10, -10, 30, -20]),
            ([node("Clip", ["s", "", "six"], "y")], [tensor("six", [], [6])], [1, -2, 3, -4, 6, -20, 6, -40]),
            (
                [node("Clip", ["s", "low", "six"], "y")], [tensor("low", [], [-3]), tensor("six", [], [6])],
                [1, -2, 3, -3, 6, -3, 6, -3]
            ),
            ([node("Clip", ["s"], "y", [("min", .float(0)), ("max", .float(2))])], [], [1, 0, 2, 0, 2, 0, 2, 0]),
            ([node("Add", ["c", "s"], "y")], [tensor("c", [2, 1, 1], [1, 2])], [2, -1, 4, -3, 12, -18, 32, -38]),
            ([node("Sub", ["c", "s"], "y")], [tensor("c", [1], [1])], [0, 3, -2, 5, -9, 21, -29, 41]),
            ([node("Sub", ["s", "c"], "y")], [tensor("c", [1, 2, 1, 1], [1, 2])], [0, -3, 2, -5, 8, -22, 28, -42]),
            ([node("Div", ["s", "c"], "y")], [tensor("c", [2, 1, 1], [2, 10])], [0.5, -1, 1.5, -2, 1, -2, 3, -4]),
            ([node("Pow", ["s", "c"], "y")], [tensor("c", [], [2])], [1, 4, 9, 16, 100, 400, 900, 1600]),
            ([node("Pow", ["s", "c"], "y")], [tensor("c", [], [3])], [1, -8, 27, -64, 1000, -8000, 27000, -64000]),
            ([node("Max", ["s", "c"], "y")], [tensor("c", [], [2])], [2, 2, 3, 2, 10, 2, 30, 2]),
            ([node("Min", ["c", "s"], "y")], [tensor("c", [], [2])], [1, -2, 2, -4, 2, -20, 2, -40]),
            ([node("Neg", ["s"], "y")], [], [-1, 2, -3, 4, -10, 20, -30, 40]),
            ([node("Sum", ["s", "s", "s"], "y")], [], [3, -6, 9, -12, 30, -60, 90, -120]),
            ([node("Mean", ["s", "x"], "y")], [], [1, -2, 3, -4, 10, -20, 30, -40]),
            (
                [node("PRelu", ["s", "c"], "y")], [tensor("c", [2, 1, 1], [0.5, 0.1])], [1, -1, 3, -2, 10, -2, 30, -4]
            ),
            (
                // A pooled vector as a factor for each channel, through shapes that heads and gates have.
                [
                    node("ReduceMean", ["s"], "m", [("axes", .integers([-2, -1])), ("keepdims", .integer(0))]),
                    node("Reshape", ["m", "shape"], "v"), node("Mul", ["s", "v"], "y"),
                ], [MadeONNX.integers("shape", [1, -1, 1, 1])], [-0.5, 1, -1.5, 2, -50, 100, -150, 200]
            ),
            (
                // Rows and columns first, a matrix over channels, and back.
                [
                    node("Transpose", ["s"], "t", [("perm", .integers([0, 2, 3, 1]))]),
                    node("MatMul", ["t", "m"], "p"), node("Add", ["b", "p"], "q"),
                    node("Transpose", ["q"], "y", [("perm", .integers([0, 3, 1, 2]))]),
                ], [tensor("m", [2, 2], [0, 1, 1, 0]), tensor("b", [2], [1, 0])],
                [11, -19, 31, -39, 1, -2, 3, -4]
            ),
            (
                [node("BatchNormalization", ["s", "g", "b", "m", "v"], "y", [("epsilon", .float(0))])],
                [
                    tensor("g", [2], [1, 2]), tensor("b", [2], [0, 1]), tensor("m", [2], [1, 10]),
                    tensor("v", [2], [1, 4]),
                ], [0, -3, 2, -5, 1, -29, 21, -49]
            ),
        ] as [([ProtoMessage], [ProtoMessage], [Float])])
    func operatorsDoWhatTheStandardSays(nodes: [ProtoMessage], tensors: [ProtoMessage], values: [Float]) throws {
        let found = try level(nodes, tensors)
        #expect(found.shape == [1, 2, 2, 2])
        #expect(relativeDifference(found.values, values) < 1e-6)
    }

    /// Values less the mean and over the deviation of each run of `length`.
    private static func normalized(_ values: [Float], length: Int) -> [Float] {
        stride(from: 0, to: values.count, by: length).flatMap { start in
            let run = values[start..<start + length].map { Double($0) }
            let mean = run.reduce(0, +) / Double(length)
            let variance = run.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(length)
            return run.map { Float(($0 - mean) / (variance + 1e-5).squareRoot()) }
        }
    }

    @Test func normalisationsByTheImageItselfAreRun() throws {
        let constants = [Self.tensor("g", [2], [2, 1]), Self.tensor("b", [2], [0, 1])]
        let normal = Self.normalized(Self.image.values, length: 4)
        let expected = normal.enumerated().map { $0.offset < 4 ? 2 * $0.element : $0.element + 1 }
        let instances = try level([Self.node("InstanceNormalization", ["s", "g", "b"], "y")], constants)
        #expect(relativeDifference(instances.values, expected) < 1e-5)
        // One group of both channels, as an operator and as PyTorch exports it.
        let together = Self.normalized(Self.image.values, length: 8)
        let scaled = together.enumerated().map { $0.offset < 4 ? 2 * $0.element : $0.element + 1 }
        let group = try level(
            [Self.node("GroupNormalization", ["s", "g", "b"], "y", [("num_groups", .integer(1))])], constants, opset: 21
        )
        #expect(relativeDifference(group.values, scaled) < 1e-5)
        let reshaped = try level(
            [
                Self.node("Reshape", ["s", "groups"], "r"),
                Self.node("InstanceNormalization", ["r", "one", "zero"], "n"),
                Self.node("Shape", ["s"], "sizes"), Self.node("Reshape", ["n", "sizes"], "m"),
                Self.node("Unsqueeze", ["g", "axes"], "g2"), Self.node("Unsqueeze", ["b", "axes"], "b2"),
                Self.node("Mul", ["m", "g2"], "p"), Self.node("Add", ["p", "b2"], "y"),
            ],
            constants + [
                MadeONNX.integers("groups", [0, 1, -1]), Self.tensor("one", [1], [1]), Self.tensor("zero", [1], [0]),
                MadeONNX.integers("axes", [1, 2]),
            ])
        #expect(relativeDifference(reshaped.values, scaled) < 1e-5)
    }

    @Test(arguments: [1, 2, 10])
    func normalisedMapsCanBeConvolved(groups: Int) throws {
        // Ten channels fill no whole vector: what lies beyond them must stay zero.
        let channels = 10
        let widened = Self.tensor("k", [channels, 2, 1, 1], (0..<2 * channels).map { Float($0 % 7) - 3 })
        let narrowed = Self.tensor("n", [3, channels, 1, 1], (0..<3 * channels).map { Float($0 % 5) - 2 })
        let found = try level(
            [
                Self.node("Conv", ["s", "k"], "a"),
                Self.node("GroupNormalization", ["a", "g", "b"], "c", [("num_groups", .integer(groups))]),
                Self.node("Conv", ["c", "n"], "y"),
            ],
            [
                widened, narrowed, Self.tensor("g", [channels], [Float](repeating: 2, count: channels)),
                Self.tensor("b", [channels], (0..<channels).map { Float($0) }),
            ], opset: 21)
        #expect(found.shape == [1, 3, 2, 2] && found.values.allSatisfy { $0.isFinite })
    }

    @Test func channelsAreSplitCutAndShuffled() throws {
        let values = Self.image.values
        let (one, two) = (Array(values[..<4]), Array(values[4...]))
        let swapped = try level(
            [
                MadeONNX.node("Split", ["s"], "a", [("axis", .integer(1))]).text(2, "b"),
                Self.node("Concat", ["b", "a", "b"], "y", [("axis", .integer(1))]),
            ])
        #expect(swapped.values == two + one + two)
        let cut = try level(
            [Self.node("Slice", ["s", "starts", "ends", "axes"], "y")],
            [
                MadeONNX.integers("starts", [-1]), MadeONNX.integers("ends", [.max]), MadeONNX.integers("axes", [1]),
            ])
        #expect(cut.values == two)
        // Channels 0 1 2 3 in two groups become 0 2 1 3.
        let shuffled = try level(
            [
                Self.node("Neg", ["s"], "n"), Self.node("Concat", ["s", "n"], "c", [("axis", .integer(1))]),
                Self.node("Reshape", ["c", "groups"], "r"),
                Self.node("Transpose", ["r"], "t", [("perm", .integers([0, 2, 1, 3, 4]))]),
                Self.node("Reshape", ["t", "maps"], "y"),
            ], [MadeONNX.integers("groups", [1, 2, 2, 2, 2]), MadeONNX.integers("maps", [1, -1, 2, 2])])
        #expect(shuffled.values == one + one.map { -$0 } + two + two.map { -$0 })
    }

    @Test func paddingAndCuttingMoveTheMap() throws {
        let padded = try level(
            [
                Self.node("Pad", ["s", "pads", "value"], "p"),
                Self.node("Conv", ["p", "w"], "q"),
                Self.node("Slice", ["q", "starts", "ends", "axes"], "y"),
            ],
            [
                MadeONNX.integers("pads", [0, 0, 1, 0, 0, 0, 0, 1]), Self.tensor("value", [], [7]),
                MadeONNX.integers("starts", [1, 0]), MadeONNX.integers("ends", [.max, -1]),
                MadeONNX.integers("axes", [2, 3]),
            ])
        #expect(padded.shape == [1, 2, 2, 2] && padded.values == Self.image.values)
        let thinned = try recognized(
            [Self.node("Slice", ["s", "starts", "ends", "axes", "steps"], "y")],
            [
                MadeONNX.integers("starts", [0, 0]), MadeONNX.integers("ends", [.max, .max]),
                MadeONNX.integers("axes", [2, 3]), MadeONNX.integers("steps", [2, 2]),
            ], inputs: [MadeONNX.input("x", [1, 2, 4, 4])])
        #expect(thinned.graph.nodes.last?.op == .subsample(stride: 2))
    }

    @Test func weightsComputedFromOthersAreComputedOnce() throws {
        // A kernel less its mean, as weight standardisation has it.
        let found = try level(
            [
                Self.node("ReduceMean", ["k"], "m", [("axes", .integers([1, 2, 3])), ("keepdims", .integer(1))]),
                Self.node("Sub", ["k", "m"], "d"), Self.node("Conv", ["s", "d"], "y"),
            ], [Self.tensor("k", [2, 2, 1, 1], [1, 3, 2, 0])])
        #expect(found.values == [9, -18, 27, -36, -9, 18, -27, 36])
    }

    @Test func paddingComputedFromTheImagesSizeIsTensorFlowsSame() throws {
        // pads = [0, 0, 0, 0, 0, 0, h − 1 − (h − 2), …]: one row below, one column right of an even map.
        let found = try recognized(
            [
                Self.node("Shape", ["s"], "sizes"), Self.node("Gather", ["sizes", "two"], "h"),
                Self.node("Sub", ["h", "three"], "one"), Self.node("Unsqueeze", ["one", "zero"], "list"),
                Self.node("Concat", ["six", "list", "list"], "pads", [("axis", .integer(0))]),
                Self.node("Pad", ["s", "pads"], "p"),
                Self.node("Conv", ["p", "k"], "y", [("strides", .integers([2, 2]))]),
            ],
            [
                MadeONNX.header("two", [], type: 7).integer(7, 2), MadeONNX.header("three", [], type: 7).integer(7, 3),
                MadeONNX.integers("zero", [0]), MadeONNX.integers("six", [0, 0, 0, 0, 0, 0]),
                Self.tensor("k", [2, 2, 3, 3], [Float](repeating: 1, count: 36)),
            ], inputs: [MadeONNX.input("x", [1, 2, 4, 4])])
        guard case .convolution(let convolution)? = found.graph.nodes.last?.op else {
            Issue.record("no convolution")
            return
        }
        #expect(convolution.padding == .same && found.graph.nodes.count == 3)
    }

    // MARK: What is not run

    private func refusal(
        _ nodes: [ProtoMessage], _ tensors: [ProtoMessage] = [], inputs: [ProtoMessage]? = nil
    ) -> String {
        do {
            _ = try recognized(nodes, tensors, inputs: inputs)
            return "none"
        } catch { return "\(error)" }
    }

    @Test func everyUnknownOperatorIsNamedAtOnce() {
        let message = refusal([
            Self.node("GridSample", ["s", "x"], "a"), Self.node("Relu", ["a"], "b"),
            Self.node("Einsum", ["b", "s"], "c"),
            MadeONNX.node("FusedConv", ["c"], "d", domain: "com.microsoft"),
        ])
        #expect(
            message
                == "layer 'a' (ONNX operator GridSample, opset 17) cannot be run; operators of the graph that are not run "
                + "here: GridSample, Einsum, com.microsoft.FusedConv; export the encoder without them")
    }

    @Test(
        arguments: [
            (
                [
                    node(
                        "MaxPool", ["s"], "y",
                        [("kernel_shape", .integers([2, 2])), ("dilations", .integers([2, 2]))])
                ],
                [], "windows with gaps are not supported"
            ),
            (
                [
                    node(
                        "MaxPool", ["s"], "y",
                        [
                            ("kernel_shape", .integers([2, 2])), ("strides", .integers([2, 2])),
                            ("auto_pad", .text("SAME_LOWER")),
                        ])
                ], [], "its auto_pad SAME_LOWER is not supported; export with explicit pads"
            ),
            (
                [node("MaxPool", ["s"], "y", [("kernel_shape", .integers([2]))])], [],
                "its kernel_shape [2] must be two sizes: only images are supported, not signals or volumes"
            ),
            (
                [node("BatchNormalization", ["s", "w", "w", "w", "w"], "y", [("training_mode", .integer(1))])], [],
                "the graph was exported for training; call model.eval() before the export"
            ),
            (
                [node("Reshape", ["s", "shape"], "y")], [MadeONNX.integers("shape", [1, 2, 1, 2, 2, 1])],
                "it rearranges a map of 1×2×2×2 to 1×2×1×2×2×1, as attention does"
            ),
            (
                [node("Add", ["s", "c"], "y")], [tensor("c", [1, 2, 2, 2], [Float](repeating: 1, count: 8))],
                "its constant of 1×2×2×2 is neither one number nor one for each channel"
            ),
            (
                [node("Concat", ["s", "c"], "y", [("axis", .integer(1))])], [tensor("c", [1, 1, 2, 2], [1, 2, 3, 4])],
                "it joins a map with constants, such as a class token"
            ),
            (
                [node("Concat", ["s", "s"], "y", [("axis", .integer(2))])], [],
                "it joins maps along another axis than the channels"
            ),
            ([node("Cast", ["s"], "y", [("to", .integer(7))])], [], "it makes integers of a map"),
        ] as [([ProtoMessage], [ProtoMessage], String)])
    func settingsThatAreNotRunAreRefused(nodes: [ProtoMessage], tensors: [ProtoMessage], advice: String) {
        #expect(refusal(nodes, tensors).hasSuffix("cannot be run; \(advice)"))
    }

    @Test func headsAndDecodersMayHoldAnything() throws {
        let head = try recognized([
            Self.node("Relu", ["s"], "y"), Self.node("Flatten", ["y"], "f"), Self.node("Einsum", ["f"], "e"),
            Self.node("Softmax", ["e"], "p"), Self.node("TopK", ["p"], "t"),
        ])
        #expect(head.graph.levels.count == 1)
        let decoder = try recognized(
            [
                Self.node("Relu", ["s"], "y"),
                Self.node("Resize", ["y", "", "scales"], "r", [("mode", .text("cubic"))]),
                Self.node("GridSample", ["r"], "g"), Self.node("Concat", ["g", "y"], "c", [("axis", .integer(1))]),
            ], [Self.tensor("scales", [4], [1, 1, 2, 2])])
        #expect(decoder.graph.levels.count == 1)
    }

    // MARK: Harm

    @Test(
        arguments: [
            ([node("Relu", ["none"], "y")], [], "its input 'none' is computed nowhere before it; the file is damaged"),
            ([node("Relu", ["y"], "y")], [], "its input 'y' is computed nowhere before it; the file is damaged"),
            (
                [node("ConstantOfShape", ["big"], "c"), node("Add", ["s", "c"], "y")],
                [MadeONNX.integers("big", [1 << 20, 1 << 20])], "it makes a constant of 1048576×1048576"
            ),
            (
                [node("Expand", ["one", "big"], "c"), node("Add", ["s", "c"], "y")],
                [tensor("one", [1], [1]), MadeONNX.integers("big", [1 << 40, 1 << 40])], "do not go together"
            ),
            (
                [node("Reshape", ["s", "shape"], "y")], [MadeONNX.integers("shape", [.max, .max, 2])],
                "which does not fit"
            ),
            ([node("Reshape", ["s", "shape"], "y")], [MadeONNX.integers("shape", [-1, -1])], "which does not fit"),
            (
                [node("Transpose", ["s"], "y", [("perm", .integers([0, 0, 1, 2]))])], [],
                "its order [0, 0, 1, 2] does not fit"
            ),
            (
                [node("Conv", ["s", "w"], "y", [("group", .integer(-1))])], [],
                "its kernel must be O×I×h×w: only images are supported, not signals or volumes"
            ),
            (
                [node("Conv", ["s", "w"], "y", [("strides", .integers([0, 1]))])], [],
                "its strides [0, 1] must be two sizes: only images are supported, not signals or volumes"
            ),
            (
                [node("Conv", ["s", "w"], "y", [("pads", .integers([-1, 0, 0, 0]))])], [],
                "its pads must be four sizes"
            ),
            (
                [node("Slice", ["s", "a", "b"], "y")],
                [MadeONNX.integers("a", [.min, 0]), MadeONNX.integers("b", [.max, .min])],
                "its bounds depend on the image's size"
            ),
        ] as [([ProtoMessage], [ProtoMessage], String)])
    func harmfulGraphsAreRefused(nodes: [ProtoMessage], tensors: [ProtoMessage], advice: String) {
        #expect(refusal(nodes, tensors).hasSuffix(advice) || refusal(nodes, tensors).contains(advice))
    }

    @Test func aConvolutionOfOtherChannelsIsRefused() {
        #expect(
            refusal([Self.node("Conv", ["s", "k"], "y")], [Self.tensor("k", [1, 3, 1, 1], [1, 2, 3])])
                == "layer 'y': expected 3 channels for kernel 1×3×1×1, found 1×2×2×2")
        #expect(
            refusal([], inputs: [MadeONNX.input("x", [1, 5, 2, 2])])
                == "layer 'made' (ONNX graph) cannot be run; it takes 5 channels, but its first convolution 2")
        #expect(
            refusal([], inputs: []).hasSuffix("it has no input of images, N×C×H×W"))
    }

    @Test func doublingAgainAndAgainRunsOutOfItsBudget() {
        // Each constant is the one before, laid out twice: 2⁴⁰ numbers if nothing stopped it.
        var nodes: [ProtoMessage] = []
        for step in 0..<40 {
            nodes.append(Self.node("Concat", ["c\(step)", "c\(step)"], "c\(step + 1)", [("axis", .integer(0))]))
        }
        nodes.append(Self.node("Add", ["s", "c40"], "y"))
        #expect(refusal(nodes, [MadeONNX.integers("c0", [1])]) != "none")
    }

    @Test(arguments: ["dynamo_names", "script_13", "keras"])
    func damagedGraphsNeverTrap(name: String) throws {
        let whole = try Bytes(mapping: TestData.fixtures + "/models/onnx_\(name).onnx").array
        var state = UInt64(whole.count)
        func roll(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        var understood = 0
        for _ in 0..<400 {
            var bytes = whole
            for _ in 0...roll(6) { bytes[roll(bytes.count)] = UInt8(truncatingIfNeeded: roll(256)) }
            try withMadeFile(bytes) { path in
                guard let reader = try? Checkpoint.open(path), let found = try? Recognizer.recognize(reader) else {
                    return
                }
                understood += 1
                let channels = found.graph.inputChannels
                _ = try? found.graph.outputShapes(input: [1, channels, 32, 32])
            }
        }
        #expect(understood > 0)
    }

    @Test(
        arguments: [
            [("Conv", ["s", "k"], [("group", Setting.integer(.max))])],
            [("ConvTranspose", ["s", "k"], [("group", .integer(.max))])],
            [("Conv", ["s", "none"], [("dilations", .integers([4096, 4096]))])],
            [("Transpose", ["none"], [("perm", .integers([3, 2, 1, 0]))]), ("Add", ["s", "v0"], [])],
            [("Slice", ["none", "min", "min"], []), ("Add", ["s", "v0"], [])],
            [("Pad", ["s", "min"], [])], [("Range", ["min", "min", "min"], []), ("Add", ["s", "v0"], [])],
            [("Slice", ["k", "min", "min", "zero", "min"], []), ("Add", ["s", "v0"], [])],
            [("Shape", ["s"], [("start", .integer(.min)), ("end", .integer(.max))]), ("Add", ["s", "v0"], [])],
            [("Flatten", ["s"], [("axis", .integer(.min))])], [("Softmax", ["s"], [("axis", .integer(.min))])],
            [("ReduceMean", ["s"], [("axes", .integers([.min]))])],
            [("Unsqueeze", ["s"], [("axes", .integers([.max]))])],
            [("MaxPool", ["s"], [("kernel_shape", .integers([.max, .max]))])],
            [("SpaceToDepth", ["s"], [("blocksize", .integer(.max))])],
            [("Expand", ["none", "min"], []), ("Add", ["s", "v0"], [])],
        ] as [[(String, [String], [(String, Setting)])]])
    func numbersBeyondReasonNeverTrap(operators: [(String, [String], [(String, Setting)])]) {
        let nodes = operators.enumerated().map { Self.node($0.element.0, $0.element.1, "v\($0.offset)", $0.element.2) }
        let tensors = [
            Self.tensor("k", [2, 1, 1, 1], [1, 2]), MadeONNX.header("none", [2, 2, 0, 1 << 60], type: 1),
            MadeONNX.integers("min", [.min]), MadeONNX.integers("zero", [0]),
        ]
        _ = refusal(nodes, tensors)
    }
}
