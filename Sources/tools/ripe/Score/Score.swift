// `ripe score`: scores a sequence of checkpoints and recommends one.

import Analyzer
import ArgumentParser
import Engine
import FoundationEssentials
import Formats

/// Scores checkpoints on target images.
struct Score: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score a folder of checkpoints on target images and recommend one.")

    @OptionGroup var options: ScoreOptions

    @Flag(help: "Print the results as JSON and nothing else.")
    var json = false

    func run() throws {
        Interrupt.install()
        guard let source = try options.views.source() else {
            throw ToolError.usage("give the images to score on with --views")
        }
        let scorer = try Scorer(source: source, options: options.choices.options)
        let scoring = CheckpointScoring(
            scorer: scorer, hints: options.architecture.hints(defaults: options.choices.architectureDefaults),
            normalizes: false, batch: options.batch, threads: options.threads.count)
        var candidates: [Candidate] = []
        var excluded: [ScoreSummary.Excluded] = []
        var deciding: [ScoreSetting] = []
        for path in options.checkpoints {
            let name = path.split(separator: "/").last.map { String($0) } ?? path
            do {
                let reader = try Checkpoint.open(path)
                let result = try scoring.score(reader) { _ in }
                deciding = try scorer.options.grid.decidingSettings(levelCount: result.network.graph.levels.count)
                candidates.append(
                    Candidate(
                        name: name, epoch: reader.metadata.epoch ?? CheckpointName(path).epoch,
                        step: reader.metadata.step ?? CheckpointName(path).step, contentHash: nil,
                        hasInitialStatistics: result.hasInitialStatistics, score: result.score))
            } catch let error as CheckpointScoring.Exclusion {
                excluded.append(.init(name: name, reason: error.reason))
            }
        }
        let recommendation = Recommendation(
            candidates, decidedBy: deciding, spread: scorer.spread, rule: options.choices.pickRule,
            seed: options.choices.seed)
        let summary = ScoreSummary(
            candidates: candidates, excluded: excluded, recommendation: recommendation,
            warnings: ScoreWarnings.all(
                candidates, recommendation: recommendation, plan: scorer.plan, options: scorer.options,
                spread: scorer.spread))
        try Console.write(summary.lines(for: .output))
    }
}
