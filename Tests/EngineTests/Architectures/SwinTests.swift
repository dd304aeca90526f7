// Swin Transformers under the names of four code bases.

import Formats
import Testing

@testable import Engine

@Suite("Swin Transformer")
struct SwinTests {
    /// The tensors of a network under a code base's names; Linear weights have two axes there.
    private func tensors(_ graph: Graph, _ naming: SwinNaming) -> [TensorInfo] {
        graph.parameters.map {
            let axes = $0.shape.axes
            let isLinear = axes.count == 4 && axes[2] == 1 && axes[3] == 1
            return .float(naming.tensor($0.name), isLinear ? [axes[0], axes[1]] : $0.shape)
        }
    }

    @Test(arguments: ["swin_t", "swin_s", "swin_b", "swin_l"])
    func torchvisionFilesAreRecognised(name: String) throws {
        let graph = try Architectures.named(name)
        let found = try Recognizer.recognize(
            tensors(graph, .torchvision) + [
                .float("features.1.0.attn.relative_position_index", [2401]), .float("norm.weight", [768]),
                .float("head.weight", [10, 768]),
            ])
        #expect(found.graph.nodes == graph.nodes)
        #expect(found.family == "swin")
        #expect(found.bindings[4].tensor == "features.1.0.norm1.weight")
        #expect(
            found.ignored.map { $0.reason } == [
                "index buffer", "final norm before the classification head", "classification head",
            ])
    }

    @Test func timmAndTheOriginalFileMergingDifferently() throws {
        let graph = try Architectures.named("swin_t")
        for (naming, origin) in [(SwinNaming.timm, "timm"), (.original, "the original code, or timm before 0.9")] {
            let found = try Recognizer.recognize(
                tensors(graph, naming), hints: ArchitectureHints(architecture: "swin_t"))
            #expect(found.architecture == "Swin-T (\(origin))")
            #expect(found.bindings.count == graph.parameters.count)
            let shifts = found.graph.nodes.compactMap { node in
                if case .windowAttention(let attention) = node.op { attention.shift } else { nil }
            }
            #expect(shifts == [0, 3, 0, 3, 0, 3, 0, 3, 0, 3, 0, 0])
        }
    }

    @Test func storedMasksTellWhichBlocksAreShifted() throws {
        let graph = try Architectures.named("swin_t")
        let masks: [TensorInfo] = (0..<4).map { .float("layers.\($0).blocks.1.attn_mask", [64, 49, 49]) }
        let found = try Recognizer.recognize(tensors(graph, .original) + masks)
        #expect(found.facts.contains(Recognition.Fact("shifts", "3-3-3-3")))
    }

    @Test(arguments: [([14, 14, 14, 7], "7-7-0-0"), ([7, 7, 14, 7], "3-3-0-0"), ([12, 12, 12, 12], "6-6-6-0")])
    func windowsMayDifferFromStageToStage(windows: [Int], shifts: String) throws {
        let stages = windows.enumerated().map { index, window in
            SwinConfiguration.Stage(
                blocks: 2, channels: 8 << index, heads: 2, window: window, shift: 0, hidden: 32 << index)
        }
        let found = try Recognizer.recognize(tensors(SwinConfiguration(stages: stages).graph(), .timm))
        #expect(found.facts.contains(Recognition.Fact("shifts", shifts)))
    }

    @Test func trainingAtAnotherSizeIsAnOption() throws {
        let found = try Recognizer.recognize(
            tensors(Architectures.named("swin_t"), .timm), hints: ArchitectureHints(options: ["img_size": "448"]))
        #expect(found.facts.contains(Recognition.Fact("shifts", "3-3-3-3")))
    }

    @Test func thePapersEncoderIsRecognisedWithinItsWrapper() throws {
        let graph = try Architectures.named("seed-swin-t")
        let naming = SwinNaming.seed(stages: 4)
        let stored = tensors(graph, naming).map {
            TensorInfo(name: "layers.0." + $0.name, dtype: $0.dtype, shape: $0.shape, storage: $0.storage)
        }
        let found = try Recognizer.recognize(stored)
        #expect(found.architecture == "Swin-T U-Net encoder (MedSegPretrainImageNet)")
        #expect(found.graph.nodes == graph.nodes)
        #expect(found.graph.hasTokenLevels)
        #expect(found.bindings[4].tensor == "layers.0.down_layers.0.conv0.norm1.weight")
        #expect(found.bindings.last?.tensor == "layers.0.bottom_block.conv1.mlp.fc2.bias")
        let shapes = try graph.outputShapes(input: [1, 3, 224, 224])
        #expect(
            graph.levels.map { shapes[$0] } == [
                [1, 96, 56, 56], [1, 192, 28, 28], [1, 384, 14, 14], [1, 768, 7, 7],
            ])
    }
}
