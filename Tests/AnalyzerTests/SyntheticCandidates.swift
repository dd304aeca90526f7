// Candidates with made-up scores, for the tests of choosing and reporting.

@testable import Analyzer

enum Synthetic {
    static let settings = [4, 5].map {
        ScoreSetting(distance: .cosine, loss: .hinge(margin: 0.5), level: $0, pooling: .flat, negatives: .all)
    }
    static let spread = ScoreSpread(cases: nil, imageCount: 100, sharesViews: false)

    /// A checkpoint with the given values of each image under each setting.
    static func candidate(
        epoch: Int?, step: Int? = nil, values: [[Double]], name: String? = nil, hash: String? = nil,
        initialStatistics: Bool? = false
    ) -> Candidate {
        let entries = zip(settings, values).map { setting, values in
            let mean = values.reduce(0, +) / Double(values.count)
            return CheckpointScore.Entry(
                setting: setting, value: mean, standardError: varianceOfMean(values).squareRoot(), n: values.count,
                drawMeans: [mean], images: .init(losses: values, influences: values))
        }
        let score = CheckpointScore(entries: entries, separations: [], zeroVectors: 0, constantVectors: 0)
        let file = name ?? "model_epoch_\(epoch ?? 0).pt"
        return Candidate(
            name: file, epoch: epoch, step: step, contentHash: hash, hasInitialStatistics: initialStatistics,
            score: score)
    }

    /// Checkpoints of epochs 1, 2, … whose scores are `means` (equal at all levels) plus noise: common to all checkpoints
    /// (which cancels) and their own, of standard deviation `noise` per image.
    static func sequence(_ means: [Double], noise: Double, images: Int = 100, seed: UInt64) -> [Candidate] {
        var generator = CounterGenerator(seed: seed, purpose: .jitter, place: 77)
        func normal() -> Double { (0..<12).reduce(-6) { sum, _ in sum + generator.nextUnit() } }
        let common = (0..<images).map { _ in normal() }
        return means.enumerated().map { index, mean in
            candidate(
                epoch: index + 1,
                values: settings.map { _ in common.map { mean + 0.1 * $0 + noise * normal() } })
        }
    }

    static func recommend(
        _ candidates: [Candidate], rule: PickRule = .guarded, settings: [ScoreSetting] = Synthetic.settings,
        resamplings: Int = 400
    ) -> Recommendation {
        Recommendation(
            candidates, decidedBy: settings, spread: spread, rule: rule, seed: 5, resamplings: resamplings)
    }
}
