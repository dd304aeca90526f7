// Builds a training plan: every node's forward steps, then in reverse order the steps that carry the loss's derivative
// back. A buffer lives from its first use to its last, wherever in the two passes these are.

import CKernels
import COneDNN
import Formats

/// The state of one build.
final class TrainingBuilder {
    /// Derivatives that arrive at a value from one of its readers.
    struct Contribution {
        let memory: MemoryReference
        /// Whether the buffer holds nothing else, so that others may be added to it.
        let isOwned: Bool
    }

    /// Appends the steps that turn the derivative by a node's output into those by its inputs and parameters.
    enum Reverse {
        /// From the whole derivative.
        case whole((MemoryReference) throws(EngineError) -> Void)
        /// From what the output's readers contributed, one or two of them, whose sum it is.
        case parts((Contribution, Contribution?) throws(EngineError) -> Void)
    }

    let plan: PlanBuilder
    let graph: Graph
    let shapes: [Shape]
    let parameters: TrainingParameters
    let options: TrainingOptions
    /// Nodes between a trained parameter and the output.
    private var needsGradient = Set<Graph.NodeID>()
    /// Values whose memory is given up after the forward pass, to be computed again when the reverse pass needs them.
    let dropped: Set<Graph.NodeID>
    private(set) var remade = Set<Graph.NodeID>()
    /// The steps of the forward pass, in order.
    private(set) var nodes: [FusedNode] = []
    private var nodeOf: [Graph.NodeID: FusedNode] = [:]
    private var reverses: [Graph.NodeID: Reverse] = [:]
    private var time = 0
    /// Whether the reverse pass is being built.
    private var isReversing = false
    /// Whether a node's forward steps are appended for the second time: nothing may be counted twice.
    private(set) var isRemaking = false
    /// How many steps the forward pass has.
    var forwardCount = 0
    /// The residual branches that may be dropped, in order.
    var dropPaths: [DropPathMemory] = []
    var contributions: [Graph.NodeID: [Contribution]] = [:]

    init(
        _ graph: Graph, shapes: [Shape], output: Graph.NodeID, parameters: TrainingParameters, options: TrainingOptions,
        dropping dropped: Set<Graph.NodeID> = []
    ) throws(EngineError) {
        self.dropped = dropped
        self.graph = graph
        self.shapes = shapes
        self.parameters = parameters
        self.options = options
        let ancestors = graph.ancestors(of: [output])
        plan = try PlanBuilder(
            graph, shapes: shapes, parameters: parameters, threads: options.threads,
            order: MapLayout.preferredOrder(for: graph, nodes: ancestors, shapes: shapes))
        plan.tracksUses = true
        var owners: [String: Graph.NodeID] = [:]
        for id in ancestors {
            let node = graph.nodes[id]
            for parameter in node.op.parameters where parameters.isTrained(parameter) {
                // A gradient replaces the one of the step before: it cannot be the sum of two layers' own.
                guard owners.updateValue(id, forKey: parameter.name) == nil else {
                    throw .unsupportedLayer(
                        name: node.name, kind: "a layer that shares \(parameter.name) with another",
                        advice: "training it is not supported; freeze the encoder")
                }
            }
            let isTrained = node.op.parameters.contains { parameters.isTrained($0) && !node.op.isStatistic($0) }
            if isTrained || node.inputs.contains(where: { needsGradient.contains($0) }) { needsGradient.insert(id) }
        }
    }

    // MARK: Nodes

    /// The output's ancestors, each its own step but for ReLUs behind a normalisation, which oneDNN computes with it,
    /// and for doublings that the convolution behind them takes over.
    private func fusedNodes(output: Graph.NodeID) -> [FusedNode] {
        let ancestors = graph.ancestors(of: [output])
        var readers: [Graph.NodeID: [Graph.NodeID]] = [:]
        for id in ancestors { for input in graph.nodes[id].inputs { readers[input, default: []].append(id) } }
        var fused = Set<Graph.NodeID>()
        var doubled: [Graph.NodeID: Graph.NodeID] = [:]
        var result: [FusedNode] = []
        for id in ancestors where !fused.contains(id) {
            let node = graph.nodes[id]
            if DoublingConvolution.fits(plan.order), let reader = readers[id], reader.count == 1,
                DoublingConvolution.canMerge(node.op, graph.nodes[reader[0]].op)
            {
                doubled[id] = node.inputs[0]
                continue
            }
            var step = FusedNode(op: node.op, inputs: node.inputs, output: id, name: node.name)
            if let input = node.inputs.first, let source = doubled[input] {
                step.inputs[0] = source
                step.doublesInput = true
            }
            if case .batchNorm = node.op, id != output, let reader = readers[id], reader.count == 1,
                case .activation(.relu(cap: nil)) = graph.nodes[reader[0]].op
            {
                step.output = reader[0]
                step.activation = .relu(cap: nil)
                fused.insert(reader[0])
                // The derivative arrives at the ReLU's value.
                if needsGradient.contains(id) { needsGradient.insert(reader[0]) }
            }
            result.append(step)
        }
        return result.sorted { $0.output < $1.output }
    }

    /// Gives every value a layout and memory.
    private func planValues() {
        let inputLayout = MapLayout(.plain, shapes[0])
        let keepsInput = plan.takesInputAsItIs(nodes)
        plan.setInput(byteCount: inputLayout.byteCount)
        for node in nodes {
            if case .input = node.op, keepsInput {
                plan.layouts[node.output] = inputLayout
                plan.bufferOf[node.output] = plan.inputBuffer
                continue
            }
            let layout = MapLayout(plan.order, shapes[node.output])
            plan.layouts[node.output] = layout
            plan.bufferOf[node.output] = plan.addBuffer(layout.byteCount, first: .max, last: -1)
        }
    }

