// VGG in torchvision's names, timm's (a convolutional head), Keras' and smp's.
// Sources: torchvision/models/vgg.py, timm/models/vgg.py, keras/src/applications/vgg16.py.

enum VGGDialects: DialectFamily {
    static let title = "VGG"
    static let anchors: [(dialect: Dialect, names: [String])] = [
        (.torchvision, ["features.0.weight", "features.0.bias"]),
        (.timm, ["features.0.weight", "pre_logits.fc1.weight"]),
        (.keras, ["block1_conv1/kernel", "block2_conv1/kernel"]),
    ]

    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable? {
        let hasNorm =
            dialect == .keras
            ? source.contains("block1_conv1_bn/gamma") : source.contains("features.1.running_mean")
        // AlexNet's layers are called so too.
        let hasSmallKernels = dialect == .keras || source.size("features.0.weight", 2) == 3
        guard hasSmallKernels, let counts = counts(source, dialect: dialect, hasNorm: hasNorm) else { return nil }
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
        table.kerasModel = kerasModel
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

    /// Convolutions of each stage: in torchvision's list a pooling stands between two stages.
    private static func counts(_ source: DialectSource, dialect: Dialect, hasNorm: Bool) -> [Int]? {
        if dialect == .keras {
            let stages = source.count { "block\($0 + 1)_conv1/kernel" }
            return (0..<stages).map { stage in source.count { "block\(stage + 1)_conv\($0 + 1)/kernel" } }
        }
        let indices = source.names.compactMap { name -> Int? in
            let parts = name.split(separator: ".")
            guard parts.count == 3, parts[0] == "features", parts[2] == "weight", source.rank(name) == 4 else {
                return nil
            }
            return Int(parts[1])
        }.sorted()
        var counts = [1]
        for (index, next) in zip(indices, indices.dropFirst()) {
            switch next - index {
            case hasNorm ? 3 : 2: counts[counts.count - 1] += 1
            case hasNorm ? 4 : 3: counts.append(1)
            default: return nil
            }
        }
        return counts
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
