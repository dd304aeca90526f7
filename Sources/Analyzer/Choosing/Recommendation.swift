// Which checkpoint to take, by three rules, with what is known about the doubt.

/// How a checkpoint is picked from the scores.
public enum PickRule: String, Sendable, Hashable, Codable, CaseIterable {
    /// The last checkpoint, unless an earlier one beats it by more than the noise: then the best of those.
    case guarded
    /// The lowest score: the paper's rule.
    case best
    /// The earliest checkpoint that cannot be told from the lowest score: the least pretraining.
    case earliest
}

/// A recommendation for a sequence of scored checkpoints; checkpoints are named by their place in the sequence.
///
/// Each deciding setting gives one score per checkpoint. With one setting that score decides; with more, the checkpoints
/// are ranked under each (1 = lowest) and the mean rank decides. Untrained checkpoints and those without a finite score are
/// left out of all of this.
///
/// Whether a difference is more than noise is asked of a smoother number than ranks, the mean over settings s of the scores
/// in units of their spread over the checkpoints, D(c) = mean of θ_s(c) / SD_s: ranks jump, and tests on them find
/// differences in noise about twice as often as they claim (simulated with 8 to 16 equal checkpoints), while tests on D
/// keep to the 5 % and find more of the real ones. The noise comes from `PairedBootstrap`, which resamples the images the
/// same way for all checkpoints, and `Comparisons` allows for how many are compared.
public struct Recommendation: Sendable, Hashable {
    /// How one checkpoint stands.
    public struct Standing: Sendable, Hashable {
        /// Its place in the sequence.
        public var checkpoint: Int
        /// The score, or the mean rank when several settings decide; lower is better.
        public var combined: Double
        /// The share of resamplings in which it scores lower than the last checkpoint; 0.5 for the last itself.
        public var shareBetterThanLast: Double
        /// The share of resamplings in which it comes first.
        public var shareFirst: Double
        /// Whether it beats the last checkpoint by more than the noise.
        public var beatsLast: Bool
        /// Whether it cannot be told from the first.
        public var isTied: Bool
    }

    /// A checkpoint that is not considered, and why.
    public struct Ineligible: Sendable, Hashable {
        /// Its place in the sequence.
        public var checkpoint: Int
        /// Why, such as "epoch 0".
        public var reason: String
        /// Whether it is left out for being untrained.
        public var isUntrained: Bool
        /// The checkpoint that it is a copy of.
        public var original: Int?
    }

    /// The rule that ``pick`` follows.
    public let rule: PickRule
    /// What each rule picks; empty when nothing can be recommended.
    public let picks: [PickRule: Int]
    /// All considered checkpoints in the order of the sequence.
    public let standings: [Standing]
    /// What is left out.
    public let ineligible: [Ineligible]
    /// The last checkpoint that is considered: the trivial choice, and the pick of the epoch number taken as a score. One
    /// whose epoch and step are unknown is the last only if those of all others are, too.
    public let last: Int?
    /// Spearman's correlation of the combined score with the order in the sequence, of checkpoints whose place in training
    /// is known; −1 when later is always better.
    public let orderCorrelation: Double?
    /// The settings that decide.
    public let decidedBy: [ScoreSetting]
    /// How many times the images were resampled.
    public let resamplings: Int
    /// The confidence of "more than the noise".
    public let confidence: Double
    /// The recommendation in a sentence: what to do and how sure that is.
    public let sentence: String

    /// The recommended checkpoint.
    public var pick: Int? { picks[rule] }
    /// The checkpoints that cannot be told from the first, in the order of the sequence.
    public var tied: [Int] { standings.filter(\.isTied).map(\.checkpoint) }

    /// Compares the checkpoints of a sequence.
    ///
    /// - Parameters:
    ///   - candidates: in the order of pretraining, those of unknown epoch behind; copies of others are left out.
    ///   - decidedBy: the settings that decide; their per-image values must have been kept. Checkpoints of another network,
    ///     which has no such levels, are left out.
    ///   - spread: what the images' noise is resampled by.
    ///   - seed: fixes the resamplings.
    public init(
        _ candidates: [Candidate], decidedBy: [ScoreSetting], spread: ScoreSpread, rule: PickRule = .guarded,
        seed: UInt64, resamplings: Int = 2000, confidence: Double = 0.95
    ) {
        let field = EligibleCheckpoints(candidates, decidedBy: decidedBy)
        self.rule = rule
        self.decidedBy = decidedBy
        self.resamplings = resamplings
        self.confidence = confidence
        ineligible = field.ineligible
        last = field.last.map { field.eligible[$0] }
        let bootstrap = PairedBootstrap(field.entries, spread: spread, seed: seed)
        let statistic = CombinedScore(field.values)
        let replicates = (0..<(field.eligible.count > 1 ? resamplings : 0)).map { bootstrap.replicate($0) }
        let comparisons = Comparisons(
            estimates: statistic.scaledMeans(field.values), replicates: replicates.map(statistic.scaledMeans),
            confidence: confidence)
        let combined = statistic.combined(field.values)
        let choice = Choice(
            comparisons, combined: combined, sharesFirst: sharesFirst(replicates.map(statistic.combined), of: combined),
            last: field.last ?? 0)
        picks = choice.picks.mapValues { field.eligible[$0] }
        standings = choice.standings.map { standing in
            var standing = standing
            standing.checkpoint = field.eligible[standing.checkpoint]
            return standing
        }
        let inOrder = combined.indices.filter { field.isInOrder[$0] }
        orderCorrelation = spearman(inOrder.map { combined[$0] }, inOrder.map(Double.init))
        sentence =
            RecommendationText(
                labels: Candidate.labels(candidates), names: candidates.map(\.name), rule: rule, picks: picks,
                last: last, standings: standings, ineligible: ineligible, resamplings: resamplings
            ).sentence
    }
}

/// The three rules applied; checkpoints are numbered among the eligible ones here.
private struct Choice {
    private(set) var picks: [PickRule: Int] = [:]
    private(set) var standings: [Recommendation.Standing] = []

    init(_ comparisons: Comparisons, combined: [Double], sharesFirst: [Double], last: Int) {
        func precedes(_ left: Int, _ right: Int) -> Bool {
            (combined[left], comparisons.estimates[left], left) < (combined[right], comparisons.estimates[right], right)
        }
        guard let best = combined.indices.min(by: precedes) else { return }
        let better = comparisons.better(than: last)
        let tied = Set(combined.indices).subtracting(comparisons.worse(than: best))
        picks = [
            .guarded: better.min(by: precedes) ?? last, .best: best, .earliest: tied.min() ?? best,
        ]
        standings = combined.indices.map { index in
            Recommendation.Standing(
                checkpoint: index, combined: combined[index],
                shareBetterThanLast: index == last ? 0.5 : comparisons.shareBetter(index, than: last),
                shareFirst: sharesFirst[index], beatsLast: better.contains(index), isTied: tied.contains(index))
        }
    }
}
