// VGG in torchvision's names, timm's (a convolutional head), Keras' and smp's.
// Sources: torchvision/models/vgg.py, timm/models/vgg.py, keras/src/applications/vgg16.py.

enum VGGDialects: DialectFamily {
    static let title = "VGG"
    static let anchors: [(dialect: Dialect, names: [String])] = [
        (.torchvision, ["features.0.weight", "features.3.weight"]),
        (.torchvision, ["features.0.weight", "features.2.weight", "features.5.weight"]),
        (.keras, ["block1_conv1/kernel", "block2_conv1/kernel"]),
    ]

    /// Convolutions a stage of VGG-11, 13, 16 and 19.
    private static let depths = [[1, 1, 2, 2, 2], [2, 2, 2, 2, 2], [2, 2, 3, 3, 3], [2, 2, 4, 4, 4]]

    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable? {
        let hasNorm =
            dialect == .keras
            ? source.contains("block1_conv1_bn/gamma") : source.contains("features.1.running_mean")
        guard let counts = depths.first(where: { matches($0, source, dialect: dialect, hasNorm: hasNorm) }) else {
            return nil
        }
        var table = DialectTable(
            title: title, sizes: "\(counts.reduce(3, +)) layers\(hasNorm ? " with BatchNorm" : "")")
        var channels = 0
        for (convolution, names) in layers(counts, hasNorm: hasNorm).enumerated() {
            channels =
                dialect == .keras
                ? source.size("\(names.keras)/kernel", 3) : source.size("features.\(names.index).weight", 0)
            table.convolution(layer(names.index, names.keras), bias: .everyone, isFirst: convolution == 0)
            if hasNorm { table.batchNorm(layer(names.index + 1, "\(names.keras)_bn")) }
        }
        addHead(&table, source, dialect: dialect, channels: channels)
        if hasNorm { table.epsilons = [.torchvision: 1e-5, .timm: 1e-5, .smp: 1e-5, .keras: 1e-3] }
        return table
    }

    private static func layer(_ index: Int, _ keras: String) -> LayerNames {
        [
            .torchvision: "features.\(index)", .timm: "features.\(index)", .smp: "encoder.features.\(index)",
            .keras: keras,
        ]
    }

    /// The place of every convolution in torchvision's list, and its name in Keras.
    private static func layers(_ counts: [Int], hasNorm: Bool) -> [(index: Int, keras: String)] {
        var index = 0
        var layers: [(index: Int, keras: String)] = []
        for (stage, count) in counts.enumerated() {
            for convolution in 0..<count {
                layers.append((index, "block\(stage + 1)_conv\(convolution + 1)"))
                index += hasNorm ? 3 : 2
            }
            index += 1
        }
        return layers
    }

    private static func matches(
        _ counts: [Int], _ source: DialectSource, dialect: Dialect, hasNorm: Bool
    ) -> Bool {
        let layers = layers(counts, hasNorm: hasNorm)
        if dialect == .keras {
            let found = source.names.filter { $0.hasPrefix("block") && $0.hasSuffix("/kernel") }.count
            return found == layers.count && layers.allSatisfy { source.contains("\($0.keras)/kernel") }
        }
        let found = source.names.filter { $0.hasPrefix("features.") && $0.hasSuffix(".weight") }
        return found.count == layers.count * (hasNorm ? 2 : 1)
            && layers.allSatisfy { source.rank("features.\($0.index).weight") == 4 }
    }

    /// Three Dense layers after a Flatten, which timm writes as convolutions.
    private static func addHead(
        _ table: inout DialectTable, _ source: DialectSource, dialect: Dialect, channels: Int
    ) {
        let isConvolutional = source.rank("pre_logits.fc1.weight") == 4
        let inputs =
            dialect == .keras ? source.size("fc1/kernel", 0) : source.size("classifier.0.weight", 1)
        let side =
            isConvolutional
            ? source.size("pre_logits.fc1.weight", 2)
            : Int(Double(channels > 0 ? inputs / channels : 0).squareRoot().rounded())
        let outputs =
            [
                source.size("classifier.0.weight", 0), source.size("pre_logits.fc1.weight", 0),
                source.size("fc1/kernel", 1),
            ].max() ?? 0
        table.linear(
            [.torchvision: "classifier.0", .timm: "pre_logits.fc1", .keras: "fc1"],
            layout: .flattenedLinear(channels: channels, height: side, width: side), isHead: true,
            shapes: [
                .torchvision: [outputs, channels * side * side], .timm: [outputs, channels, side, side],
            ])
        let hidden =
            [
                source.size("classifier.3.weight", 0), source.size("pre_logits.fc2.weight", 0),
                source.size("fc2/kernel", 1),
            ].max() ?? 0
        table.linear(
            [.torchvision: "classifier.3", .timm: "pre_logits.fc2", .keras: "fc2"], isHead: true,
            shapes: [.torchvision: [hidden, outputs], .timm: [hidden, outputs, 1, 1]])
        table.linear([.torchvision: "classifier.6", .timm: "head.fc", .keras: "predictions"], isHead: true)
    }
}
