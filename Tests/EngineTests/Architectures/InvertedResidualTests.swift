// EfficientNets and MobileNets under the names of three code bases, and what their files do not tell.

import Formats
import TestSupport
import Testing

@testable import Engine

@Suite("Inverted residual networks")
struct InvertedResidualTests {
    private func architecture(_ graph: Graph, _ hints: ArchitectureHints = ArchitectureHints()) throws -> String {
        try Recognizer.recognize(graph.tensors(), hints: hints).architecture
    }

    @Test func publishedSizesAreThosePublished() throws {
        // Parameters of features_only models in timm 1.0.31, running statistics included.
        let expected = [
            ("efficientnet_b0", 3_634_844), ("efficientnet_b7", 62_449_040), ("efficientnet_v2_s", 19_998_560),
            ("mobilenet_v2", 1_843_264), ("mobilenet_v3_small", 939_120), ("mobilenet_v3_large", 2_996_352),
        ]
        for (name, count) in expected {
            let parameters = try Architectures.named(name).parameters
            #expect(parameters.reduce(0) { $0 + $1.shape.elementCount } == count, "\(name)")
        }
    }

    @Test func levelsAreTheLastBlocksOfEachResolution() throws {
        let expected: [(String, [Shape])] = [
            (
                "efficientnet_b0",
                [[1, 16, 113, 95], [1, 24, 57, 48], [1, 40, 29, 24], [1, 112, 15, 12], [1, 320, 8, 6]]
            ),
            (
                "mobilenet_v3_small",
                [[1, 16, 113, 95], [1, 16, 57, 48], [1, 24, 29, 24], [1, 48, 15, 12], [1, 576, 8, 6]]
            ),
        ]
        for (name, levels) in expected {
            let graph = try Architectures.named(name)
            let shapes = try graph.outputShapes(input: [1, 3, 225, 190])
            #expect(graph.levels.map { shapes[$0] } == levels)
        }
    }

