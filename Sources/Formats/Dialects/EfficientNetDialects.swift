// EfficientNet B0…B7 in torchvision's names, timm's, Keras', and smp's (lukemelas' EfficientNet-PyTorch).
// Sources: torchvision/models/efficientnet.py, timm/models/_efficientnet_blocks.py, keras/src/applications/efficientnet.py,
// lukemelas/EfficientNet-PyTorch.

enum EfficientNetDialects: DialectFamily {
    static let title = "EfficientNet"
    static let anchors: [(dialect: Dialect, names: [String])] = [
        (.torchvision, ["features.0.0.weight", "features.1.0.block.0.0.weight", "features.1.0.block.1.fc1.weight"]),
        (.timm, ["conv_stem.weight", "blocks.0.0.conv_dw.weight", "blocks.0.0.se.conv_reduce.weight"]),
        (.smp, ["_conv_stem.weight", "_blocks.0._depthwise_conv.weight", "_blocks.0._se_reduce.weight"]),
        (.keras, ["stem_conv/kernel", "block1a_project_conv/kernel", "block1a_se_reduce/kernel"]),
    ]

    static let paddingKey = "padding"
    static let evenPadding = "PyTorch's, the same on both sides (timm's tf_ models: TensorFlow's)"

    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable? {
        var counts: [Int] = []
        if dialect == .smp {
            guard let found = flatCounts(source) else { return nil }
            counts = found
        } else {
            counts = (0..<16).map { stage in source.count { presence(stage, $0, dialect) } }.prefix { $0 > 0 }.map(
                \.self)
        }
        guard !counts.isEmpty, counts.allSatisfy({ $0 <= 26 }) else { return nil }
        var table = DialectTable(
            title: title, sizes: "blocks \(counts.map { String($0) }.joined(separator: "-"))")
        table.convolution(
            [.torchvision: "features.0.0", .timm: "conv_stem", .smp: "encoder._conv_stem", .keras: "stem_conv"],
            isFirst: true)
        table.batchNorm([.torchvision: "features.0.1", .timm: "bn1", .smp: "encoder._bn0", .keras: "stem_bn"])
        var flat = 0
        for (stage, count) in counts.enumerated() {
            for block in 0..<count {
                let names = Block(stage: stage, block: block, flat: flat, expands: stage > 0)
                names.add(to: &table)
                flat += 1
            }
        }
        let last = "features.\(counts.count + 1)"
        let top: LayerNames = [
            .torchvision: "\(last).0", .timm: "conv_head", .smp: "encoder._conv_head", .keras: "top_conv",
        ]
        // Backbones without the last convolution occur.
        if source.contains(ownTop(dialect, last)) {
            table.convolution(top)
            table.batchNorm([.torchvision: "\(last).1", .timm: "bn2", .smp: "encoder._bn1", .keras: "top_bn"])
        }
        table.linear([.torchvision: "classifier.1", .timm: "classifier", .keras: "predictions"], isHead: true)
        addKerasNormalization(&table, source)
        table.epsilons = [.torchvision: 1e-5, .timm: 1e-5, .smp: 1e-3, .keras: 1e-3]
        let even = DialectFact(key: paddingKey, value: evenPadding)
        let same = DialectFact(key: paddingKey, value: "TensorFlow's \"same\"")
        table.facts = [.torchvision: [even], .timm: [even], .smp: [same], .keras: [same]]
        table.kerasFacts = [("stem_conv_pad", { $0["padding"]?.array?.first?.array?.first?.int == 0 ? same : even })]
        table.kerasModel = kerasModel
        return table
    }

    private static func ownTop(_ dialect: Dialect, _ last: String) -> String {
        switch dialect {
        case .torchvision: "\(last).0.weight"
        case .timm: "conv_head.weight"
        case .keras: "top_conv/kernel"
        default: "_conv_head.weight"
        }
    }

