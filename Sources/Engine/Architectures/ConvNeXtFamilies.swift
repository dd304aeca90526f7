// The ways ConvNeXt is filed: timm (also as its feature extractor), torchvision, and the original code.

import Formats

/// How a code base names the tensors of a ConvNeXt.
struct ConvNeXtNaming: Sendable {
    let origin: String
    /// The stem's convolution and norm, in order.
    let stem: @Sendable (_ layer: Int) -> String
    /// The norm and convolution before a stage, and the beginning of the names of a block (all from 0).
    let downsample: @Sendable (_ stage: Int, _ layer: Int) -> String
    let block: @Sendable (_ stage: Int, _ block: Int) -> String
    /// The layers of a block: timm's name and this one.
    var layers: [(timm: String, own: String)] = []

    /// The tensor that holds a parameter of ``ConvNeXtConfiguration/graph()``, which is named as timm does.
    func tensor(_ parameter: String) -> String {
        let parts = parameter.split(separator: ".").map { String($0) }
        guard parts.count > 2, let number = Int(parts[1]) else { return parameter }
        if parts[0] == "stem" { return stem(number) + "." + parts[2] }
        if parts[2] == "downsample" { return downsample(number, Int(parts[3]) ?? 0) + "." + parts[4] }
        var rest = parts[4...].joined(separator: ".")
        for (timm, own) in layers where rest == timm || rest.hasPrefix(timm + ".") {
            rest = own + rest.dropFirst(timm.count)
            break
        }
        return block(number, Int(parts[3]) ?? 0) + "." + rest
    }

    static let timm = ConvNeXtNaming(
        origin: "timm", stem: { "stem.\($0)" }, downsample: { "stages.\($0).downsample.\($1)" },
        block: { "stages.\($0).blocks.\($1)" })
    /// timm's `features_only` models, which segmentation libraries wrap.
    static let timmFeatures = ConvNeXtNaming(
        origin: "timm features", stem: { "stem_\($0)" }, downsample: { "stages_\($0).downsample.\($1)" },
        block: { "stages_\($0).blocks.\($1)" })
    static let torchvision = ConvNeXtNaming(
        origin: "torchvision", stem: { "features.0.\($0)" }, downsample: { "features.\(2 * $0).\($1)" },
        block: { "features.\(2 * $0 + 1).\($1)" },
        layers: [
            ("conv_dw", "block.0"), ("norm", "block.2"), ("mlp.fc1", "block.3"), ("mlp.fc2", "block.5"),
            ("gamma", "layer_scale"),
        ])
    static let original = ConvNeXtNaming(
        origin: "the original code", stem: { "downsample_layers.0.\($0)" },
        downsample: { "downsample_layers.\($0).\($1)" }, block: { "stages.\($0).\($1)" },
        layers: [("conv_dw", "dwconv"), ("mlp.fc1", "pwconv1"), ("mlp.fc2", "pwconv2"), ("mlp.grn", "grn")])

    /// The network that the tensors' shapes tell.
    func fit(_ table: TensorTable) throws(EngineError) -> FamilyFit {
        var sizes = ConvNeXtConfiguration(stages: [])
        sizes.inputChannels = table.size("\(stem(0)).weight", 1) ?? 3
        sizes.patch = table.size("\(stem(0)).weight", 2) ?? 4
        func tensor(_ stage: Int, _ block: Int, _ layer: String) -> String {
            self.tensor("stages.\(stage).blocks.\(block).\(layer)")
        }
        sizes.kernel = table.size(tensor(0, 0, "conv_dw.weight"), 2) ?? 7
        sizes.hasLayerScale = table.contains(tensor(0, 0, "gamma"))
        for stage in 0..<table.count({ tensor($0, 0, "conv_dw.weight") }) {
            sizes.stages.append(
                ConvNeXtConfiguration.Stage(
                    blocks: table.count { tensor(stage, $0, "conv_dw.weight") },
                    channels: table.size(tensor(stage, 0, "conv_dw.weight"), 0) ?? 0,
                    hidden: table.size(tensor(stage, 0, "mlp.fc1.weight"), 0) ?? 0))
        }
        try refuseResponseNorm(table)
        return fit(sizes)
    }

