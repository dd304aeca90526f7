// Whether two checkpoints compute the same: both networks run on one fixed input.

import Engine
import Formats

/// The outputs of two networks side by side.
struct NetworkComparison {
    /// The networks in words.
    let networks: [String]
    /// For each level the largest difference, as a share of the first network's root mean square there.
    let differences: [Double]

    /// Runs both; nil when one of them is not known or takes another input.
    init?(_ first: any CheckpointReader, _ second: any CheckpointReader, threads: Int) {
        guard let a = try? Recognizer.recognize(first), let b = try? Recognizer.recognize(second),
            a.graph.inputChannels == b.graph.inputChannels
        else { return nil }
        // Networks that scale and normalise their input themselves are given what the other is given before that.
        let isInside = [a, b].map { $0.normalization.name == InputNormalization.bytes.name }
        let differ = isInside[0] != isInside[1]
        guard let graphs = Self.aligned(a.graph, b.graph),
            let x = Self.features(a, graphs.first, first, normalizes: differ, threads),
            let y = Self.features(b, graphs.second, second, normalizes: differ, threads),
            zip(x, y).allSatisfy({ $0.count == $1.count })
        else { return nil }
        networks = [a.architecture, b.architecture]
        differences = zip(x, y).map { one, other in
            let square = one.reduce(0) { $0 + Double($1) * Double($1) } / Double(max(1, one.count))
            let largest = zip(one, other).reduce(0) { max($0, abs(Double($1.0) - Double($1.1))) }
            return largest / max(square.squareRoot(), .leastNormalMagnitude)
        }
    }

    /// The networks with common levels: a description may have its own where a known network has others, as with
    /// EfficientNet, and then the last maps of the same shapes are the same ones.
    private static func aligned(_ first: Graph, _ second: Graph) -> (first: Graph, second: Graph)? {
        guard let shapes = try? first.outputShapes(input: input(first)),
            let others = try? second.outputShapes(input: input(second))
        else { return nil }
        let levels = (first.levels.map { shapes[$0] }, second.levels.map { others[$0] })
        if levels.0 == levels.1 { return (first, second) }
        if let graph = leveled(second, others, as: levels.0) { return (first, graph) }
        return leveled(first, shapes, as: levels.1).map { ($0, second) }
    }

    /// The network with levels of these shapes; nil when it has no such maps.
    private static func leveled(_ graph: Graph, _ shapes: [Shape], as wanted: [Shape]) -> Graph? {
        var graph = graph
        graph.levels = wanted.compactMap { shape in shapes.lastIndex(of: shape) }
        return graph.levels.count == wanted.count ? graph : nil
    }

    private static func input(_ graph: Graph) -> Shape { [1, graph.inputChannels, side, side] }

    private static let side = 224

    /// All levels for one image of a fixed pattern.
    private static func features(
        _ network: Recognition, _ graph: Graph, _ reader: any CheckpointReader, normalizes: Bool, _ threads: Int
    ) -> [[Float]]? {
        let channels = network.graph.inputChannels
        guard
            let plan = try? InferencePlan(
                graph, parameters: CheckpointParameters(network, reader: reader), input: input(graph),
                threads: threads)
        else { return nil }
        let image = (0..<channels * side * side).map { index -> Float in
            let channel = index / (side * side)
            // Numbers in 0…1 without a pattern, the same on every machine (a multiplicative hash).
            let value = Float(UInt32(truncatingIfNeeded: index &* 2_654_435_761) >> 8) / 16_777_216
            guard normalizes, channels == network.normalization.mean.count else { return value }
            let rule = network.normalization
            return (value * rule.scale - rule.mean[channel]) / rule.deviation[channel]
        }
        return (try? plan.features(of: image))?.map(\.values)
    }
}
