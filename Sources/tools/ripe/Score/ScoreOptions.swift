// The options that `ripe score`, `ripe pick`, `ripe watch` and libripe share.

import Analyzer
import ArgumentParser
import Engine

/// Everything that leads to a recommendation: checkpoints, and what is done with them.
struct ScoreOptions: ParsableArguments {
    @Argument(help: "Checkpoints: a folder, files, or a pattern; formats may be mixed.", completion: .file())
    var checkpoints: [String]

    @OptionGroup var setup: ScoreSetup

    func validate() throws { try setup.checkSource() }

    /// Scores everything and chooses.
    ///
    /// - Parameter isSilent: whether to keep progress and remarks to itself.
    /// - Throws: ``ToolError`` when nothing can be recommended or the user stopped it.
    func report(isSilent: Bool) throws -> (report: ScoreReport, files: ResultFiles) {
        let progress = ProgressLine(isSilent: isSilent)
        defer { progress.clear() }
        if let out = setup.out { try OutputFolder.check(out) }
        let job = setup.job(threads: setup.threads.count)
        let sequence = try job.sequence(of: checkpoints)
        let scoredOn = try setup.scoredOn(job, progress: progress)
        return (try job.report(of: sequence, on: scoredOn, progress: progress), job.files(on: scoredOn))
    }
}

/// Images, scores, networks and where results go: everything but the checkpoints.
struct ScoreSetup: ParsableArguments {
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

    @Option(help: ArgumentHelp("Folder for scores.json, scores.csv, scores.svg and report.html.", valueName: "folder"))
    var out: String?

    @OptionGroup(title: "Computation") var threads: ThreadOptions

    @Option(help: "Images that go through the network together.")
    var batch = 8

    func validate() throws {
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must be from 1 to 4096") }
        guard views.count <= 2 else { throw ValidationError("--views takes one file, or two") }
    }

    /// Says what is wrong with the choice of images.
    func checkSource() throws {
        switch (images.target.isEmpty, views.isEmpty) {
        case (true, true): throw ValidationError("Give the images to score on with --target, or views with --views")
        case (false, false): throw ValidationError("--target and --views cannot go together")
        case (true, false): try checkViewsAlone()
        default: break
        }
    }

    /// Says what given views cannot be combined with.
    func checkViewsAlone() throws {
        if let option = choices.viewOption ?? images.preparationOption {
            throw ValidationError("--views are scored as they are; \(option) belongs to --target")
        }
    }

    /// What is done with checkpoints.
    ///
    /// - Parameter program: what stands for the command line in a report, where it is another program's.
    func job(threads: Int, program: String? = nil) -> ScoreJob {
        ScoreJob(
            options: choices.options, rule: choices.pickRule, preset: choices.preset,
            hints: architecture.hints(defaults: choices.architectureDefaults), cache: cache.folder, threads: threads,
            batch: batch,
            recorder: RunRecorder(threads: threads, arguments: program.map { [$0] } ?? CommandLine.arguments))
    }

    /// Opens the images or views.
    func scoredOn(_ job: ScoreJob, progress: ProgressLine) throws -> ScoredOn {
        try views.isEmpty
            ? ScoredOn(target: images, options: job.options, threads: job.threads, progress: progress)
            : ScoredOn(views: views)
    }
}