    /// ConvNeXt V2 has the same tensors and one more a block.
    private func refuseResponseNorm(_ table: TensorTable) throws(EngineError) {
        let norms = table.names.filter { $0.contains(".grn.") }.sorted()
        guard !norms.isEmpty else { return }
        throw .parameterMismatch(
            architecture: "ConvNeXt (\(origin))", missing: [], unexpected: norms.map { table.prefix + $0 },
            misshapen: [], cause: "this is a ConvNeXt V2, whose global response normalisation is not run")
    }

    private func fit(_ sizes: ConvNeXtConfiguration) -> FamilyFit {
        let model = Architectures.models.first { $0.configuration == .convNeXt(sizes.withThreeInputs) }
        let text =
            "blocks \(dashed(sizes.stages.map { $0.blocks })), channels \(dashed(sizes.stages.map { $0.channels }))"
        return FamilyFit(
            architecture: "\(model?.title ?? "ConvNeXt variant, \(text)") (\(origin))", model: model?.name,
            evidence: "\(stem(0)), \(tensor("stages.0.blocks.0.conv_dw")), \(text)",
            graph: sizes.graph(),
            facts: [
                Recognition.Fact("LayerNorm epsilon", "1e-06"),
                Recognition.Fact("activation", "GELU (erf)"),
                Recognition.Fact("layer scale", sizes.hasLayerScale ? "yes" : "none"),
                Recognition.Fact("stochastic depth", "none at evaluation"),
            ],
            normalization: .imageNet,
            ignored: [
                .beginning("norm.", "final norm before the classification head"),
                .beginning("norm_pre.", "final norm before the classification head"),
            ] + (0..<4).map { .beginning("norm\($0).", "output norm of a detection backbone") },
            source: { (tensor($0.name), .identity) },
            cause: { unexpected, _ in
                unexpected.contains { $0.contains("stem") || $0.hasSuffix("running_mean") }
                    ? "its stem or norms are not those of the published ConvNeXt" : nil
            })
    }
}

extension ConvNeXtConfiguration {
    /// The same network for three input channels, as published models are listed.
    var withThreeInputs: ConvNeXtConfiguration {
        var copy = self
        copy.inputChannels = 3
        return copy
    }
}

/// Recognises timm's ConvNeXts.
enum TimmConvNeXt: ArchitectureFamily {
    static let name = "convnext"
    static let anchors = ["stem.0.weight", "stages.0.blocks.0.conv_dw.weight"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        try ConvNeXtNaming.timm.fit(table)
    }
}

/// Recognises timm's ConvNeXts as feature extractors, the form in segmentation models.
enum TimmConvNeXtFeatures: ArchitectureFamily {
    static let name = TimmConvNeXt.name
    static let anchors = ["stem_0.weight", "stages_0.blocks.0.conv_dw.weight"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        try ConvNeXtNaming.timmFeatures.fit(table)
    }
}

/// Recognises torchvision's ConvNeXts.
enum TorchvisionConvNeXt: ArchitectureFamily {
    static let name = TimmConvNeXt.name
    static let anchors = ["features.0.0.weight", "features.1.0.block.0.weight", "features.1.0.block.5.weight"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        try ConvNeXtNaming.torchvision.fit(table)
    }
}

/// Recognises the original code's ConvNeXts.
enum OriginalConvNeXt: ArchitectureFamily {
    static let name = TimmConvNeXt.name
    static let anchors = ["downsample_layers.0.0.weight", "stages.0.0.dwconv.weight"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        try ConvNeXtNaming.original.fit(table)
    }
}
