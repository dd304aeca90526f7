// Vision Transformers: names, tokens beside the patches, heads, position embeddings, levels.

import Formats
import Testing

@testable import Engine

@Suite("Vision Transformer")
struct ViTTests {
    /// A small network for images of 16×16 with heads of 64 channels.
    private static let sizes = ViTConfiguration(
        patch: 4, width: 128, hidden: 96, depth: 6, heads: 2, grid: Size2(4))

    /// The tensors of a network; Linear weights have two axes.
    private func tensors(_ sizes: ViTConfiguration, _ naming: ViTNaming? = nil, prefix: String = "") -> [TensorInfo] {
        sizes.graph().parameters.map {
            let axes = $0.shape.axes
            let isLinear = axes.count == 4 && axes[2] == 1
            return .float(prefix + (naming?.tensor($0.name) ?? $0.name), isLinear ? [axes[0], axes[1]] : $0.shape)
        }
    }

    @Test func torchvisionNamesAreKnown() throws {
        let naming = ViTNaming.torchvision(TensorTable([], prefix: ""))
        let names = [
            "cls_token", "pos_embed", "patch_embed.proj.bias", "blocks.3.attn.qkv.bias", "blocks.3.attn.proj.weight",
            "blocks.0.norm2.bias", "blocks.0.mlp.fc2.weight",
        ]
        #expect(
            names.map(naming.tensor) == [
                "class_token", "encoder.pos_embedding", "conv_proj.bias",
                "encoder.layers.encoder_layer_3.self_attention.in_proj_bias",
                "encoder.layers.encoder_layer_3.self_attention.out_proj.weight",
                "encoder.layers.encoder_layer_0.ln_2.bias", "encoder.layers.encoder_layer_0.mlp.3.weight",
            ])
        let found = try Recognizer.recognize(
            tensors(Self.sizes, naming, prefix: "module.") + [
                .float("module.encoder.ln.weight", [128]), .float("module.heads.head.weight", [9, 128]),
            ])
        #expect(found.graph.nodes == Self.sizes.graph().nodes)
        #expect(found.prefix == "module.")
        #expect(
            found.ignored.map { $0.reason } == ["final norm before the classification head", "classification head"])
    }

    @Test func levelsAreAQuarterOfTheDepthEach() throws {
        let graph = try Architectures.named("vit_large_patch16")
        #expect(graph.levels.map { graph.nodes[$0].name } == [5, 11, 17, 23].map { "blocks.\($0).map" })
        let shapes = try graph.outputShapes(input: [2, 3, 256, 160])
        #expect(graph.levels.map { shapes[$0] } == [Shape](repeating: [2, 1024, 16, 10], count: 4))
        #expect(ViTConfiguration(patch: 4, width: 64, hidden: 64, depth: 2, heads: 1).levelBlocks == [1, 2])
        #expect(Self.sizes.levelBlocks == [1, 3, 4, 6])
    }

    @Test func headsAreThoseOfPublishedWidthsUnlessGiven() throws {
        func heads(_ width: Int, _ options: [String: String] = [:]) throws -> (Int?, String?) {
            var sizes = Self.sizes
            sizes.width = width
            let found = try Recognizer.recognize(tensors(sizes), hints: ArchitectureHints(options: options))
            let heads = found.graph.nodes.compactMap { node -> Int? in
                if case .selfAttention(let heads) = node.op { heads } else { nil }
            }
            return (heads.first, found.facts.first { $0.key == "heads" }?.value)
        }
        #expect(try heads(384) == (6, "6 (by the width; not stored)"))
        #expect(try heads(1280) == (16, "16 (by the width; not stored)"))
        #expect(try heads(384, ["heads": "12"]) == (12, "12"))
        let error = #expect(throws: EngineError.self) { try heads(384, ["heads": "7"]) }
        #expect(
            error?.description
                == "the tensors do not fit Vision Transformer (timm); its 384 channels do not divide among 7 heads: "
                + "give --arch-option heads=N")
    }

    @Test(arguments: [
        ([], 0, 16), ([("cls_token", 1)], 1, 17), ([("cls_token", 1), ("dist_token", 1)], 2, 18),
        ([("cls_token", 1), ("reg_token", 4)], 0, 16), ([("cls_token", 1), ("register_tokens", 4)], 1, 17),
    ])
    func tokensWithAndWithoutPositionsAreTold(prefix: [(String, Int)], embedded: Int, count: Int) throws {
        var sizes = Self.sizes
        sizes.prefix = prefix.map { .init(name: $0.0, count: $0.1) }
        sizes.embeddedPrefix = embedded
        let tensors = tensors(sizes)
        #expect(tensors.first { $0.name == "pos_embed" }?.shape == [1, count, 128])
        let found = try Recognizer.recognize(tensors)
        #expect(found.graph.nodes == sizes.graph().nodes)
    }

    @Test func decodersOfPretrainingAreLeftOut() throws {
        let extra = ["decoder_pos_embed", "decoder_blocks.0.attn.qkv.weight", "mask_token", "decoder_embed.weight"]
        let found = try Recognizer.recognize(
            tensors(Self.sizes, prefix: "model.") + extra.map { .float("model." + $0, [1, 4, 128]) })
        #expect(found.ignored.map { $0.reason } == [String](repeating: "decoder of pretraining", count: 4))
    }

    @Test func layerScalesUnderBothNamesAreRead() throws {
        var sizes = Self.sizes
        sizes.hasLayerScale = true
        let timm = tensors(sizes)
        #expect(try Recognizer.recognize(timm).graph.nodes == sizes.graph().nodes)
        let original = timm.map { tensor in
            let parts = tensor.name.split(separator: ".")
            guard parts.last == "gamma" else { return tensor }
            return .float("blocks.\(parts[1]).gamma_\(parts[2] == "ls1" ? 1 : 2)", tensor.shape)
        }
        let found = try Recognizer.recognize(original)
        #expect(found.graph.nodes == sizes.graph().nodes)
        #expect(found.bindings.contains { $0.tensor == "blocks.5.gamma_2" })
    }

    @Test func networksWithOtherAttentionAreRefusedWithTheReason() throws {
        let error = #expect(throws: EngineError.self) {
            try Recognizer.recognize(tensors(Self.sizes) + [.float("blocks.0.attn.q_norm.weight", [64])])
        }
        #expect(
            error?.description
                == "the tensors do not fit Vision Transformer, patches 4×4, depth 6, channels 128 (timm): "
                + "1 unexpected (blocks.0.attn.q_norm.weight); its attention normalises queries and keys, which this "
                + "version does not run")
    }

    @Test func positionsOfNoSquareAreRefused() throws {
        var tensors = tensors(Self.sizes)
        let place = try #require(tensors.firstIndex { $0.name == "pos_embed" })
        tensors[place].shape = [1, 20, 128]
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description.hasSuffix("its position embedding of 20 tokens is that of no square image") == true)
    }

    @Test func valuesDoNotDependOnThreadsOrOtherImages() throws {
        var sizes = Self.sizes
        sizes.hasLayerScale = true
        let graph = sizes.graph()
        let parameters = RandomParameters(seed: 5)
        let images: [Float] = (0..<5040).map { index in Float(index * 7919 % 2003) / 1001.5 - 1 }
        func levels(_ images: [Float], batch: Int, threads: Int) throws -> [[Float]] {
            try InferencePlan(graph, parameters: parameters, input: [batch, 3, 20, 28], threads: threads)
                .features(of: images).map { $0.values }
        }
        let one = try levels(images, batch: 3, threads: 1)
        #expect(try levels(images, batch: 3, threads: 4) == one)
        let last = try levels(Array(images.suffix(1680)), batch: 1, threads: 2)
        for (single, batch) in zip(last, one) {
            #expect(relativeDifference(single, Array(batch.suffix(single.count))) < 1e-5)
        }
        let reference = try ReferenceInterpreter(graph, parameters: parameters).levels(
            of: ReferenceMap(shape: [3, 3, 20, 28], values: images))
        for (found, expected) in zip(one, reference) { #expect(relativeDifference(found, expected.values) < 2e-5) }
    }

    @Test func tokensThatDoNotFitAreRefused() throws {
        var graph = Graph(inputChannels: 4)
        let tokens = Op.Tokens(
            prefix: [Parameter("cls_token", [1, 1, 4])], positions: Parameter("pos_embed", [1, 9, 4]), grid: Size2(3),
            embeddedPrefix: 1)
        graph.levels = [graph.add(.tokens(tokens), 0, name: "pos_embed")]
        #expect(
            throws: EngineError.shape(
                operation: "layer 'pos_embed'", expected: "1 + 3×3 positions", found: "1×9×4")
        ) { try graph.outputShapes(input: [1, 4, 3, 3]) }
        graph.levels = [graph.add(.selfAttention(heads: 3), 0, name: "attn")]
        #expect(throws: EngineError.self) { try graph.outputShapes(input: [1, 4, 3, 3]) }
    }
}
