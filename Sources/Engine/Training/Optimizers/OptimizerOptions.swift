// Which optimizer trains a network and with which numbers, as a user chooses them and as a run remembers them.

/// The rules by which gradients change parameters.
public enum OptimizerKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Stochastic gradient descent, with momentum as PyTorch's `SGD` (Sutskever et al. 2013).
    case sgd
    /// Adam (Kingma & Ba 2015), weight decay being part of the gradient.
    case adam
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    case adamw

    /// PyTorch's default.
    public var defaultWeightDecay: Float { self == .adamw ? 0.01 : 0 }
}

/// An optimizer's numbers; the defaults are PyTorch's but for the momentum.
public struct OptimizerOptions: Sendable, Hashable, Codable {
    /// The rule.
    public var kind: OptimizerKind
    /// The learning rate before the schedule.
    public var learningRate: Float
    /// The encoder's learning rate; nil for the same.
    public var encoderLearningRate: Float?
    /// SGD's momentum; 0 for none.
    public var momentum: Float
    /// Whether SGD looks ahead (Nesterov).
    public var nesterov: Bool
    /// Weight decay of every parameter.
    public var weightDecay: Float
    /// Adam's decay of the mean of gradients.
    public var beta1: Double
    /// Adam's decay of the mean of squared gradients.
    public var beta2: Double
    /// Added to Adam's denominator.
    public var epsilon: Double

    /// Chooses an optimizer.
    ///
    /// - Parameter weightDecay: nil for PyTorch's default, 0.01 for AdamW and 0 for the others.
    public init(
        kind: OptimizerKind, learningRate: Float, encoderLearningRate: Float? = nil, momentum: Float = 0.9,
        nesterov: Bool = false, weightDecay: Float? = nil, beta1: Double = 0.9, beta2: Double = 0.999,
        epsilon: Double = 1e-8
    ) {
        self.kind = kind
        self.learningRate = learningRate
        self.encoderLearningRate = encoderLearningRate
        self.momentum = momentum
        self.nesterov = nesterov
        self.weightDecay = weightDecay ?? kind.defaultWeightDecay
        self.beta1 = beta1
        self.beta2 = beta2
        self.epsilon = epsilon
    }

    /// Refuses what has no meaning.
    ///
    /// - Throws: ``EngineError`` with `.shape`.
    func check() throws(EngineError) {
        func require(_ isRight: Bool, _ expected: String, _ found: Any) throws(EngineError) {
            guard isRight else { throw .shape(operation: "the optimizer", expected: expected, found: "\(found)") }
        }
        for rate in [learningRate, encoderLearningRate ?? learningRate] {
            try require(rate >= 0 && rate.isFinite, "a learning rate of at least 0", rate)
        }
        try require(weightDecay >= 0 && weightDecay.isFinite, "a weight decay of at least 0", weightDecay)
        switch kind {
        case .sgd:
            try require((0..<1).contains(momentum), "a momentum from 0 to less than 1", momentum)
            try require(!nesterov || momentum > 0, "a momentum above 0 for Nesterov's", momentum)
        case .adam, .adamw:
            try require((0..<1).contains(beta1), "a beta1 from 0 to less than 1", beta1)
            try require((0..<1).contains(beta2), "a beta2 from 0 to less than 1", beta2)
            try require(epsilon >= 1e-30 && epsilon.isFinite, "an epsilon of at least 1e-30", epsilon)
        }
    }
}
