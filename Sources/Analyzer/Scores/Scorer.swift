// Scores checkpoints on the views of a target.
//
// In short, from files to a recommendation:
//
//     let target = try Target.open([…])                                   // any ImageSource
//     let options = ScoringOptions.ripe                                   // or .paper, or your own
//     let views = try JitteredViews(of: target, scope: options.jitterScope, seed: options.seed, draws: options.draws)
//     //  or  StoredViews(first, second)  for views that the user hands over
//     var run = SequenceRun(scorer: try Scorer(source: views, options: options), targetHash: …)
//     run.cache = ScoreCache(folder: …)                                   // finished scores; optional
//     let sequence = try CheckpointSequence.find(["runs/resnet50"])       // folders, patterns, files
//     let outcome = try run.run(sequence, isCancelled: { … }) { event in … }
//     let report = ScoreReport(outcome, scorer: run.scorer, rule: .guarded, preset: .ripe, target: …)
//     report.recommendation.sentence; report.warnings; try report.write(to: "out")
//
// Below that, for one network: `Scorer.score` takes any FeatureEncoder (``PlanEncoder`` wraps an InferencePlan) and gives a
// ``CheckpointScore``; ``Recommendation`` compares ``Candidate``s; ``ScoreWarnings`` says what is odd about them.

public import Engine

/// How far a checkpoint's scoring has come.
public struct ScoringProgress: Sendable, Hashable {
    /// Views that went through the network.
    public var viewsDone: Int
    /// Views in all: images × draws × 2.
    public var viewCount: Int
}

/// Scores checkpoints, one after the other, on the same views.
///
/// The images are packed into fixed groups once (``GroupPlan``). Reading and jittering run ahead in the background; the
/// memory used is that of one group and does not grow with images or checkpoints. Equal options give equal scores
/// whatever `threads` is; `batchSize` reaches the score only through the network's own rounding.
public struct Scorer: Sendable {
    /// Where the views come from.
    public let source: any ViewSource
    /// What is computed.
    public let options: ScoringOptions
    /// The groups.
    public let plan: GroupPlan
    /// What the standard errors stand for.
    public let spread: ScoreSpread

    /// Plans the groups of a source.
    ///
    /// - Throws: ``AnalyzerError/tooFewImages(source:found:)`` for fewer than two images.
    public init(source: any ViewSource, options: ScoringOptions) throws(AnalyzerError) {
        self.source = source
        self.options = options
        guard source.imageCount >= 2 else {
            let place = source.origin == .given ? "the given views" : "the target"
            throw .tooFewImages(source: place, found: source.imageCount)
        }
        plan = try GroupPlan(
            imageCount: source.imageCount, cases: source.cases, groupSize: options.groupSize, seed: options.seed)
        spread = ScoreSpread(cases: source.cases, imageCount: source.imageCount, sharesViews: source.sharesViews)
    }

    /// Scores one checkpoint under every setting of the options.
    ///
    /// Per-image values are kept for the deciding settings, or for all if `keepsAllImages`.
    ///
    /// - Parameters:
    ///   - levelCount: how many levels the whole network has, to count levels from the deepest.
    ///   - batchSize: images a forward pass; batches do not cross groups.
    ///   - threads: threads for the sums; the network has its own.
    ///   - normalization: what the network's family does to its input, after the jitter, whose clamps need 0…1;
    ///     ``InputNormalization/unit`` for given views.
    ///   - isCancelled: asked before every batch, such as whether the user pressed Ctrl-C.
    ///   - progress: called after every batch on the calling thread.
    /// - Throws: ``AnalyzerError``: `.channels` when the images do not fit the network, `.cancelled`, and whatever
    ///   reading images and running the network throw.
    public func score(
        _ encoder: some FeatureEncoder, levelCount: Int, batchSize: Int = 8, threads: Int = 1,
        normalization: InputNormalization = .unit, keepsAllImages: Bool = false,
        isCancelled: () -> Bool = { false }, progress: (ScoringProgress) -> Void = { _ in }
    ) throws(AnalyzerError) -> CheckpointScore {
        let settings = try options.grid.settings(levelCount: levelCount)
        let deciding = try options.grid.decidingSettings(levelCount: levelCount)
        try check(encoder, normalization, batchSize)
        var accumulator = RobustnessAccumulator(
            settings: settings, plan: plan, draws: source.draws, spread: spread,
            poolsChannels: encoder.hasTokenLevels && options.tokenPooling == .channels,
            keepsImages: Set(keepsAllImages ? settings : deciding), threads: threads)
        var done = ScoringProgress(viewsDone: 0, viewCount: plan.imageCount * source.draws * 2)
        let feed = BatchFeed(
            source: source, plan: plan, batchSize: batchSize,
            input: try NetworkInput(
                source.imageShape, channels: encoder.inputChannels, normalization: normalization))
        try feed.forEach { batch throws(AnalyzerError) in
            if isCancelled() { throw .cancelled }
            if batch.isFirstOfDraw { accumulator.begin(group: batch.group, draw: batch.draw) }
            let features: [LevelFeatures]
            do throws(EngineError) { features = try encoder.features(of: batch.values) } catch { throw .engine(error) }
            try accumulator.add(features, view: batch.view, count: batch.count)
            if batch.isLastOfDraw { accumulator.endDraw() }
            done.viewsDone += batch.count
            progress(done)
        }
        return accumulator.score()
    }

    private func check(
        _ encoder: some FeatureEncoder, _ normalization: InputNormalization, _ batchSize: Int
    ) throws(AnalyzerError) {
        let channels = encoder.inputChannels
        guard source.imageShape.channels == channels || source.imageShape.channels == 1 else {
            throw .channels(source: source.imageShape.channels, network: channels)
        }
        guard batchSize >= 1 else {
            throw .option(name: "--batch", value: "\(batchSize)", expected: "at least 1")
        }
        guard
            normalization == .unit
                || [normalization.mean.count, normalization.deviation.count] == [channels, channels]
        else { throw .channels(source: normalization.mean.count, network: channels) }
    }
}
