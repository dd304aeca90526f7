// Which scored checkpoints take part in a choice, and why the others do not.

/// The checkpoints that can be chosen, with their scores under the deciding settings.
struct EligibleCheckpoints {
    /// Places in the sequence.
    private(set) var eligible: [Int] = []
    /// [eligible checkpoint][setting]
    private(set) var entries: [[CheckpointScore.Entry]] = []
    /// What is left out.
    private(set) var ineligible: [Recommendation.Ineligible] = []
    /// Whether each eligible checkpoint's place in training is known, or nobody's is.
    private(set) var isInOrder: [Bool] = []

    /// The last in training among the eligible ones.
    var last: Int? { isInOrder.lastIndex(of: true) }

    /// [eligible checkpoint][setting]
    var values: [[Double]] { entries.map { $0.map(\.value) } }

    init(_ candidates: [Candidate], decidedBy settings: [ScoreSetting]) {
        let untrained = Candidate.untrainedReasons(candidates)
        let originals = Candidate.originals(candidates)
        for (index, candidate) in candidates.enumerated() {
            if let original = originals[index] {
                let isSameFile = candidates[index].contentHash.map { $0 == candidates[original].contentHash } ?? true
                let reason = "\(isSameFile ? "a copy" : "the weights") of \(candidates[original].name)"
                ineligible.append(
                    .init(
                        checkpoint: index, reason: reason, isUntrained: untrained[original] != nil, original: original))
                continue
            }
            if let reason = untrained[index] {
                ineligible.append(.init(checkpoint: index, reason: "untrained: \(reason)", isUntrained: true))
                continue
            }
            let found = settings.compactMap { candidate.score[$0] }
            if let reason = Self.reason(found, settings: settings, like: entries.first) {
                ineligible.append(.init(checkpoint: index, reason: reason, isUntrained: false))
            } else {
                eligible.append(index)
                entries.append(found)
            }
        }
        let places = eligible.map { candidates[$0].hasPlace }
        isInOrder = places.contains(true) ? places : places.map { _ in true }
    }

    private static func reason(
        _ found: [CheckpointScore.Entry], settings: [ScoreSetting], like first: [CheckpointScore.Entry]?
    ) -> String? {
        if found.count < settings.count || settings.isEmpty { return "it lacks a level that decides" }
        if let entry = found.first(where: { !$0.value.isFinite }) {
            return "its score at level \(entry.setting.level) is not a number"
        }
        guard found.allSatisfy({ $0.images != nil }) else { return "its per-image values are missing" }
        let isAlike = first.map {
            $0[0].images?.influences.count == found[0].images?.influences.count && $0[0].n == found[0].n
        }
        return isAlike == false ? "it was scored on other images" : nil
    }
}
