// Runs a network forward and backward on a batch of fixed size: the gradients of a loss by every trained parameter.

import COneDNN
public import Formats

/// What a training plan may change and how.
public struct TrainingOptions: Sendable {
    /// How many threads the kernels use. Values are the same to the bit for the same number.
    public var threads: Int
    /// How far a batch moves the running statistics (PyTorch's `momentum`).
    public var momentum: Float
    /// Names of the running means of the normalisations that use their running statistics and leave them as they are.
    public var frozenStatistics: Set<String>

    /// Trains everything by default.
    public init(threads: Int, momentum: Float = 0.1, frozenStatistics: Set<String> = []) {
        self.threads = threads
        self.momentum = momentum
        self.frozenStatistics = frozenStatistics
    }

    func isFrozen(_ norm: Op.BatchNorm) -> Bool { frozenStatistics.contains(norm.mean.name) }
}

/// A network prepared for training on batches of one size: memory planned, kernels chosen.
public final class TrainingPlan {
    /// The images' shape N×C×h×w.
    public let input: Shape
    /// The logits' shape N×K×h×w.
    public let output: Shape
    /// The parameters, which plans for other batch sizes may share.
    public let parameters: TrainingParameters
    /// The layers with the kernel that each one got, in order.
    public let kernels: [(layer: String, kernel: String)]
    /// Bytes of feature maps and derivatives, laid out so that what is never needed together shares memory.
    public let activationByteCount: Int

    private let stream: Stream
    private let forwardSteps: [PlanStep]
    private let backwardSteps: [PlanStep]
    private let memory: MemoryResolver
    private let constants: [AlignedBuffer]
    private let inputBuffer: Int
    private let logits: AlignedBuffer
    private let logitsGradient: AlignedBuffer
    private let threads: Int
    private let dropPathMemory: [DropPathMemory]

    /// The residual branches that may be dropped, in order.
    public var dropPaths: [DropPathPlace] { dropPathMemory.map(\.path) }

    /// Prepares a graph.
    ///
    /// - Parameters:
    ///   - output: the node whose values are the logits.
    ///   - input: the batch's shape N×C×h×w.
    /// - Throws: ``EngineError`` when shapes do not fit, a parameter is missing, or an operation cannot be trained.
    public init(
        _ graph: Graph, output: Graph.NodeID, parameters: TrainingParameters, input: Shape, options: TrainingOptions
    ) throws(EngineError) {
        let shapes = try graph.outputShapes(input: input)
        CDNN_set_threads(Int32(options.threads))
        let builder = try TrainingBuilder(
            graph, shapes: shapes, output: output, parameters: parameters, options: options)
        let plan = builder.plan
        let nodes = builder.nodes(output: output)
        builder.planValues(of: nodes)
        var reverses: [TrainingBuilder.Reverse?] = []
        for (index, node) in nodes.enumerated() {
            plan.begin(index)
            reverses.append(try builder.forward(node))
        }
        plan.begin(nodes.count)
        (logits, logitsGradient) = try builder.addBoundary(output: output)
        let forwardCount = builder.forwardCount
        for (index, node) in nodes.enumerated().reversed() {
            plan.begin(2 * nodes.count - index)
            if let reverse = reverses[index] { try builder.reverse(node, reverse) }
        }
        activationByteCount = plan.plannedByteCount
        let finished = try plan.finish()
        memory = finished.resolver
        forwardSteps = Array(finished.steps[..<forwardCount])
        backwardSteps = Array(finished.steps[forwardCount...])
        stream = plan.stream
        constants = plan.constants
        inputBuffer = plan.inputBuffer
        kernels = plan.kernelNames
        threads = options.threads
        dropPathMemory = builder.dropPaths
        for memory in dropPathMemory { memory.set([Bool](repeating: true, count: input[0])) }
        self.parameters = parameters
        self.input = input
        self.output = shapes[output]
    }

