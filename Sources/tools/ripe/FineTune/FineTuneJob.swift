// A fine-tuning from the command line's options to files: images, network, training, evaluation.

import Analyzer
import Engine
import Formats
import FoundationEssentials

/// Everything but the checkpoint.
struct FineTuneJob {
    let images: TargetOptions
    let target: [String]
    let labels: LabelChoices
    let settings: FineTuneSettings
    let hints: ArchitectureHints
    let folder: String
    let resumes: Bool
    let overwrites: Bool
    let hasBaseline: Bool
    let memoryLimit: Int?
    let threads: Int
    let output: FineTuneOutput
    let recorder: RunRecorder

    init(
        images: TargetChoices, labels: LabelChoices, network: NetworkChoices, training: TrainingChoices,
        placement: FineTuneRunChoices, hints: ArchitectureHints, output: FineTuneOutput
    ) throws {
        threads = placement.threads.count
        self.images = try images.options(threads: threads)
        target = images.target
        self.labels = labels
        var settings = training.settings(network)
        settings.seed = placement.seed
        self.settings = settings
        self.hints = hints
        folder = placement.out
        resumes = placement.resume
        overwrites = placement.overwrite
        hasBaseline = placement.baseline
        memoryLimit = placement.memory
        self.output = output
        recorder = RunRecorder(threads: threads)
    }

    /// Trains on the checkpoint's encoder and evaluates; returns the content of metrics.json.
    func run(on checkpoint: ChosenCheckpoint) throws -> JSON {
        try OutputFolder.check(folder)
        try refuseEarlierRun()
        let encoder = try FineTuneEncoder(checkpoint, hints: hints)
        let data = try FineTuneData(target, images: images, labels: labels, threads: threads, output: output)
        return try train(encoder, on: data)
    }

    /// Trains and evaluates once, or once for each fold; with a baseline beside it.
    func train(_ encoder: FineTuneEncoder, on data: FineTuneData) throws -> JSON {
        let parts = try data.parts(seed: settings.seed)
        let training = FineTuneTraining(job: self, encoder: encoder, data: data)
        try training.explain(parts)
        var results: [FineTuneResult] = []
        for part in parts {
            if parts.count > 1 { try output.say("Fold \(part.number) of \(parts.count)", []) }
            let place = parts.count > 1 ? "\(folder)/fold_\(part.number)" : folder
            results.append(try training.run(part, settings: settings, in: place))
        }
        var baselines: [FineTuneResult] = []
        if hasBaseline {
            var settings = settings
            settings.startsFromScratch = true
            settings.freezing = .nothing
            for part in parts {
                try output.say("The same network from random weights", [])
                let place = folder + (parts.count > 1 ? "/baseline/fold_\(part.number)" : "/baseline")
                baselines.append(try training.run(part, settings: settings, in: place))
            }
        }
        return try FineTuneReport(
            encoder: encoder, data: data, results: results, baselines: baselines, folder: folder, settings: settings,
            output: output, recorder: recorder
        ).finish()
    }

    /// A folder that holds a run is not written to by accident.
    func refuseEarlierRun() throws {
        let manager = FileManager.default
        let traces = ["model.safetensors", "history.csv", "state", "fold_1", "metrics.json"].filter {
            manager.fileExists(atPath: "\(folder)/\($0)")
        }
        guard let first = traces.first, !resumes else { return }
        guard overwrites else {
            throw ToolError.failure(
                "--out \(folder): it holds an earlier run (\(first)); --resume goes on with it, --overwrite starts anew"
            )
        }
        for name in traces + ["baseline", "overlays", "model_last.safetensors", "cases.csv"] {
            try? manager.removeItem(atPath: "\(folder)/\(name)")
        }
        for name in (try? manager.contentsOfDirectory(atPath: folder)) ?? []
        where name.hasPrefix("fold_") && Int(name.dropFirst("fold_".count)) != nil {
            try? manager.removeItem(atPath: "\(folder)/\(name)")
        }
    }
}
