// One training with its evaluation: what `ripe finetune` does once, or once for each fold.

import Analyzer
import Engine
import Formats

/// What one training left.
struct FineTuneResult {
    let part: FineTuneData.Part
    let folder: String
    let outcome: FineTuneRun.Outcome
    /// The model that was evaluated.
    let modelPath: String
    let test: MetricAccumulator?
    let validation: MetricAccumulator?
}

/// Trains networks on one encoder and one set of images.
struct FineTuneTraining {
    let job: FineTuneJob
    let encoder: FineTuneEncoder
    let data: FineTuneData

    private var output: FineTuneOutput { job.output }

    private func run(_ part: FineTuneData.Part, settings: FineTuneSettings, folder: String) throws -> FineTuneRun {
        let card = try encoder.card(settings, scheme: data.data.scheme, preparation: data.preparation)
        var run = FineTuneRun(
            settings: settings, card: card, initial: encoder.initialWeights(settings), data: data.data,
            training: part.training, validation: part.validation, folder: folder)
        run.threads = job.threads
        run.resumes = job.resumes
        run.memoryLimit = job.memoryLimit
        run.identity = [
            "checkpoint": encoder.contentHash, "images": data.fingerprint,
            "classes": "\(data.data.scheme)", "preparation": card.preparation,
            "part": part.validation.isEmpty ? "all" : "\(part.number): \(part.training.count)+\(part.validation.count)",
        ]
        return run
    }

    /// Says before the first step what is about to be trained on what, and how much memory it takes.
    func explain(_ parts: [FineTuneData.Part]) throws {
        guard let part = parts.first else { return }
        let settings = job.settings
        let run = try run(part, settings: settings, folder: job.folder)
        let network = try run.card.network()
        var facts = FactList()
        facts.add("checkpoint", encoder.checkpoint.path)
        facts.add("chosen", encoder.checkpoint.reason)
        facts.add("encoder", encoder.title)
        let channels = network.decoderChannels.map(String.init).joined(separator: "-")
        facts.add(
            "network",
            "\(settings.network.title), decoder \(channels), \(grouped(network.parameterCount)) parameters"
                + (settings.freezing == .nothing ? "" : ", frozen: \(settings.freezing)"))
        facts.add("training", "\(counted(part.training.count, "image")), \(sizeText(network))")
        if !part.validation.isEmpty {
            facts.add("validation", "\(counted(part.validation.count, "image")) of other cases choose the best epoch")
        } else {
            facts.add("validation", "none: the last epoch is kept; --validation 0.2 or --folds 5 set cases aside")
        }
        facts.add("loss", lossText(run))
        facts.add(
            "optimizer",
            "\(settings.optimizerText); schedule \(settings.schedule.kind.rawValue)"
                + (settings.accumulate > 1 ? ", \(settings.accumulate) batches a step" : ""))
        facts.add("augmentation", "\(settings.augmentation)")
        let memory = try run.memory()
        facts.add("memory", memoryText(memory, of: run))
        try output.say("Training", facts.lines(for: .output))
        for note in part.split.notes where !part.validation.isEmpty { try output.warn(note) }
        try refuseTooMuch(memory, of: run)
    }

    private func sizeText(_ network: SegmentationNetwork) -> String {
        let size = data.preparation.image
        let padded = network.paddedSize(of: Size2(size.height, size.width))
        let isPadded = padded != Size2(size.height, size.width)
        return "\(size.height)×\(size.width)"
            + (isPadded
                ? " (padded to \(padded.height)×\(padded.width), for the network halves its maps \(network.stride)-fold)"
                : "")
            + ", batch \(job.settings.batch), \(counted(job.settings.epochs, "epoch"))"
    }

    private func lossText(_ run: FineTuneRun) -> String {
        let names = data.data.scheme.names
        guard let weights = run.classWeights else { return "\(job.settings.loss)" }
        let texts = zip(names, weights).map { "\($0) \(significant(Double($1), 3))" }
        return "\(job.settings.loss), class weights: \(texts.joined(separator: ", "))"
    }

