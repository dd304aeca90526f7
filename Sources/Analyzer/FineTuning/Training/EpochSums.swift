// What is added up over the batches of an epoch.

import Formats

/// Sums over an epoch's batches so far.
struct EpochSums: Codable, Sendable, Hashable {
    /// Batches.
    var batches = 0
    var images = 0
    /// The loss and its terms, added over the batches.
    var loss = 0.0
    var terms: [Double] = []
    /// Pixels of each class in the truth, in the prediction, and in both.
    var overlap = ClassOverlap()
    var gradientNorm = 0.0
    var learningRate = 0.0
    var seconds = 0.0
    var waitingSeconds = 0.0

    /// Adds a batch.
    mutating func add(_ outcome: BatchOutcome, images count: Int) {
        batches += 1
        images += count
        loss += outcome.loss
        if terms.isEmpty { terms = outcome.terms.map { _ in 0 } }
        for (index, term) in outcome.terms.enumerated() { terms[index] += term }
        overlap.add(outcome.overlap)
        if let norm = outcome.gradientNorm { gradientNorm = max(gradientNorm, norm) }
    }

    /// The record of the epoch that these sums complete.
    func record(epoch: Int, step: Int) -> EpochRecord {
        let count = Double(max(1, batches))
        return EpochRecord(
            epoch: epoch, step: step, loss: loss / count, terms: terms.map { $0 / count },
            trainingDice: overlap.dice, validationDice: nil, learningRate: learningRate, gradientNorm: gradientNorm,
            seconds: seconds, images: images, waitingShare: seconds > 0 ? waitingSeconds / seconds : 0)
    }
}

/// How far two label maps agree, class by class.
public struct ClassOverlap: Codable, Sendable, Hashable {
    /// Pixels of each class in the truth, in the prediction, and in both; the background first.
    public private(set) var truth: [Int] = []
    /// See ``truth``.
    public private(set) var predicted: [Int] = []
    /// See ``truth``.
    public private(set) var both: [Int] = []

    /// Nothing counted.
    public init() {}

    /// Counts given for each class.
    init(truth: [Int], predicted: [Int], both: [Int]) {
        (self.truth, self.predicted, self.both) = (truth, predicted, both)
    }

    /// Dice of each foreground class, 2·both / (truth + predicted); nil where neither has the class.
    public var dice: [Double?] {
        truth.indices.dropFirst().map { label in
            let sum = truth[label] + predicted[label]
            return sum > 0 ? 2 * Double(both[label]) / Double(sum) : nil
        }
    }

    /// Adds other counts.
    public mutating func add(_ other: ClassOverlap) {
        guard !truth.isEmpty else { return self = other }
        for label in truth.indices where other.truth.indices.contains(label) {
            truth[label] += other.truth[label]
            predicted[label] += other.predicted[label]
            both[label] += other.both[label]
        }
    }
}
