// Turns a graph into fewer, larger steps: BatchNorm and constant scales folded into convolutions, sums and activations
// fused behind them, explicit zero padding merged into the window that follows it.

import Formats

/// One step of a plan before it is given memory: an operation with what was fused to it.
struct FusedNode {
    /// The operation at the heart of the step.
    var op: Op
    /// Graph nodes whose values it reads.
    var inputs: [Graph.NodeID]
    /// The graph node whose value it produces.
    var output: Graph.NodeID
    /// BatchNorms folded into the convolution's weights, in order, with a constant factor after them.
    var folded: [Fold] = []
    /// A value added before the activation.
    var residual: Graph.NodeID?
    /// Applied last.
    var activation: Op.Activation?
    /// Zero rows and columns merged from an explicit padding before the window.
    var extraPadding = Padding.none
    /// Whether it reads its first input doubled by nearest neighbour (``DoublingConvolution``, ``DoublingConvolution3``)
    /// and its second, if any, behind it.
    var doublesInput = false
    /// The layer's name, for messages.
    var name: String

    enum Fold: Hashable {
        case batchNorm(Op.BatchNorm)
        case scale(Float)
        case channelScale(Parameter)
    }
}

/// Fuses the part of `graph` that the requested levels need.
struct Fusion {
    private let graph: Graph
    private let shapes: [Shape]
    private let needed: [Graph.NodeID]
    private let consumers: [Graph.NodeID: [Graph.NodeID]]
    private let levelNodes: Set<Graph.NodeID>
    private var fusedAway = Set<Graph.NodeID>()
    private var result: [FusedNode] = []
    /// For a fused padding node: what it pads and by how much.
    private var mergedPadding: [Graph.NodeID: (source: Graph.NodeID, padding: Padding)] = [:]
    private let mergesDoubling: Bool
    /// For a doubling that the convolution behind it takes over: what it doubles.
    private var mergedDoubling: [Graph.NodeID: Graph.NodeID] = [:]
    /// For a concatenation that a convolution takes over: what is doubled, and the skip behind it.
    private var mergedSkip: [Graph.NodeID: [Graph.NodeID]] = [:]

    /// - Parameters:
    ///   - shapes: the shape of every node's value.
    ///   - order: the plan's layout, which decides what can be fused.
    init(_ graph: Graph, shapes: [Shape], levelNodes: [Graph.NodeID], order: MapLayout.Order) {
        mergesDoubling = DoublingConvolution.fits(order)
        self.graph = graph
        self.shapes = shapes
        self.levelNodes = Set(levelNodes)
        needed = graph.ancestors(of: levelNodes)
        var consumers: [Graph.NodeID: [Graph.NodeID]] = [:]
        for id in needed { for input in graph.nodes[id].inputs { consumers[input, default: []].append(id) } }
        self.consumers = consumers
    }

    /// The steps in an order in which every input is computed before it is read.
    consuming func run() -> [FusedNode] {
        for id in needed where !fusedAway.contains(id) { visit(id) }
        return result.sorted { $0.output < $1.output }
    }

    private mutating func visit(_ id: Graph.NodeID) {
        let node = graph.nodes[id]
        var fused = FusedNode(op: node.op, inputs: node.inputs, output: id, name: node.name)
        switch node.op {
        case .pad(let padding, value: 0) where canMergePadding(id):
            mergedPadding[id] = (node.inputs[0], padding)
            return
        case .upsample where canMergeDoubling(id):
            mergedDoubling[id] = node.inputs[0]
            return
        case .concatenate where mergedDoubling[node.inputs[0]] != nil:
            mergedSkip[id] = [mergedDoubling[node.inputs[0]] ?? id, node.inputs[1]]
            return
        case .convolution, .transposedConvolution, .add, .multiply:
            if let first = node.inputs.first, let sources = mergedDoubling[first].map({ [$0] }) ?? mergedSkip[first] {
                fused.inputs = sources
                fused.doublesInput = true
            }
            absorbFollowers(of: &fused)
        case .subsample: absorbChannelPadding(of: &fused)
        default: break
        }
        if let first = fused.inputs.first, let merged = mergedPadding[first] {
            fused.inputs[0] = merged.source
            fused.extraPadding = merged.padding
        }
        result.append(fused)
    }

