// When pretraining may stop, as far as the scores tell.

/// Stop when no checkpoint of the last `patience` beats the best one before them by more than the noise.
///
/// With the considered checkpoints c₁ … cₙ in the order of training and b the best of c₁ … cₙ₋ₚ (p = patience), the rule
/// compares each of the last p with b as `Comparisons` does: simultaneous intervals, at the given confidence, of the paired
/// differences over resampled images. If all of them reach above zero, waiting has brought nothing that is more than noise.
///
/// What such a rule is worth has been tried on the tables that the method's authors published (18 pretraining curves of 300
/// epochs); ``record`` says it.
public struct StoppingRule: Sendable, Hashable {
    /// How many checkpoints may bring nothing; at least 1.
    public var patience: Int
    /// The rule is silent before this epoch.
    public var minEpochs: Int
    /// The confidence of "more than the noise", in 0.5..<1.
    public var confidence: Double

    /// A rule.
    public init(patience: Int = 5, minEpochs: Int = 0, confidence: Double = 0.95) {
        self.patience = patience
        self.minEpochs = minEpochs
        self.confidence = confidence
    }

    /// What the rule says of a sequence.
    public struct Advice: Sendable, Hashable {
        /// Whether to stop.
        public var stops: Bool
        /// Why, or why not, in a sentence.
        public var reason: String
    }

    /// The honest record of stopping by such a score, for people who are about to rely on it.
    public static let record = """
        On the published tables of the method's authors (18 curves of 300 epochs), stopping when the score had not improved \
        for 1, 2 or 3 checkpoints trained 32, 107 or 192 epochs on average, and cost .014, .014 or .012 Dice against the last \
        checkpoint with the encoder fine-tuned, .035, .031 or .021 with it frozen. Stopping blindly after as many epochs cost \
        .012, .007 or .004 and .015, .006 or .001. Patience over a few checkpoints saved epochs, but not wisely: ask for many.
        """

    /// Judges the checkpoints of a sequence, in the order of training.
    ///
    /// - Parameters as those of ``Recommendation/init(_:decidedBy:spread:rule:seed:resamplings:confidence:)``.
    public func advice(
        _ candidates: [Candidate], decidedBy settings: [ScoreSetting], spread: ScoreSpread, seed: UInt64,
        resamplings: Int = 2000
    ) -> Advice {
        let field = EligibleCheckpoints(candidates, decidedBy: settings)
        let labels = Candidate.labels(candidates)
        let inOrder = field.eligible.indices.filter { field.isInOrder[$0] }
        func label(_ place: Int) -> String { labels[field.eligible[place]] }
        guard inOrder.count > patience else {
            return Advice(
                stops: false,
                reason: "\(inOrder.count) of at least \(patience + 1) checkpoints are scored that the rule needs")
        }
        if let last = inOrder.last, let epoch = candidates[field.eligible[last]].epoch, epoch < minEpochs {
            return Advice(stops: false, reason: "\(label(last)) is before epoch \(minEpochs), where the rule begins")
        }
        let statistic = CombinedScore(field.values)
        let estimates = statistic.scaledMeans(field.values)
        let combined = statistic.combined(field.values)
        let recent = Array(inOrder.suffix(patience))
        let before = inOrder.dropLast(patience)
        guard let best = before.min(by: { (combined[$0], estimates[$0], $0) < (combined[$1], estimates[$1], $1) })
        else {
            return Advice(stops: false, reason: "nothing is scored yet")
        }
        let compared = [best] + recent
        let bootstrap = PairedBootstrap(compared.map { field.entries[$0] }, spread: spread, seed: seed)
        let comparisons = Comparisons(
            estimates: compared.map { estimates[$0] },
            replicates: (0..<resamplings).map { statistic.scaledMeans(bootstrap.replicate($0)) },
            confidence: confidence)
        let better = comparisons.better(than: 0).sorted().map { compared[$0] }
        let noise = "by more than the noise (\(percent(confidence)) confidence)"
        if let latest = better.last {
            return Advice(stops: false, reason: "\(label(latest)) beats \(label(best)), the best before it, \(noise)")
        }
        let last = patience == 1 ? "the last checkpoint" : "none of the last \(patience) checkpoints"
        return Advice(
            stops: true,
            reason: "\(last) (\(span(recent.map(label)))) \(patience == 1 ? "does not beat" : "beats") "
                + "\(label(best)), the best before, \(noise)")
    }

    /// "epoch 7 to epoch 9".
    private func span(_ labels: [String]) -> String {
        guard let first = labels.first, let last = labels.last, labels.count > 1 else { return labels.first ?? "" }
        return "\(first) to \(last)"
    }
}
