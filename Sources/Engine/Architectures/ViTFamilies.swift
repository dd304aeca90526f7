// Vision Transformers in the files of timm (whose names DeiT, MAE, DINO and MoCo v3 share) and torchvision.

import Formats

/// How a code base names the tensors of a Vision Transformer.
struct ViTNaming: Sendable {
    let origin: String
    /// timm's beginnings of names and this code base's.
    let beginnings: [(timm: String, own: String)]
    /// The beginning of the names of a block, and its layers: timm's name and this one.
    let block: @Sendable (_ block: Int) -> String
    let layers: [(timm: String, own: String)]

    /// The tensor that holds a parameter of ``ViTConfiguration/graph()``, which is named as timm does.
    func tensor(_ parameter: String) -> String {
        guard parameter.hasPrefix("blocks.") else {
            let known = beginnings.first { parameter.hasPrefix($0.timm) }
            return known.map { $0.own + parameter.dropFirst($0.timm.count) } ?? parameter
        }
        let parts = parameter.split(separator: ".", maxSplits: 2).map { String($0) }
        guard parts.count == 3, let number = Int(parts[1]) else { return parameter }
        let known = layers.first { parts[2].hasPrefix($0.timm) }
        return block(number) + "." + (known.map { $0.own + parts[2].dropFirst($0.timm.count) } ?? parts[2])
    }

    /// timm's names, in the variants that the file has.
    static func timm(_ table: TensorTable) -> ViTNaming {
        var layers: [(String, String)] = []
        if table.contains("blocks.0.gamma_1") { layers = [("ls1.gamma", "gamma_1"), ("ls2.gamma", "gamma_2")] }
        return ViTNaming(origin: "timm", beginnings: [], block: { "blocks.\($0)" }, layers: layers)
    }

    static func torchvision(_ table: TensorTable) -> ViTNaming {
        let isOld = table.contains("encoder.layers.encoder_layer_0.mlp.linear_1.weight")
        return ViTNaming(
            origin: "torchvision",
            beginnings: [
                ("patch_embed.proj", "conv_proj"), ("cls_token", "class_token"), ("pos_embed", "encoder.pos_embedding"),
            ],
            block: { "encoder.layers.encoder_layer_\($0)" },
            layers: [
                ("norm1", "ln_1"), ("norm2", "ln_2"), ("attn.qkv.", "self_attention.in_proj_"),
                ("attn.proj", "self_attention.out_proj"), ("mlp.fc1", isOld ? "mlp.linear_1" : "mlp.0"),
                ("mlp.fc2", isOld ? "mlp.linear_2" : "mlp.3"),
            ])
    }

