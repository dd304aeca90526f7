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
    /// How often each class was taken for each other; nil before the first batch.
    var confusion: ConfusionMatrix?
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
        if var counts = confusion, counts.classCount == outcome.confusion.classCount {
            counts.merge(outcome.confusion)
            confusion = counts
        } else {
            confusion = outcome.confusion
        }
        if let norm = outcome.gradientNorm { gradientNorm = max(gradientNorm, norm) }
    }

    /// The record of the epoch that these sums complete.
    func record(epoch: Int, step: Int) -> EpochRecord {
        let count = Double(max(1, batches))
        return EpochRecord(
            epoch: epoch, step: step, loss: loss / count, terms: terms.map { $0 / count },
            trainingDice: confusion?.dice ?? [], validationDice: nil, learningRate: learningRate,
            gradientNorm: gradientNorm, seconds: seconds, images: images,
            waitingShare: seconds > 0 ? waitingSeconds / seconds : 0)
    }
}
