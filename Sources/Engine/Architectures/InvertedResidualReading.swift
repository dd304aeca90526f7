// From the tensors of a file to the sizes of a network of inverted residual blocks. Strides and activations are not
// stored: the published networks' are taken, and said.

import Formats

/// What the families of inverted residual networks differ in besides sizes.
struct InvertedResidualKind: Sendable {
    let title: String
    /// What the blocks of a stage apply, by the stage and how many stages there are.
    let activation: @Sendable (_ stage: Int, _ stages: Int) -> Op.Activation
    /// The stem's.
    let stemActivation: Op.Activation
    let squeezeActivation: Op.Activation, gate: Op.Activation
    /// The published numbers of blocks in a stage, where files do not tell stages apart; empty to tell them by channels.
    var stageSizes: [[Int]] = []

    /// In nearly all published networks the first block of these stages has stride 2.
    func strides(stages: Int) -> [Int] {
        // MobileNetV3-Small has five stages and the last convolution.
        Array((isSmall(stages) ? [2, 2, 2, 1, 2, 1] : [1, 2, 2, 2, 1, 2, 1, 1]).prefix(stages))
    }

    /// MobileNetV3-Small.
    var isSmall: @Sendable (_ stages: Int) -> Bool = { _ in false }

    static let efficientNet = InvertedResidualKind(
        title: "EfficientNet", activation: { _, _ in .silu }, stemActivation: .silu, squeezeActivation: .silu,
        gate: .sigmoid)
    static let mobileNetV2 = InvertedResidualKind(
        title: "MobileNetV2", activation: { _, _ in .relu(cap: 6) }, stemActivation: .relu(cap: 6),
        squeezeActivation: .relu(cap: nil), gate: .sigmoid, stageSizes: [[1, 2, 3, 4, 3, 3, 1]])
    static let mobileNetV3 = InvertedResidualKind(
        title: "MobileNetV3",
        activation: { stage, stages in stage < (stages == 6 ? 2 : 3) ? .relu(cap: nil) : .hardSwish },
        stemActivation: .hardSwish, squeezeActivation: .relu(cap: nil), gate: .hardSigmoid(slope: 1 / 6, offset: 0.5),
        stageSizes: [[1, 2, 3, 2, 3, 1], [1, 2, 3, 4, 2, 3, 1]], isSmall: { $0 == 6 })
}

/// Reads the sizes of one file.
struct InvertedResidualReading {
    let table: TensorTable
    let naming: InvertedResidualNaming
    let kind: InvertedResidualKind

    private(set) var sizes = InvertedResidualConfiguration(stem: 0, stemActivation: .silu, stages: [])
    /// Where the file has each convolution and norm, by timm's name.
    private(set) var places: [String: String] = [:]

    init(
        _ table: TensorTable, _ naming: InvertedResidualNaming, _ kind: InvertedResidualKind,
        activation: Op.Activation?,
        hasHead: Bool
    ) throws(EngineError) {
        self.table = table
        self.naming = naming
        self.kind = kind
        sizes.stem = table.size("\(naming.stem.convolution).weight", 0) ?? 0
        sizes.inputChannels = table.size("\(naming.stem.convolution).weight", 1) ?? 3
        sizes.stemActivation = activation ?? kind.stemActivation
        sizes.squeezeActivation = kind.squeezeActivation
        sizes.gate = kind.gate
        file(naming.stem, as: ("conv_stem", "bn1"))
        var stages = naming.blocks(table)
        if stages.count == 1, naming != .timm { stages = try split(stages[0]) }
        let strides = kind.strides(stages: stages.count)
        guard strides.count == stages.count else {
            throw mismatch("its \(stages.count) stages are more than any published network's")
        }
        for (stage, blocks) in stages.enumerated() {
            sizes.stages.append([])
            for (number, layers) in blocks.enumerated() {
                let block = try read(
                    layers, stride: number == 0 ? strides[stage] : 1,
                    activation: activation ?? kind.activation(stage, stages.count))
                sizes.stages[stage].append(block)
                file(layers, of: block, as: "blocks.\(stage).\(number)")
            }
        }
        let head = naming.head(stages: stages.count, blocks: sizes.stages.reduce(0) { $0 + $1.count })
        if hasHead, let channels = table.size("\(head.convolution).weight", 0) {
            sizes.head = channels
            file(head, as: ("conv_head", "bn2"))
        }
    }

