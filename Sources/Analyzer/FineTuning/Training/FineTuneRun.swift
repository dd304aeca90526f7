// The loop of a fine-tuning: epochs of batches, a state after each, the best weights by validation.

public import Engine
import FoundationEssentials
import Formats

/// One network trained on one set of images into one folder.
public struct FineTuneRun: Sendable {
    /// The choices.
    public var settings: FineTuneSettings
    /// What the saved model will say of itself; describes the network.
    public var card: SegmentationCard
    /// The weights to start from.
    public var initial: any ParameterSource
    /// The images with their masks.
    public var data: SegmentationData
    /// Which of them are trained on.
    public var training: [Int]
    /// Which of them choose the best epoch; none: the last epoch is kept.
    public var validation: [Int]
    /// The folder for model, history and states.
    public var folder: String
    /// Whether to go on from the states in the folder.
    public var resumes = false
    /// Threads of the kernels.
    public var threads = 1
    /// Bytes that training may take: feature maps are computed twice, and what cannot be kept is refused.
    public var memoryLimit: Int?
    /// More that a continued run must share: the checkpoint's and the images' content.
    public var identity: [String: String] = [:]

    /// A run.
    public init(
        settings: FineTuneSettings, card: SegmentationCard, initial: any ParameterSource, data: SegmentationData,
        training: [Int], validation: [Int], folder: String
    ) {
        self.settings = settings
        self.card = card
        self.initial = initial
        self.data = data
        self.training = training
        self.validation = validation
        self.folder = folder
    }

    /// What happens, for whoever shows it.
    public enum Event: Sendable {
        /// An earlier run is continued.
        case resumed(TrainingHistory, batch: Int)
        /// The encoder is trained from this epoch on, counted from 1.
        case unfroze(epoch: Int)
        /// A batch is done.
        case batch(BatchProgress)
        /// An epoch is done.
        case epoch(TrainingHistory, isBest: Bool)
        /// Something worth a line.
        case note(String)
    }

    /// How far an epoch is.
    public struct BatchProgress: Sendable {
        /// Counted from 1.
        public let epoch: Int
        /// Finished batches.
        public let batch: Int
        /// Of the epoch.
        public let batches: Int
        /// The epoch's mean loss so far.
        public let loss: Double
    }

    /// What a run leaves.
    public struct Outcome: Sendable {
        /// All epochs.
        public let history: TrainingHistory
        /// The epoch whose weights are in model.safetensors.
        public let bestEpoch: Int
        /// Its mean Dice on the validation images; nil without any.
        public let bestDice: Double?
    }

    /// The model to use: the best epoch by validation, or the last.
    public static func modelPath(in folder: String) -> String { folder + "/model.safetensors" }
    /// The last epoch's model.
    public static func lastModelPath(in folder: String) -> String { folder + "/model_last.safetensors" }
    /// The table of epochs.
    public static func historyPath(in folder: String) -> String { folder + "/history.csv" }
    /// The folder of states.
    public static func statePath(in folder: String) -> String { folder + "/state" }

    /// Trains to the last epoch.
    ///
    /// - Throws: ``AnalyzerError/cancelled`` after the state was written; ``AnalyzerError/training(place:problem:advice:)``
    ///   for a loss that is no number; whatever a file or the engine throws.
    public func run(
        isCancelled: () -> Bool = { false }, onEvent: @escaping (Event) -> Void = { _ in }
    ) throws(AnalyzerError) -> Outcome {
        do throws(FormatError) { try makeFolder(Self.statePath(in: folder)) } catch { throw .format(error) }
        var loop = try FineTuneLoop(self, onEvent: onEvent)
        while loop.progress.epoch < settings.epochs {
            try loop.runEpoch(isCancelled: isCancelled)
        }
        return try loop.finish()
    }
}

/// The state of a run while it goes on.
private struct FineTuneLoop {
    let run: FineTuneRun
    let trainer: NetworkTrainer
    let states: TrainingStateFolder
    let onEvent: (FineTuneRun.Event) -> Void
    let batchCount: Int
    private let stream: TrainingStream
    var progress = TrainingProgress()

    private var settings: FineTuneSettings { run.settings }

    init(_ run: FineTuneRun, onEvent: @escaping (FineTuneRun.Event) -> Void) throws(AnalyzerError) {
        self.run = run
        self.onEvent = onEvent
        states = TrainingStateFolder(path: FineTuneRun.statePath(in: run.folder))
        let feed = try run.feed()
        batchCount = feed.batchesPerEpoch
        let identity = run.settings.identity.merging(run.identity) { $1 }
        progress.identity = identity
        let state = run.resumes ? try states.newest { onEvent(.note($0)) } : nil
        if let state {
            try Self.compare(state.progress.identity, identity, folder: run.folder)
            progress = state.progress
        }
        do throws(EngineError) {
            var loss = run.settings.loss
            loss.classWeights = run.classWeights
            trainer = try NetworkTrainer(
                try run.card.network(), source: run.initial, settings: run.settings, loss: loss,
                size: run.card.imageSize,
                freezesEncoder: run.settings.freezing.freezesEncoder(in: progress.epoch),
                memoryLimit: run.memoryLimit, threads: run.threads)
            if let state { try trainer.restore(state.network) }
        } catch { throw .engine(error) }
        stream = feed.stream(
            from: FeedPosition(epoch: progress.epoch, batch: progress.batch), epochs: run.settings.epochs)
        if state != nil { onEvent(.resumed(history, batch: progress.batch)) }
    }

