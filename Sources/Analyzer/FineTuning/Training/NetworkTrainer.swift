// A segmentation network being trained: its weights, the plans that compute gradients, and the optimizer.

import Engine
import Formats

/// What one batch gave.
struct BatchOutcome: Sendable {
    var loss: Double
    var terms: [Double]
    /// The norm of the gradients before clipping, when this batch completed a step; else nil.
    var gradientNorm: Double?
    /// How often each class was taken for each other, before the update.
    var confusion: ConfusionMatrix
}

/// The network, for one thread at a time.
final class NetworkTrainer {
    private let network: SegmentationNetwork
    private let settings: FineTuneSettings
    private let size: Size2
    private let threads: Int
    private let loss: SegmentationLoss
    /// The weights; other objects take over when the encoder joins.
    private(set) var parameters: TrainingParameters
    private var optimizer: Optimizer
    private var accumulator: GradientAccumulator?
    private var average: ParameterAverage?
    private var plans: [Int: TrainingPlan] = [:]
    /// Whether the encoder is frozen now.
    private(set) var isEncoderFrozen: Bool
    /// The network for images of the size.
    private let graph: Graph
    /// How plans are made in this phase.
    private var options: TrainingOptions

    /// - Parameters:
    ///   - source: the initial weights.
    ///   - loss: with the class weights in place.
    ///   - memoryLimit: see ``TrainingOptions/memoryLimit``.
    init(
        _ network: SegmentationNetwork, source: any ParameterSource, settings: FineTuneSettings, loss: LossOptions,
        size: Size2, freezesEncoder: Bool, memoryLimit: Int?, threads: Int
    ) throws(EngineError) {
        self.network = network
        self.settings = settings
        self.size = size
        self.threads = threads
        isEncoderFrozen = freezesEncoder
        self.loss = try SegmentationLoss(
            loss, classes: network.design.classes, logitChannels: network.design.logitChannels, threads: threads)
        parameters = try Self.parameters(of: network, source: source, freezesEncoder: freezesEncoder)
        graph = network.graph(for: size)
        options = Self.options(
            network, settings, freezesEncoder: freezesEncoder, memoryLimit: memoryLimit, threads: threads)
        plans[settings.batch] = try Self.plan(
            graph, parameters, size: size, batch: settings.batch, options: options)
        // What stands beside the parameters begins once the first plan has named them.
        optimizer = try Optimizer(settings.optimizer, of: parameters, threads: threads)
        accumulator = settings.accumulate > 1 ? GradientAccumulator(of: parameters, threads: threads) : nil
        average = Self.average(of: parameters, settings, threads: threads)
    }

    private static func parameters(
        of network: SegmentationNetwork, source: any ParameterSource, freezesEncoder: Bool
    ) throws(EngineError) -> TrainingParameters {
        try TrainingParameters(source) { !(freezesEncoder && SegmentationNetwork.isEncoder($0.name)) }
    }

    private static func average(
        of parameters: TrainingParameters, _ settings: FineTuneSettings, threads: Int
    ) -> ParameterAverage? {
        settings.averageDecay.map { decay in
            ParameterAverage(of: parameters, decay: Double(decay), warmsUp: true, threads: threads)
        }
    }

