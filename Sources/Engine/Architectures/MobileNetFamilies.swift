// MobileNetV2 and V3 in the files of torchvision and timm.

import Formats

/// Recognises timm's MobileNetV3-Large: its last stage is one 1×1 convolution.
enum TimmMobileNetV3Large: InvertedResidualFamily {
    static let name = "mobilenetv3"
    static let anchors = ["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.6.0.conv.weight"]
    static let naming = InvertedResidualNaming.timm
    static let kind = InvertedResidualKind.mobileNetV3
}

/// Recognises timm's MobileNetV3-Small, which has a stage less.
enum TimmMobileNetV3Small: InvertedResidualFamily {
    static let name = TimmMobileNetV3Large.name
    static let anchors = ["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.5.0.conv.weight"]
    static let naming = InvertedResidualNaming.timm
    static let kind = InvertedResidualKind.mobileNetV3
}

/// Recognises torchvision's MobileNetV3s.
enum TorchvisionMobileNetV3: InvertedResidualFamily {
    static let name = TimmMobileNetV3Large.name
    static let anchors = ["features.0.0.weight", "features.0.1.running_mean", "features.2.block.0.0.weight"]
    static let naming = InvertedResidualNaming.torchvisionBlocks
    static let kind = InvertedResidualKind.mobileNetV3
}

/// Recognises torchvision's MobileNetV2.
enum TorchvisionMobileNetV2: InvertedResidualFamily {
    static let name = TimmMobileNetV2.name
    static let anchors = ["features.0.0.weight", "features.1.conv.0.0.weight"]
    static let naming = InvertedResidualNaming.torchvisionMobileNetV2
    static let kind = InvertedResidualKind.mobileNetV2
}

/// Recognises timm's MobileNetV2, whose names other networks have too.
enum TimmMobileNetV2: InvertedResidualFamily {
    static let name = "mobilenetv2"
    static let anchors = ["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.1.0.conv_pwl.weight"]
    static let naming = InvertedResidualNaming.timm
    static let kind = InvertedResidualKind.mobileNetV2

    static func objection(_ table: TensorTable, _ options: FamilyOptions) -> String? {
        guard options["activation"] == nil else { return nil }
        if table.names.contains(where: { $0.contains(".se.") }) {
            return "some of its blocks have squeeze-and-excitation, as in no MobileNetV2; "
                + "give --arch-option activation=relu, relu6, silu or hardswish if the blocks are the same otherwise"
        }
        let kernels = table.names.filter { $0.hasSuffix(".conv_dw.weight") }.compactMap { table.size($0, 2) }
        return kernels.allSatisfy { $0 == 3 }
            ? nil
            : "its kernels are larger than MobileNetV2's, as in MNASNet (ReLU) and EfficientNet-Lite (ReLU6): "
                + "say which with --arch-option activation=relu or relu6"
    }
}
