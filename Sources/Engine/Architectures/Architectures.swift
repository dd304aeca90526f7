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

    /// A published network: its name, its name in words, its family's name.
    struct Model: Sendable {
        let name: String, title: String, family: String
        let configuration: Configuration
    }

    /// A family's sizes.
    enum Configuration: Sendable, Hashable {
        case deepResNet(DeepResNetConfiguration)
        case resNet(ResNetConfiguration)

        var graph: Graph {
            switch self {
            case .deepResNet(let sizes): sizes.graph()
            case .resNet(let sizes): sizes.graph()
            }
        }
    }

    /// Every published network.
    static let models: [Model] =
        [
            Model(
                name: "deepresnet50", title: "DeepResNet-50", family: "deepresnet",
                configuration: .deepResNet(DeepResNetConfiguration()))
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
            name: name, title: title, family: "resnet",
            configuration: .resNet(ResNetConfiguration(isBottleneck: isBottleneck, stages: stages)))
    }
}
