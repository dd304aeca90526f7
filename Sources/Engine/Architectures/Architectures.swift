// The published networks by name, for `--arch`, benchmarks and tests.

/// The published networks that can be built by name.
public enum Architectures {
    /// The names that ``named(_:)`` knows.
    public static var names: [String] { models.map { $0.name } }

    /// The network of a name such as "resnet50", without weights.
    ///
    /// - Throws: ``EngineError`` with `.unknownArchitecture` listing the known names.
    public static func named(_ name: String) throws(EngineError) -> Graph {
        guard let model = models.first(where: { $0.name == name.lowercased() }) else {
            throw .unknownArchitecture(name: name, known: names)
        }
        return model.configuration.graph
    }

    /// A published network: its name, its name in words, the families whose files hold it.
    struct Model: Sendable {
        let name: String, title: String, families: [String]
        let configuration: Configuration
    }

    /// A family's sizes.
    enum Configuration: Sendable, Hashable {
        case deepResNet(DeepResNetConfiguration)
        case uNetEncoder(UNetEncoderConfiguration)
        case resNet(ResNetConfiguration)
        case vgg(VGGConfiguration)
        case swin(SwinConfiguration)
        case convNeXt(ConvNeXtConfiguration)
        case invertedResidual(InvertedResidualConfiguration)
        case denseNet(DenseNetConfiguration)
        case vit(ViTConfiguration)

        var graph: Graph {
            switch self {
            case .deepResNet(let sizes): sizes.graph()
            case .uNetEncoder(let sizes): sizes.graph()
            case .resNet(let sizes): sizes.graph()
            case .vgg(let sizes): sizes.graph()
            case .swin(let sizes): sizes.graph()
            case .convNeXt(let sizes): sizes.graph()
            case .invertedResidual(let sizes): sizes.graph()
            case .denseNet(let sizes): sizes.graph()
            case .vit(let sizes): sizes.graph()
            }
        }
    }

    /// Every published network.
    static let models: [Model] =
        [
            Model(
                name: "deepresnet50", title: "DeepResNet-50", families: ["deepresnet"],
                configuration: .deepResNet(DeepResNetConfiguration())),
            Model(
                name: "unet-encoder", title: "U-Net encoder", families: ["unet-encoder"],
                configuration: .uNetEncoder(UNetEncoderConfiguration())),
            swin("seed-swin-t", "Swin-T U-Net encoder", [2, 2, 2, 2], isSeed: true),
        ]
        + [
            resNet("resnet18", "ResNet-18", [2, 2, 2, 2], isBottleneck: false),
            resNet("resnet34", "ResNet-34", [3, 4, 6, 3], isBottleneck: false),
            resNet("resnet50", "ResNet-50", [3, 4, 6, 3]),
            resNet("resnet101", "ResNet-101", [3, 4, 23, 3]),
            resNet("resnet152", "ResNet-152", [3, 8, 36, 3]),
            resNet("resnext50_32x4d", "ResNeXt-50 32×4d", [3, 4, 6, 3], groups: 32, groupWidth: 4),
            resNet("resnext101_32x8d", "ResNeXt-101 32×8d", [3, 4, 23, 3], groups: 32, groupWidth: 8),
            resNet("resnext101_64x4d", "ResNeXt-101 64×4d", [3, 4, 23, 3], groups: 64, groupWidth: 4),
            resNet("wide_resnet50_2", "Wide ResNet-50-2", [3, 4, 6, 3], groupWidth: 128),
            resNet("wide_resnet101_2", "Wide ResNet-101-2", [3, 4, 23, 3], groupWidth: 128),
        ]
        + [11: [1, 1, 2, 2, 2], 13: [2, 2, 2, 2, 2], 16: [2, 2, 3, 3, 3], 19: [2, 2, 4, 4, 4]].sorted {
            $0.key < $1.key
        }
        .flatMap { depth, counts in
            [
                vgg("vgg\(depth)", "VGG-\(depth)", counts),
                vgg("vgg\(depth)_bn", "VGG-\(depth)-BN", counts, hasNorm: true),
            ]
        }
        + [
            kerasResNet("keras-resnet50", "ResNet50", [3, 4, 6, 3]),
            kerasResNet("keras-resnet101", "ResNet101", [3, 4, 23, 3]),
            kerasResNet("keras-resnet152", "ResNet152", [3, 8, 36, 3]),
            swin("swin_t", "Swin-T", [2, 2, 6, 2]),
            swin("swin_s", "Swin-S", [2, 2, 18, 2]),
            swin("swin_b", "Swin-B", [2, 2, 18, 2], width: 128, heads: 4),
            swin("swin_l", "Swin-L", [2, 2, 18, 2], width: 192, heads: 6),
        ]
        + convNeXts + invertedResiduals + denseNets + vits

    private static func resNet(
        _ name: String, _ title: String, _ blocks: [Int], isBottleneck: Bool = true, groups: Int = 1,
        groupWidth: Int = 64
    ) -> Model {
        let stages = blocks.enumerated().map { index, count in
            ResNetConfiguration.Stage(
                blocks: count, inner: isBottleneck ? groups * groupWidth << index : 64 << index,
                output: (isBottleneck ? 256 : 64) << index, groups: groups)
        }
        return Model(
            name: name, title: title, families: ["resnet"],
            configuration: .resNet(ResNetConfiguration(isBottleneck: isBottleneck, stages: stages)))
    }

    private static func kerasResNet(_ name: String, _ title: String, _ blocks: [Int]) -> Model {
        let stages = blocks.enumerated().map { index, count in
            ResNetConfiguration.Stage(blocks: count, inner: 64 << index, output: 256 << index)
        }
        return Model(
            name: name, title: title, families: ["keras-resnet"],
            configuration: .resNet(KerasResNet.configuration(stages: stages)))
    }

    private static func vgg(_ name: String, _ title: String, _ counts: [Int], hasNorm: Bool = false) -> Model {
        let stages = zip([64, 128, 256, 512, 512], counts).map { [Int](repeating: $0, count: $1) }
        return Model(
            name: name, title: title, families: ["vgg"],
            configuration: .vgg(VGGConfiguration(stages: stages, hasNorm: hasNorm)))
    }

    /// torchvision's border rule for `swin_…`, the original's for the paper's network.
    private static func swin(
        _ name: String, _ title: String, _ blocks: [Int], width: Int = 96, heads: Int = 3, isSeed: Bool = false
    ) -> Model {
        let stages = blocks.enumerated().map { index, count in
            SwinConfiguration.Stage(
                blocks: count, channels: width << index, heads: heads << index,
                shift: isSeed && index == blocks.count - 1 ? 0 : 3, hidden: 4 * width << index)
        }
        return Model(
            name: name, title: title, families: isSeed ? ["seed-swin"] : ["swin", "swin-timm"],
            configuration: .swin(
                SwinConfiguration(
                    stages: stages, border: isSeed ? .shiftsThenPads : .padsThenShifts, isTokenSequence: isSeed)))
    }
}