    /// Sets what files do not tell.
    mutating func set(epsilon: Float, border: InvertedResidualConfiguration.Border) {
        sizes.epsilon = epsilon
        sizes.border = border
    }

    /// The name of the tensor that holds a parameter.
    func tensor(_ parameter: String) -> String {
        guard let dot = parameter.lastIndex(of: "."), let place = places[String(parameter[..<dot])] else {
            return parameter
        }
        return place + parameter[dot...]
    }

    // MARK: Parts

    private mutating func file(_ layer: InvertedResidualNaming.Layer, as timm: InvertedResidualNaming.Layer) {
        places[timm.convolution] = layer.convolution
        places[timm.norm] = layer.norm
    }

    private mutating func file(
        _ layers: InvertedResidualNaming.BlockLayers, of block: InvertedResidualConfiguration.Block, as name: String
    ) {
        for (layer, timm) in zip(layers.convolutions, block.timmLayers) {
            file(layer, as: ("\(name).\(timm.convolution)", "\(name).\(timm.norm)"))
        }
        places["\(name).se.conv_reduce"] = layers.squeeze?.reduce
        places["\(name).se.conv_expand"] = layers.squeeze?.expand
    }

    private func size(_ layer: InvertedResidualNaming.Layer, _ axis: Int) -> Int {
        table.size("\(layer.convolution).weight", axis) ?? 0
    }

    private func read(
        _ layers: InvertedResidualNaming.BlockLayers, stride: Int, activation: Op.Activation
    ) throws(EngineError) -> InvertedResidualConfiguration.Block {
        let convolutions = layers.convolutions
        guard let first = convolutions.first, let last = convolutions.last, convolutions.count <= 3 else {
            throw mismatch("a block has \(convolutions.count) convolutions, not one to three")
        }
        let isDepthwise = size(first, 1) == 1 && size(first, 0) > 1
        let kind: InvertedResidualConfiguration.Block.Kind =
            convolutions.count == 3 ? .inverted : convolutions.count == 1 ? .plain : isDepthwise ? .separable : .fused
        return InvertedResidualConfiguration.Block(
            kind: kind, input: kind == .separable ? size(first, 0) : size(first, 1), inner: size(first, 0),
            output: size(last, 0), kernel: size(kind == .inverted ? convolutions[1] : first, 2), stride: stride,
            squeezed: layers.squeeze.flatMap { table.size("\($0.reduce).weight", 0) }, activation: activation)
    }

    /// Divides a list of blocks into stages: as published if their number is known, else where channels change.
    private func split(
        _ blocks: [InvertedResidualNaming.BlockLayers]
    ) throws(EngineError) -> [[InvertedResidualNaming.BlockLayers]] {
        var rest = blocks[...]
        if let counts = kind.stageSizes.first(where: { $0.reduce(0, +) == blocks.count }) {
            return counts.map { count in
                defer { rest = rest.dropFirst(count) }
                return Array(rest.prefix(count))
            }
        }
        var stages: [[InvertedResidualNaming.BlockLayers]] = []
        var width = 0
        for block in blocks {
            let output = block.convolutions.last.map { size($0, 0) } ?? 0
            if output == width { stages[stages.count - 1].append(block) } else { stages.append([block]) }
            width = output
        }
        guard stages.count == 7 else {
            throw mismatch(
                "its \(blocks.count) blocks do not tell which of them have stride 2 (\(stages.count) widths, not 7)")
        }
        return stages
    }

    private func mismatch(_ cause: String) -> EngineError {
        .parameterMismatch(
            architecture: "\(kind.title) (\(naming.origin))", missing: [], unexpected: [], misshapen: [], cause: cause)
    }
}
