// The recommendation in a sentence.

/// Words for a recommendation.
struct RecommendationText {
    let labels: [String]
    let names: [String]
    let rule: PickRule
    let picks: [PickRule: Int]
    let last: Int?
    let standings: [Recommendation.Standing]
    let ineligible: [Recommendation.Ineligible]
    let resamplings: Int

    var sentence: String {
        guard let pick = picks[rule], let standing = standings.first(where: { $0.checkpoint == pick }),
            let last
        else {
            let reasons = Set(ineligible.map(\.reason)).sorted().prefix(3).joined(separator: "; ")
            return "No recommendation: no checkpoint can be chosen" + (reasons.isEmpty ? "." : " (\(reasons)).")
        }
        guard standings.count > 1 else {
            return
                "Use \(full(pick)): it is the only checkpoint that can be chosen, so there is nothing to compare it with."
        }
        return switch rule {
        case .guarded: pick == last ? keepLast(standing) : useEarlier(standing, last: last)
        case .best:
            "Use \(full(pick)), the lowest score: it comes first \(resampled(standing.shareFirst))"
                + "\(tiedClause(except: pick))."
        case .earliest: useEarliest(pick)
        }
    }

    private func keepLast(_ standing: Recommendation.Standing) -> String {
        let last = standing.checkpoint
        let head = "Keep the last checkpoint, \(full(last)): "
        if standings.allSatisfy(\.isTied) {
            return head + "the scores cannot tell the \(standings.count) checkpoints apart."
        }
        if picks[.best] == last {
            return head + "it has the lowest score and comes first \(resampled(standing.shareFirst))"
                + "\(tiedClause(except: last))."
        }
        let best = picks[.best] ?? last
        let share = standings.first { $0.checkpoint == best }?.shareBetterThanLast ?? 0
        return head + "no earlier one beats it by more than the noise; the lowest score, \(labels[best]), beats it "
            + "\(resampled(share)), which is too few among \(standings.count) checkpoints."
    }

    private func useEarlier(_ standing: Recommendation.Standing, last: Int) -> String {
        "Use \(full(standing.checkpoint)): it beats the last checkpoint, \(labels[last]), "
            + "\(resampled(standing.shareBetterThanLast)), more than noise allows among \(standings.count) checkpoints"
            + "\(tiedClause(except: standing.checkpoint))."
    }

    private func useEarliest(_ pick: Int) -> String {
        let tied = standings.filter(\.isTied).count
        return tied == 1
            ? "Use \(full(pick)): its score is the lowest, and no other comes close enough to be mistaken for it."
            : "Use \(full(pick)), the earliest of \(tied) checkpoints whose scores cannot be told from the lowest."
    }

    private func tiedClause(except pick: Int) -> String {
        let others = standings.filter { $0.isTied && $0.checkpoint != pick }.map { labels[$0.checkpoint] }
        guard !others.isEmpty else { return "; no other checkpoint is as good" }
        let shown = others.count > 4 ? others.prefix(3) + ["\(others.count - 3) other checkpoints"] : others[...]
        let list = shown.count == 1 ? shown[0] : shown.dropLast().joined(separator: ", ") + " and \(shown.last ?? "")"
        return "; \(list) cannot be told from the lowest score"
    }

    private func full(_ checkpoint: Int) -> String {
        labels[checkpoint] == names[checkpoint] ? names[checkpoint] : "\(labels[checkpoint]) (\(names[checkpoint]))"
    }

    /// "in 98 % of 2000 resamplings of the images"; never rounded to a certainty that it is not.
    private func resampled(_ share: Double) -> String {
        let count = "\(resamplings) resamplings of the images"
        if share >= 1 { return "in all \(count)" }
        if share <= 0 { return "in none of \(count)" }
        if share > 0.999 { return "in over 99.9 % of \(count)" }
        if share < 0.001 { return "in under 0.1 % of \(count)" }
        let tenths = Int((share * 1000).rounded())
        let percent =
            tenths.isMultiple(of: 10) || (50..<950).contains(tenths)
            ? "\((tenths + 5) / 10)" : "\(tenths / 10).\(tenths % 10)"
        return "in \(percent) % of \(count)"
    }
}
