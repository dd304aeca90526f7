// Runs a graph node by node in plain loops: slow, simple, the oracle that fast plans are tested against.

public import Formats

/// A map N×C×h×w held as an array, in double precision so that gradients can be checked by finite differences.
public struct ReferenceMap: Sendable, Equatable {
    /// N×C×h×w.
    public var shape: Shape
    /// The values in NCHW order.
    public var exact: [Double]

    /// Wraps values in NCHW order.
    ///
    /// - Precondition: there are as many values as the shape says.
    public init(shape: Shape, exact: [Double]) {
        precondition(exact.count == shape.elementCount, "values do not fill the shape")
        self.shape = shape
        self.exact = exact
    }

    /// Wraps values in NCHW order.
    ///
    /// - Precondition: there are as many values as the shape says.
    public init(shape: Shape, values: [Float]) { self.init(shape: shape, exact: values.map { Double($0) }) }

    /// The values rounded to single precision, in NCHW order.
    public var values: [Float] { exact.map { Float($0) } }

    /// Computes each value from its index (image, channel, row, column).
    init(shape: Shape, _ value: (_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double) {
        self.shape = shape
        exact = []
        exact.reserveCapacity(shape.elementCount)
        for n in 0..<shape[0] {
            for c in 0..<shape[1] {
                for y in 0..<shape[2] { for x in 0..<shape[3] { exact.append(value(n, c, y, x)) } }
            }
        }
    }

    var count: Int { shape[0] }
    var channels: Int { shape[1] }
    var height: Int { shape[2] }
    var width: Int { shape[3] }
    /// Positions of one channel.
    var area: Int { shape[2] * shape[3] }

    /// The value at an index inside the map.
    subscript(n: Int, c: Int, y: Int, x: Int) -> Double { exact[((n * channels + c) * height + y) * width + x] }
}

/// What differs between training and evaluation.
public struct ReferenceTraining: Sendable {
    /// Names of the running means of the normalisations that use their running statistics.
    public var frozenStatistics: Set<String>
    /// By layer name, which images keep a residual branch with stochastic depth; others behave as at evaluation.
    public var keptBranches: [String: [Bool]]

    /// Normalises by the batch's statistics by default.
    public init(frozenStatistics: Set<String> = [], keptBranches: [String: [Bool]] = [:]) {
        self.frozenStatistics = frozenStatistics
        self.keptBranches = keptBranches
    }
}

/// Runs graphs in plain loops in double precision.
///
/// It exists for tests and small checks. Every operation follows PyTorch's definition (and TensorFlow's for "same"
/// padding); the tests compare each with vectors computed by PyTorch.
public struct ReferenceInterpreter: Sendable {
    private let graph: Graph
    private let parameters: any ParameterSource
    private let training: ReferenceTraining?

    /// Prepares to run a graph with the given weights.
    ///
    /// - Parameter training: how normalisations and stochastic depth behave while training; nil for evaluation.
    public init(_ graph: Graph, parameters: some ParameterSource, training: ReferenceTraining? = nil) {
        self.graph = graph
        self.parameters = parameters
        self.training = training
    }

    /// The output of every node that `targets` need (nil for the others), for an input N×C×h×w.
    ///
    /// - Throws: ``EngineError`` when shapes do not fit or a parameter cannot be read.
    public func run(_ input: ReferenceMap, targets: [Graph.NodeID]) throws(EngineError) -> [ReferenceMap?] {
        let shapes = try graph.outputShapes(input: input.shape)
        var maps = [ReferenceMap?](repeating: nil, count: graph.nodes.count)
        for id in graph.ancestors(of: targets) {
            let node = graph.nodes[id]
            let inputs = node.inputs.compactMap { maps[$0] }
            maps[id] = inputs.isEmpty ? input : try output(of: node, inputs, shape: shapes[id])
        }
        return maps
    }

    /// The output of every level, shallow to deep, for an input N×C×h×w.
    ///
    /// - Throws: ``EngineError`` as ``run(_:targets:)`` does.
    public func levels(of input: ReferenceMap) throws(EngineError) -> [ReferenceMap] {
        let maps = try run(input, targets: graph.levels)
        return graph.levels.compactMap { maps[$0] }
    }

