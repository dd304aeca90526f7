// ResNet, ResNeXt and Wide ResNet as torchvision and timm define them (He et al. 2016, Xie et al. 2017, Zagoruyko and
// Komodakis 2016), with timm's deep stems and averaging shortcuts; also the network behind keras.applications.

import Formats

/// The sizes and variants of a ResNet.
struct ResNetConfiguration: Sendable, Hashable {
    var inputChannels = 3
    var stem = Stem.single(channels: 64, kernel: 7, stride: 2)
    var hasStemPool = true
    var isBottleneck = true
    var stages: [Stage]
    /// Whether convolutions have biases (keras.applications).
    var hasBias = false
    /// Whether a bottleneck's stride is on its first convolution (the paper and Keras) or on the 3×3 (torchvision).
    var stridesFirst = false
    /// Whether the first block of every stage has a shortcut with weights, needed or not (keras.applications).
    var alwaysProjects = false
    /// Whether shortcuts average before a 1×1 convolution without stride (timm's "d" variants).
    var averagesShortcut = false
    var epsilon: Float = 1e-5

    /// What comes before the first stage.
    enum Stem: Sendable, Hashable {
        /// One convolution, padded by half its kernel.
        case single(channels: Int, kernel: Int, stride: Int)
        /// Three 3×3 convolutions with these output channels, the first with stride 2.
        case deep([Int])
    }

    /// One resolution: its blocks, the channels inside a block and after it, the groups of the 3×3 convolutions.
    struct Stage: Sendable, Hashable {
        var blocks: Int, inner: Int, output: Int, groups = 1
    }

    /// The network; its levels are the stem's output before the max-pool (if there is one) and each stage's.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        var (x, width) = addStem(to: &graph)
        graph.levels = hasStemPool ? [x] : []
        if hasStemPool { x = graph.stemPool(x, "maxpool") }
        for (index, stage) in stages.enumerated() {
            for block in 0..<stage.blocks {
                x = addBlock(
                    to: &graph, x, "layer\(index + 1).\(block)", from: width, stage: stage,
                    stride: index > 0 && block == 0 ? 2 : 1, isFirst: block == 0)
                width = stage.output
            }
            graph.levels.append(x)
        }
        return graph
    }

    private func addStem(to graph: inout Graph) -> (Graph.NodeID, channels: Int) {
        switch stem {
        case .single(let channels, let kernel, let stride):
            let x = graph.convolution(
                0, "conv1", kernel: [channels, inputChannels, kernel, kernel], stride: stride,
                padding: .fixed(Padding(kernel / 2)), hasBias: hasBias)
            return (graph.relu(graph.batchNorm(x, "bn1", channels: channels, epsilon: epsilon), "relu"), channels)
        case .deep(let channels):
            var x = 0
            var width = inputChannels
            for (index, output) in channels.enumerated() {
                x = graph.convolution(
                    x, "conv1.\(3 * index)", kernel: [output, width, 3, 3], stride: index == 0 ? 2 : 1,
                    padding: .fixed(Padding(1)), hasBias: hasBias)
                let norm = index == channels.count - 1 ? "bn1" : "conv1.\(3 * index + 1)"
                x = graph.relu(graph.batchNorm(x, norm, channels: output, epsilon: epsilon), "\(norm).relu")
                width = output
            }
            return (x, width)
        }
    }

    private func addBlock(
        to graph: inout Graph, _ input: Graph.NodeID, _ name: String, from width: Int, stage: Stage, stride: Int,
        isFirst: Bool
    ) -> Graph.NodeID {
        let inner = stage.inner
        let convolutions: [BlockConvolution] =
            isBottleneck
            ? [
                .init(inner, width, 1, stride: stridesFirst ? stride : 1),
                .init(inner, inner / stage.groups, 3, stride: stridesFirst ? 1 : stride), .init(stage.output, inner, 1),
            ]
            : [.init(inner, width, 3, stride: stride), .init(stage.output, inner, 3)]
        var x = input
        for (index, convolution) in convolutions.enumerated() {
            let kernel = convolution.kernel
            if index > 0 { x = graph.relu(x, "\(name).relu\(index)") }
            x = graph.convolution(
                x, "\(name).conv\(index + 1)", kernel: kernel, stride: convolution.stride,
                padding: .fixed(Padding(kernel[2] / 2)), groups: isBottleneck && index == 1 ? stage.groups : 1,
                hasBias: hasBias)
            x = graph.batchNorm(x, "\(name).bn\(index + 1)", channels: kernel[0], epsilon: epsilon)
        }
        let needsProjection = stride > 1 || width != stage.output || isFirst && alwaysProjects
        let shortcut =
            needsProjection
            ? addProjection(to: &graph, input, name, from: width, to: stage.output, stride: stride) : input
        return graph.relu(graph.add(.add, [x, shortcut], name: "\(name).add"), "\(name).relu")
    }

    private func addProjection(
        to graph: inout Graph, _ input: Graph.NodeID, _ name: String, from width: Int, to output: Int, stride: Int
    ) -> Graph.NodeID {
        var x = input
        if averagesShortcut && stride > 1 {
            let window = Op.Window(size: Size2(2), stride: Size2(stride), roundsUp: true)
            x = graph.add(.averagePool(window, countsPadding: false), x, name: "\(name).downsample.0")
        }
        let first = averagesShortcut ? 1 : 0
        x = graph.convolution(
            x, "\(name).downsample.\(first)", kernel: [output, width, 1, 1], stride: averagesShortcut ? 1 : stride,
            hasBias: hasBias)
        return graph.batchNorm(x, "\(name).downsample.\(first + 1)", channels: output, epsilon: epsilon)
    }
}

