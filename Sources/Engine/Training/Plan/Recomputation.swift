// Which feature maps to forget after the forward pass and to compute again in the backward pass, when memory is short
// (Chen et al. 2016, "Training deep nets with sublinear memory cost").

import Formats

/// Feature maps that can be forgotten, in the order in which it pays.
struct Recomputation {
    /// Maps that the reverse pass reads, those first that cost least to compute again for the memory they take.
    let candidates: [Graph.NodeID]
    /// Maps that only the forward pass reads.
    private let transient: Set<Graph.NodeID>

    /// Looks for them in a finished draft.
    ///
    /// Never forgotten are the maps from which others are computed again: those that several layers read (the outputs of
    /// residual blocks, the skips of a U-Net) and the last at each resolution.
    init(_ builder: TrainingBuilder, output: Graph.NodeID) {
        let nodes = builder.nodes
        var readers: [Graph.NodeID: [FusedNode]] = [:]
        for node in nodes { for input in Set(node.inputs) { readers[input, default: []].append(node) } }
        let needed = Self.needed(builder)
        var transient = Set<Graph.NodeID>()
        var work: [Graph.NodeID: Double] = [:]
        var ranked: [(node: Graph.NodeID, price: Double)] = []
        for node in nodes where !node.inputs.isEmpty {
            let value = node.output
            // What is forgotten anyway has to be computed before it.
            let before = node.inputs.reduce(0.0) { transient.contains($1) ? $0 + (work[$1] ?? 0) : $0 }
            work[value] = builder.work(of: node) + before
            guard value != output else { continue }
            guard needed.contains(value) else {
                transient.insert(value)
                continue
            }
            let isBase =
                (readers[value] ?? []).count != 1
                || (readers[value] ?? []).contains { builder.shapes[$0.output].area != builder.shapes[value].area }
            if !isBase {
                ranked.append((value, (work[value] ?? 0) / Double(max(1, builder.shapes[value].elementCount))))
            }
        }
        self.transient = transient
        candidates = ranked.sorted { ($0.price, $0.node) < ($1.price, $1.node) }.map(\.node)
    }

    /// What to forget when the first `count` candidates are.
    func dropped(_ count: Int) -> Set<Graph.NodeID> { transient.union(candidates.prefix(count)) }

    /// The values that reverse steps read.
    private static func needed(_ builder: TrainingBuilder) -> Set<Graph.NodeID> {
        var needed = Set<Graph.NodeID>()
        for node in builder.nodes where builder.needsGradient(node.output) {
            let needs = builder.reverseNeeds(node)
            if needs.inputs { needed.formUnion(node.inputs) }
            if needs.output || needs.state { needed.insert(node.output) }
        }
        return needed
    }
}

extension Shape {
    /// Positions of a map N×C×h×w.
    fileprivate var area: Int { self[2] * self[3] }
}

extension TrainingBuilder {
    /// Estimated seconds of a node's forward steps: products at 150 GFLOP/s, memory at 8 GB/s. Only ratios count.
    func work(of node: FusedNode) -> Double {
        let output = shapes[node.output]
        let moved = node.inputs.reduce(output.elementCount) { $0 + shapes[$1].elementCount }
        var passes = 1.0, products = 0.0
        switch node.op {
        case .convolution(let convolution):
            products = Double(output.elementCount) * Double(convolution.weight.shape.axes.dropFirst().reduce(1, *))
            if node.doublesInput { products /= 4 }
        case .transposedConvolution(let convolution, _):
            products =
                Double(shapes[node.inputs[0]].elementCount)
                * Double(convolution.weight.shape.axes.dropFirst().reduce(1, *))
        case .windowAttention(let attention):
            let channels = attention.projection.shape[0]
            products = Double(output.elementCount * (4 * channels + 2 * attention.window * attention.window))
        case .selfAttention: products = Double(output.elementCount * 2 * output[2] * output[3])
        case .batchNorm: passes = 2
        default: break
        }
        return 2 * products / 150e9 + passes * 4 * Double(moved) / 8e9
    }
}