    /// The output of a single operation for the given inputs.
    ///
    /// - Throws: ``EngineError`` as ``run(_:targets:)`` does.
    public static func output(
        of op: Op, _ inputs: [ReferenceMap], parameters: some ParameterSource
    ) throws(EngineError) -> ReferenceMap {
        let node = Graph.Node(op: op, inputs: Array(inputs.indices), name: "operation")
        let shape = try node.outputShape(of: inputs.map { $0.shape })
        return try ReferenceInterpreter(Graph(inputChannels: 1), parameters: parameters).output(
            of: node, inputs, shape: shape)
    }

    private func values(_ parameter: Parameter?) throws(EngineError) -> [Float]? {
        guard let parameter else { return nil }
        let view = try parameters.values(of: parameter)
        guard let values = view.floats() else {
            throw .shape(operation: "parameter '\(parameter.name)'", expected: "real numbers", found: "\(view.dtype)")
        }
        return values
    }

    /// What a normalisation takes off and divides by: the batch's own statistics while training, unless frozen.
    private func statistics(
        _ norm: Op.BatchNorm, of input: ReferenceMap
    ) throws(EngineError) -> (mean: [Double], variance: [Double]) {
        if let training, !training.frozenStatistics.contains(norm.mean.name) { return input.channelStatistics() }
        return (
            (try values(norm.mean) ?? []).map { Double($0) }, (try values(norm.variance) ?? []).map { Double($0) }
        )
    }

    private func output(of node: Graph.Node, _ inputs: [ReferenceMap], shape: Shape) throws(EngineError) -> ReferenceMap
    {
        let input = inputs[0]
        switch node.op {
        case .input: return input
        case .convolution(let convolution):
            return input.convolved(
                convolution, weight: try values(convolution.weight) ?? [], bias: try values(convolution.bias),
                shape: shape)
        case .transposedConvolution(let convolution, _):
            return input.transposeConvolved(
                convolution, weight: try values(convolution.weight) ?? [], bias: try values(convolution.bias),
                shape: shape)
        case .batchNorm(let norm):
            let (mean, variance) = try statistics(norm, of: input)
            return input.batchNormalized(
                mean: mean, variance: variance, weight: try values(norm.weight), bias: try values(norm.bias),
                epsilon: norm.epsilon)
        case .layerNorm(let norm):
            return input.layerNormalized(
                weight: try values(norm.weight), bias: try values(norm.bias), epsilon: norm.epsilon)
        case .windowAttention(let attention):
            return input.windowAttended(
                attention, qkv: try values(attention.qkv) ?? [], qkvBias: try values(attention.qkvBias),
                projection: try values(attention.projection) ?? [],
                projectionBias: try values(attention.projectionBias), table: try values(attention.biasTable) ?? [])
        case .tokens(let tokens):
            var prefix: [Float] = []
            for parameter in tokens.prefix { prefix += try values(parameter) ?? [] }
            return input.tokenized(tokens, prefix: prefix, positions: try values(tokens.positions), shape: shape)
        case .selfAttention(let heads): return input.selfAttended(heads: heads, shape: shape)
        case .patchMap(let prefix):
            return ReferenceMap(shape: shape) { n, c, y, x in input[n, c, 0, prefix + y * shape[3] + x] }
        case .activation(let activation):
            return ReferenceMap(shape: input.shape, exact: input.exact.map { activation.reference($0) })
        case .maxPool, .averagePool, .globalAveragePool, .subsample, .padChannels, .pad, .upsample, .spaceToDepth,
            .depthToSpace:
            return input.resampled(node.op, shape: shape)
        case .add: return ReferenceMap.combined(inputs, shape: shape, +)
        case .multiply: return ReferenceMap.combined(inputs, shape: shape, *)
        case .concatenate: return ReferenceMap.concatenated(inputs, shape: shape)
        case .scale(let factor):
            return ReferenceMap(shape: input.shape, exact: input.exact.map { $0 * Double(factor) })
        case .dropPath(let path):
            let kept = training?.keptBranches[node.name]
            return ReferenceMap(shape: shape) { n, c, y, x in
                guard let kept else { return input[n, c, y, x] * Double(path.evaluationFactor) }
                return kept[n] ? input[n, c, y, x] * Double(path.trainingFactor) : 0
            }
        case .channelScale(let factors):
            let scale = try values(factors) ?? []
            return ReferenceMap(shape: shape) { n, c, y, x in input[n, c, y, x] * Double(scale[c]) }
        case .affine(let scale, let shift):
            return ReferenceMap(shape: shape) { n, c, y, x in input[n, c, y, x] * Double(scale[c]) + Double(shift[c]) }
        }
    }
}
