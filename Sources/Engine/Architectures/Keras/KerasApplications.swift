// keras.applications' ResNet and VGG from their weights alone, by layer names. Source: keras/src/applications/resnet.py
// and vgg16.py (Keras 3.15); with a network description in the file, KerasModel.swift is exact and comes first.

import Formats

/// Recognises keras.applications' ResNet50, 101 and 152 (version 1) by their layer names.
///
/// They differ from torchvision's in what no shape tells: the stride is on the first 1×1 convolution, and BatchNorm's
/// epsilon is 1.001e-5.
enum KerasResNet: ArchitectureFamily {
    static let name = "keras-resnet"
    static let anchors = ["conv1_conv/kernel", "conv2_block1_1_conv/kernel"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        var sizes = configuration(stages: [])
        sizes.hasBias = table.contains("conv1_conv/bias")
        sizes.inputChannels = table.size("conv1_conv/kernel", 2) ?? 3
        sizes.stem = .single(channels: table.size("conv1_conv/kernel", 3) ?? 64, kernel: 7, stride: 2)
        for stage in 0..<table.count({ "conv\($0 + 2)_block1_1_conv/kernel" }) {
            let first = "conv\(stage + 2)_block1_"
            sizes.stages.append(
                ResNetConfiguration.Stage(
                    blocks: table.count { "conv\(stage + 2)_block\($0 + 1)_1_conv/kernel" },
                    inner: table.size("\(first)1_conv/kernel", 3) ?? 0,
                    output: table.size("\(first)3_conv/kernel", 3) ?? 0))
        }
        let blocks = sizes.stages.map { $0.blocks }
        let model = Architectures.models.first { $0.configuration == .resNet(sizes.withoutInput) }
        let text = "blocks \(dashed(blocks)), channels \(dashed(sizes.stages.map { $0.output }))"
        return FamilyFit(
            architecture: "\(model?.title ?? "ResNet variant, \(text)") (keras.applications)", model: model?.name,
            evidence: "layers convS_blockB_K_conv, \(text)", graph: sizes.graph(),
            facts: [
                Recognition.Fact("BatchNorm epsilon", "1.001e-05"),
                Recognition.Fact("stride", "on the first 1×1 convolution"),
            ],
            normalization: .kerasCaffe, source: source,
            cause: { unexpected, _ in
                unexpected.contains { $0.contains("preact") || $0.contains("post_bn") }
                    ? "these are weights of a ResNetV2; save the whole model (.keras, or .h5 with its description)"
                    : nil
            })
    }

    /// What all of the family share.
    static func configuration(stages: [ResNetConfiguration.Stage]) -> ResNetConfiguration {
        var sizes = ResNetConfiguration(stages: stages)
        sizes.hasBias = true
        sizes.stridesFirst = true
        sizes.alwaysProjects = true
        sizes.epsilon = 1.001e-5
        return sizes
    }

    /// The Keras tensor of a parameter named as torchvision does: `layer2.0.conv1.weight` is
    /// `conv3_block1_1_conv/kernel`, `downsample` is number 0.
    private static func source(_ parameter: Parameter) -> (name: String, transform: WeightTransform) {
        let parts = parameter.name.split(separator: ".").map { String($0) }
        let last = parts.last ?? ""
        guard parts.count > 3, let stage = Int(parts[0].dropFirst("layer".count)), let block = Int(parts[1]) else {
            let isNorm = parts[0] == "bn1"
            let variable = kerasVariable(last, isNorm: isNorm)
            return ("conv1_\(isNorm ? "bn" : "conv")/\(variable.name)", variable.transform)
        }
        let isShortcut = parts[2] == "downsample"
        let isNorm = isShortcut ? parts[3] == "1" : parts[2].hasPrefix("bn")
        let number = isShortcut ? "0" : String(parts[2].suffix(1))
        let variable = kerasVariable(last, isNorm: isNorm)
        let layer = "conv\(stage + 1)_block\(block + 1)_\(number)_\(isNorm ? "bn" : "conv")"
        return ("\(layer)/\(variable.name)", variable.transform)
    }
}

/// Recognises keras.applications' VGG16 and 19 by their layer names.
enum KerasVGG: ArchitectureFamily {
    static let name = "keras-vgg"
    static let anchors = ["block1_conv1/kernel", "block1_conv2/kernel", "block2_conv1/kernel"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        var sizes = VGGConfiguration(stages: [])
        sizes.inputChannels = table.size("block1_conv1/kernel", 2) ?? 3
        sizes.hasBias = table.contains("block1_conv1/bias")
        sizes.stages = (0..<table.count { "block\($0 + 1)_conv1/kernel" }).map { stage in
            (0..<table.count { "block\(stage + 1)_conv\($0 + 1)/kernel" }).map {
                table.size("block\(stage + 1)_conv\($0 + 1)/kernel", 3) ?? 0
            }
        }
        let title = [[2, 2, 3, 3, 3]: "VGG16", [2, 2, 4, 4, 4]: "VGG19"][sizes.stages.map { $0.count }] ?? "VGG"
        let text = sizes.stages.map { dashed($0) }.joined(separator: " | ")
        var layers: [String: String] = [:]
        let names = sizes.stages.enumerated().flatMap { stage, row in
            row.indices.map { "block\(stage + 1)_conv\($0 + 1)" }
        }
        for (index, name) in zip(sizes.indices, names) { layers["features.\(index)"] = name }
        return FamilyFit(
            architecture: "\(title) (keras.applications), channels \(text)", model: nil,
            evidence: "layers blockB_convC, channels \(text)", graph: sizes.graph(), normalization: .kerasCaffe,
            source: { parameter in
                let parts = parameter.name.split(separator: ".").map { String($0) }
                let variable = kerasVariable(parts.last ?? "", isNorm: false)
                return ((layers["\(parts[0]).\(parts[1])"] ?? parameter.name) + "/\(variable.name)", variable.transform)
            })
    }
}

/// Keras' name and layout of a PyTorch parameter.
private func kerasVariable(_ name: String, isNorm: Bool) -> (name: String, transform: WeightTransform) {
    switch name {
    case "weight": isNorm ? ("gamma", .identity) : ("kernel", .permuted([3, 2, 0, 1]))
    case "bias": (isNorm ? "beta" : "bias", .identity)
    case "running_mean": ("moving_mean", .identity)
    default: ("moving_variance", .identity)
    }
}
