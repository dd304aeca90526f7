// How the learning rate changes from step to step.

import Glibc

/// The shapes of a learning rate over a training.
public enum ScheduleKind: String, Sendable, Hashable, Codable, CaseIterable {
    /// Always the same.
    case constant
    /// (1 − t/T)^power, as the paper's authors per batch (Chen et al. 2017).
    case poly
    /// (1 + cos(π t/T)) / 2 (Loshchilov & Hutter 2017), PyTorch's `CosineAnnealingLR` by step, down to 0.
    case cosine
    /// gamma^⌊t / length⌋, PyTorch's `StepLR`, the length being a fraction of T.
    case step
}

/// A learning rate's factor at every step of a training.
///
/// The first W steps (`warmupSteps`) rise linearly: (t + 1)/W at step t. After them, t and T count from the end of the
/// warm-up: t − W of T − W.
public struct LearningRateSchedule: Sendable, Hashable, Codable {
    /// The shape.
    public var kind: ScheduleKind
    /// W.
    public var warmupSteps: Int
    /// The exponent of ``ScheduleKind/poly``.
    public var power: Double
    /// The length of ``ScheduleKind/step`` as a fraction of the training, rounded to whole steps and at least one.
    public var stepFraction: Double
    /// What ``ScheduleKind/step`` multiplies with.
    public var gamma: Double

    /// Chooses a schedule.
    public init(
        _ kind: ScheduleKind = .poly, warmupSteps: Int = 0, power: Double = 0.9, stepFraction: Double = 1.0 / 3,
        gamma: Double = 0.1
    ) {
        self.kind = kind
        self.warmupSteps = warmupSteps
        self.power = power
        self.stepFraction = stepFraction
        self.gamma = gamma
    }

    /// The share of the learning rate at a step.
    ///
    /// - Parameters:
    ///   - step: from 0; beyond the last, it stays where the shape ends.
    ///   - total: how many steps there are.
    /// - Returns: from 0 to 1.
    public func factor(at step: Int, of total: Int) -> Float {
        if warmupSteps > 0, step < warmupSteps { return Float(Double(max(0, step) + 1) / Double(warmupSteps)) }
        let length = max(1, total - max(0, warmupSteps))
        let place = min(max(0, step - max(0, warmupSteps)), length)
        let passed = Double(place) / Double(length)
        switch kind {
        case .constant: return 1
        case .poly: return Float(pow(1 - passed, power))
        case .cosine: return Float((1 + cos(.pi * passed)) / 2)
        case .step:
            let fraction = stepFraction.isFinite ? min(max(stepFraction, 0), 1) : 1
            let interval = max(1, Int((Double(length) * fraction).rounded()))
            return Float(pow(gamma, Double(place / interval)))
        }
    }
}
