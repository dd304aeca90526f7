// Changes parameters by their gradients, as PyTorch's optimizers do, in the memory layout of the kernels.

import CKernels

/// Updates every learned parameter of a ``TrainingParameters``; running statistics are left alone.
///
/// With g the gradient (scaled), p the parameter, η the learning rate, λ the weight decay, t counting from 1:
/// - SGD: g ← g + λp; b ← μb + g (b = 0 at first); p ← p − η(g + μb) with Nesterov, else p − ηb.
/// - Adam: g ← g + λp; m ← m + (1−β₁)(g − m); v ← β₂v + (1−β₂)g²; p ← p − η/(1−β₁ᵗ) · m / (√v/√(1−β₂ᵗ) + ε).
/// - AdamW: p ← p(1 − ηλ) first, then Adam's with λ = 0.
///
/// Values are the same to the bit for any number of threads.
public final class Optimizer {
    /// The numbers it works with.
    public let options: OptimizerOptions
    private let loop: ParameterLoop
    /// The state by PyTorch's name: `momentum_buffer`, or `exp_avg` and `exp_avg_sq`.
    private let buffers: [(name: String, buffers: ParameterBuffers)]
    private var memory: [[UnsafeMutablePointer<Float>?]]
    private var counts: [Int]

    /// Prepares updates of the parameters that are learned by the plans made so far.
    ///
    /// - Throws: ``EngineError`` with `.shape` for options without meaning.
    public init(
        _ options: OptimizerOptions, of parameters: TrainingParameters, threads: Int
    ) throws(EngineError) {
        try options.check()
        self.options = options
        loop = ParameterLoop(parameters, threads: threads)
        let names: [String] =
            switch options.kind {
            case .sgd: options.momentum > 0 ? ["momentum_buffer"] : []
            case .adam, .adamw: ["exp_avg", "exp_avg_sq"]
            }
        buffers = names.map { ($0, ParameterBuffers(of: parameters)) }
        memory = []
        counts = [Int](repeating: 0, count: loop.slots.count)
        memory = buffers.map { loop.memory(in: $0.buffers) }
    }

    /// Bytes of the state.
    public var byteCount: Int { buffers.reduce(0) { $0 + $1.buffers.byteCount } }

    /// Updates every parameter by its gradient.
    ///
    /// - Parameters:
    ///   - factor: the schedule's share of the learning rates; see ``LearningRateSchedule``.
    ///   - gradientScale: what gradients are multiplied with first; see ``clippingFactor(norm:limit:)``.
    public func step(factor: Float = 1, gradientScale: Float = 1) {
        for index in counts.indices { counts[index] += 1 }
        let works = loop.slots.indices.map { work($0, factor: Double(factor), gradientScale: gradientScale) }
        switch options.kind {
        case .sgd: loop.run(works) { CK_sgd($0, $1) }
        case .adam, .adamw: loop.run(works) { CK_adam($0, $1) }
        }
    }

    private func work(_ index: Int, factor: Double, gradientScale: Float) -> CK_Update {
        let slot = loop.slots[index]
        let isEncoder = SegmentationNetwork.isEncoder(slot.name)
        let base = isEncoder ? options.encoderLearningRate ?? options.learningRate : options.learningRate
        let rate = Double(base) * factor
        var work = CK_Update()
        work.values = slot.values
        work.gradient = UnsafePointer(slot.gradient)
        work.first = memory.first?[index]
        work.second = memory.last?[index]
        work.count = Int64(slot.count)
        work.scale = gradientScale
        work.rate = Float(rate)
        work.decay = options.weightDecay
        work.shrink = 1
        work.momentum = options.momentum
        work.is_nesterov = options.nesterov ? 1 : 0
        guard options.kind != .sgd else { return work }
        if options.kind == .adamw {
            work.decay = 0
            work.shrink = Float(1 - rate * Double(options.weightDecay))
        }
        let count = counts[index]
        work.rate = Float(rate / (1 - power(options.beta1, count)))
        work.first_weight = Float(1 - options.beta1)
        work.second_factor = Float(options.beta2)
        work.second_weight = Float(1 - options.beta2)
        work.second_scale = Float((1 - power(options.beta2, count)).squareRoot())
        work.epsilon = Float(options.epsilon)
        return work
    }

    // MARK: State

    /// The names of all state arrays, such as `exp_avg.decoder.final_block.weight`: PyTorch's name of the quantity and
    /// the parameter's.
    public var stateNames: [String] {
        buffers.flatMap { kind in loop.slots.map { "\(kind.name).\($0.name)" } }
    }

    /// A state array in its parameter's own shape, row-major.
    ///
    /// - Throws: ``EngineError`` with `.shape` for a name that is not among ``stateNames``.
    public func values(of name: String) throws(EngineError) -> [Float] {
        let (buffers, parameter) = try place(of: name)
        return try buffers.values(of: parameter)
    }

    /// Replaces a state array, given in its parameter's own shape, row-major.
    ///
    /// - Throws: ``EngineError`` with `.shape` for a name that is not among ``stateNames`` or another count.
    public func set(_ name: String, to values: [Float]) throws(EngineError) {
        let (buffers, parameter) = try place(of: name)
        try buffers.set(parameter, to: values)
    }

    /// How many updates each parameter has had; parameters can have different numbers after some were frozen at first.
    ///
    /// Setting it leaves parameters that are not named as they are, and ignores names of others.
    public var stepCounts: [String: Int] {
        get { Dictionary(uniqueKeysWithValues: zip(loop.slots.map(\.name), counts)) }
        set {
            for (index, slot) in loop.slots.enumerated() {
                if let count = newValue[slot.name] { counts[index] = max(0, count) }
            }
        }
    }

    private func place(of name: String) throws(EngineError) -> (ParameterBuffers, String) {
        for kind in buffers where name.hasPrefix(kind.name + ".") {
            return (kind.buffers, String(name.dropFirst(kind.name.count + 1)))
        }
        throw .shape(
            operation: "the optimizer's state '\(name)'",
            expected: buffers.isEmpty ? "none" : buffers.map { "\($0.name).PARAMETER" }.joined(separator: " or "),
            found: "another name")
    }
}

/// A whole power, by squaring: the same on every machine.
private func power(_ base: Double, _ exponent: Int) -> Double {
    var result = 1.0, square = base, rest = exponent
    while rest > 0 {
        if rest & 1 == 1 { result *= square }
        square *= square
        rest >>= 1
    }
    return result
}
