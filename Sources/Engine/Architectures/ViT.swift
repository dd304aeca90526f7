// Vision Transformer (Dosovitskiy et al. 2021) as timm and torchvision define it, with what DeiT, MAE, DINO and DINOv2 add:
// distillation and register tokens, layer scales.

import Formats

/// The sizes of a Vision Transformer.
struct ViTConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// The side of a patch.
    var patch: Int
    /// Channels of a token, and inside the MLPs.
    var width: Int, hidden: Int
    var depth: Int, heads: Int
    /// The grid of patches that the position embedding was trained for; nil without one.
    var grid: Size2? = Size2(14)
    /// Tokens before the patches, by their parameters' names, and how many each is.
    var prefix = [PrefixTokens(name: "cls_token")]
    /// How many of them have a position embedding.
    var embeddedPrefix = 1
    var hasPatchBias = true, hasQKVBias = true, hasLayerScale = false
    static let epsilon: Float = 1e-6

    /// Learned tokens that stand before the patches.
    struct PrefixTokens: Sendable, Hashable {
        var name: String, count = 1
    }

    /// After which blocks the levels are taken (from 1): all are of one resolution, so a quarter of the depth each, as
    /// decoders for Vision Transformers do.
    var levelBlocks: [Int] {
        let count = min(4, depth)
        return (1...max(count, 1)).map { depth * $0 / max(count, 1) }
    }

    /// The network with timm's parameter names; its levels are the patch tokens as maps, without a norm, as timm's
    /// `forward_intermediates` hands them out.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        let patches = graph.convolution(
            0, "patch_embed.proj", kernel: [width, inputChannels, patch, patch], stride: patch, hasBias: hasPatchBias)
        let prefixCount = prefix.reduce(0) { $0 + $1.count }
        let positions = grid.map {
            Parameter("pos_embed", [1, embeddedPrefix + $0.height * $0.width, width])
        }
        let tokens = Op.Tokens(
            prefix: prefix.map { Parameter($0.name, [1, $0.count, width]) }, positions: positions,
            grid: grid ?? Size2(1), embeddedPrefix: embeddedPrefix)
        var x = graph.add(.tokens(tokens), patches, name: "pos_embed")
        for block in 0..<depth {
            x = addBlock(to: &graph, x, "blocks.\(block)")
            guard levelBlocks.contains(block + 1) else { continue }
            graph.levels.append(graph.add(.patchMap(prefix: prefixCount), [x, patches], name: "blocks.\(block).map"))
        }
        return graph
    }

    private func addBlock(to graph: inout Graph, _ input: Graph.NodeID, _ name: String) -> Graph.NodeID {
        var x = graph.layerNorm(input, "\(name).norm1", channels: width, epsilon: Self.epsilon)
        x = graph.linear(x, "\(name).attn.qkv", from: width, to: 3 * width, hasBias: hasQKVBias)
        x = graph.add(.selfAttention(heads: heads), x, name: "\(name).attn")
        x = graph.linear(x, "\(name).attn.proj", from: width, to: width)
        x = scaled(&graph, x, "\(name).ls1")
        let middle = graph.add(.add, [x, input], name: "\(name).add1")
        x = graph.layerNorm(middle, "\(name).norm2", channels: width, epsilon: Self.epsilon)
        x = graph.linear(x, "\(name).mlp.fc1", from: width, to: hidden)
        x = graph.activation(x, .gelu, "\(name).mlp.act")
        x = graph.linear(x, "\(name).mlp.fc2", from: hidden, to: width)
        x = scaled(&graph, x, "\(name).ls2")
        return graph.add(.add, [x, middle], name: "\(name).add2")
    }

    private func scaled(_ graph: inout Graph, _ input: Graph.NodeID, _ name: String) -> Graph.NodeID {
        guard hasLayerScale else { return input }
        return graph.add(.channelScale(Parameter("\(name).gamma", [width])), input, name: name)
    }
}

extension Architectures {
    /// The published Vision Transformers, for images of 224×224.
    static let vits: [Model] = [
        ("vit_tiny_patch16", "ViT-Ti/16", 16, 192, 12, 3), ("vit_small_patch16", "ViT-S/16", 16, 384, 12, 6),
        ("vit_small_patch32", "ViT-S/32", 32, 384, 12, 6), ("vit_base_patch8", "ViT-B/8", 8, 768, 12, 12),
        ("vit_base_patch16", "ViT-B/16", 16, 768, 12, 12), ("vit_base_patch32", "ViT-B/32", 32, 768, 12, 12),
        ("vit_large_patch16", "ViT-L/16", 16, 1024, 24, 16), ("vit_large_patch32", "ViT-L/32", 32, 1024, 24, 16),
        ("vit_huge_patch14", "ViT-H/14", 14, 1280, 32, 16),
    ].map { name, title, patch, width, depth, heads in
        Model(
            name: name, title: title, families: ["vit"],
            configuration: .vit(
                ViTConfiguration(
                    patch: patch, width: width, hidden: 4 * width, depth: depth, heads: heads, grid: Size2(224 / patch))
            )
        )
    }
}

extension ViTConfiguration {
    /// Whether both are the same transformer, whatever the input, its size and the tokens before the patches.
    func hasSameSizes(as other: ViTConfiguration) -> Bool {
        patch == other.patch && width == other.width && hidden == other.hidden && depth == other.depth
            && heads == other.heads
    }
}