    /// The only reader of a value that is not a level, or nil.
    private func soleConsumer(of id: Graph.NodeID) -> Graph.NodeID? {
        guard !levelNodes.contains(id), let readers = consumers[id], readers.count == 1 else { return nil }
        return readers[0]
    }

    private mutating func absorbFollowers(of fused: inout FusedNode) {
        let isConvolution = fused.op.isConvolution
        while fused.activation == nil, let next = soleConsumer(of: fused.output) {
            let takesMore = isConvolution && fused.residual == nil
            let takesSum = takesMore && !fused.doublesInput
            switch graph.nodes[next].op {
            case .batchNorm(let norm) where takesMore: fused.folded.append(.batchNorm(norm))
            case .channelScale(let factors) where takesMore: fused.folded.append(.channelScale(factors))
            case .scale(let factor) where takesMore: fused.folded.append(.scale(factor))
            case .dropPath(let path) where takesMore: fused.folded.append(.scale(path.evaluationFactor))
            case .activation(let activation)
            where fused.doublesInput ? activation.clippingRange != nil : activation.canBeFused:
                fused.activation = activation
            case .add where takesSum && isSum(next, of: fused.output):
                fused.residual = graph.nodes[next].inputs.first { $0 != fused.output }
            default: return
            }
            absorb(next, into: &fused)
        }
    }

    /// Subsampling writes the zero channels that follow it; the plan reads their number off the output's shape.
    private mutating func absorbChannelPadding(of fused: inout FusedNode) {
        guard let next = soleConsumer(of: fused.output), case .padChannels = graph.nodes[next].op else { return }
        absorb(next, into: &fused)
    }

    private mutating func absorb(_ next: Graph.NodeID, into fused: inout FusedNode) {
        fused.output = next
        fusedAway.insert(next)
    }

    /// Whether `add` sums `value` and one other value of the same shape that is computed earlier.
    private func isSum(_ add: Graph.NodeID, of value: Graph.NodeID) -> Bool {
        let inputs = graph.nodes[add].inputs
        guard inputs.count == 2, let other = inputs.first(where: { $0 != value }) else { return false }
        return other < value && shapes[other] == shapes[value] && mergedPadding[other] == nil
    }

    /// Whether every reader of a zero padding can take it over: convolutions with fixed padding, and max-pools of
    /// values that are never negative (there −∞ and 0 give the same maximum).
    private func canMergePadding(_ id: Graph.NodeID) -> Bool {
        guard !levelNodes.contains(id), let readers = consumers[id], !readers.isEmpty else { return false }
        return readers.allSatisfy { reader in
            switch graph.nodes[reader].op {
            case .convolution(let convolution): if case .fixed = convolution.padding { true } else { false }
            case .maxPool(let window):
                if case .fixed = window.padding { isNonNegative(graph.nodes[id].inputs[0]) } else { false }
            default: false
            }
        }
    }

    private func canMergeDoubling(_ id: Graph.NodeID) -> Bool {
        guard mergesDoubling, let reader = soleConsumer(of: id) else { return false }
        let (op, next) = (graph.nodes[id].op, graph.nodes[reader])
        if [2, 3].contains(where: { DoublingConvolution.canMerge(op, next.op, kernel: $0) }) { return true }
        guard case .concatenate = next.op, next.inputs.count == 2, next.inputs[0] == id, next.inputs[1] != id,
            let last = soleConsumer(of: reader)
        else { return false }
        return DoublingConvolution.canMerge(op, graph.nodes[last].op, kernel: 3)
    }

    private func isNonNegative(_ id: Graph.NodeID) -> Bool {
        if case .activation(.relu) = graph.nodes[id].op { true } else { false }
    }
}

extension Op {
    /// Whether this is a convolution, plain or transposed.
    var isConvolution: Bool {
        switch self {
        case .convolution, .transposedConvolution: true
        default: false
        }
    }
}

extension Op.Activation {
    /// Whether oneDNN has it as one post-operation.
    var canBeFused: Bool {
        switch self {
        case .hardSigmoid, .inverseSquareRoot: false
        default: true
        }
    }

    /// The range to which an activation that does nothing else clips.
    var clippingRange: (floor: Float, cap: Float)? {
        if case .relu(let cap) = self { (0, cap ?? .infinity) } else { nil }
    }
}
