// What to score and how, with the two presets.

/// Everything that a score depends on besides the checkpoint and the images.
public struct ScoringOptions: Sendable, Hashable, Codable {
    /// The combinations to compute.
    public var grid: ScoreGrid
    /// How many pairs of views each image gets.
    public var draws: Int
    /// Who shares a jitter.
    public var jitterScope: JitterScope
    /// The jitter's ranges.
    public var jitterRanges = JitterRanges.paper
    /// Fixes views, groups and bootstraps.
    public var seed: UInt64
    /// What pooling means for token sequences.
    public var tokenPooling = TokenPooling.positions
    /// The largest group of images that are compared with each other.
    public var groupSize = 32

    /// Names the options.
    public init(grid: ScoreGrid, draws: Int, jitterScope: JitterScope, seed: UInt64 = 0) {
        self.grid = grid
        self.draws = draws
        self.jitterScope = jitterScope
        self.seed = seed
    }

    /// The default: flat features of the two deepest levels, cosine, hinge with margin 0.5 over all negatives of the
    /// group, four draws with a jitter for every image.
    public static let ripe = ScoringOptions(
        grid: ScoreGrid(
            losses: [.hinge(margin: 0.5)], distances: [.cosine], levels: .twoDeepest, poolings: [.flat],
            negatives: [.all]),
        draws: 4, jitterScope: .image)

    /// The authors' setting: pooled features of level −2, cosine, margin 0.5, the paper's pairing, one draw whose jitter
    /// all images share; tokens pooled over channels.
    public static let paper: ScoringOptions = {
        var options = ScoringOptions(
            grid: ScoreGrid(
                losses: [.hinge(margin: 0.5)], distances: [.cosine], levels: .numbers([-2]), poolings: [.pooled],
                negatives: [.paper]),
            draws: 1, jitterScope: .batch)
        options.tokenPooling = .channels
        return options
    }()

    /// A text that is equal for equal options and differs wherever a score could; part of the cache's key.
    public var cacheKey: String {
        let ranges = [jitterRanges.brightness, jitterRanges.contrast, jitterRanges.saturation, jitterRanges.hue]
        let lists = [
            grid.losses.map { "\($0)" }, grid.distances.map(\.rawValue), ["\(grid.levels)"],
            grid.poolings.map(\.rawValue), grid.negatives.map(\.rawValue), ranges.map { "\($0)" },
        ]
        return lists.map { $0.joined(separator: ",") }.joined(separator: ";")
            + ";tokens pooled over \(tokenPooling.rawValue)"
            + ";draws \(draws);jitter per \(jitterScope.rawValue);seed \(seed);groups of \(groupSize)"
    }
}

/// A named set of options with the rule that goes with it.
public enum ScoringPreset: String, Sendable, Hashable, Codable, CaseIterable {
    /// What this tool thinks best; see docs/score.md.
    case ripe
    /// The authors' setting and rule to the letter.
    case paper

    /// The options.
    public var options: ScoringOptions { self == .ripe ? .ripe : .paper }
}