    /// The tensor that shows that a block is there.
    private static func presence(_ stage: Int, _ block: Int, _ dialect: Dialect) -> String {
        switch dialect {
        case .torchvision: "features.\(stage + 1).\(block).block.\(stage == 0 ? 0 : 1).0.weight"
        case .timm: "blocks.\(stage).\(block).conv_dw.weight"
        default: "block\(stage + 1)\(letter(block))_project_conv/kernel"
        }
    }

    /// How many blocks each stage has where the file numbers them through: a stage begins where the output grows or the
    /// kernel changes.
    private static func flatCounts(_ source: DialectSource) -> [Int]? {
        let total = source.count { "_blocks.\($0)._project_conv.weight" }
        var counts: [Int] = []
        for index in 0..<total {
            let outputs = source.size("_blocks.\(index)._project_conv.weight", 0)
            let before = index > 0 ? source.size("_blocks.\(index - 1)._project_conv.weight", 0) : 0
            if outputs != before { counts.append(0) }
            counts[counts.count - 1] += 1
        }
        return counts.isEmpty ? nil : counts
    }

    static func letter(_ block: Int) -> String { String(UnicodeScalar(UInt8(ascii: "a") + UInt8(clamping: block))) }

    /// Keras normalises its input itself, by statistics among the weights.
    private static func addKerasNormalization(_ table: inout DialectTable, _ source: DialectSource) {
        let statistics: [(String, VariableFilling)] = [
            ("mean", .values([0.485, 0.456, 0.406])),
            ("variance", .values([0.229 * 0.229, 0.224 * 0.224, 0.225 * 0.225])),
            ("count", .zeros(.int32, [])),
        ]
        for (name, filling) in statistics {
            // Keras numbers the layer in a process that has made others.
            let numbered = source.names.filter { $0.hasPrefix("normalization_") && $0.hasSuffix("/\(name)") }
            var variable = DialectVariable(names: [.keras: ["normalization/\(name)"] + numbered], layout: .same)
            variable.filling = filling
            variable.droppable = "Keras' own normalisation of the input; give the network images normalised so"
            table.variables.append(variable)
        }
    }

    /// The names of a block's layers.
    private struct Block {
        let stage: Int, block: Int
        /// Its number among all blocks.
        let flat: Int
        /// Whether a 1×1 convolution widens the map first.
        let expands: Bool

        func add(to table: inout DialectTable) {
            let first = expands ? 1 : 0
            if expands {
                table.convolution(names("block.0.0", "conv_pw", "_expand_conv", "expand_conv"))
                table.batchNorm(names("block.0.1", "bn1", "_bn0", "expand_bn"))
            }
            table.convolution(
                names("block.\(first).0", "conv_dw", "_depthwise_conv", "dwconv"), layout: .depthwiseKernel)
            table.batchNorm(names("block.\(first).1", expands ? "bn2" : "bn1", "_bn1", "bn"))
            let squeeze = "block.\(first + 1)"
            table.convolution(
                names("\(squeeze).fc1", "se.conv_reduce", "_se_reduce", "se_reduce"), bias: .everyone)
            table.convolution(
                names("\(squeeze).fc2", "se.conv_expand", "_se_expand", "se_expand"), bias: .everyone)
            table.convolution(
                names("block.\(first + 2).0", expands ? "conv_pwl" : "conv_pw", "_project_conv", "project_conv"))
            table.batchNorm(names("block.\(first + 2).1", expands ? "bn3" : "bn2", "_bn2", "project_bn"))
        }

        private func names(_ torchvision: String, _ timm: String, _ smp: String, _ keras: String) -> LayerNames {
            [
                .torchvision: "features.\(stage + 1).\(block).\(torchvision)",
                .timm: "blocks.\(stage).\(block).\(timm)",
                .smp: "encoder._blocks.\(flat).\(smp)",
                .keras: "block\(stage + 1)\(EfficientNetDialects.letter(block))_\(keras)",
            ]
        }
    }
}
