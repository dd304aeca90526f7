// ConvNeXt in torchvision's names, timm's, Keras', smp's (by way of timm), and, to be read, the original code's.
// Sources: torchvision/models/convnext.py, timm/models/convnext.py, keras/src/applications/convnext.py,
// facebookresearch/ConvNeXt.

enum ConvNeXtDialects: DialectFamily {
    static let title = "ConvNeXt"
    static let anchors: [(dialect: Dialect, names: [String])] = [
        (.torchvision, ["features.0.0.weight", "features.1.0.layer_scale", "features.1.0.block.0.weight"]),
        (.timm, ["stem.0.weight", "stages.0.blocks.0.conv_dw.weight", "stages.0.blocks.0.mlp.fc1.weight"]),
        (.smp, ["stem_0.weight", "stages_0.blocks.0.conv_dw.weight", "stages_0.blocks.0.mlp.fc1.weight"]),
        (.timm, ["downsample_layers.0.0.weight", "stages.0.0.dwconv.weight"]),
        (.keras, ["stage_0_block_0_depthwise_conv/kernel"]),
    ]

    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable? {
        // Keras puts the model's name before each layer's: `convnext_tiny_stage_0_block_0_depthwise_conv`.
        let isOriginal = source.contains("downsample_layers.0.0.weight")
        let naming = Naming(isOriginal: isOriginal, keras: kerasModel(source))
        func own(_ names: LayerNames, _ torch: String, _ keras: String) -> String {
            if dialect == .keras { return "\(names.names[.keras] ?? "")/\(keras)" }
            return "\(bare(names.source ?? names.names[dialect] ?? "", dialect)).\(torch)"
        }
        let depths = (0..<4).map { stage in
            source.count { own(naming.block(stage, $0, .depthwise), "weight", "kernel") }
        }
        guard depths.allSatisfy({ $0 > 0 }) else { return nil }
        let text = depths.map { String($0) }.joined(separator: "-")
        var table = DialectTable(title: title, sizes: "blocks \(text)")
        table.convolution(naming.downsampling(0, .convolution), bias: .everyone, isFirst: true)
        table.layerNorm(naming.downsampling(0, .norm))
        for (stage, count) in depths.enumerated() {
            if stage > 0 {
                table.layerNorm(naming.downsampling(stage, .norm))
                table.convolution(naming.downsampling(stage, .convolution), bias: .everyone)
            }
            for block in 0..<count {
                let depthwise = naming.block(stage, block, .depthwise)
                let name = own(depthwise, "weight", "kernel")
                let channels = source.size(name, dialect == .keras ? 3 : 0)
                table.parameter(
                    naming.scale(stage, block),
                    shapes: [
                        .torchvision: [channels, 1, 1], .timm: [channels],
                        .smp: [channels],
                    ])
                if let last = table.variables.indices.last {
                    // Keras' variable has a name of the moment: whatever the layer holds is it.
                    table.variables[last].names[.keras] = naming.kerasScaleNames(stage, block, source)
                }
                table.convolution(depthwise, bias: .everyone)
                table.layerNorm(naming.block(stage, block, .norm))
                table.linear(naming.block(stage, block, .hidden))
                table.linear(naming.block(stage, block, .output))
            }
        }
        addHead(&table, source, naming)
        table.epsilons = [.torchvision: 1e-6, .timm: 1e-6, .smp: 1e-6, .keras: 1e-6]
        table.kerasModel = kerasModel
        return table
    }

    private static func addHead(_ table: inout DialectTable, _ source: DialectSource, _ naming: Naming) {
        var norm: LayerNames = [
            .torchvision: "classifier.0", .timm: "head.norm", .keras: "\(naming.keras)head_layernorm",
        ]
        var dense: LayerNames = [
            .torchvision: "classifier.2", .timm: "head.fc", .keras: "\(naming.keras)head_dense",
        ]
        if naming.isOriginal {
            norm.source = "norm"
            dense.source = "head"
        }
        table.layerNorm(norm, isHead: true)
        table.linear(dense, isHead: true)
    }

