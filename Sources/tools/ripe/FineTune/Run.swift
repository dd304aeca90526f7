// `ripe run`: score → pick → fine-tune the pick → evaluate, in one go.

import Analyzer
import ArgumentParser
import Engine
import Formats

/// The whole method.
struct Run: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Score a folder of checkpoints, fine-tune the recommended one, and evaluate it.",
        usage: "ripe run CHECKPOINTS --target TRAIN [--test TEST] --out DIR",
        discussion: """
            What 'ripe score' and 'ripe finetune' do, one after the other, on the same images: every checkpoint is scored on \
            the training images without their masks, the recommended one alone is fine-tuned on them, and the result is \
            measured on the test images.

            DIR gets the files of both commands. A run that was stopped goes on with --resume: finished scores are never \
            computed again, and training continues from its last state.

            Example:
              ripe run runs/resnet50 --target Dataset027_ACDC --epochs 50 --out result
            """)

    @Argument(help: "Checkpoints: a folder, files, or a pattern; formats may be mixed.", completion: .file())
    var checkpoints: [String]

    @OptionGroup(title: "Images") var images: TargetChoices
    @OptionGroup(title: "Masks and parts") var labels: LabelChoices

    @Option(
        help: "How to score: ripe (the default) or paper (the authors' setting and rule to the letter).",
        transform: { try word($0, ScoringPreset.self) })
    var preset = ScoringPreset.ripe

    @Option(
        help: ArgumentHelp(
            "How to pick: \(allWords(PickRule.self)). (default: guarded; best for --preset paper)", valueName: "rule"),
        transform: { try word($0, PickRule.self) })
    var rule: PickRule?

    @OptionGroup(title: "Network") var network: NetworkChoices
    @OptionGroup(title: "Encoder") var architecture: ArchitectureOptions
    @OptionGroup(title: "Training") var training: TrainingChoices
    @OptionGroup(title: "Scores") var cache: CacheOptions
    @OptionGroup(title: "Run") var placement: FineTuneRunChoices

    @Flag(help: "Print the content of metrics.json and nothing else.")
    var json = false

    func validate() throws {
        guard !images.target.isEmpty else { throw ValidationError("Give the images to train on with --target") }
    }

    func run() throws {
        Interrupt.install()
        let progress = ProgressLine(isSilent: json)
        defer { progress.clear() }
        let output = FineTuneOutput(progress: progress, isSilent: json)
        let hints = architecture.hints(
            defaults: preset == .paper ? ["stochastic_depth_rate": "0.1"] : [:])
        let job = try FineTuneJob(
            images: images, labels: labels, network: network, training: training, placement: placement, hints: hints,
            output: output)
        try OutputFolder.check(job.folder)
        try job.refuseEarlierRun()
        var scoring = preset.options
        scoring.seed = placement.seed
        let scores = ScoreJob(
            options: scoring, rule: rule ?? (preset == .paper ? .best : .guarded),
            preset: preset, hints: hints, cache: cache.folder, threads: job.threads, batch: 8, recorder: job.recorder)
        // Mistakes in places, masks and settings are told before hours of work.
        let sequence = try scores.sequence(of: checkpoints)
        let data = try FineTuneData(
            job.target, images: job.images, labels: labels, threads: job.threads, output: output)
        let scoredOn = try ScoredOn(target: images, options: scoring, threads: job.threads, progress: progress)
        let report = try scores.report(of: sequence, on: scoredOn, progress: progress)
        try output.say(ScoreSummary(report, isWritten: true).lines(for: .output))
        try scores.files(on: scoredOn).write(report, to: job.folder)
        guard let pick = report.recommendation.pick else { throw ToolError.failure(report.recommendation.sentence) }
        let chosen = ChosenCheckpoint(
            path: report.candidates[pick].path, reason: report.recommendation.sentence)
        let metrics = try job.train(try FineTuneEncoder(chosen, hints: hints), on: data)
        if json { try Console.write(metrics.text()) }
        if !report.excluded.isEmpty { throw ToolError.incomplete }
    }
}
