// A segmentation network: a recognised encoder with a decoder on its levels.

public import Formats

/// An encoder and a decoder as one graph whose only level holds the logits.
///
/// Parameters are named as in the original code, the encoder's with `encoder.` in front: what PyTorch's `state_dict` of
/// the same network holds.
public struct SegmentationNetwork: Sendable {
    /// The choices it was made by.
    public let design: SegmentationDesign
    /// Channels after each decoder level, deepest first.
    public let decoderChannels: [Int]
    /// What image sides must be multiples of; others are padded at the bottom and right.
    public let stride: Int
    /// The encoder with prefixed names.
    public let encoder: Graph
    /// Shapes in files that differ from the parameters' own: a Linear's weight has two axes.
    public let storedShapes: [String: Shape]
    /// The network for images of whole strides.
    private let graph: Graph

    /// What stands before the encoder's names.
    public static let encoderPrefix = "encoder."

    /// Puts a decoder on an encoder.
    ///
    /// - Parameters:
    ///   - encoder: its levels become bottom and skips; parameters are named as given, without a prefix.
    ///   - storedShapes: the shapes that the encoder's parameters have in files, where these are others.
    /// - Throws: ``EngineError`` with `.shape` when the decoder does not fit the encoder.
    public init(
        _ design: SegmentationDesign, encoder: Graph, storedShapes: [String: Shape] = [:]
    ) throws(EngineError) {
        guard design.classes >= 2, design.classes <= 255 else {
            throw .shape(operation: "the network", expected: "2 to 255 classes", found: "\(design.classes)")
        }
        let rate = design.dropPathRate ?? (design.kind == .swinUNet ? 0.2 : 0)
        guard rate >= 0, rate < 1 else {
            throw .shape(operation: "stochastic depth", expected: "a rate from 0 to 1", found: "\(rate)")
        }
        let named = encoder.renamed { Self.encoderPrefix + $0 }
        let shape = try EncoderShape(of: named)
        self.encoder = rate > 0 ? named.withDropPath(rate: rate) : named
        let channels = try Self.channels(design, shape)
        decoderChannels = channels
        stride = shape.stride
        var builder = DecoderBuilder(
            graph: self.encoder, levels: try EncoderShape(of: self.encoder), channels: channels,
            outputs: design.logitChannels)
        switch design.kind {
        case .unet: try builder.addUNet(isGated: false)
        case .attentionUNet: try builder.addUNet(isGated: true)
        case .swinUNet: try builder.addSwin(dropPathRate: rate)
        case .smpUNet: try builder.addSMP()
        }
        graph = builder.graph
        var stored: [String: Shape] = [:]
        for (name, shape) in storedShapes { stored[Self.encoderPrefix + name] = shape }
        self.storedShapes = stored.merging(builder.storedShapes) { $1 }
        self.design = design
    }

    private static func channels(
        _ design: SegmentationDesign, _ shape: EncoderShape
    ) throws(EngineError) -> [Int] {
        let levels = design.kind == .swinUNet ? shape.levels.count - 1 : shape.doublings
        guard let given = design.decoderChannels else {
            switch design.kind {
            case .swinUNet: return shape.levels.dropLast().reversed().map(\.channels)
            case .unet where shape.levels.first?.stride == 1:
                return shape.levels.dropLast().reversed().map(\.channels)
            default: return (0..<levels).map { 16 << (levels - 1 - $0) }
            }
        }
        guard given.count == levels, given.allSatisfy({ $0 >= 1 && $0 <= 1 << 16 }) else {
            throw .shape(
                operation: "--decoder-channels", expected: "\(levels) numbers, one for each level of the decoder",
                found: given.map(String.init).joined(separator: ","))
        }
        return given
    }

    /// Every parameter, the encoder's first.
    public var parameters: [Parameter] { graph.parameters }

    /// Numbers in all parameters, running statistics included.
    public var parameterCount: Int { parameters.reduce(0) { $0 + $1.shape.elementCount } }

    /// Whether a parameter belongs to the encoder.
    public static func isEncoder(_ name: String) -> Bool { name.hasPrefix(encoderPrefix) }

    /// Names of the running means of the encoder's normalisations.
    public var encoderStatistics: Set<String> {
        Set(
            encoder.nodes.compactMap { node in
                if case .batchNorm(let norm) = node.op { norm.mean.name } else { nil }
            })
    }

    /// The sides that images of some size are padded to.
    public func paddedSize(of size: Size2) -> Size2 {
        func padded(_ side: Int) -> Int { (side + stride - 1) / stride * stride }
        return Size2(padded(size.height), padded(size.width))
    }

    /// The network for images of a size: padded with zeros at the bottom and right where the encoder cannot halve them,
    /// and the logits cut off again.
    ///
    /// - Returns: a graph whose only level holds the logits N×K×h×w.
    public func graph(for size: Size2) -> Graph {
        let padded = paddedSize(of: size)
        guard padded != size else { return graph }
        return graph.padded(bottom: padded.height - size.height, right: padded.width - size.width)
    }
}

extension Graph {
    /// The same network with other names for its parameters.
    func renamed(_ rename: (String) -> String) -> Graph {
        mapOperations { $0.renamed(rename) }
    }

    /// Zeros around the input at the bottom and right; the levels, which must be as large as the input, are cut.
    fileprivate func padded(bottom: Int, right: Int) -> Graph {
        var result = Graph(inputChannels: inputChannels)
        let border = Padding(top: 0, left: 0, bottom: bottom, right: right)
        let first = result.add(.pad(border, value: 0), 0, name: "padding")
        for node in nodes.dropFirst() {
            result.add(node.op, node.inputs.map { $0 == 0 ? first : $0 + 1 }, name: node.name)
        }
        let cut = Padding(top: 0, left: 0, bottom: -bottom, right: -right)
        result.levels = levels.map { result.add(.pad(cut, value: 0), $0 + 1, name: "crop") }
        return result
    }
}
