// Initial weights of what no checkpoint holds: the decoder, and the encoder of a baseline from scratch.

public import Formats

/// Random initial weights as the networks' own code draws them; each parameter depends only on the seed and its name.
///
/// Convolutions are normal with variance 2 / fan-in (He et al. 2015); in networks of tokens, Linears and embeddings are
/// truncated normal with deviation 0.02. The smp U-Net's decoder is uniform within ±√(6 / fan-in), its head within
/// ±√(6 / (fan-in + fan-out)). Norms begin as the identity, biases at zero.
public struct InitialParameters: ParameterSource {
    private let seed: UInt64
    private let kind: SegmentationKind

    /// Chooses the numbers.
    public init(_ kind: SegmentationKind, seed: UInt64) {
        self.kind = kind
        self.seed = seed
    }

    /// The initial values of a parameter.
    public func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        let count = parameter.shape.elementCount
        let name = parameter.name
        guard parameter.shape.rank > 1 else {
            // Scales, and running variances, begin at 1.
            let isOne = name.hasSuffix("weight") || name.hasSuffix("running_var") || name.hasSuffix("gamma")
            return TensorView(floats: [Float](repeating: isOne ? 1 : 0, count: count), shape: parameter.shape)
        }
        var numbers = NamedRandom(seed: seed, name: name)
        let fanIn = Float(max(1, parameter.shape.axes.dropFirst().reduce(1, *)))
        let values: [Float]
        if kind == .smpUNet, !SegmentationNetwork.isEncoder(name) {
            let receptive = Float(parameter.shape.axes.dropFirst(2).reduce(1, *))
            let fanOut = Float(parameter.shape[0]) * receptive
            let isHead = name.hasPrefix("segmentation_head")
            let bound = (6 / (isHead ? fanIn + fanOut : fanIn)).squareRoot()
            values = (0..<count).map { _ in (2 * numbers.uniform() - 1) * bound }
        } else if isToken(parameter) {
            values = (0..<count).map { _ in 0.02 * numbers.normal() }
        } else {
            let deviation = (2 / fanIn).squareRoot()
            values = (0..<count).map { _ in deviation * numbers.normal() }
        }
        return TensorView(floats: values, shape: parameter.shape)
    }

    /// Whether a parameter is a Linear's or an embedding's of a network of tokens. Cut at two million deviations, the
    /// truncation of the original code (±2) changes nothing.
    private func isToken(_ parameter: Parameter) -> Bool {
        let name = parameter.name
        let isPointwise = parameter.shape.axes.dropFirst(2).allSatisfy { $0 == 1 }
        return name.hasSuffix("relative_position_bias_table") || kind == .swinUNet && isPointwise
    }
}

/// An encoder's values from its checkpoint, everything else initialised.
public struct PretrainedParameters: ParameterSource {
    private let encoder: any ParameterSource
    private let initial: InitialParameters
    private let sources: [String: Parameter]

    /// Joins both.
    ///
    /// - Parameters:
    ///   - encoder: values of the encoder's parameters under their names in its own graph.
    ///   - sources: the parameter in the encoder's own graph behind each of the network's encoder parameters, by its name
    ///     without prefix; see ``SegmentationCard/encoder(of:tensors:)``.
    public init(encoder: any ParameterSource, initial: InitialParameters, sources: [String: Parameter]) {
        self.encoder = encoder
        self.initial = initial
        self.sources = sources
    }

    /// The checkpoint's values for the encoder's parameters, initial ones for others.
    public func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        guard SegmentationNetwork.isEncoder(parameter.name),
            let source = sources[String(parameter.name.dropFirst(SegmentationNetwork.encoderPrefix.count))]
        else { return try initial.values(of: parameter) }
        return TensorView(dtype: .float32, shape: parameter.shape, bytes: try encoder.values(of: source).bytes)
    }
}
