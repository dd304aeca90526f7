// EfficientNet, EfficientNetV2, MobileNetV2 and MobileNetV3 in the files of torchvision, timm, and efficientnet_pytorch.

import Formats

/// What the families of inverted residual networks share.
protocol InvertedResidualFamily: ArchitectureFamily {
    static var naming: InvertedResidualNaming { get }
    static var kind: InvertedResidualKind { get }
    /// Why a file of this naming is none of this kind after all.
    static func objection(_ table: TensorTable, _ options: FamilyOptions) -> String?
}

extension InvertedResidualFamily {
    static var options: [FamilyOption] {
        [
            FamilyOption("padding", .words(["torch", "tf"])), FamilyOption("epsilon", .number(0...1)),
            FamilyOption("activation", .words(["relu", "relu6", "silu", "hardswish"])),
            FamilyOption("head_conv", .words(["true", "false"])),
        ] + (naming == .lukemelas ? [FamilyOption("image_size", .integer(1...65536))] : [])
    }

    static func objection(_ table: TensorTable, _ options: FamilyOptions) -> String? { nil }

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        if let cause = objection(table, options) {
            throw .parameterMismatch(
                architecture: "\(kind.title) (\(naming.origin))", missing: [], unexpected: [], misshapen: [],
                cause: cause)
        }
        let activations: [String: Op.Activation] = [
            "relu": .relu(cap: nil), "relu6": .relu(cap: 6), "silu": .silu, "hardswish": .hardSwish,
        ]
        var reading = try InvertedResidualReading(
            table, naming, kind, activation: options["activation"].flatMap { activations[$0] },
            hasHead: options["head_conv"] == "true")
        let model = Architectures.invertedResiduals.first {
            if case .invertedResidual(let known) = $0.configuration {
                known.hasSameSizes(as: reading.sizes)
            } else {
                false
            }
        }
        let settings = InvertedResidualSettings(naming, kind, reading.sizes, options, model: model?.name)
        reading.set(epsilon: settings.epsilon, border: settings.border)
        return fit(reading, settings, model)
    }

    private static func fit(
        _ reading: InvertedResidualReading, _ settings: InvertedResidualSettings, _ model: Architectures.Model?
    ) -> FamilyFit {
        let sizes = reading.sizes
        let widths = sizes.stages.compactMap { $0.last?.output }
        let text = "blocks \(dashed(sizes.stages.map { $0.count })), channels \(dashed(widths))"
        let isSecond = sizes.stages.first?.first?.kind != .separable && kind.title == "EfficientNet"
        let title = model?.title ?? "\(kind.title)\(isSecond ? "V2" : "") variant, \(text)"
        return FamilyFit(
            architecture: "\(title) (\(naming.origin))", model: model?.name,
            evidence: "\(naming.stem.convolution), \(text)", graph: sizes.graph(), facts: settings.facts(of: sizes),
            normalization: .imageNet,
            ignored: ["conv_head.", "bn2.", "_conv_head.", "_bn1."].map {
                .beginning($0, "1×1 convolution before the classification head")
            }
                + headRules(sizes) + [.beginning("_fc.", "classification head")],
            source: { (reading.tensor($0.name), .identity) })
    }

    /// torchvision files the head's convolution as the last of its features.
    private static func headRules(_ sizes: InvertedResidualConfiguration) -> [IgnoreRule] {
        let head = naming.head(stages: sizes.stages.count, blocks: sizes.stages.reduce(0) { $0 + $1.count })
        guard head.convolution.hasPrefix("features.") else { return [] }
        return [head.convolution, head.norm].map {
            .beginning("\($0).", "1×1 convolution before the classification head")
        }
    }
}

/// What the files of inverted residual networks do not tell, and why it was chosen.
struct InvertedResidualSettings {
    let epsilon: Float
    let border: InvertedResidualConfiguration.Border
    private let isGiven: Bool

    init(
        _ naming: InvertedResidualNaming, _ kind: InvertedResidualKind, _ sizes: InvertedResidualConfiguration,
        _ options: FamilyOptions, model: String?
    ) {
        isGiven = options["padding"] != nil
        switch (options["padding"], naming) {
        case ("tf", _): border = .same
        case (nil, .lukemelas):
            border = .sameFor(imageSize: options.integer("image_size") ?? Self.imageSizes[model ?? ""] ?? 224)
        default: border = .half
        }
        // torchvision builds EfficientNet-B5 and larger, V2 and MobileNetV3 as TensorFlow has them.
        let isLarge = (sizes.stages.last?.last?.output ?? 0) >= 512 || sizes.stages.first?.first?.kind != .separable
        let isAsTensorFlow: Bool =
            switch naming {
            case .timm: border == .same
            case .torchvisionStages: isLarge
            case .torchvisionBlocks, .lukemelas: true
            case .torchvisionMobileNetV2: false
            }
        epsilon = options.number("epsilon").map { Float($0) } ?? (isAsTensorFlow ? 1e-3 : 1e-5)
    }

