// The options that `ripe score` and `ripe pick` share.

import Analyzer
import ArgumentParser
import Engine
import Formats

/// Everything that leads to a recommendation.
struct ScoreOptions: ParsableArguments {
    @Argument(help: "Checkpoints: a folder, files, or a pattern; formats may be mixed.", completion: .file())
    var checkpoints: [String]

    @OptionGroup(title: "Images") var images: TargetChoices

    @Option(
        help: ArgumentHelp(
            "Instead of --target, exactly these views: one .npy of 2×N×C×H×W, or given twice, one of N×C×H×W each; float32, "
                + "nothing resized, nothing normalised.",
            valueName: "file.npy"),
        completion: .file(extensions: ["npy"]))
    var views: [String] = []

    @OptionGroup(title: "Score") var choices: ScoringChoices
    @OptionGroup(title: "Network") var architecture: ArchitectureOptions
    @OptionGroup(title: "Results") var cache: CacheOptions

    @Option(help: ArgumentHelp("Folder for scores.json, scores.csv and scores.svg.", valueName: "folder"))
    var out: String?

    @OptionGroup(title: "Computation") var threads: ThreadOptions

    @Option(help: "Images that go through the network together.")
    var batch = 8

    func validate() throws {
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must be from 1 to 4096") }
        guard views.count <= 2 else { throw ValidationError("--views takes one file, or two") }
        switch (images.target.isEmpty, views.isEmpty) {
        case (true, true): throw ValidationError("Give the images to score on with --target, or views with --views")
        case (false, false): throw ValidationError("--target and --views cannot go together")
        default: break
        }
    }

    /// Scores everything and chooses.
    ///
    /// - Parameter isSilent: whether to keep progress and remarks to itself.
    /// - Throws: ``ToolError`` when nothing can be recommended or the user stopped it; nothing is written then.
    func report(isSilent: Bool) throws -> ScoreReport {
        let progress = ProgressLine(isSilent: isSilent)
        defer { progress.clear() }
        let options = choices.options
        let sequence = try CheckpointSequence.find(checkpoints)
        let scoredOn =
            try views.isEmpty
            ? ScoredOn(target: images, options: options, threads: threads.count, progress: progress)
            : ScoredOn(views: views)
        let scorer = try Scorer(source: scoredOn.source, options: options)
        var run = SequenceRun(scorer: scorer, targetHash: scoredOn.fingerprint)
        run.hints = architecture.hints(defaults: choices.architectureDefaults)
        run.normalizesInput = scoredOn.normalizes
        run.batchSize = batch
        run.threads = threads.count
        run.cache = cache.folder
        progress.remark("Scoring \(counted(sequence.files.count, "checkpoint")) on \(scoredOn.summary).")
        for note in scoredOn.notes { progress.remark("  note: \(note)") }
        if let network = networkText(sequence, hints: run.hints) { progress.remark("  network: \(network)") }
        let outcome = try ScoreProgress(progress, sequence).follow(run)
        let report = ScoreReport(
            outcome, scorer: scorer, rule: choices.pickRule, preset: choices.preset, target: scoredOn.json)
        guard !report.candidates.isEmpty else {
            let only = report.excluded.count == 1 ? report.excluded.first : nil
            throw ToolError.failure(only.map { "\($0.path): \($0.reason)" } ?? "no checkpoint could be scored")
        }
        if let out { try report.write(to: out) }
        return report
    }

    /// The first network that is recognised, with what was assumed of it beyond the file.
    private func networkText(_ sequence: CheckpointSequence, hints: ArchitectureHints) -> String? {
        for file in sequence.files {
            guard let reader = try? Checkpoint.open(file.path),
                let network = try? Recognizer.recognize(reader, hints: hints)
            else { continue }
            return ([network.architecture] + network.facts.map { "\($0.key) \($0.value)" }).joined(separator: "; ")
        }
        return nil
    }
}
