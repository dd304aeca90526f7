// Keras' description of a translated network: sizes are read from the tensors as Keras has them, and what no tensor
// tells comes from the source's facts.

/// What a generated Keras description should say beyond the sizes.
struct KerasModelWishes: Sendable {
    /// Of the normalisation layers.
    var epsilon: Double
    /// The source's facts, by key.
    var facts: [String: String]
    /// The classifier's activation: Keras' models end in probabilities, PyTorch's in logits.
    var activation: String
}

/// Makes a network's description from tensors in Keras' names and layouts; nil for sizes that Keras' form cannot have.
typealias KerasModelMaker =
    @Sendable (_ tensors: DialectSource, _ wishes: KerasModelWishes, _ path: String) throws(FormatError) ->
    KerasModelDescription?

extension CheckpointDraft {
    /// Whether a description's variables are exactly the draft's tensors, by name and shape.
    func fits(_ model: KerasModelDescription) -> Bool {
        let wanted = model.variableTable.flatMap { layer in
            layer.variables.map { ((layer.path + [$0.name]).joined(separator: "/"), $0.shape) }
        }
        let found = Dictionary(tensors.map { ($0.name, $0.shape) }) { first, _ in first }
        return wanted.count == found.count && wanted.allSatisfy { found[$0.0] == $0.1 }
    }

    /// Puts the tensors in the order of the description's layers, which is how Keras reads legacy files.
    mutating func sort(by model: KerasModelDescription) {
        var order: [String: Int] = [:]
        for layer in model.variableTable {
            for variable in layer.variables {
                order[(layer.path + [variable.name]).joined(separator: "/")] = order.count
            }
        }
        tensors.sort { order[$0.name, default: .max] < order[$1.name, default: .max] }
    }
}

extension DialectSource {
    /// The classifier, if it is there.
    fileprivate func head(_ layer: String, _ wishes: KerasModelWishes) -> KerasHead? {
        contains("\(layer)/kernel")
            ? KerasHead(classes: size("\(layer)/kernel", 1), activation: wishes.activation) : nil
    }
}

extension ResNetDialects {
    /// ResNet as Keras would describe it.
    static let kerasModel: KerasModelMaker = {
        (tensors: DialectSource, wishes: KerasModelWishes, path: String) throws(FormatError) in
        func filters(_ layer: String) -> Int { tensors.size("\(layer)_conv/kernel", 3) }
        var sizes = KerasResNetSizes()
        let isBottleneck = tensors.contains("conv2_block1_3_conv/kernel")
        sizes.block = isBottleneck ? .bottleneck : .basic
        sizes.input = KerasInputShape(channels: tensors.size("conv1_conv/kernel", 2))
        sizes.stemWidth = filters("conv1")
        let stages = tensors.count { "conv\($0 + 2)_block1_1_conv/kernel" }
        sizes.depths = (0..<stages).map { stage in
            tensors.count { "conv\(stage + 2)_block\($0 + 1)_1_conv/kernel" }
        }
        sizes.innerWidths = (0..<stages).map { filters("conv\($0 + 2)_block1_1") }
        sizes.outerWidths = (0..<stages).map { filters("conv\($0 + 2)_block1_\(isBottleneck ? 3 : 2)") }
        let perGroup = tensors.size("conv2_block1_2_conv/kernel", 2)
        sizes.groups = perGroup > 0 ? max(1, (sizes.innerWidths.first ?? 0) / perGroup) : 1
        sizes.stridesFirst = wishes.facts[strideKey] == stridesFirst
        sizes.epsilon = wishes.epsilon
        sizes.head = tensors.head("predictions", wishes)
        let layers = sizes.depths.reduce(0, +) * (isBottleneck ? 3 : 2) + 2
        sizes.name = sizes.groups > 1 ? "resnext\(layers)" : "resnet\(layers)"
        return try KerasModels.resNet(sizes, path: path)
    }
}

