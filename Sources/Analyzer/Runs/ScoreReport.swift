// The results of a run as files: scores.json for programs, scores.csv for tables, scores.svg to look at.

import FoundationEssentials
public import Formats

/// Everything that is known at the end of a run.
public struct ScoreReport: Sendable {
    /// The scored checkpoints in the order of the sequence.
    public let candidates: [Candidate]
    /// What could not be scored.
    public let excluded: [ExcludedFile]
    /// The choice.
    public let recommendation: Recommendation
    /// Remarks, serious ones first.
    public let warnings: [ScoreWarning]
    /// How it was scored.
    public let options: ScoringOptions
    /// Where the views came from.
    public let views: ViewOrigin
    /// The preset that the options started from, if any.
    public let preset: ScoringPreset?
    /// What was scored on, as the report shows it.
    public let target: JSON

    /// Gathers a run's results.
    ///
    /// - Parameter target: an object that says what was scored on: its `path`, the number of `images`, its `contentHash`
    ///   and whatever else is known.
    public init(
        candidates: [Candidate], excluded: [ExcludedFile], recommendation: Recommendation, warnings: [ScoreWarning],
        options: ScoringOptions, views: ViewOrigin = .jitter, preset: ScoringPreset?, target: JSON
    ) {
        self.candidates = candidates
        self.excluded = excluded
        self.recommendation = recommendation
        self.warnings = warnings
        self.options = options
        self.views = views
        self.preset = preset
        self.target = target
    }

    /// Chooses among the results of a run and gathers everything.
    public init(
        _ outcome: SequenceRun.Outcome, scorer: Scorer, rule: PickRule, preset: ScoringPreset?, target: JSON
    ) {
        let recommendation = Recommendation(
            outcome.candidates, decidedBy: outcome.decidingSettings, spread: scorer.spread, rule: rule,
            seed: scorer.options.seed)
        self.init(
            candidates: outcome.candidates, excluded: outcome.excluded, recommendation: recommendation,
            warnings: ScoreWarnings.all(
                outcome.candidates, excluded: outcome.excluded, recommendation: recommendation, plan: scorer.plan,
                options: scorer.options, draws: scorer.source.draws, spread: scorer.spread),
            options: scorer.options, views: scorer.source.origin, preset: preset, target: target)
    }

    /// Writes `scores.json`, `scores.csv` and `scores.svg` into a folder, each at once; makes the folder.
    ///
    /// - Throws: ``FormatError`` when a file cannot be written.
    public func write(to folder: String) throws(FormatError) {
        try makeFolder(folder)
        // All three are complete on the disk before any gets its name.
        var jsonFile = try AtomicFile(folder + "/scores.json")
        var csvFile = try AtomicFile(folder + "/scores.csv")
        var plotFile = try AtomicFile(folder + "/scores.svg")
        try jsonFile.write(json.text() + "\n")
        try csvFile.write(csv)
        try plotFile.write(ScoreCurve(self).svg)
        try jsonFile.commit()
        try csvFile.commit()
        try plotFile.commit()
    }

    /// One line for each checkpoint and setting, with a header.
    public var csv: String {
        var lines = [
            "path,name,epoch,step,architecture,contentHash,loss,distance,margin,level,pooling,negatives,value,standardError,n"
        ]
        for candidate in candidates {
            let file = [
                candidate.path, candidate.name, candidate.epoch.map { "\($0)" } ?? "",
                candidate.step.map { "\($0)" } ?? "",
                candidate.architecture ?? "", candidate.contentHash ?? "",
            ]
            for entry in candidate.score.entries {
                let setting = entry.setting
                let fields =
                    file + [
                        setting.loss.name, setting.distance.rawValue, setting.margin.map { "\($0)" } ?? "",
                        "\(setting.level)", setting.pooling.rawValue, setting.negatives.rawValue, "\(entry.value)",
                        "\(entry.standardError)", "\(entry.n)",
                    ]
                lines.append(fields.map(CSV.field).joined(separator: ","))
            }
        }
        return lines.joined(separator: "\n") + "\n"
    }
}
