// `ripe predict`: segments images with a model that fine-tuning wrote.

import Analyzer
import ArgumentParser
import Engine
import Formats

/// Writes a label map for every image.
struct Predict: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Segment images with a fine-tuned model.",
        discussion: """
            Writes one NIfTI label map for each volume, with the image's geometry copied exactly, and one PNG mask for each \
            PNG; pixels hold the classes' values. Images are prepared as the model's training images were, and results come \
            back in each image's own size and orientation. OUT/NAME.nii.gz is named after the image, without nnU-Net's _0000.

            A case that cannot be read is left out with the reason; the exit code is then 1.

            Examples:
              ripe predict out/model.safetensors scans/ --out predicted
              ripe predict out/model.safetensors patient7.nii.gz --out predicted --overlay
            """)

    @Argument(help: "The model.safetensors that fine-tuning wrote.", completion: .file())
    var model: String

    @Argument(
        help: "Images: a folder, a data set (nnU-Net raw, Decathlon, ACDC, images/), or files.", completion: .file())
    var images: [String]

    @Option(help: ArgumentHelp("The folder to write into.", valueName: "folder"), completion: .directory)
    var out: String

    @Option(
        help: ArgumentHelp("Which part of a data set: train, validation, test, all.", valueName: "part"),
        transform: { try word($0, TargetSplit.self) })
    var split = TargetSplit.all

    @Flag(help: "Also draw pictures with the classes in colour, into OUT/overlays; at most 8 of a volume.")
    var overlay = false

    @Flag(
        help: "Also write the classes' probabilities, float32: NAME_probabilities.nii.gz, one frame a class, or .npy.")
    var probabilities = false

    @Flag(help: "Replace outputs that exist.")
    var overwrite = false

    @Flag(help: "Print JSON and nothing else.")
    var json = false

    @OptionGroup var threads: ThreadOptions

    @Option(help: "Images that go through the network together.")
    var batch = 8

    func validate() throws {
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must be from 1 to 4096") }
    }

    func run() throws {
        Interrupt.install()
        let progress = ProgressLine(isSilent: json)
        defer { progress.clear() }
        let predictor: Predictor
        do {
            predictor = try Predictor(
                SegmentationModel(reading: model), batchSize: batch, threads: threads.count)
        } catch let error as EngineError {
            throw ToolError.failure(named(error.description))
        } catch let error as AnalyzerError {
            if case .option = error { throw error }
            throw ToolError.failure(named(error.description))
        }
        var options = PredictionOptions(out: out)
        options.split = split
        options.drawsOverlays = overlay
        options.keepsProbabilities = probabilities
        options.overwrites = overwrite
        let job = try PredictionJob(images, predictor, options: options)
        for note in job.notes + predictor.notes { progress.remark("note: \(note)") }
        let report = try follow(job, predictor, progress)
        progress.clear()
        let summary = PredictionSummary(report, out: out)
        try Console.write(
            json
                ? [report.json(facts: [.init(key: "model", value: .string(model))]).text()]
                : summary.lines(for: .output))
        if !report.failures.isEmpty { throw ToolError.incomplete }
    }

    /// The model's file before a message that does not name it.
    private func named(_ message: String) -> String { message.contains(model) ? message : "\(model): \(message)" }

    /// Runs the job and shows how far it is.
    private func follow(
        _ job: PredictionJob, _ predictor: Predictor, _ progress: ProgressLine
    ) throws -> PredictionReport {
        let shown = PredictionProgress(progress, caseCount: job.caseCount)
        do throws(AnalyzerError) {
            return try job.run(predictor, isCancelled: { Interrupt.isRequested }, onEvent: shown.show)
        } catch {
            progress.clear()
            guard case .cancelled = error else { throw error }
            throw ToolError.interrupted(
                shown.finished == 0
                    ? "stopped; nothing was written"
                    : "stopped; the first \(counted(shown.finished, "case")) of \(job.caseCount) are written")
        }
    }
}

/// Shows a prediction while it goes on.
final class PredictionProgress {
    private let line: ProgressLine
    private let caseCount: Int
    /// Images through the network, and cases that are.
    private var images = 0
    private(set) var finished = 0

    init(_ line: ProgressLine, caseCount: Int) {
        self.line = line
        self.caseCount = caseCount
    }

    func show(_ event: PredictionJob.Event) {
        switch event {
        case .progress(let number, let name, let done, let total):
            // How many images are to come is only known of cases that were opened: the others count like the mean.
            let begun = images + done
            let mean = Double(images + total) / Double(finished + 1)
            let expected = images + total + Int(mean * Double(max(0, caseCount - number - 1)))
            line.update("\(number + 1)/\(caseCount) \(name)", done: begun, total: expected, unit: "images")
            guard done == total else { return }
            images += total
            finished += 1
        case .note(let text): line.remark("note: \(text)")
        case .failed(let failure):
            line.clear()
            Console.note("ripe: \(failure.name): \(failure.reason); it is left out")
        }
    }
}