/// Recognises torchvision's and timm's ResNets by `conv1`, `bn1` and `layer1.0.conv1`.
enum ResNet: ArchitectureFamily {
    static let name = "resnet"
    static let anchors = ["bn1.running_mean", "layer1.0.conv1.weight", "layer1.0.bn1.running_mean"]
    static let options = [
        FamilyOption("stride", .words(["first", "middle"])), FamilyOption("stem_stride", .integer(1...4)),
        FamilyOption("stem_pool", .words(["true", "false"])), FamilyOption("epsilon", .number(0...1)),
    ]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        let sizes = try configuration(table, options)
        let model = Architectures.models.first { $0.configuration == .resNet(sizes.withoutInput) }
        let stageText =
            "blocks \(dashed(sizes.stages.map { $0.blocks })), channels \(dashed(sizes.stages.map { $0.output }))"
        let groups = sizes.stages.first?.groups ?? 1
        return FamilyFit(
            architecture:
                "\(model?.title ?? "\(depthName(sizes) ?? "ResNet") variant, \(stageText)") (torchvision/timm)",
            model: model?.name,
            evidence: "layerS.B.conv1…\(sizes.isBottleneck ? 3 : 2), \(stageText)"
                + (groups > 1 ? ", \(groups) groups" : "") + (sizes.averagesShortcut ? ", averaging shortcuts" : ""),
            graph: sizes.graph(), facts: facts(sizes), normalization: .imageNet, cause: cause)
    }

    private static func configuration(
        _ table: TensorTable, _ options: FamilyOptions
    ) throws(EngineError) -> ResNetConfiguration {
        let isBottleneck = table.contains("layer1.0.conv3.weight")
        var sizes = ResNetConfiguration(isBottleneck: isBottleneck, stages: [])
        for stage in 1...(1 + table.count { "layer\($0 + 2).0.conv1.weight" }) {
            let inner = table.size("layer\(stage).0.conv1.weight", 0) ?? 0
            let perGroup = max(table.size("layer\(stage).0.conv2.weight", 1) ?? inner, 1)
            sizes.stages.append(
                ResNetConfiguration.Stage(
                    blocks: table.count { "layer\(stage).\($0).conv1.weight" }, inner: inner,
                    output: table.size("layer\(stage).0.conv\(isBottleneck ? 3 : 2).weight", 0) ?? 0,
                    groups: isBottleneck ? max(inner / perGroup, 1) : 1))
        }
        sizes.hasBias = table.contains("layer1.0.conv1.bias")
        sizes.stridesFirst = options["stride"] == "first"
        if let epsilon = options.number("epsilon") { sizes.epsilon = Float(epsilon) }
        sizes.averagesShortcut = sizes.stages.indices.contains {
            table.contains("layer\($0 + 1).0.downsample.2.running_mean")
        }
        if table.contains("conv1.0.weight") {
            sizes.inputChannels = table.size("conv1.0.weight", 1) ?? 3
            sizes.stem = .deep([0, 3, 6].map { table.size("conv1.\($0).weight", 0) ?? 0 })
        } else {
            let kernel = table.size("conv1.weight", 2) ?? 7
            let stride = options.integer("stem_stride") ?? (kernel > 3 ? 2 : 1)
            sizes.inputChannels = table.size("conv1.weight", 1) ?? 3
            sizes.stem = .single(channels: table.size("conv1.weight", 0) ?? 64, kernel: kernel, stride: stride)
            sizes.hasStemPool = kernel > 3
        }
        if let pool = options["stem_pool"] { sizes.hasStemPool = pool == "true" }
        return sizes
    }

    private static func depthName(_ sizes: ResNetConfiguration) -> String? {
        let blocks = sizes.stages.map { $0.blocks }
        return Architectures.models.first { model in
            if case .resNet(let known) = model.configuration {
                known.stages.map { $0.blocks } == blocks && known.isBottleneck == sizes.isBottleneck
            } else {
                false
            }
        }?.title
    }

    private static func facts(_ sizes: ResNetConfiguration) -> [Recognition.Fact] {
        var facts = [Recognition.Fact("BatchNorm epsilon", "\(sizes.epsilon)")]
        if sizes.isBottleneck {
            facts.append(
                Recognition.Fact(
                    "stride", sizes.stridesFirst ? "on the first 1×1 convolution" : "on the 3×3 convolution"))
        }
        if case .single(_, let kernel, let stride) = sizes.stem, kernel != 7 || !sizes.hasStemPool {
            let pool = sizes.hasStemPool ? "a max-pool" : "no max-pool"
            facts.append(
                Recognition.Fact("stem", "\(kernel)×\(kernel), stride \(stride), \(pool) (assumed from its size)"))
        }
        return facts
    }

    private static func cause(_ unexpected: [String], _ missing: [String]) -> String? {
        if unexpected.contains(where: { $0.contains(".se.") }) {
            return "its blocks have squeeze-and-excitation, which this version does not run"
        }
        if missing.contains(where: { $0.hasSuffix("running_mean") }) {
            return
                "BatchNorm statistics are missing: GroupNorm networks are not run, and a file without them is incomplete"
        }
        return nil
    }
}

/// Recognises a torchvision ResNet whose layers were put in a list, as `Sequential(*list(resnet.children())[:-1])`: self-
/// supervised code makes backbones so. `conv1` is 0, `bn1` 1, and `layer1` to `layer4` are 4 to 7.
enum SequentialResNet: ArchitectureFamily {
    static let name = ResNet.name
    static let anchors = ["0.weight", "1.running_mean", "4.0.conv1.weight", "4.0.bn1.running_mean"]
    static let options = ResNet.options

    static func canonicalName(_ name: String) -> String {
        let layers = ["0": "conv1", "1": "bn1", "4": "layer1", "5": "layer2", "6": "layer3", "7": "layer4"]
        guard let dot = name.firstIndex(of: "."), let layer = layers[String(name[..<dot])] else { return name }
        return layer + name[dot...]
    }

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        var fit = try ResNet.fit(table, options)
        fit.evidence = "a list of layers, " + fit.evidence
        return fit
    }
}

extension ResNetConfiguration {
    /// The same network for three input channels, as published models are listed.
    var withoutInput: ResNetConfiguration {
        var copy = self
        copy.inputChannels = 3
        return copy
    }
}