    private static func compare(
        _ stored: [String: String], _ now: [String: String], folder: String
    ) throws(AnalyzerError) {
        let differing = Set(stored.keys).union(now.keys).sorted().filter { stored[$0] != now[$0] }
        guard let first = differing.first else { return }
        throw .training(
            place: folder,
            problem: "the run there was started with other choices: "
                + differing.map { "\($0) \(stored[$0] ?? "unset"), now \(now[$0] ?? "unset")" }.joined(separator: "; "),
            advice: "repeat the command with its \(first), or start anew in another folder")
    }

    private var history: TrainingHistory {
        TrainingHistory(
            epochs: progress.history, terms: settings.loss.terms.map(\.rawValue),
            classes: Array(run.card.classNames.dropFirst()))
    }

    // MARK: Epochs

    mutating func runEpoch(isCancelled: () -> Bool) throws(AnalyzerError) {
        let epoch = progress.epoch
        if trainer.isEncoderFrozen, !settings.freezing.freezesEncoder(in: epoch) {
            do throws(EngineError) { try trainer.unfreezeEncoder() } catch { throw .engine(error) }
            onEvent(.unfroze(epoch: epoch + 1))
        }
        let clock = ContinuousClock()
        var last = clock.now
        var waited = stream.statistics.waitingSeconds
        while progress.batch < batchCount, let batch = try stream.next() {
            try train(on: batch)
            let now = clock.now
            let wait = stream.statistics.waitingSeconds
            progress.sums.seconds += (now - last).inSeconds
            progress.sums.waitingSeconds += wait - waited
            (last, waited) = (now, wait)
            onEvent(
                .batch(
                    FineTuneRun.BatchProgress(
                        epoch: epoch + 1, batch: progress.batch, batches: batchCount,
                        loss: progress.sums.loss / Double(max(1, progress.sums.batches)))))
            // Between two steps of the optimizer nothing is pending that the state does not hold.
            if isCancelled(), progress.batch < batchCount, progress.batch % settings.accumulate == 0 {
                try writeState()
                throw .cancelled
            }
        }
        try endEpoch()
        if isCancelled(), progress.epoch < settings.epochs { throw .cancelled }
    }

    private mutating func train(on batch: TrainingBatch) throws(AnalyzerError) {
        let accumulate = settings.accumulate
        let first = progress.batch / accumulate * accumulate
        let part = (number: progress.batch - first, count: min(accumulate, batchCount - first))
        let steps = settings.steps(batches: batchCount)
        let factor = settings.schedule(stepsPerEpoch: steps).factor(at: progress.step, of: settings.epochs * steps)
        let outcome: BatchOutcome
        do throws(EngineError) {
            outcome = try trainer.train(
                on: batch, identity: { run.data.identity(of: $0) }, part: part, factor: factor)
        } catch { throw .engine(error) }
        guard outcome.loss.isFinite, outcome.gradientNorm?.isFinite ?? true else { throw divergence(outcome) }
        progress.batch += 1
        progress.batches += 1
        progress.sums.add(outcome, images: batch.images.count)
        if outcome.gradientNorm != nil {
            progress.step += 1
            progress.sums.learningRate = trainer.learningRate(factor: factor)
        }
    }

    private func divergence(_ outcome: BatchOutcome) -> AnalyzerError {
        let what = outcome.loss.isFinite ? "the gradients are not finite" : "the loss is \(outcome.loss)"
        let kept =
            progress.epoch > 0
            ? "the state after epoch \(progress.epoch) and its model are kept in \(run.folder)"
            : "nothing was learned yet"
        return .training(
            place:
                "epoch \(progress.epoch + 1), batch \(progress.batch + 1) of \(batchCount) (step \(progress.step + 1))",
            problem: "\(what); \(kept)", advice: "a smaller --lr, --clip 1 or --warmup may help")
    }

    private mutating func endEpoch() throws(AnalyzerError) {
        progress.epoch += 1
        var record = progress.sums.record(epoch: progress.epoch, step: progress.step)
        progress.batch = 0
        progress.sums = EpochSums()
        record.validationDice = try run.validate(trainer.result)?.perClass
        progress.history.append(record)
        // Without validation images, or where no class was there to measure, the later epoch is taken.
        let dice = record.meanValidationDice
        let isBest = progress.best.map { (dice ?? -1) > $0.dice || dice == nil } ?? true
        if isBest {
            progress.best = TrainingProgress.BestEpoch(epoch: progress.epoch, dice: dice ?? -1)
            try writeModel(to: FineTuneRun.modelPath(in: run.folder))
        }
        try writeState()
        do throws(FormatError) { try AtomicFile.write(history.csv, to: FineTuneRun.historyPath(in: run.folder)) } catch
        {
            throw .format(error)
        }
        onEvent(.epoch(history, isBest: isBest && !run.validation.isEmpty))
    }

    // MARK: Files

    private func writeState() throws(AnalyzerError) {
        let network: NetworkState
        do throws(EngineError) { network = try trainer.state() } catch { throw .engine(error) }
        try states.write(TrainingState(progress: progress, network: network))
    }

    private func writeModel(to path: String) throws(AnalyzerError) {
        do throws(EngineError) {
            try SegmentationModel.write(
                run.card, values: trainer.result, batches: progress.batches,
                notes: [(key: "epoch", value: "\(progress.epoch)"), (key: "step", value: "\(progress.step)")], to: path)
        } catch { throw .engine(error) }
    }

    func finish() throws(AnalyzerError) -> FineTuneRun.Outcome {
        try writeModel(to: FineTuneRun.lastModelPath(in: run.folder))
        let best = progress.best
        return FineTuneRun.Outcome(
            history: history, bestEpoch: best?.epoch ?? progress.epoch,
            bestDice: run.validation.isEmpty ? nil : best?.dice)
    }
}