    /// The network that the tensors' shapes tell.
    func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        var sizes = ViTConfiguration(patch: 0, width: 0, hidden: 0, depth: 0, heads: 0)
        func size(_ parameter: String, _ axis: Int) -> Int? { table.size(tensor(parameter), axis) }
        sizes.patch = size("patch_embed.proj.weight", 2) ?? 0
        sizes.inputChannels = size("patch_embed.proj.weight", 1) ?? 3
        sizes.width = size("patch_embed.proj.weight", 0) ?? 0
        sizes.hidden = size("blocks.0.mlp.fc1.weight", 0) ?? 0
        sizes.depth = table.count { tensor("blocks.\($0).attn.qkv.weight") }
        sizes.hasPatchBias = table.contains(tensor("patch_embed.proj.bias"))
        sizes.hasQKVBias = table.contains(tensor("blocks.0.attn.qkv.bias"))
        sizes.hasLayerScale = table.contains(tensor("blocks.0.ls1.gamma"))
        // A head has 64 channels in all published networks but the widest, which have 16 heads.
        let usual = [1280: 16, 1408: 16, 1664: 16][sizes.width] ?? max(sizes.width / 64, 1)
        sizes.heads = options.integer("heads") ?? usual
        guard sizes.width > 0, sizes.width % sizes.heads == 0 else {
            throw mismatch(
                "its \(sizes.width) channels do not divide among \(sizes.heads) heads: give --arch-option heads=N")
        }
        sizes.prefix = ["cls_token", "dist_token", "reg_token", "register_tokens"].compactMap { name in
            size(name, 1).map { ViTConfiguration.PrefixTokens(name: name, count: $0) }
        }
        try readPositions(&sizes, table)
        return fit(sizes, isGiven: options["heads"] != nil)
    }

    /// The position embedding is that of all tokens, of all but registers, or of the patches only; the patches' part is a
    /// square grid.
    private func readPositions(_ sizes: inout ViTConfiguration, _ table: TensorTable) throws(EngineError) {
        guard let count = table.size(tensor("pos_embed"), 1) else {
            sizes.grid = nil
            sizes.embeddedPrefix = 0
            return
        }
        let all = sizes.prefix.reduce(0) { $0 + $1.count }
        let withoutRegisters = sizes.prefix.filter { !$0.name.hasPrefix("reg") }.reduce(0) { $0 + $1.count }
        for embedded in [all, withoutRegisters, 0] where count > embedded {
            let side = Int(Double(count - embedded).squareRoot().rounded())
            guard side * side == count - embedded else { continue }
            sizes.grid = Size2(side)
            sizes.embeddedPrefix = embedded
            return
        }
        throw mismatch("its position embedding of \(count) tokens is that of no square image")
    }

    private func mismatch(_ cause: String) -> EngineError {
        .parameterMismatch(
            architecture: "Vision Transformer (\(origin))", missing: [], unexpected: [], misshapen: [], cause: cause)
    }

    private func fit(_ sizes: ViTConfiguration, isGiven: Bool) -> FamilyFit {
        let model = Architectures.vits.first {
            if case .vit(let known) = $0.configuration { known.hasSameSizes(as: sizes) } else { false }
        }
        let text = "patches \(sizes.patch)×\(sizes.patch), depth \(sizes.depth), channels \(sizes.width)"
        return FamilyFit(
            architecture: "\(model?.title ?? "Vision Transformer, \(text)") (\(origin))", model: model?.name,
            evidence: "\(tensor("patch_embed.proj.weight")), \(tensor("blocks.0.attn.qkv.weight")), \(text)",
            graph: sizes.graph(), facts: facts(sizes, isGiven: isGiven), normalization: .imageNet,
            ignored: Self.ignored, source: { (tensor($0.name), .identity) }, cause: Self.cause)
    }

    private func facts(_ sizes: ViTConfiguration, isGiven: Bool) -> [Recognition.Fact] {
        let prefix = sizes.prefix.map { "\($0.count) \($0.name)" }.joined(separator: ", ")
        var facts = [
            Recognition.Fact("LayerNorm epsilon", "1e-06"),
            Recognition.Fact("heads", "\(sizes.heads)\(isGiven ? "" : " (by the width; not stored)")"),
            Recognition.Fact(
                "levels", "patch tokens after blocks " + sizes.levelBlocks.map { "\($0)" }.joined(separator: ", ")),
            Recognition.Fact("tokens beside the patches", prefix.isEmpty ? "none" : prefix),
        ]
        if let grid = sizes.grid {
            let image = "\(grid.height * sizes.patch)×\(grid.width * sizes.patch)"
            facts.append(
                Recognition.Fact(
                    "position embedding", "for images of \(image); resampled (bicubic, as timm does) for others"))
        }
        return facts
    }

    private static let ignored: [IgnoreRule] =
        ["norm.", "fc_norm.", "encoder.ln."].map {
            .beginning($0, "final norm before the classification head")
        }
        + ["heads.", "head_dist.", "pre_logits.", "attn_pool."].map { .beginning($0, "classification head") }
        + ["decoder_", "mask_token"].map { .beginning($0, "decoder of pretraining") }

    private static func cause(_ unexpected: [String], _ missing: [String]) -> String? {
        let causes = [
            ("q_norm", "its attention normalises queries and keys"), ("w12", "its MLPs are gated"),
            ("norm_pre", "it has a norm before the blocks, as CLIP's"), ("rope", "it has rotary position embeddings"),
            ("relative_position", "its attention has relative position biases"),
        ]
        let found = causes.first { cause in unexpected.contains { $0.contains(cause.0) } }
        return found.map { "\($0.1), which this version does not run" }
    }
}

/// Recognises timm's Vision Transformers and those that share its names.
enum TimmViT: ArchitectureFamily {
    static let name = "vit"
    static let anchors = ["patch_embed.proj.weight", "blocks.0.attn.qkv.weight"]
    static let options = [FamilyOption("heads", .integer(1...4096))]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        try ViTNaming.timm(table).fit(table, options)
    }
}

/// Recognises torchvision's Vision Transformers.
enum TorchvisionViT: ArchitectureFamily {
    static let name = TimmViT.name
    static let anchors = ["conv_proj.weight", "encoder.layers.encoder_layer_0.self_attention.in_proj_weight"]
    static let options = TimmViT.options

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        try ViTNaming.torchvision(table).fit(table, options)
    }
}