extension VGGDialects {
    /// VGG as Keras would describe it; with its dense head for images of one size.
    static let kerasModel: KerasModelMaker = {
        (tensors: DialectSource, wishes: KerasModelWishes, path: String) throws(FormatError) in
        var sizes = KerasVGGSizes()
        sizes.blocks = (0..<tensors.count { "block\($0 + 1)_conv1/kernel" }).map { stage in
            (0..<tensors.count { "block\(stage + 1)_conv\($0 + 1)/kernel" }).map {
                tensors.size("block\(stage + 1)_conv\($0 + 1)/kernel", 3)
            }
        }
        sizes.batchNormalizationEpsilon = tensors.contains("block1_conv1_bn/gamma") ? wishes.epsilon : nil
        sizes.denseUnits = ["fc1", "fc2"].map { tensors.size("\($0)/kernel", 1) }
        sizes.head = tensors.head("predictions", wishes)
        let channels = tensors.size("block1_conv1/kernel", 2)
        sizes.input = KerasInputShape(channels: channels)
        if sizes.head != nil, let last = sizes.blocks.last?.last, last > 0 {
            let side = Int(Double(tensors.size("fc1/kernel", 0) / last).squareRoot().rounded())
            sizes.input = KerasInputShape(size: side << sizes.blocks.count, channels: channels)
        }
        let layers = sizes.blocks.reduce(3) { $0 + $1.count }
        sizes.name = "vgg\(layers)\(sizes.batchNormalizationEpsilon == nil ? "" : "_bn")"
        return try KerasModels.vgg(sizes, path: path)
    }
}

extension EfficientNetDialects {
    /// EfficientNet as Keras would describe it. No tensor tells strides: they are those of B0 to B7, stage by stage.
    static let kerasModel: KerasModelMaker = {
        (tensors: DialectSource, wishes: KerasModelWishes, path: String) throws(FormatError) in
        let strides = [1, 2, 2, 2, 1, 2, 1]
        let counts = (0..<8).map { stage in
            tensors.count { "block\(stage + 1)\(letter($0))_project_conv/kernel" }
        }.prefix { $0 > 0 }
        guard counts.count == strides.count, tensors.contains("top_conv/kernel") else { return nil }
        let stages = counts.enumerated().map { stage, count in
            (0..<count).map { index in
                let name = "block\(stage + 1)\(letter(index))_"
                return KerasEfficientNetSizes.Block(
                    kernel: tensors.size("\(name)dwconv/kernel", 0), stride: index == 0 ? strides[stage] : 1,
                    expanded: tensors.size("\(name)dwconv/kernel", 2),
                    squeezed: tensors.size("\(name)se_reduce/kernel", 3),
                    output: tensors.size("\(name)project_conv/kernel", 3))
            }
        }
        var sizes = KerasEfficientNetSizes(stages: stages)
        sizes.input = KerasInputShape(channels: tensors.size("stem_conv/kernel", 2))
        sizes.preprocessing = tensors.contains("normalization/mean") ? .normalization : .none
        sizes.stemWidth = tensors.size("stem_conv/kernel", 3)
        sizes.topWidth = tensors.size("top_conv/kernel", 3)
        sizes.epsilon = wishes.epsilon
        sizes.padding = wishes.facts[paddingKey] == evenPadding ? .symmetric : .tensorFlow
        sizes.head = tensors.head("predictions", wishes)
        let tops = [1408: 2, 1536: 3, 1792: 4, 2048: 5, 2304: 6, 2560: 7]
        sizes.name = "efficientnetb\(tops[sizes.topWidth] ?? (counts[0] == 1 ? 0 : 1))"
        return try KerasModels.efficientNet(sizes, path: path)
    }
}

extension ConvNeXtDialects {
    /// ConvNeXt as Keras would describe it, normalising its input itself as keras.applications' do.
    static let kerasModel: KerasModelMaker = {
        (tensors: DialectSource, wishes: KerasModelWishes, path: String) throws(FormatError) in
        let anchor = "_stage_0_block_0_depthwise_conv/kernel"
        guard let first = tensors.names.first(where: { $0.hasSuffix(anchor) }) else { return nil }
        var sizes = KerasConvNeXtSizes()
        sizes.name = String(first.dropLast(anchor.count))
        func kernel(_ stage: Int, _ block: Int) -> String {
            "\(sizes.name)_stage_\(stage)_block_\(block)_depthwise_conv/kernel"
        }
        let stages = tensors.count { kernel($0, 0) }
        sizes.depths = (0..<stages).map { stage in tensors.count { kernel(stage, $0) } }
        sizes.widths = (0..<stages).map { tensors.size(kernel($0, 0), 3) }
        sizes.kernel = tensors.size(first, 0)
        sizes.input = KerasInputShape(
            channels: tensors.size("\(sizes.name)_stem/\(sizes.name)_stem_conv/kernel", 2))
        sizes.includesPreprocessing = sizes.input.channels == 3
        sizes.epsilon = wishes.epsilon
        sizes.layerScale = tensors.contains("\(sizes.name)_stage_0_block_0_layer_scale/gamma") ? 1e-6 : nil
        sizes.head = tensors.head("\(sizes.name)_head_dense", wishes)
        sizes.endsInNormalization = false
        return try KerasModels.convNeXt(sizes, path: path)
    }
}
