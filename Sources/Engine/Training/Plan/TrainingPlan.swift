// Runs a network forward and backward on a batch of fixed size: the gradients of a loss by every trained parameter.

import COneDNN
public import Formats

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
    /// What it takes.
    public let memoryUse: TrainingMemory

    private let stream: Stream
    private let forwardSteps: [PlanStep]
    private let backwardSteps: [PlanStep]
    private let memory: MemoryResolver
    private let constants: [AlignedBuffer]
    private let inputBuffer: Int
    private let logitsBuffer: AlignedBuffer
    private let gradientBuffer: AlignedBuffer
    private let threads: Int
    private let dropPathMemory: [DropPathMemory]

    /// The residual branches that may be dropped, in order.
    public var dropPaths: [DropPathPlace] { dropPathMemory.map(\.path) }

    /// Prepares a graph.
    ///
    /// - Parameters:
    ///   - output: the node whose values are the logits.
    ///   - input: the batch's shape N×C×h×w.
    ///   - other: a plan that never runs between this one's forward and backward pass: its memory for feature maps is
    ///     used again where it is large enough (a last batch that is smaller than the others).
    /// - Throws: ``EngineError`` when shapes do not fit, a parameter is missing, an operation cannot be trained, or the
    ///   options' memory limit is too low (`.memory`): all but a missing parameter before anything large is allocated.
    public init(
        _ graph: Graph, output: Graph.NodeID, parameters: TrainingParameters, input: Shape, options: TrainingOptions,
        sharingMemoryOf other: TrainingPlan? = nil
    ) throws(EngineError) {
        let draft = try TrainingDraft.fitting(
            graph, output: output, parameters: parameters, input: input, options: options)
        try parameters.load()
        let plan = draft.builder.plan
        let finished = try plan.finish(arena: other?.memory.arena)
        memory = finished.resolver
        forwardSteps = Array(finished.steps[..<draft.builder.forwardCount])
        backwardSteps = Array(finished.steps[draft.builder.forwardCount...])
        stream = plan.stream
        constants = plan.constants
        inputBuffer = plan.inputBuffer
        kernels = plan.kernelNames
        threads = options.threads
        logitsBuffer = draft.logits
        gradientBuffer = draft.logitsGradient
        memoryUse = draft.memory
        dropPathMemory = draft.builder.dropPaths
        for memory in dropPathMemory { memory.set([Bool](repeating: true, count: input[0])) }
        self.parameters = parameters
        self.input = draft.input
        self.output = draft.output
    }

    /// What a plan with these arguments would take, without making it or reading a parameter.
    ///
    /// - Parameter isTrained: as in ``TrainingParameters/init(_:isTrained:)``.
    /// - Throws: ``EngineError`` as ``init(_:output:parameters:input:options:sharingMemoryOf:)``.
    public static func estimate(
        _ graph: Graph, output: Graph.NodeID, input: Shape, options: TrainingOptions,
        isTrained: @escaping @Sendable (Parameter) -> Bool
    ) throws(EngineError) -> TrainingMemory {
        let parameters = try TrainingParameters(ParameterTable([:]), isTrained: isTrained)
        return try TrainingDraft.fitting(
            graph, output: output, parameters: parameters, input: input, options: options
        ).memory
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

    // MARK: Running

    /// Where ``forward()`` reads the images: N×C×h×w values in NCHW order, to be written before each call.
    public var images: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: memory.floats(.buffer(inputBuffer)), count: input.elementCount)
    }

    /// The logits N×K×h×w of the last ``forward()``, valid as long as the plan.
    public var logits: UnsafeBufferPointer<Float> {
        UnsafeBufferPointer(start: logitsBuffer.floats(), count: output.elementCount)
    }

    /// Where ``backward()`` reads the loss's derivative by every logit.
    public var logitsGradient: UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(start: gradientBuffer.floats(), count: output.elementCount)
    }

    /// Runs the network on ``images`` and leaves the result in ``logits``.
    ///
    /// Normalisations use the batch's statistics (unless frozen) and move the running ones.
    ///
    /// - Throws: ``EngineError`` with `.library` when a kernel fails.
    public func forward() throws(EngineError) {
        CDNN_set_threads(Int32(threads))
        try run(forwardSteps)
    }

    /// Carries ``logitsGradient`` back to every trained parameter, whose gradients it replaces.
    ///
    /// - Throws: ``EngineError`` with `.library` when a kernel fails.
    public func backward() throws(EngineError) {
        CDNN_set_threads(Int32(threads))
        try run(backwardSteps)
    }

    /// Runs the network on N×C×h×w values in NCHW order and returns the logits N×K×h×w, as ``forward()``.
    ///
    /// - Throws: ``EngineError`` with `.shape` when the count differs.
    public func forward(_ images: [Float]) throws(EngineError) -> [Float] {
        guard images.count == input.elementCount else {
            throw .shape(operation: "input", expected: "\(input)", found: "\(images.count) values")
        }
        _ = self.images.update(fromContentsOf: images)
        try forward()
        return Array(logits)
    }

    /// Carries the loss's derivative by the logits of the last forward pass back, as ``backward()``.
    ///
    /// - Throws: ``EngineError`` with `.shape` when the count differs.
    public func backward(_ gradient: [Float]) throws(EngineError) {
        guard gradient.count == output.elementCount else {
            throw .shape(operation: "the logits' gradient", expected: "\(output)", found: "\(gradient.count) values")
        }
        _ = logitsGradient.update(fromContentsOf: gradient)
        try backward()
    }

    /// Processor seconds (of all threads together) of every step of one forward and backward pass on what the memory
    /// holds, with its layer and kernel; the least of several runs each.
    public func profile(repeats: Int = 3) throws(EngineError) -> [(layer: String, kernel: String, seconds: Double)] {
        let steps = forwardSteps + backwardSteps
        var seconds = [Double](repeating: .infinity, count: steps.count)
        for _ in 0..<repeats {
            for (index, step) in steps.enumerated() {
                let start = ProcessTime.seconds
                try run([step])
                seconds[index] = min(seconds[index], ProcessTime.seconds - start)
            }
        }
        return zip(steps, seconds).map { ($0.label.layer, $0.label.kernel ?? "own loop", $1) }
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