    private func memoryText(_ memory: TrainingMemory, of run: FineTuneRun) -> String {
        let buffers = run.settings.buffersPerParameter
        var text =
            "\(byteSize(memory.total(optimizerBuffers: buffers))): feature maps \(byteSize(memory.activations)), weights "
            + "\(byteSize(memory.parameters)), gradients and optimizer \(byteSize(memory.gradients * (1 + buffers)))"
        if memory.recomputedLayers > 0 {
            text +=
                "; to keep to \(byteSize(job.memoryLimit ?? 0)), \(counted(memory.recomputedLayers, "layer")) (about "
                + "\(fixed(100 * memory.recomputedWork, 0)) % of the forward pass) are computed twice"
        }
        return text
    }

    /// Refuses before the first step what this machine cannot hold, and says what it could.
    private func refuseTooMuch(_ memory: TrainingMemory, of run: FineTuneRun) throws {
        guard let available = ProcessMemory.availableByteCount else { return }
        let buffers = run.settings.buffersPerParameter
        let needed = memory.total(optimizerBuffers: buffers)
        guard needed > available else { return }
        var advice = ["a smaller --image-size"]
        var smaller = run
        while smaller.settings.batch > 1 {
            smaller.settings.batch /= 2
            guard try smaller.memory().total(optimizerBuffers: buffers) <= available else { continue }
            let factor = (run.settings.batch + smaller.settings.batch - 1) / smaller.settings.batch
            advice.insert(
                "--batch \(smaller.settings.batch) --accumulate \(run.settings.accumulate * factor) for the same steps",
                at: 0)
            break
        }
        var limited = run
        limited.memoryLimit = available
        if (try? limited.memory()) != nil {
            advice.insert("--memory \(available / 1_000_000)MB, which computes some feature maps twice", at: 0)
        }
        throw ToolError.failure(
            "training would take \(byteSize(needed)) and \(byteSize(available)) are available; what fits: "
                + advice.joined(separator: ", or "))
    }

    /// Trains one part and evaluates its model.
    func run(_ part: FineTuneData.Part, settings: FineTuneSettings, in folder: String) throws -> FineTuneResult {
        let run = try run(part, settings: settings, folder: folder)
        try output.say([""])
        output.beginEpochs()
        let outcome = try follow(run, epochs: settings.epochs)
        let path = FineTuneRun.modelPath(in: folder)
        let evaluation = FineTuneEvaluation(
            predictor: try Predictor(
                SegmentationModel(reading: path), batchSize: settings.batch, threads: job.threads),
            data: data, output: output)
        let validation = try evaluation.validation(part)
        let test = try evaluation.test()
        try evaluation.writeOverlays(part, in: folder + "/overlays")
        return FineTuneResult(
            part: part, folder: folder, outcome: outcome, modelPath: path, test: test, validation: validation)
    }

    private func follow(_ run: FineTuneRun, epochs: Int) throws -> FineTuneRun.Outcome {
        // What showing throws (a closed output) ends the run, too.
        var failure: (any Error)?
        defer {
            output.clearCurve()
            output.progress.clear()
        }
        let outcome: FineTuneRun.Outcome
        do throws(AnalyzerError) {
            outcome = try run.run(isCancelled: { Interrupt.isRequested || failure != nil }) { event in
                do { try show(event, epochs: epochs) } catch { failure = failure ?? error }
            }
        } catch {
            if let failure { throw failure }
            guard case .cancelled = error else { throw error }
            throw ToolError.interrupted(
                "stopped; the state is kept in \(FineTuneRun.statePath(in: run.folder)), and the same command with --resume "
                    + "goes on from there")
        }
        if let failure { throw failure }
        return outcome
    }

    private func show(_ event: FineTuneRun.Event, epochs: Int) throws {
        switch event {
        case .resumed(let history, let batch):
            let place = batch > 0 ? ", batch \(batch) of the next" : ""
            try output.say(["  going on after epoch \(history.epochs.last?.epoch ?? 0)\(place)"])
        case .unfroze(let epoch): try output.say(["  the encoder is trained from epoch \(epoch) on"])
        case .batch(let batch): output.show(batch, epochs: epochs)
        case .epoch(let history, let isBest): try output.show(history, epochs: epochs, isBest: isBest)
        case .note(let text): try output.warn(text)
        }
    }
}
