// The four ways Swin Transformers are filed: torchvision, timm, the original code, and the paper's U-Net variant.

import Formats

/// How a code base names the tensors of a Swin Transformer.
struct SwinNaming: Sendable {
    let patchEmbed: String, patchNorm: String
    /// The beginning of the names of a block, and of the patch merging before a stage (both from 0).
    let block: @Sendable (_ stage: Int, _ block: Int) -> String
    let merging: @Sendable (_ stage: Int) -> String
    /// The MLP's two layers within a block.
    var hidden = "mlp.fc1", output = "mlp.fc2"

    /// The tensor that holds a parameter of ``SwinConfiguration/graph()``, which is named as timm does.
    func tensor(_ parameter: String) -> String {
        let parts = parameter.split(separator: ".").map { String($0) }
        if parts[0] == "patch_embed" {
            return (parts[1] == "proj" ? patchEmbed : patchNorm) + "." + parts[2...].joined(separator: ".")
        }
        guard let stage = Int(parts[1]) else { return parameter }
        if parts[2] == "downsample" { return merging(stage) + "." + parts[3...].joined(separator: ".") }
        var rest = parts[4...].joined(separator: ".")
        for (timm, own) in [("mlp.fc1", hidden), ("mlp.fc2", output)] where rest.hasPrefix(timm) {
            rest = own + rest.dropFirst(timm.count)
        }
        return block(stage, Int(parts[3]) ?? 0) + "." + rest
    }

    static let torchvision = SwinNaming(
        patchEmbed: "features.0.0", patchNorm: "features.0.2", block: { "features.\(2 * $0 + 1).\($1)" },
        merging: { "features.\(2 * $0)" }, hidden: "mlp.0", output: "mlp.3")
    static let timm = SwinNaming(
        patchEmbed: "patch_embed.proj", patchNorm: "patch_embed.norm", block: { "layers.\($0).blocks.\($1)" },
        merging: { "layers.\($0).downsample" })
    /// Patch merging is filed at the end of the stage before (the original code, and timm before 0.9).
    static let original = SwinNaming(
        patchEmbed: "patch_embed.proj", patchNorm: "patch_embed.norm", block: { "layers.\($0).blocks.\($1)" },
        merging: { "layers.\($0 - 1).downsample" })

    /// The paper's U-Net variant with this many stages.
    static func seed(stages: Int) -> SwinNaming {
        SwinNaming(
            patchEmbed: "first_block.proj", patchNorm: "first_block.norm_layer",
            block: { $0 == stages - 1 ? "bottom_block.conv\($1)" : "down_layers.\($0).conv\($1)" },
            merging: { "down_layers.\($0 - 1).downsampl" })
    }

    /// Reads the sizes from the tensors' shapes.
    ///
    /// A block's shift is not stored. Where the file keeps the shifted blocks' masks they tell; else the training images
    /// are taken to be `img_size`, by default so large that the last stage is one window (224 for windows of 7), and a
    /// stage whose maps are then no larger than its window is not shifted.
    func configuration(
        _ table: TensorTable, _ options: FamilyOptions, stages count: Int
    ) throws(EngineError) -> SwinConfiguration {
        var sizes = SwinConfiguration(stages: [])
        sizes.inputChannels = table.size("\(patchEmbed).weight", 1) ?? 3
        sizes.patch = table.size("\(patchEmbed).weight", 2) ?? 4
        sizes.hasPatchNorm = table.contains("\(patchNorm).weight")
        sizes.hasQKVBias = table.contains("\(block(0, 0)).attn.qkv.bias")
        for stage in 0..<count { sizes.stages.append(try self.stage(stage, table)) }
        let hasMasks = table.names.contains { $0.hasSuffix("attn_mask") }

        let imageSize = options.integer("img_size")
        for (index, stage) in sizes.stages.enumerated() {
            // Rows of the first stage's maps; later ones are rounded up as patch merging does.
            let first = imageSize.map { $0 / sizes.patch } ?? (sizes.stages.last?.window ?? 7) << min(count - 1, 32)
            let resolution = (first + (1 << min(index, 32)) - 1) >> min(index, 32)
            let isShifted = hasMasks ? table.contains("\(block(index, 1)).attn_mask") : resolution > stage.window
            sizes.stages[index].shift = isShifted ? stage.window / 2 : 0
        }
        return sizes
    }

    /// One stage but for its shift.
    private func stage(_ stage: Int, _ table: TensorTable) throws(EngineError) -> SwinConfiguration.Stage {
        let first = block(stage, 0)
        let shape = table.shape("\(first).attn.relative_position_bias_table") ?? []
        let window = (Self.squareRoot(shape.rank == 2 ? shape[0] : 0) + 1) / 2
        let channels = table.size("\(first).norm1.weight", 0) ?? 0
        guard shape.rank == 2, window > 0, (2 * window - 1) * (2 * window - 1) == shape[0] else {
            throw mismatch("its bias table is \(shape), not (2·window − 1)²×heads for a square window", first)
        }
        guard channels % shape[1] == 0 else {
            throw mismatch("\(channels) channels do not divide among \(shape[1]) heads", first)
        }
        return SwinConfiguration.Stage(
            blocks: table.count { "\(block(stage, $0)).norm1.weight" }, channels: channels, heads: shape[1],
            window: window, shift: 0, hidden: table.size("\(first).\(hidden).weight", 0) ?? 0)
    }

