// DenseNet (Huang et al. 2017) as torchvision and timm define it: every layer adds channels to what it read.

import Formats

/// The sizes of a DenseNet.
struct DenseNetConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// Channels of the 7×7 convolution of stride 2 that comes first.
    var stem = 64
    /// Channels that each layer adds, and those between its two convolutions.
    var growth = 32, inner = 128
    var blocks: [Block]
    static let epsilon: Float = 1e-5

    /// One resolution: its layers, and the channels of the transition behind it (0 after the last).
    struct Block: Sendable, Hashable {
        var layers: Int, transition: Int
    }

    /// The network with torchvision's parameter names; its levels are timm's: the stem before the max-pool, each dense
    /// block's output before its transition, and the last one behind the final norm and ReLU.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        var x = graph.convolution(
            0, "features.conv0", kernel: [stem, inputChannels, 7, 7], stride: 2, padding: .fixed(Padding(3)),
            hasBias: false)
        x = normed(&graph, x, "features.norm0", stem)
        graph.levels = [x]
        x = graph.stemPool(x, "features.pool0")
        var width = stem
        for (index, block) in blocks.enumerated() {
            for layer in 1...max(block.layers, 1) where layer <= block.layers {
                let name = "features.denseblock\(index + 1).denselayer\(layer)"
                var y = normed(&graph, x, "\(name).norm1", width)
                y = graph.convolution(y, "\(name).conv1", kernel: [inner, width, 1, 1], hasBias: false)
                y = normed(&graph, y, "\(name).norm2", inner)
                y = graph.convolution(
                    y, "\(name).conv2", kernel: [growth, inner, 3, 3], padding: .fixed(Padding(1)), hasBias: false)
                x = graph.add(.concatenate, [x, y], name: "\(name).concatenation")
                width += growth
            }
            guard index < blocks.count - 1 else { break }
            graph.levels.append(x)
            let name = "features.transition\(index + 1)"
            x = normed(&graph, x, "\(name).norm", width)
            x = graph.convolution(x, "\(name).conv", kernel: [block.transition, width, 1, 1], hasBias: false)
            let window = Op.Window(size: Size2(2), stride: Size2(2))
            x = graph.add(.averagePool(window, countsPadding: false), x, name: "\(name).pool")
            width = block.transition
        }
        graph.levels.append(normed(&graph, x, "features.norm\(blocks.count + 1)", width))
        return graph
    }

    /// BatchNorm and ReLU.
    private func normed(_ graph: inout Graph, _ input: Graph.NodeID, _ name: String, _ channels: Int) -> Graph.NodeID {
        graph.relu(graph.batchNorm(input, name, channels: channels, epsilon: Self.epsilon), "\(name).relu")
    }
}

extension Architectures {
    /// The published DenseNets: growth, stem, layers a block.
    static let denseNets: [Model] = [
        (121, 32, 64, [6, 12, 24, 16]), (161, 48, 96, [6, 12, 36, 24]), (169, 32, 64, [6, 12, 32, 32]),
        (201, 32, 64, [6, 12, 48, 32]),
    ].map { depth, growth, stem, layers in
        var width = stem
        let blocks = layers.enumerated().map { index, count in
            width = (width + count * growth) / (index < layers.count - 1 ? 2 : 1)
            return DenseNetConfiguration.Block(layers: count, transition: index < layers.count - 1 ? width : 0)
        }
        return Model(
            name: "densenet\(depth)", title: "DenseNet-\(depth)", families: ["densenet"],
            configuration: .denseNet(
                DenseNetConfiguration(stem: stem, growth: growth, inner: 4 * growth, blocks: blocks)))
    }
}

/// How files name the tensors of a DenseNet.
enum DenseNetNaming: Sendable {
    case torchvision
    /// torchvision's first models, whose layers were called norm.1, conv.1 and so on.
    case dotted
    /// timm's `features_only` models, which segmentation libraries wrap.
    case timmFeatures

    /// The tensor that holds a parameter of ``DenseNetConfiguration/graph()``.
    func tensor(_ parameter: String) -> String {
        switch self {
        case .torchvision: return parameter
        case .timmFeatures: return "features_" + parameter.dropFirst("features.".count)
        case .dotted:
            var parts = parameter.split(separator: ".").map { String($0) }
            guard parts.count == 5, let number = parts[3].last else { return parameter }
            parts[3] = "\(parts[3].dropLast()).\(number)"
            return parts.joined(separator: ".")
        }
    }

    func fit(_ table: TensorTable) -> FamilyFit {
        func size(_ parameter: String, _ axis: Int) -> Int? { table.size(tensor("features.\(parameter).weight"), axis) }
        func layer(_ block: Int, _ layer: Int) -> String { "denseblock\(block).denselayer\(layer)" }
        let blocks = table.count { tensor("features.\(layer($0 + 1, 1)).conv1.weight") }
        let sizes = DenseNetConfiguration(
            inputChannels: size("conv0", 1) ?? 3, stem: size("conv0", 0) ?? 0,
            growth: size("\(layer(1, 1)).conv2", 0) ?? 0,
            inner: size("\(layer(1, 1)).conv1", 0) ?? 0,
            blocks: (1...max(blocks, 1)).map { block in
                DenseNetConfiguration.Block(
                    layers: table.count { tensor("features.\(layer(block, $0 + 1)).conv1.weight") },
                    transition: block < blocks ? size("transition\(block).conv", 0) ?? 0 : 0)
            })
        let model = Architectures.denseNets.first { $0.configuration == .denseNet(sizes.withThreeInputs) }
        let text = "layers \(dashed(sizes.blocks.map { $0.layers })), growth \(sizes.growth)"
        let origin = self == .timmFeatures ? "timm features" : "torchvision/timm"
        return FamilyFit(
            architecture: "\(model?.title ?? "DenseNet variant, \(text)") (\(origin))", model: model?.name,
            evidence: "\(tensor("features.denseblock1.denselayer1.conv1.weight")), \(text)",
            graph: sizes.graph(), facts: [Recognition.Fact("BatchNorm epsilon", "1e-05")], normalization: .imageNet,
            source: { (tensor($0.name), .identity) })
    }
}

extension DenseNetConfiguration {
    /// The same network for three input channels, as published models are listed.
    var withThreeInputs: DenseNetConfiguration {
        var copy = self
        copy.inputChannels = 3
        return copy
    }
}

/// Recognises torchvision's and timm's DenseNets.
enum DenseNet: ArchitectureFamily {
    static let name = "densenet"
    static let anchors = ["features.conv0.weight", "features.denseblock1.denselayer1.norm1.running_mean"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        DenseNetNaming.torchvision.fit(table)
    }
}

/// Recognises the files of torchvision's first DenseNets.
enum DottedDenseNet: ArchitectureFamily {
    static let name = DenseNet.name
    static let anchors = ["features.conv0.weight", "features.denseblock1.denselayer1.norm.1.running_mean"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        DenseNetNaming.dotted.fit(table)
    }
}

/// Recognises timm's DenseNets as feature extractors.
enum TimmDenseNetFeatures: ArchitectureFamily {
    static let name = DenseNet.name
    static let anchors = ["features_conv0.weight", "features_denseblock1.denselayer1.norm1.running_mean"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        DenseNetNaming.timmFeatures.fit(table)
    }
}
