// The options that `ripe score` and `ripe pick` share.

import Analyzer
import ArgumentParser
import Engine
import Formats
import Glibc

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
        case (true, false):
            if let option = choices.viewOption ?? images.preparationOption {
                throw ValidationError("--views are scored as they are; \(option) belongs to --target")
            }
        default: break
        }
    }

    /// Scores everything and chooses.
    ///
    /// - Parameter isSilent: whether to keep progress and remarks to itself.
    /// - Throws: ``ToolError`` when nothing can be recommended or the user stopped it.
    func report(isSilent: Bool) throws -> ScoreReport {
        let progress = ProgressLine(isSilent: isSilent)
        defer { progress.clear() }
        let options = choices.options
        if let out { try Self.checkFolder(out) }
        let sequence = try CheckpointSequence.find(checkpoints, graph: architecture.graph)
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
        for note in sequence.notes + scoredOn.notes { progress.remark("  note: \(note)") }
        if let network = networkText(sequence, hints: run.hints) { progress.remark("  network: \(network)") }
        let outcome = try ScoreProgress(progress, sequence).follow(run)
        let report = ScoreReport(
            outcome, scorer: scorer, rule: choices.pickRule, preset: choices.preset, target: scoredOn.json)
        guard !report.candidates.isEmpty else {
            let only = report.excluded.count == 1 ? report.excluded.first : nil
            throw ToolError.failure(only.map { "\($0.path): \($0.reason)" } ?? "no checkpoint could be scored")
        }
        return report
    }

    /// Finds out before the work whether its results can be written.
    private static func checkFolder(_ path: String) throws {
        var facts = stat()
        if stat(path, &facts) == 0 {
            guard facts.st_mode & S_IFMT == S_IFDIR else {
                throw ToolError.failure("--out \(path): a file is in the way; name a folder")
            }
            guard access(path, W_OK) == 0 else {
                throw ToolError.failure("--out \(path): the folder cannot be written; name another")
            }
            return
        }
        // What does not exist yet is made at the end, inside the nearest folder that does.
        let parent = path.split(separator: "/", omittingEmptySubsequences: true).dropLast().joined(separator: "/")
        let above = path.hasPrefix("/") ? "/" + parent : parent.isEmpty ? "." : parent
        if above != path { try checkFolder(above) }
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
