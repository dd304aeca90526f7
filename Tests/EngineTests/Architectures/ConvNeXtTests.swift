// ConvNeXts under the names of three code bases.

import Formats
import Testing

@testable import Engine

@Suite("ConvNeXt")
struct ConvNeXtTests {
    private static let sizes = ConvNeXtConfiguration(stages: [
        .init(blocks: 2, channels: 8, hidden: 32), .init(blocks: 1, channels: 12, hidden: 40),
    ])

    /// The tensors of a network under a code base's names; Linear weights have two axes there.
    private func tensors(_ graph: Graph, _ naming: ConvNeXtNaming, prefix: String = "") -> [TensorInfo] {
        graph.parameters.map {
            let axes = $0.shape.axes
            let isLinear = $0.name.contains("mlp.fc") && axes.count == 4
            let isScale = naming.tensor($0.name).hasSuffix("layer_scale")
            let shape = isLinear ? [axes[0], axes[1]] : isScale ? [axes[0], 1, 1] : $0.shape
            return .float(prefix + naming.tensor($0.name), shape)
        }
    }

    @Test(arguments: [
        (ConvNeXtNaming.timm, "ConvNeXt-T (timm)"), (.timmFeatures, "ConvNeXt-T (timm features)"),
        (.torchvision, "ConvNeXt-T (torchvision)"), (.original, "ConvNeXt-T (the original code)"),
    ])
    func everyCodeBaseIsRecognised(naming: ConvNeXtNaming, title: String) throws {
        let graph = try Architectures.named("convnext_tiny")
        for prefix in ["", "encoder.model."] {
            let found = try Recognizer.recognize(
                tensors(graph, naming, prefix: prefix)
                    + [.float(prefix + "head.weight", [10, 768]), .float(prefix + "norm.weight", [768])])
            #expect(found.architecture == title)
            #expect(found.family == "convnext")
            #expect(found.prefix == prefix)
            #expect(found.graph.nodes == graph.nodes)
            #expect(
                found.ignored.map { $0.reason } == [
                    "classification head", "final norm before the classification head",
                ])
        }
    }

    @Test func namesOfTheCodeBases() {
        let names = [
            "stem.1.bias", "stages.2.downsample.1.weight", "stages.3.blocks.4.conv_dw.bias",
            "stages.0.blocks.1.norm.weight", "stages.0.blocks.1.mlp.fc2.weight", "stages.1.blocks.0.gamma",
        ]
        #expect(
            names.map(ConvNeXtNaming.torchvision.tensor) == [
                "features.0.1.bias", "features.4.1.weight", "features.7.4.block.0.bias", "features.1.1.block.2.weight",
                "features.1.1.block.5.weight", "features.3.0.layer_scale",
            ])
        #expect(
            names.map(ConvNeXtNaming.original.tensor) == [
                "downsample_layers.0.1.bias", "downsample_layers.2.1.weight", "stages.3.4.dwconv.bias",
                "stages.0.1.norm.weight", "stages.0.1.pwconv2.weight", "stages.1.0.gamma",
            ])
        #expect(names.map(ConvNeXtNaming.timm.tensor) == names)
    }

    @Test func otherSizesAndAMissingLayerScaleAreRead() throws {
        var sizes = Self.sizes
        sizes.hasLayerScale = false
        sizes.inputChannels = 1
        let found = try Recognizer.recognize(sizes.graph().tensors())
        #expect(found.graph.nodes == sizes.graph().nodes)
        #expect(found.architecture == "ConvNeXt variant, blocks 2-1, channels 8-12 (timm)")
        #expect(found.facts.contains(Recognition.Fact("layer scale", "none")))
        #expect(found.facts.contains(Recognition.Fact("LayerNorm epsilon", "1e-06")))
        #expect(found.expectedInputChannels == 1)
    }

    @Test func missingAndMisshapenTensorsAreNamedAsInTheFile() throws {
        var tensors = tensors(Self.sizes.graph(), .original)
        tensors.removeAll { $0.name == "stages.1.0.pwconv1.bias" }
        let place = try #require(tensors.firstIndex { $0.name == "stages.0.1.dwconv.weight" })
        tensors[place].shape = [8, 1, 5, 5]
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description.hasPrefix(
                "the tensors do not fit ConvNeXt variant, blocks 2-1, channels 8-12 (the original code): "
                    + "1 missing (stages.1.0.pwconv1.bias), 1 of another shape "
                    + "(stages.0.1.dwconv.weight is 8×1×5×5, not 8×1×7×7); ") == true)
    }

    @Test func theSecondVersionIsNamed() throws {
        var sizes = Self.sizes
        sizes.hasLayerScale = false
        let tensors = sizes.graph().tensors() + [.float("stages.0.blocks.0.mlp.grn.weight", [32])]
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description.hasSuffix("this is a ConvNeXt V2, whose global response normalisation is not run")
                == true)
    }

    @Test func levelsHaveTheResolutionsBeforeEachDownsampling() throws {
        let graph = try Architectures.named("convnext_base")
        let shapes = try graph.outputShapes(input: [1, 3, 225, 190])
        #expect(
            graph.levels.map { shapes[$0] } == [
                [1, 128, 56, 47], [1, 256, 28, 23], [1, 512, 14, 11], [1, 1024, 7, 5],
            ])
    }
}
