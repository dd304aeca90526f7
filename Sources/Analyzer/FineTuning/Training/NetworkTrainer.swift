// A segmentation network being trained: its weights, the plans that compute gradients, and the optimizer.

import Engine
import Formats

/// What one batch gave.
struct BatchOutcome: Sendable {
    var loss: Double
    var terms: [Double]
    /// The norm of the gradients before clipping, when this batch completed a step; else nil.
    var gradientNorm: Double?
    var overlap: ClassOverlap
}

/// The network, for one thread at a time.
final class NetworkTrainer {
    private let network: SegmentationNetwork
    private let settings: FineTuneSettings
    private let classes: Int
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
    private var gradient: [Float] = []

    /// - Parameters:
    ///   - source: the initial weights.
    ///   - loss: with the class weights in place.
    init(
        _ network: SegmentationNetwork, source: any ParameterSource, settings: FineTuneSettings, loss: LossOptions,
        size: Size2, freezesEncoder: Bool, threads: Int
    ) throws(EngineError) {
        self.network = network
        self.settings = settings
        self.size = size
        self.threads = threads
        classes = network.design.classes
        isEncoderFrozen = freezesEncoder
        self.loss = try SegmentationLoss(
            loss, classes: network.design.classes, logitChannels: network.design.logitChannels, threads: threads)
        parameters = try Self.parameters(of: network, source: source, freezesEncoder: freezesEncoder)
        let plan = try Self.plan(
            network, parameters: parameters, size: size, batch: settings.batch, isFrozen: freezesEncoder,
            threads: threads)
        plans[settings.batch] = plan
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
        _ network: SegmentationNetwork, parameters: TrainingParameters, size: Size2, batch: Int, isFrozen: Bool,
        threads: Int
    ) throws(EngineError) -> TrainingPlan {
        let graph = network.graph(for: size)
        return try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters,
            input: [batch, graph.inputChannels, size.height, size.width],
            options: TrainingOptions(
                threads: threads, frozenStatistics: isFrozen ? network.encoderStatistics : []))
    }

    /// The plan for batches of so many images; the last batch of an epoch may be smaller.
    private func plan(batch: Int) throws(EngineError) -> TrainingPlan {
        if let plan = plans[batch] { return plan }
        let plan = try Self.plan(
            network, parameters: parameters, size: size, batch: batch, isFrozen: isEncoderFrozen, threads: threads)
        plans[batch] = plan
        return plan
    }

    // MARK: Steps

    /// Computes a batch's gradients, and updates the weights when it completes a step.
    ///
    /// - Parameters:
    ///   - identities: what names each of its images in all runs.
    ///   - part: which of how many batches of the step this is, counted from 0.
    ///   - factor: what the schedule multiplies the learning rates by.
    /// Weights are left as they are when the loss or the gradients are not finite: the outcome tells.
    ///
    func train(
        on batch: TrainingBatch, identities: [UInt64], part: (number: Int, count: Int), factor: Float
    ) throws(EngineError) -> BatchOutcome {
        let plan = try plan(batch: batch.images.count)
        try dropBranches(of: plan, for: identities, epoch: batch.epoch)
        let logits = try plan.forward(batch.values)
        let value = try loss(logits, labels: batch.labels, shape: plan.output, gradient: &gradient)
        let overlap = logits.withUnsafeBufferPointer {
            ClassOverlap(logits: $0, shape: plan.output, labels: batch.labels, classes: classes, threads: threads)
        }
        var outcome = BatchOutcome(
            loss: value.total, terms: settings.loss.terms.map { value.terms[$0] ?? 0 }, gradientNorm: nil,
            overlap: overlap)
        // Weights are not touched by a loss that is no number.
        guard value.total.isFinite else { return outcome }
        try plan.backward(gradient)
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

    private func dropBranches(
        of plan: TrainingPlan, for identities: [UInt64], epoch: Int
    ) throws(EngineError) {
        let paths = plan.dropPaths
        guard !paths.isEmpty else { return }
        var kept = paths.map { _ in [Bool]() }
        for identity in identities {
            var numbers = CounterGenerator(
                seed: settings.seed, purpose: .dropPath, place: identity, index: epoch)
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

    /// Bytes of weights, gradients, optimizer state and average, and of feature maps.
    var memory: (parameters: Int, activations: Int) {
        let counts = parameters.byteCounts
        let beside = optimizer.byteCount + (accumulator?.byteCount ?? 0) + (average?.byteCount ?? 0)
        return (counts.values + counts.gradients + beside, plans.values.map(\.activationByteCount).max() ?? 0)
    }

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
