// All combinations of settings that one run computes, and the few among them that decide.

/// Which levels of a network to score.
public enum LevelSelection: Sendable, Hashable, Codable {
    /// Every level.
    case all
    /// Level numbers: positive from the shallowest (1), negative from the deepest (−1).
    case numbers([Int])

    /// The two deepest levels, which the default preset uses.
    public static let twoDeepest = LevelSelection.numbers([-2, -1])

    /// Level numbers counted from 1, ascending, each once.
    ///
    /// - Throws: ``AnalyzerError/level(asked:available:)`` for a level that is not there.
    public func resolved(levelCount: Int) throws(AnalyzerError) -> [Int] {
        switch self {
        case .all: return Array(1...max(1, levelCount))
        case .numbers(let numbers):
            var found = Set<Int>()
            for number in numbers {
                let level = number < 0 ? levelCount + 1 + number : number
                guard (1...max(1, levelCount)).contains(level), number != 0 else {
                    throw .level(asked: number, available: levelCount)
                }
                found.insert(level)
            }
            return found.sorted()
        }
    }
}

/// The combinations of settings to compute; one forward pass of each view serves them all.
public struct ScoreGrid: Sendable, Hashable, Codable {
    /// The losses; the first decides, or the hinge with margin 0.5 if it is there too.
    public var losses: [Loss]
    /// The distances; cosine decides if it is there, else the first.
    public var distances: [Distance]
    /// The levels; the two deepest of them decide.
    public var levels: LevelSelection
    /// The poolings; the first decides.
    public var poolings: [Pooling]
    /// The negatives; the first decides.
    public var negatives: [Negatives]

    /// Names the combinations.
    public init(
        losses: [Loss], distances: [Distance], levels: LevelSelection, poolings: [Pooling], negatives: [Negatives]
    ) {
        self.losses = losses
        self.distances = distances
        self.levels = levels
        self.poolings = poolings
        self.negatives = negatives
    }

    /// Every combination for a network with `levelCount` levels, each once, in the order level, pooling, distance,
    /// negatives, loss. The contrastive loss takes all negatives and has no form with the paper's.
    ///
    /// - Throws: ``AnalyzerError`` for a level that is not there, or when no combination is left.
    public func settings(levelCount: Int) throws(AnalyzerError) -> [ScoreSetting] {
        var found: [ScoreSetting] = []
        var seen = Set<ScoreSetting>()
        for level in try levels.resolved(levelCount: levelCount) {
            for pooling in poolings {
                for distance in distances {
                    for kind in negatives {
                        for loss in losses where Self.exists(loss, kind) {
                            let setting = ScoreSetting(
                                distance: distance, loss: loss, level: level, pooling: pooling, negatives: kind)
                            if seen.insert(setting).inserted { found.append(setting) }
                        }
                    }
                }
            }
        }
        guard !found.isEmpty else {
            throw .option(
                name: "--loss", value: losses.map(\.name).joined(separator: ","),
                expected: "at least one combination; infonce needs --negatives all")
        }
        return found
    }

    /// The settings that a recommendation is made from, at the two deepest of the grid's levels.
    ///
    /// Of poolings and negatives the first decides. Margins are listed from 0 upwards by habit, and a margin of 0 often
    /// leaves nothing but zeros; so a hinge with margin 0.5 decides for all hinges where it is in the list, and cosine for
    /// all distances.
    public func decidingSettings(levelCount: Int) throws(AnalyzerError) -> [ScoreSetting] {
        let all = try settings(levelCount: levelCount)
        guard let model = all.first else { return [] }
        let distance = all.contains { $0.distance == .cosine } ? .cosine : model.distance
        let isHinge = model.margin != nil
        let loss = isHinge && all.contains { $0.loss == .hinge(margin: 0.5) } ? .hinge(margin: 0.5) : model.loss
        return all.filter {
            $0.loss == loss && $0.distance == distance && $0.pooling == model.pooling
                && $0.negatives == model.negatives
        }.suffix(2)
    }

    private static func exists(_ loss: Loss, _ negatives: Negatives) -> Bool {
        if case .infonce = loss { negatives == .all } else { true }
    }
}