    /// What stands before `stage_0_block_0…` in Keras' layer names, such as `convnext_tiny_`.
    private static func kerasModel(_ source: DialectSource) -> String {
        let anchor = "stage_0_block_0_depthwise_conv/kernel"
        if let name = source.names.first(where: { $0.hasSuffix(anchor) }) { return String(name.dropLast(anchor.count)) }
        let depth =
            source.count { "stages.2.blocks.\($0).conv_dw.weight" }
            + source.count { "features.5.\($0).block.0.weight" } + source.count { "stages.2.\($0).dwconv.weight" }
            + source.count { "stages_2.blocks.\($0).conv_dw.weight" }
        let width =
            [
                source.size("stem.0.weight", 0), source.size("features.0.0.weight", 0),
                source.size("downsample_layers.0.0.weight", 0), source.size("stem_0.weight", 0),
            ].max() ?? 0
        let size: String =
            switch (depth, width) {
            case (9, 96): "tiny"
            case (27, 96): "small"
            case (27, 128): "base"
            case (27, 192): "large"
            case (27, 256): "xlarge"
            default: "custom"
            }
        return "convnext_\(size)_"
    }

    private static let smpPrefix = "encoder.model."

    private static func bare(_ name: String, _ dialect: Dialect) -> String {
        dialect == .smp && name.hasPrefix(smpPrefix) ? String(name.dropFirst(smpPrefix.count)) : name
    }

    private enum BlockPart { case depthwise, norm, hidden, output }
    private enum DownsamplingPart { case convolution, norm }

    private struct Naming {
        let isOriginal: Bool
        /// The beginning of Keras' layer names.
        let keras: String

        func block(_ stage: Int, _ block: Int, _ part: BlockPart) -> LayerNames {
            let (torchvision, timm, keras, original) =
                switch part {
                case .depthwise: ("block.0", "conv_dw", "depthwise_conv", "dwconv")
                case .norm: ("block.2", "norm", "layernorm", "norm")
                case .hidden: ("block.3", "mlp.fc1", "pointwise_conv_1", "pwconv1")
                case .output: ("block.5", "mlp.fc2", "pointwise_conv_2", "pwconv2")
                }
            var names: LayerNames = [
                .torchvision: "features.\(2 * stage + 1).\(block).\(torchvision)",
                .timm: "stages.\(stage).blocks.\(block).\(timm)",
                .smp: "\(smpPrefix)stages_\(stage).blocks.\(block).\(timm)",
                .keras: "\(self.keras)stage_\(stage)_block_\(block)_\(keras)",
            ]
            if isOriginal { names.source = "stages.\(stage).\(block).\(original)" }
            return names
        }

        func scale(_ stage: Int, _ block: Int) -> LayerNames {
            var names: LayerNames = [
                .torchvision: "features.\(2 * stage + 1).\(block).layer_scale",
                .timm: "stages.\(stage).blocks.\(block).gamma",
                .smp: "\(smpPrefix)stages_\(stage).blocks.\(block).gamma",
            ]
            if isOriginal { names.source = "stages.\(stage).\(block).gamma" }
            return names
        }

        func kerasScaleNames(_ stage: Int, _ block: Int, _ source: DialectSource) -> [String] {
            let layer = "\(keras)stage_\(stage)_block_\(block)_layer_scale/"
            return ["\(layer)gamma"] + source.names.filter { $0.hasPrefix(layer) }
        }

        /// The stem (number 0), or what stands before a stage.
        func downsampling(_ stage: Int, _ part: DownsamplingPart) -> LayerNames {
            let isNorm = part == .norm
            // The stem's norm comes after its convolution, the others' before.
            let index = (stage == 0) == isNorm ? 1 : 0
            var names: LayerNames =
                stage == 0
                ? [
                    .torchvision: "features.0.\(index)", .timm: "stem.\(index)", .smp: "\(smpPrefix)stem_\(index)",
                    .keras: "\(keras)stem/\(keras)stem_\(isNorm ? "layernorm" : "conv")",
                ]
                : [
                    .torchvision: "features.\(2 * stage).\(index)", .timm: "stages.\(stage).downsample.\(index)",
                    .smp: "\(smpPrefix)stages_\(stage).downsample.\(index)",
                    .keras:
                        "\(keras)downsampling_block_\(stage - 1)/\(keras)downsampling_\(isNorm ? "layernorm" : "conv")_\(stage - 1)",
                ]
            if isOriginal { names.source = "downsample_layers.\(stage).\(index)" }
            return names
        }
    }
}