    private static func plan(
        _ graph: Graph, _ parameters: TrainingParameters, size: Size2, batch: Int, options: TrainingOptions,
        sharingMemoryOf other: TrainingPlan? = nil
    ) throws(EngineError) -> TrainingPlan {
        try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters,
            input: [batch, graph.inputChannels, size.height, size.width], options: options, sharingMemoryOf: other)
    }

    /// How plans are made for a network, so that their memory can be known without one.
    static func options(
        _ network: SegmentationNetwork, _ settings: FineTuneSettings, freezesEncoder: Bool, memoryLimit: Int?,
        threads: Int
    ) -> TrainingOptions {
        TrainingOptions(
            threads: threads, frozenStatistics: freezesEncoder ? network.encoderStatistics : [],
            memoryLimit: memoryLimit, optimizerBuffers: settings.buffersPerParameter)
    }

    /// The plan for batches of so many images; the last batch of an epoch may be smaller.
    private func plan(batch: Int) throws(EngineError) -> TrainingPlan {
        if let plan = plans[batch] { return plan }
        let plan = try Self.plan(
            graph, parameters, size: size, batch: batch, options: options, sharingMemoryOf: plans[settings.batch])
        plans[batch] = plan
        return plan
    }

    // MARK: Steps

    /// Computes a batch's gradients, and updates the weights when it completes a step. They are left as they are when the
    /// loss or the gradients are not finite: the outcome tells.
    ///
    /// - Parameters:
    ///   - identity: what names an image of the batch in all runs.
    ///   - part: which of how many batches of the step this is, counted from 0.
    ///   - factor: what the schedule multiplies the learning rates by.
    func train(
        on batch: TrainingBatch, identity: (Int) -> UInt64, part: (number: Int, count: Int), factor: Float
    ) throws(EngineError) -> BatchOutcome {
        let plan = try plan(batch: batch.images.count)
        try dropBranches(of: plan, for: batch, identity: identity)
        _ = plan.images.update(fromContentsOf: batch.values)
        try plan.forward()
        let value = try evaluate(plan, batch.labels)
        let confusion = ConfusionMatrix(
            logits: plan.logits, shape: plan.output, labels: batch.labels, classes: network.design.classes,
            threads: threads)
        var outcome = BatchOutcome(
            loss: value.total, terms: settings.loss.terms.map { value.terms[$0] ?? 0 }, gradientNorm: nil,
            confusion: confusion)
        // Weights are not touched by a loss that is no number.
        guard value.total.isFinite else { return outcome }
        try plan.backward()
        if let accumulator { accumulator.add() }
        guard part.number + 1 == part.count else { return outcome }
        accumulator?.finish()
        let norm = Engine.gradientNorm(of: parameters, threads: threads)
        outcome.gradientNorm = norm
        guard norm.isFinite else { return outcome }
        let scale = settings.clip.map { clippingFactor(norm: norm, limit: $0) } ?? 1
        optimizer.step(factor: factor, gradientScale: scale)
        average?.update()
        return outcome
    }

    /// The loss of the plan's logits, whose derivative goes where the backward pass reads it.
    private func evaluate(_ plan: TrainingPlan, _ labels: [UInt8]) throws(EngineError) -> LossValue {
        let result = labels.withUnsafeBufferPointer { labels in
            Result { () throws(EngineError) in
                try loss.evaluate(
                    logits: plan.logits, labels: labels, shape: plan.output, gradient: plan.logitsGradient)
            }
        }
        return try result.get()
    }

    private func dropBranches(
        of plan: TrainingPlan, for batch: TrainingBatch, identity: (Int) -> UInt64
    ) throws(EngineError) {
        let paths = plan.dropPaths
        guard !paths.isEmpty else { return }
        var kept = paths.map { _ in [Bool]() }
        for image in batch.images {
            var numbers = CounterGenerator(
                seed: settings.seed, purpose: .dropPath, place: identity(image), index: batch.epoch)
            for (index, path) in paths.enumerated() { kept[index].append(numbers.nextUnit() >= Double(path.rate)) }
        }
        try plan.setDropPaths(kept: kept)
    }

    /// The learning rate of the decoder at a factor.
    func learningRate(factor: Float) -> Double { Double(settings.optimizer.learningRate * factor) }

    // MARK: Phases

    /// Lets the encoder join: its weights are trained from now on, and its normalisations use each batch's statistics.
    func unfreezeEncoder() throws(EngineError) {
        guard isEncoderFrozen else { return }
        let state = try state()
        plans = [:]
        isEncoderFrozen = false
        options.frozenStatistics = []
        parameters = try Self.parameters(of: network, source: Snapshot(state), freezesEncoder: false)
        _ = try plan(batch: settings.batch)
        optimizer = try Optimizer(settings.optimizer, of: parameters, threads: threads)
        if settings.accumulate > 1 { accumulator = GradientAccumulator(of: parameters, threads: threads) }
        average = Self.average(of: parameters, settings, threads: threads)
        try restore(state)
    }

    /// What is evaluated and saved: the weights, or their running average.
    var result: any ParameterSource { average ?? parameters }

    // MARK: State

    /// All weights with what stands beside them, in PyTorch's layout.
    func state() throws(EngineError) -> NetworkState {
        let shapes = Dictionary(network.parameters.map { ($0.name, $0.shape) }) { first, _ in first }
        var state = NetworkState(stepCounts: optimizer.stepCounts, averageUpdates: average?.updates ?? 0)
        for parameter in network.parameters {
            state.arrays.append(
                (NetworkState.weights + parameter.name, parameter.shape, try parameters.values(of: parameter.name)))
        }
        for name in optimizer.stateNames {
            let values = try optimizer.values(of: name)
            state.arrays.append((NetworkState.optimizer + name, [values.count], values))
        }
        if let average {
            for name in average.names {
                state.arrays.append(
                    (NetworkState.average + name, shapes[name] ?? [], try average.values(of: name)))
            }
        }
        return state
    }

    /// Takes a state back; what it does not name stays as it is.
    ///
    /// - Throws: ``EngineError`` with `.shape` for arrays that do not belong to this network.
    func restore(_ state: NetworkState) throws(EngineError) {
        // What a frozen phase kept no state of is not there to be restored, and the other way round.
        let known = Set(optimizer.stateNames)
        for (name, _, values) in state.arrays {
            if let name = NetworkState.name(name, in: NetworkState.weights) {
                try parameters.set(name, to: values)
            } else if let name = NetworkState.name(name, in: NetworkState.optimizer), known.contains(name) {
                try optimizer.set(name, to: values)
            } else if let name = NetworkState.name(name, in: NetworkState.average) {
                try average?.set(name, to: values)
            }
        }
        optimizer.stepCounts = state.stepCounts
        average?.updates = state.averageUpdates
    }
}

/// Weights as a state holds them.
private struct Snapshot: ParameterSource {
    private let arrays: [String: [Float]]

    init(_ state: NetworkState) {
        arrays = Dictionary(state.arrays.map { ($0.name, $0.values) }) { first, _ in first }
    }

    func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        guard let values = arrays[NetworkState.weights + parameter.name] else {
            throw .shape(operation: "parameter '\(parameter.name)'", expected: "a value", found: "none")
        }
        return TensorView(floats: values, shape: parameter.shape)
    }
}