    private func mismatch(_ cause: String, _ block: String) -> EngineError {
        .parameterMismatch(
            architecture: "Swin Transformer", missing: [], unexpected: [],
            misshapen: ["\(block).attn.relative_position_bias_table"], cause: cause)
    }

    private static func squareRoot(_ value: Int) -> Int { Int(Double(max(value, 0)).squareRoot().rounded()) }

    /// The network found, with what every code base has in common.
    func fit(_ sizes: SwinConfiguration, origin: String, normalization: InputNormalization) -> FamilyFit {
        let model = Architectures.models.first {
            if case .swin(let known) = $0.configuration { known.hasSameSizes(as: sizes) } else { false }
        }
        let text =
            "blocks \(dashed(sizes.stages.map { $0.blocks })), channels \(dashed(sizes.stages.map { $0.channels }))"
        let windows = dashed(sizes.stages.map { $0.window })
        return FamilyFit(
            architecture: "\(model?.title ?? "Swin Transformer, \(text)") (\(origin))", model: model?.name,
            evidence: "\(patchEmbed), \(block(0, 0)).attn.relative_position_bias_table, \(text), windows \(windows)",
            graph: sizes.graph(),
            facts: [
                Recognition.Fact("LayerNorm epsilon", "1e-05"),
                Recognition.Fact("shifts", dashed(sizes.stages.map { $0.shift })),
                Recognition.Fact(
                    "borders", sizes.border == .padsThenShifts ? "padded, then shifted" : "shifted, then padded"),
                Recognition.Fact("stochastic depth", "none at evaluation"),
            ],
            normalization: normalization,
            ignored: [
                .ending("relative_position_index", "index buffer"), .ending("attn_mask", "mask buffer"),
                .beginning("norm.", "final norm before the classification head"),
            ] + (0..<8).map { .beginning("norm\($0).", "output norm of a detection backbone") },
            source: { (tensor($0.name), .identity) })
    }
}

extension SwinConfiguration {
    /// Whether both differ at most in input channels, shifts, borders and form.
    fileprivate func hasSameSizes(as other: SwinConfiguration) -> Bool {
        patch == other.patch && hasPatchNorm == other.hasPatchNorm && hasQKVBias == other.hasQKVBias
            && isTokenSequence == other.isTokenSequence
            && stages.elementsEqual(other.stages) {
                $0.blocks == $1.blocks && $0.channels == $1.channels && $0.heads == $1.heads && $0.hidden == $1.hidden
            }
    }
}

/// Recognises torchvision's Swin Transformers.
enum TorchvisionSwin: ArchitectureFamily {
    static let name = "swin"
    static let anchors = ["features.0.0.weight", "features.1.0.attn.relative_position_bias_table"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        let count = table.count { "features.\(2 * $0 + 1).0.norm1.weight" }
        var sizes = try SwinNaming.torchvision.configuration(table, options, stages: count)
        sizes.border = .padsThenShifts
        for index in sizes.stages.indices { sizes.stages[index].shift = sizes.stages[index].window / 2 }
        return SwinNaming.torchvision.fit(sizes, origin: "torchvision", normalization: .imageNet)
    }
}

/// Recognises timm's and the original code's Swin Transformers.
enum TimmSwin: ArchitectureFamily {
    static let name = "swin-timm"
    static let anchors = ["patch_embed.proj.weight", "layers.0.blocks.0.attn.relative_position_bias_table"]
    static let options = [FamilyOption("img_size", .integer(1...65536))]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        let isOriginal = table.contains("layers.0.downsample.reduction.weight")
        let naming = isOriginal ? SwinNaming.original : .timm
        let count = table.count { "layers.\($0).blocks.0.norm1.weight" }
        let sizes = try naming.configuration(table, options, stages: count)
        return naming.fit(
            sizes, origin: isOriginal ? "the original code, or timm before 0.9" : "timm", normalization: .imageNet)
    }
}

/// Recognises the Swin encoder of the paper's code (MedSegPretrainImageNet), a U-Net encoder with Swin blocks.
enum SeedSwin: ArchitectureFamily {
    static let name = "seed-swin"
    static let anchors = ["first_block.proj.weight", "bottom_block.conv0.attn.relative_position_bias_table"]
    static let options = [FamilyOption("img_size", .integer(1...65536))]
    static let dropsModel = true

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        let count = 1 + table.count { "down_layers.\($0).conv0.norm1.weight" }
        let naming = SwinNaming.seed(stages: count)
        var sizes = try naming.configuration(table, options, stages: count)
        sizes.isTokenSequence = true
        var fit = naming.fit(sizes, origin: "MedSegPretrainImageNet", normalization: .unit)
        fit.ignored += [.beginning("up_layers.", "decoder"), .beginning("final_block.", "decoder")]
        return fit
    }
}