    /// Says which images keep their residual branches in the following steps; all do at first.
    ///
    /// - Parameter kept: for every one of ``dropPaths``, one answer an image of the batch.
    /// - Throws: ``EngineError`` with `.shape` when the counts differ.
    public func setDropPaths(kept: [[Bool]]) throws(EngineError) {
        guard kept.count == dropPathMemory.count, kept.allSatisfy({ $0.count == input[0] }) else {
            throw .shape(
                operation: "stochastic depth", expected: "\(dropPathMemory.count) branches of \(input[0]) images",
                found: "\(kept.count) of \(kept.first?.count ?? 0)")
        }
        for (memory, kept) in zip(dropPathMemory, kept) { memory.set(kept) }
    }

    /// Runs the network on N×C×h×w values in NCHW order and returns the logits N×K×h×w.
    ///
    /// Normalisations use the batch's statistics (unless frozen) and move the running ones.
    ///
    /// - Throws: ``EngineError`` with `.shape` when the count differs.
    public func forward(_ images: [Float]) throws(EngineError) -> [Float] {
        guard images.count == input.elementCount else {
            throw .shape(operation: "input", expected: "\(input)", found: "\(images.count) values")
        }
        CDNN_set_threads(Int32(threads))
        let target = memory.address(.buffer(inputBuffer))
        images.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { target.copyMemory(from: base, byteCount: bytes.count) }
        }
        try run(forwardSteps)
        return Array(UnsafeBufferPointer(start: logits.floats(), count: output.elementCount))
    }

    /// Carries the loss's derivative by the logits of the last ``forward(_:)`` back to every trained parameter, whose
    /// gradients it replaces.
    ///
    /// - Throws: ``EngineError`` with `.shape` when the count differs.
    public func backward(_ gradient: [Float]) throws(EngineError) {
        guard gradient.count == output.elementCount else {
            throw .shape(operation: "the logits' gradient", expected: "\(output)", found: "\(gradient.count) values")
        }
        CDNN_set_threads(Int32(threads))
        gradient.withUnsafeBytes { bytes in
            if let base = bytes.baseAddress { logitsGradient.base.copyMemory(from: base, byteCount: bytes.count) }
        }
        try run(backwardSteps)
    }

    /// Seconds of every step of one forward and backward pass on what the memory holds, with its layer and kernel; steps
    /// of our own loops have no name.
    public func profile() throws(EngineError) -> [(layer: String, kernel: String, seconds: Double)] {
        var result: [(layer: String, kernel: String, seconds: Double)] = []
        var names = kernels[...]
        let clock = ContinuousClock()
        for step in forwardSteps + backwardSteps {
            let start = clock.now
            var (layer, kernel) = ("after \(result.last?.layer ?? "")", "own loop")
            if case .primitive = step.work, let next = names.popFirst() { (layer, kernel) = next }
            try run([step])
            let time = clock.now - start
            result.append(
                (layer, kernel, Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds)))
        }
        return result
    }

    private func run(_ steps: [PlanStep]) throws(EngineError) {
        for step in steps {
            switch step.work {
            case .primitive(let primitive): try primitive.run(on: stream)
            case .kernel(let run):
                try stream.wait()
                run()
            case .emit: break  // a training plan has none
            }
        }
        try stream.wait()
    }
}

extension TrainingBuilder {
    /// Copies the logits out after the forward pass, and their derivative in before the backward pass.
    fileprivate func addBoundary(
        output: Graph.NodeID
    ) throws(EngineError) -> (logits: AlignedBuffer, gradient: AlignedBuffer) {
        let layout = try plan.layout(of: output)
        var plain = layout
        plain.order = .plain
        let (inner, outer) = (try layout.described(countsPadding: false), try plain.described())
        let logits = AlignedBuffer(byteCount: outer.byteCount), gradient = AlignedBuffer(byteCount: outer.byteCount)
        try rearrange(try plan.memory(of: output), inner, to: plan.constant(logits), outer, layer: "logits")
        forwardCount = plan.pending.count
        if needsGradient(output) {
            let target = try newGradient(of: output)
            try rearrange(plan.constant(gradient), outer, to: target, inner, layer: "logits' gradient")
            contribute(target, to: output, isOwned: true)
        }
        return (logits, gradient)
    }
}
