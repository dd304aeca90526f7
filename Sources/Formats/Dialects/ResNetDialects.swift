// ResNet, ResNeXt and Wide ResNet in torchvision's and timm's names (the same), Keras' (version 1) and smp's.
// Sources: torchvision/models/resnet.py, timm/models/resnet.py, keras/src/applications/resnet.py.

enum ResNetDialects: DialectFamily {
    static let title = "ResNet"
    static let anchors: [(dialect: Dialect, names: [String])] = [
        (.torchvision, ["conv1.weight", "layer1.0.conv1.weight", "layer2.0.conv1.weight"]),
        (.keras, ["conv1_conv/kernel", "conv2_block1_1_conv/kernel", "conv3_block1_1_conv/kernel"]),
    ]

    static let strideKey = "stride"
    static let stridesFirst = "on the first 1×1 convolution (v1)"

    static func table(_ source: DialectSource, dialect: Dialect) -> DialectTable? {
        let blocks = (0..<8).map { stage in
            source.count { block in
                dialect == .keras
                    ? "conv\(stage + 2)_block\(block + 1)_1_conv/kernel" : "layer\(stage + 1).\(block).conv1.weight"
            }
        }.prefix { $0 > 0 }
        let isBottleneck = source.contains(
            dialect == .keras ? "conv2_block1_3_conv/kernel" : "layer1.0.conv3.weight")
        func isProjected(_ stage: Int, _ block: Int) -> Bool {
            source.contains(
                dialect == .keras
                    ? "conv\(stage + 2)_block\(block + 1)_0_conv/kernel"
                    : "layer\(stage + 1).\(block).downsample.0.weight")
        }
        func channels(_ torch: String, _ keras: String) -> Int {
            dialect == .keras ? source.size("\(keras)/kernel", 3) : source.size("\(torch).weight", 0)
        }
        func names(_ torch: String, _ keras: String) -> LayerNames {
            [.torchvision: torch, .timm: torch, .smp: "encoder.\(torch)", .keras: keras]
        }
        let text = blocks.map { String($0) }.joined(separator: "-")
        var table = DialectTable(
            title: title, sizes: "\(isBottleneck ? "bottleneck" : "basic") blocks \(text)")
        func add(_ torch: String, _ norm: String, _ keras: String, isFirst: Bool = false) {
            table.convolution(
                names(torch, "\(keras)_conv"), bias: .onlyKeras(channels: channels(torch, "\(keras)_conv")),
                isFirst: isFirst)
            table.batchNorm(names(norm, "\(keras)_bn"))
        }
        add("conv1", "bn1", "conv1", isFirst: true)
        for (stage, count) in blocks.enumerated() {
            for block in 0..<count {
                let torch = "layer\(stage + 1).\(block)"
                let keras = "conv\(stage + 2)_block\(block + 1)"
                for index in 1...(isBottleneck ? 3 : 2) {
                    add("\(torch).conv\(index)", "\(torch).bn\(index)", "\(keras)_\(index)")
                }
                if isProjected(stage, block) { add("\(torch).downsample.0", "\(torch).downsample.1", "\(keras)_0") }
            }
        }
        table.linear([.torchvision: "fc", .timm: "fc", .keras: "predictions"], isHead: true)
        table.epsilons = [.torchvision: 1e-5, .timm: 1e-5, .smp: 1e-5, .keras: 1.001e-5]
        if isBottleneck {
            let later = DialectFact(key: strideKey, value: "on the 3×3 convolution (v1.5)")
            let first = DialectFact(key: strideKey, value: stridesFirst)
            table.facts = [.torchvision: [later], .timm: [later], .smp: [later], .keras: [first]]
            table.kerasFacts = [
                ("conv3_block1_1_conv", { $0["strides"]?.array?.first?.int == 2 ? first : later })
            ]
        }
        table.kerasModel = kerasModel
        return table
    }
}
