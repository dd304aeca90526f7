// The two convolutional encoders of the paper's code (MedSegPretrainImageNet): DeepResNet, which has no projection
// shortcuts, and the U-Net encoder. No other code base has them, so their names can be tidied and not translated.

enum SeedDialects: DialectFamily {
    static let title = "the paper's encoders"
    static let anchors: [(dialect: Dialect, names: [String])] = [
        (.seed, ["stem.0.weight", "levels.0.0.conv1.weight"]),
        (.seed, ["first_block.weight", "bottom_block.conv0.block.0.weight"]),
    ]

    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable? {
        let isResNet = source.contains("levels.0.0.conv1.weight")
        let parts = isResNet ? ["stem.", "levels."] : ["first_block.", "down_layers.", "bottom_block."]
        var table = DialectTable(title: isResNet ? "DeepResNet" : "U-Net encoder", sizes: "of MedSegPretrainImageNet")
        for name in source.names.sorted() where parts.contains(where: { name.hasPrefix($0) }) {
            table.parameter([.seed: name])
        }
        table.epsilons = [.seed: 1e-5]
        return table
    }
}