    @Test func headsAreIgnoredUnlessAskedFor() throws {
        let graph = try Architectures.named("mobilenet_v2")
        let head: [TensorInfo] = [
            .float("conv_head.weight", [1280, 320, 1, 1]), .float("bn2.weight", [1280]), .float("bn2.bias", [1280]),
            .float("bn2.running_mean", [1280]), .float("bn2.running_var", [1280]),
            .float("classifier.weight", [9, 1280]),
        ]
        let found = try Recognizer.recognize(
            graph.tensors(prefix: "net.") + head.map { .float("net." + $0.name, $0.shape) })
        #expect(found.prefix == "net.")
        #expect(
            found.ignored.map { $0.reason } == [String](
                repeating: "1×1 convolution before the classification head", count: 5) + ["classification head"])
        let whole = try Recognizer.recognize(
            graph.tensors() + head, hints: ArchitectureHints(options: ["head_conv": "true"]))
        #expect(whole.ignored.map { $0.name } == ["classifier.weight"])
        let shapes = try whole.graph.outputShapes(input: [1, 3, 64, 64])
        #expect(whole.graph.levels.map { shapes[$0][1] } == [16, 24, 32, 96, 1280])
    }

    @Test func paddingAndEpsilonAreStatedAndCanBeGiven() throws {
        let tensors = try Architectures.named("efficientnet_b3").tensors()
        let torch = try Recognizer.recognize(tensors)
        #expect(
            torch.facts.prefix(2) == [
                Recognition.Fact("BatchNorm epsilon", "1e-05"),
                Recognition.Fact(
                    "padding",
                    "half the kernel (PyTorch); for weights from TensorFlow give --arch-option padding=tf"),
            ])
        let tensorFlow = try Recognizer.recognize(tensors, hints: ArchitectureHints(options: ["padding": "tf"]))
        #expect(
            tensorFlow.facts.prefix(2) == [
                Recognition.Fact("BatchNorm epsilon", "0.001"), Recognition.Fact("padding", "TensorFlow's same"),
            ])
        let given = try Recognizer.recognize(
            tensors, hints: ArchitectureHints(options: ["padding": "torch", "epsilon": "0.001"]))
        #expect(given.facts[0].value == "0.001")
        #expect(given.facts[1].value == "half the kernel (PyTorch)")
        #expect(torch.facts.contains(Recognition.Fact("strides", "1-2-2-2-1-2-1 (not stored)")))
        #expect(torch.facts.contains(Recognition.Fact("squeeze-and-excitation", "SiLU, sigmoid")))
    }

    @Test func activationsOfEachFamilyAreStated() throws {
        func activation(_ name: String) throws -> String? {
            let found = try Recognizer.recognize(Architectures.named(name).tensors())
            return found.facts.first { $0.key == "activation" }?.value
        }
        #expect(try activation("mobilenet_v2") == "ReLU6")
        #expect(try activation("mobilenet_v3_large") == "hard-swish, ReLU")
        #expect(try activation("efficientnet_v2_m") == "SiLU")
    }

    @Test func efficientNetVariantsAreTold() throws {
        #expect(try architecture(Architectures.named("efficientnet_v2_l")) == "EfficientNetV2-L (timm)")
        guard
            case .invertedResidual(var sizes) = Architectures.models.first(where: { $0.name == "efficientnet_b1" })?
                .configuration
        else { return #expect(Bool(false), "efficientnet_b1 is known") }
        sizes.stages[0].removeLast()
        #expect(
            try architecture(sizes.graph())
                == "EfficientNet variant, blocks 1-3-3-4-4-5-2, channels 16-24-40-80-112-192-320 (timm)")
    }

    @Test func networksThatOnlyLookLikeMobileNetV2AreNotGuessed() throws {
        guard
            case .invertedResidual(var sizes) = Architectures.models.first(where: { $0.name == "mobilenet_v2" })?
                .configuration
        else { return #expect(Bool(false), "mobilenet_v2 is known") }
        for block in sizes.stages[2].indices { sizes.stages[2][block].kernel = 5 }
        let tensors = sizes.graph().tensors()
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description
                == "the tensors do not fit MobileNetV2 (timm); its kernels are larger than MobileNetV2's, as in "
                + "MNASNet (ReLU) and EfficientNet-Lite (ReLU6): say which with --arch-option activation=relu or relu6")
        let found = try Recognizer.recognize(tensors, hints: ArchitectureHints(options: ["activation": "relu"]))
        #expect(found.facts.contains(Recognition.Fact("activation", "ReLU")))
        #expect(found.graph.parameters.count == sizes.graph().parameters.count)
    }

    @Test func missingAndMisshapenTensorsAreNamedAsInTheFile() throws {
        let reader = try Checkpoint.open(TestData.fixtures + "/models/efficientnet_lukemelas.safetensors")
        var tensors = reader.tensors
        tensors.removeAll { $0.name == "_blocks.3._se_expand.bias" }
        let place = try #require(tensors.firstIndex { $0.name == "_blocks.4._bn1.weight" })
        tensors[place].shape = [5]
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description.contains(
                "(efficientnet_pytorch, segmentation_models_pytorch): 1 missing (_blocks.3._se_expand.bias), "
                    + "1 of another shape (_blocks.4._bn1.weight is 5, not 15); ") == true)
    }

    @Test func aListOfBlocksThatDoesNotTellItsStridesIsRefused() throws {
        let reader = try Checkpoint.open(TestData.fixtures + "/models/efficientnet_lukemelas.safetensors")
        let tensors = reader.tensors.filter { !$0.name.hasPrefix("_blocks.8.") }
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description.hasSuffix(
                "its 8 blocks do not tell which of them have stride 2 (6 widths, not 7)") == true)
    }

    @Test func staticPaddingFollowsTheImageSize() throws {
        let reader = try Checkpoint.open(TestData.fixtures + "/models/efficientnet_lukemelas.safetensors")
        let found = try Recognizer.recognize(reader, hints: ArchitectureHints(options: ["image_size": "65"]))
        let strided = found.graph.nodes.compactMap { node -> PaddingRule? in
            guard case .convolution(let convolution) = node.op, convolution.stride == Size2(2) else { return nil }
            return convolution.padding
        }
        // 65 → 33 → 17 → 9 → 5 → 3: every map is odd, so nothing is padded more on one side.
        #expect(strided == [1, 1, 2, 1, 2].map { .fixed(Padding($0)) })
    }
}
