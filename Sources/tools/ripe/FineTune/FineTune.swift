// `ripe finetune`: trains a segmentation network on the encoder of one checkpoint.

import Analyzer
import ArgumentParser
import Formats
import Glibc

/// Fine-tunes one checkpoint.
struct FineTune: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        commandName: "finetune",
        abstract: "Train a segmentation network on the encoder of one checkpoint.",
        usage: """
            ripe finetune CHECKPOINT --target TRAIN [--test TEST] --out DIR
            ripe finetune scores.json --target TRAIN --out DIR
            """,
        discussion: """
            Puts a U-Net decoder on the checkpoint's encoder and trains both on images with masks. Given the scores.json of \
            'ripe score', it takes the checkpoint recommended there. Cases are never divided between training and validation.

            DIR gets model.safetensors (the best epoch on the validation images, else the last), model_last.safetensors, \
            history.csv, metrics.json and cases.csv (measures on the test and validation images), overlays/ (pictures), and \
            state/, from which '--resume' goes on after any interruption, to the same weights.

            Examples:
              ripe finetune epoch_20.pt --target Dataset027_ACDC --out runs/acdc
              ripe finetune scores.json --target train --test test --freeze encoder --epochs 20 --out frozen
              ripe finetune epoch_20.pt --target train --network smp-unet --optimizer sgd --lr 0.05 \\
                  --loss dice --augment rotate=180,vflip --folds 5 --out folds
            """)

    @Argument(help: "A checkpoint, or the scores.json of 'ripe score'.", completion: .file())
    var checkpoint: String

    @OptionGroup(title: "Images") var images: TargetChoices
    @OptionGroup(title: "Masks and parts") var labels: LabelChoices
    @OptionGroup(title: "Network") var network: NetworkChoices
    @OptionGroup(title: "Encoder") var architecture: ArchitectureOptions
    @OptionGroup(title: "Training") var training: TrainingChoices
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
        let job = try FineTuneJob(
            images: images, labels: labels, network: network, training: training, placement: placement,
            hints: architecture.hints(), output: FineTuneOutput(progress: progress, isSilent: json))
        let chosen = try ChosenCheckpoint(checkpoint)
        let report = try job.run(on: chosen)
        if json { try Console.write(report.text()) }
    }
}

/// Where results go, and how the run is made.
struct FineTuneRunChoices: ParsableArguments {
    @Option(help: ArgumentHelp("The folder for model, history, metrics and states.", valueName: "folder"))
    var out: String

    @Option(help: "Fixes initial weights, order and augmentation.")
    var seed: UInt64 = 0

    @Flag(help: "Go on where an earlier run in the folder stopped.")
    var resume = false

    @Flag(help: "Start anew where the folder holds an earlier run.")
    var overwrite = false

    @Flag(help: "Also train the same network from random weights, to compare.")
    var baseline = false

    @Option(
        help: ArgumentHelp(
            "Refuse to start, or compute feature maps twice, rather than use more memory, such as 4GB.",
            valueName: "size"),
        transform: { try byteCount($0) })
    var memory: Int?

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        guard !(resume && overwrite) else { throw ValidationError("--resume and --overwrite cannot go together") }
    }
}

/// The checkpoint that is fine-tuned: a file, or what a scores.json recommends.
struct ChosenCheckpoint {
    let path: String
    /// Why it was chosen, if by a score.
    let reason: String?

    init(path: String, reason: String?) {
        self.path = path
        self.reason = reason
    }

    /// Takes a checkpoint's path, or reads a scores.json.
    init(_ argument: String) throws {
        guard argument.hasSuffix(".json"), !argument.hasSuffix(".index.json") else {
            self.init(path: argument, reason: nil)
            return
        }
        let scores = try JSON(Bytes(mapping: argument), path: argument, section: "scores")
        guard let schema = scores["schema"]?.string, schema.hasPrefix("ripe.scores/") else {
            throw ToolError.failure(
                "\(argument): expected a checkpoint or the scores.json of 'ripe score', found another JSON file")
        }
        let recommendation = scores["recommendation"]
        let sentence = recommendation?["sentence"]?.string
        guard let pick = recommendation?["pick"]?["path"]?.string else {
            throw ToolError.failure("\(argument): nothing is recommended there; \(sentence ?? "name a checkpoint")")
        }
        // As the path stands, or beside the file where the folder has moved.
        let folder = argument.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let name = pick.split(separator: "/").last.map(String.init) ?? pick
        let places = [pick, (folder.isEmpty ? "" : folder + "/") + pick, (folder.isEmpty ? "" : folder + "/") + name]
        guard let path = places.first(where: { access($0, R_OK) == 0 }) else {
            throw ToolError.failure(
                "\(argument): the recommended checkpoint \(pick) is not there; run from the folder of 'ripe score', or name "
                    + "the checkpoint itself")
        }
        self.init(path: path, reason: sentence)
    }
}
