// A scored checkpoint among which to choose, and how to tell that one was never trained.

public import Engine

/// One checkpoint of a sequence with its scores.
public struct Candidate: Sendable {
    /// The file's name, for people.
    public var name: String
    /// Where the file is.
    public var path: String
    /// The network in words.
    public var architecture: String?
    /// What was found out or assumed about the network beyond its sizes, such as its stochastic depth rate.
    public var networkFacts: [Recognition.Fact]
    /// The epoch, if known.
    public var epoch: Int?
    /// The optimizer step, if known.
    public var step: Int?
    /// A fingerprint of the file, to notice copies.
    public var contentHash: String?
    /// Whether all running statistics of its BatchNorm layers are 0 and 1; nil without BatchNorm.
    public var hasInitialStatistics: Bool?
    /// The scores.
    public var score: CheckpointScore

    /// The network fact that says how token sequences were pooled; only token networks have it.
    public static let tokenPoolingFact = "tokens pooled over"

    /// Describes a scored checkpoint.
    ///
    /// - Parameter path: the name, if not given.
    public init(
        name: String, path: String? = nil, architecture: String? = nil, networkFacts: [Recognition.Fact] = [],
        epoch: Int?, step: Int?, contentHash: String?, hasInitialStatistics: Bool?, score: CheckpointScore
    ) {
        self.name = name
        self.path = path ?? name
        self.architecture = architecture
        self.networkFacts = networkFacts
        self.epoch = epoch
        self.step = step
        self.contentHash = contentHash
        self.hasInitialStatistics = hasInitialStatistics
        self.score = score
    }
}

extension Candidate {
    /// Why each checkpoint counts as untrained; nil for a trained one.
    ///
    /// Step 0, or epoch 0 where no step is known (Lightning's epoch 0 with a step above 0 is a trained one), or BatchNorm
    /// statistics still at 0 and 1. If those are at 0 and 1 in every checkpoint they were frozen or folded away and tell
    /// nothing.
    static func untrainedReasons(_ candidates: [Candidate]) -> [String?] {
        let allInitial = candidates.allSatisfy { $0.hasInitialStatistics != false }
        return candidates.map { candidate in
            if let step = candidate.step {
                if step == 0 { return "step 0" }
            } else if candidate.epoch == 0 {
                return "epoch 0"
            }
            let isInitial = candidate.hasInitialStatistics == true && !(allInitial && candidates.count > 1)
            return isInitial ? "its BatchNorm statistics are still 0 and 1" : nil
        }
    }

    /// Whether it is known when in training it was saved.
    var hasPlace: Bool { epoch != nil || step != nil }

    /// For each checkpoint the one that it is a copy of: the same file byte for byte, or the same scores to the last bit
    /// (another format of the same weights), of the same epoch and step or of none (`last.ckpt`, `best.pt`). Equal ones of
    /// different epochs are no copies but a sign of something wrong.
    static func originals(_ candidates: [Candidate]) -> [Int?] {
        let fingerprints = candidates.map(\.score.fingerprint)
        return candidates.indices.map { index in
            let candidate = candidates[index]
            return (0..<index).first { other in
                let isSameFile = candidate.contentHash.map { $0 == candidates[other].contentHash } ?? false
                let hasSameScores = fingerprints[index].map { $0 == fingerprints[other] } ?? false
                guard isSameFile || hasSameScores else { return false }
                return !candidate.hasPlace || candidate.isOfSamePlace(as: candidates[other])
            }
        }
    }

    /// One form of a checkpoint may tell its step where another does not.
    private func isOfSamePlace(as other: Candidate) -> Bool {
        epoch == other.epoch && (step == other.step || (epoch != nil && (step == nil || other.step == nil)))
    }

    /// What to call each checkpoint: the epoch where it tells apart all that have one, else epoch and step, else the step;
    /// the name for those that have none, and for copies.
    static func labels(_ candidates: [Candidate]) -> [String] {
        let originals = originals(candidates)
        let named = candidates.indices.filter { originals[$0] == nil && candidates[$0].hasPlace }
        let choices: [(Candidate) -> String?] = [
            { $0.epoch.map { "epoch \($0)" } },
            { candidate in candidate.epoch.flatMap { epoch in candidate.step.map { "epoch \(epoch), step \($0)" } } },
            { $0.step.map { "step \($0)" } },
        ]
        var labels = candidates.map(\.name)
        for choice in choices {
            let known = named.compactMap { choice(candidates[$0]) }
            guard known.count == named.count, Set(known).count == known.count else { continue }
            for (index, label) in zip(named, known) { labels[index] = label }
            break
        }
        return labels
    }
}

extension Graph {
    /// Whether the running statistics of every BatchNorm are still 0 and 1, as before the first training step; nil for a
    /// network without BatchNorm.
    ///
    /// - Throws: ``EngineError`` when a statistic cannot be read.
    public func hasInitialStatistics(_ parameters: some ParameterSource) throws(EngineError) -> Bool? {
        var found = false
        for node in nodes {
            guard case .batchNorm(let norm) = node.op else { continue }
            found = true
            for (parameter, initial) in [(norm.mean, Float(0)), (norm.variance, 1)] {
                let values = try parameters.values(of: parameter)
                let isInitial = values.withFloats { $0.allSatisfy { $0 == initial } }
                if isInitial != true { return false }
            }
        }
        return found ? true : nil
    }
}

extension CheckpointScore {
    /// The bits of all scores, which only the same weights share; nil where there is nothing but zeros and no numbers.
    var fingerprint: [UInt64]? {
        let values = entries.map(\.value)
        return values.allSatisfy { $0.isNaN || $0 == 0 } ? nil : values.map(\.bitPattern)
    }
}