    // MARK: The two passes

    /// Appends every node's forward steps.
    func appendForward(output: Graph.NodeID) throws(EngineError) {
        nodes = fusedNodes(output: output)
        planValues()
        for node in nodes {
            nodeOf[node.output] = node
            tick(node.name)
            reverses[node.output] = try forward(node)
        }
        tick("the output")
    }

    /// Appends every node's reverse steps, last node first.
    func appendReverse() throws(EngineError) {
        isReversing = true
        for node in nodes.reversed() where reverses[node.output] != nil && hasDerivative(node.output) {
            let needs = reverseNeeds(node)
            if needs.inputs { for input in node.inputs { try remakeIfDropped(input) } }
            if needs.output || needs.state { try remakeIfDropped(node.output) }
            tick(node.name)
            if let reverse = reverses[node.output] { try self.reverse(node, reverse) }
        }
    }

    private func tick(_ layer: String) {
        plan.begin(time, layer: layer)
        time += 1
    }

    /// Appends a dropped value's forward steps once more, and before them those of the dropped values that they read.
    private func remakeIfDropped(_ value: Graph.NodeID) throws(EngineError) {
        guard dropped.contains(value), let node = nodeOf[value], remade.insert(value).inserted else { return }
        for input in node.inputs { try remakeIfDropped(input) }
        plan.bufferOf[value] = plan.addBuffer(try plan.layout(of: value).byteCount, first: .max, last: -1)
        tick(node.name)
        isRemaking = true
        defer { isRemaking = false }
        // What backward needs besides values (a pooling's choices, an attention's products) is made anew as well.
        reverses[value] = try forward(node)
    }

    /// A value's memory, which from now on is used by the current node.
    func memory(of value: Graph.NodeID) throws(EngineError) -> MemoryReference {
        guard !isReversing || !dropped.contains(value) || remade.contains(value) else {
            throw .library(call: "plan", detail: "value \(value) was dropped and is needed in the reverse pass")
        }
        return try plan.memory(of: value)
    }

    /// Appends a node's forward steps and says how to reverse them; nil where nothing before it is trained.
    func forward(_ node: FusedNode) throws(EngineError) -> Reverse? {
        switch node.op {
        case .convolution(let convolution): return try addConvolution(node, convolution, isTransposed: false)
        case .transposedConvolution(let convolution, _):
            return try addConvolution(node, convolution, isTransposed: true)
        case .batchNorm(let norm): return try batchNorm(node, norm)
        case .activation(let activation): return try self.activation(node, activation)
        case .maxPool(let window): return try pooling(node, window, kind: CDNN_POOL_MAX)
        case .averagePool(let window, countsPadding: true) where window.roundsUp: return try paddedAverage(node, window)
        case .averagePool(let window, let countsPadding):
            return try pooling(node, window, kind: countsPadding ? CDNN_POOL_AVERAGE_WITH_PADDING : CDNN_POOL_AVERAGE)
        case .globalAveragePool:
            let all = Size2(shapes[node.inputs[0]][2], shapes[node.inputs[0]][3])
            return try pooling(node, Op.Window(size: all, stride: all), kind: CDNN_POOL_AVERAGE)
        case .add: return try sum(node)
        case .multiply: return try product(node)
        case .concatenate: return try concatenation(node)
        case .subsample(let stride): return try subsample(node, stride: stride)
        case .padChannels: return try subsample(node, stride: 1)
        case .pad(let padding, _): return try pad(node, padding)
        case .upsample(let factor, let interpolation): return try upsample(node, factor, interpolation)
        case .affine(let scale, _): return try scaling(node, by: scale)
        case .scale(let factor): return try scaling(node, by: [Float](repeating: factor, count: shapes[node.output][1]))
        case .layerNorm(let norm): return try layerNorm(node, norm)
        case .windowAttention(let attention): return try windowAttention(node, attention)
        case .spaceToDepth(let block, let order): return try spaceToDepth(node, block: block, order: order)
        case .depthToSpace(let block, let order): return try depthToSpace(node, block: block, order: order)
        case .dropPath(let path): return try dropPath(node, path)
        case .channelScale(let factors): return try channelScale(node, factors)
        case .tokens(let tokens): return try self.tokens(node, tokens)
        case .selfAttention(let heads): return try selfAttention(node, heads: heads)
        case .patchMap(let prefix): return try patchMap(node, prefix: prefix)
        case .input: return try inputNode(node)
        }
    }

    func needsGradient(_ value: Graph.NodeID) -> Bool { needsGradient.contains(value) }

    /// The input among a node's whose derivative is wanted, if it has one input.
    func wantsInput(_ node: FusedNode) -> Bool { needsGradient(node.inputs[0]) }

    private func inputNode(_ node: FusedNode) throws(EngineError) -> Reverse? {
        plan.use(.buffer(plan.inputBuffer))
        try plan.add(node)
        return nil
    }
}

extension Op {
    /// Whether a parameter is a running statistic, which is measured, not trained.
    func isStatistic(_ parameter: Parameter) -> Bool {
        if case .batchNorm(let norm) = self { return parameter == norm.mean || parameter == norm.variance }
        return false
    }

    /// The operation's name without its parameters, for messages.
    var kind: String { String("\(self)".prefix { $0 != "(" }) }
}