    /// The image sizes that efficientnet_pytorch computes its padding for.
    private static let imageSizes = [
        "efficientnet_b0": 224, "efficientnet_b1": 240, "efficientnet_b2": 260, "efficientnet_b3": 300,
        "efficientnet_b4": 380, "efficientnet_b5": 456, "efficientnet_b6": 528, "efficientnet_b7": 600,
    ]

    func facts(of sizes: InvertedResidualConfiguration) -> [Recognition.Fact] {
        let activations = ([sizes.stemActivation] + sizes.stages.joined().map { $0.activation }).map { $0.title }
        let names = activations.enumerated().filter { activations.firstIndex(of: $1) == $0 }.map { $1 }
        var facts = [
            Recognition.Fact("BatchNorm epsilon", epsilon == 1e-5 ? "1e-05" : "\(epsilon)"),
            Recognition.Fact("padding", padding), Recognition.Fact("activation", names.joined(separator: ", ")),
            Recognition.Fact("strides", dashed(sizes.stages.map { $0.first?.stride ?? 1 }) + " (not stored)"),
        ]
        if sizes.stages.joined().contains(where: { $0.squeezed != nil }) {
            facts.append(
                Recognition.Fact(
                    "squeeze-and-excitation", "\(sizes.squeezeActivation.title), \(sizes.gate.title)"))
        }
        facts.append(Recognition.Fact("stochastic depth", "none at evaluation"))
        return facts
    }

    private var padding: String {
        switch border {
        case .half:
            "half the kernel (PyTorch)\(isGiven ? "" : "; for weights from TensorFlow give --arch-option padding=tf")"
        case .same: "TensorFlow's same"
        case .sameFor(let imageSize): "TensorFlow's same, fixed for images of \(imageSize)×\(imageSize)"
        }
    }
}

extension Op.Activation {
    /// The function in words.
    var title: String {
        switch self {
        case .relu(cap: nil): "ReLU"
        case .relu(cap: let cap?): cap == 6 ? "ReLU6" : "ReLU up to \(cap)"
        case .silu: "SiLU"
        case .hardSwish: "hard-swish"
        case .sigmoid: "sigmoid"
        case .hardSigmoid: "hard-sigmoid"
        case .gelu: "GELU (erf)"
        case .geluTanh: "GELU (tanh)"
        case .leakyRelu, .tanh, .elu, .softplus, .inverseSquareRoot: "\(self)"
        }
    }
}

/// Recognises timm's EfficientNets: squeeze-and-excitation in every block.
enum TimmEfficientNet: InvertedResidualFamily {
    static let name = "efficientnet"
    static let anchors = ["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.1.0.se.conv_reduce.weight"]
    static let naming = InvertedResidualNaming.timm
    static let kind = InvertedResidualKind.efficientNet
}

/// Recognises timm's EfficientNetV2s: dense convolutions in the first stages.
enum TimmEfficientNetV2: InvertedResidualFamily {
    static let name = TimmEfficientNet.name
    static let anchors = ["conv_stem.weight", "blocks.1.0.conv_exp.weight"]
    static let naming = InvertedResidualNaming.timm
    static let kind = InvertedResidualKind.efficientNet
}

/// Recognises torchvision's EfficientNets of both versions.
enum TorchvisionEfficientNet: InvertedResidualFamily {
    static let name = TimmEfficientNet.name
    static let anchors = ["features.0.0.weight", "features.0.1.running_mean", "features.2.0.block.0.0.weight"]
    static let naming = InvertedResidualNaming.torchvisionStages
    static let kind = InvertedResidualKind.efficientNet
}

/// Recognises the EfficientNets of efficientnet_pytorch and segmentation_models_pytorch.
enum LukemelasEfficientNet: InvertedResidualFamily {
    static let name = TimmEfficientNet.name
    static let anchors = ["_conv_stem.weight", "_blocks.0._depthwise_conv.weight"]
    static let naming = InvertedResidualNaming.lukemelas
    static let kind = InvertedResidualKind.efficientNet
}
