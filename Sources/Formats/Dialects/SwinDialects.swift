// Swin Transformers in torchvision's names, timm's (from 0.9 on), smp's, and the paper's U-Net encoder. The original
// code's names (and timm's before 0.9) are read as timm's with patch merging one stage earlier.
// Sources: torchvision/models/swin_transformer.py, timm/models/swin_transformer.py, microsoft/Swin-Transformer.

enum SwinDialects: DialectFamily {
    static let title = "Swin Transformer"
    static let anchors: [(dialect: Dialect, names: [String])] = [
        (.torchvision, ["features.0.0.weight", "features.1.0.attn.relative_position_bias_table"]),
        (.timm, ["patch_embed.proj.weight", "layers.0.blocks.0.attn.relative_position_bias_table"]),
        (.smp, ["patch_embed.proj.weight", "layers_0.blocks.0.attn.relative_position_bias_table"]),
        (.seed, ["first_block.proj.weight", "bottom_block.conv0.attn.relative_position_bias_table"]),
    ]

    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable? {
        let stages = stageCount(source, dialect)
        guard stages > 0 else { return nil }
        let mergesEarly = source.contains("layers.0.downsample.reduction.weight")
        let own = Naming(stages: stages, mergesEarly: mergesEarly)
        let blocks = (0..<stages).map { stage in
            source.count { "\(bare(own.block(stage, $0).names[dialect], dialect)).norm1.weight" }
        }
        var table = DialectTable(
            title: title, sizes: "blocks \(blocks.map { String($0) }.joined(separator: "-"))")
        table.convolution(own.patch("proj", torchvision: "0"), bias: .everyone, isFirst: true)
        table.layerNorm(own.patch("norm", torchvision: "2"))
        for (stage, count) in blocks.enumerated() {
            if stage > 0 {
                table.linear(own.merging(stage, "reduction"), hasBias: false)
                table.layerNorm(own.merging(stage, "norm"))
            }
            for block in 0..<count { add(own.block(stage, block), to: &table, source, dialect) }
        }
        // The paper's encoder has neither a final norm nor a head.
        let hasTop = source.contains("norm.weight")
        if hasTop { table.layerNorm([.torchvision: "norm", .timm: "norm"], isHead: true) }
        var head: LayerNames = [.torchvision: "head", .timm: "head.fc"]
        if dialect == .timm, source.contains("head.weight") { head.source = "head" }
        if hasTop { table.linear(head, isHead: true) }
        table.epsilons = [.torchvision: 1e-5, .timm: 1e-5, .smp: 1e-5, .seed: 1e-5]
        let shifting = DialectFact(key: "borders", value: "maps that are not whole windows are shifted, then padded")
        table.facts = [
            .torchvision: [
                DialectFact(key: "borders", value: "maps that are not whole windows are padded, then shifted")
            ],
            .timm: [shifting], .smp: [shifting], .seed: [shifting],
        ]
        return table
    }

    private static func stageCount(_ source: DialectSource, _ dialect: Dialect) -> Int {
        switch dialect {
        case .torchvision: source.count { "features.\(2 * $0 + 1).0.norm1.weight" }
        case .seed: 1 + source.count { "down_layers.\($0).conv0.norm1.weight" }
        case .smp: source.count { "layers_\($0).blocks.0.norm1.weight" }
        default: source.count { "layers.\($0).blocks.0.norm1.weight" }
        }
    }

    /// A name as it stands below the prefix: smp's own is part of it.
    private static func bare(_ name: String?, _ dialect: Dialect) -> String {
        let name = name ?? ""
        return dialect == .smp && name.hasPrefix(smpPrefix) ? String(name.dropFirst(smpPrefix.count)) : name
    }

    /// What smp puts before the names of timm's encoders.
    static let smpPrefix = "encoder.model."

    private static func add(
        _ names: LayerNames, to table: inout DialectTable, _ source: DialectSource, _ dialect: Dialect
    ) {
        func part(_ name: String, torchvision: String? = nil) -> LayerNames {
            names.appending { ".\($0 == .torchvision ? torchvision ?? name : name)" }
        }
        let own = bare(names.names[dialect], dialect)
        table.layerNorm(part("norm1"))
        table.parameter(part("attn.relative_position_bias_table"))
        let side = Int(
            Double(source.size("\(own).attn.relative_position_bias_table", 0)).squareRoot().rounded())
        table.parameter(part("attn.relative_position_index"))
        table.variables[table.variables.count - 1].filling = .relativePositionIndex(window: (side + 1) / 2)
        // timm makes its own; torchvision wants it in the file.
        table.variables[table.variables.count - 1].mayBeDropped("index buffers", writtenIn: [.torchvision])
        table.parameter(part("attn_mask"))
        table.variables[table.variables.count - 1].mayBeDropped("attention masks", writtenIn: [])
        table.linear(part("attn.qkv"), hasBias: source.contains("\(own).attn.qkv.bias"))
        table.linear(part("attn.proj"))
        table.layerNorm(part("norm2"))
        table.linear(part("mlp.fc1", torchvision: "mlp.0"))
        table.linear(part("mlp.fc2", torchvision: "mlp.3"))
    }

    /// The names of the parts of a Swin Transformer with this many stages.
    private struct Naming {
        let stages: Int
        /// Whether the file is of the original code: merging is filed at the end of the stage before.
        let mergesEarly: Bool

        func patch(_ part: String, torchvision: String) -> LayerNames {
            [
                .torchvision: "features.0.\(torchvision)", .timm: "patch_embed.\(part)",
                .smp: "\(smpPrefix)patch_embed.\(part)",
                .seed: "first_block.\(part == "norm" ? "norm_layer" : part)",
            ]
        }

        func block(_ stage: Int, _ block: Int) -> LayerNames {
            [
                .torchvision: "features.\(2 * stage + 1).\(block)", .timm: "layers.\(stage).blocks.\(block)",
                .smp: "\(smpPrefix)layers_\(stage).blocks.\(block)",
                .seed: stage == stages - 1 ? "bottom_block.conv\(block)" : "down_layers.\(stage).conv\(block)",
            ]
        }

        func merging(_ stage: Int, _ part: String) -> LayerNames {
            var names: LayerNames = [
                .torchvision: "features.\(2 * stage).\(part)", .timm: "layers.\(stage).downsample.\(part)",
                .smp: "\(smpPrefix)layers_\(stage).downsample.\(part)",
                .seed: "down_layers.\(stage - 1).downsampl.\(part)",
            ]
            if mergesEarly { names.source = "layers.\(stage - 1).downsample.\(part)" }
            return names
        }
    }
}
