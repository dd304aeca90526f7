// Options that say how a segmentation network is built and trained.

import Analyzer
import ArgumentParser
import Engine

/// The network's options.
struct NetworkChoices: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The decoder: unet, attention-unet, swin-unet (the paper's), or smp-unet (loads in "
                + "segmentation_models_pytorch).",
            valueName: "network"),
        transform: { try word($0, SegmentationKind.self) })
    var network = SegmentationKind.unet

    @Option(
        help: ArgumentHelp("Channels after each decoder level, deepest first.", valueName: "256,128,…"),
        transform: { try integers($0) })
    var decoderChannels: [Int]?

    @Option(help: ArgumentHelp("Stochastic depth at the last block. (default: the network's own)", valueName: "rate"))
    var dropPath: Float?

    @Flag(help: "Two logits for two classes (softmax) instead of one (sigmoid).")
    var softmax = false

    func validate() throws {
        guard dropPath.map({ $0 >= 0 && $0 < 1 }) ?? true else {
            throw ValidationError("--drop-path must be from 0 to below 1")
        }
    }
}

/// The training's options.
struct TrainingChoices: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Terms joined by +: \(allWords(LossTerm.self)). Equal weight each.", valueName: "loss"),
        transform: { try parsed($0) { try LossOptions(parsing: $0) } })
    var loss = LossOptions(terms: [.dice, .crossEntropy])

    @Option(
        help: ArgumentHelp(
            "How much each class counts, the background first; or auto, from the training images.", valueName: "1,1,4"),
        transform: { try classWeighting($0) })
    var classWeights = ClassWeightChoice.none

    @Option(
        help: ArgumentHelp("\(allWords(OptimizerKind.self)).", valueName: "optimizer"),
        transform: { try word($0, OptimizerKind.self) })
    var optimizer = OptimizerKind.adamw

    @Option(help: ArgumentHelp("The learning rate. (default: 0.001; 0.05 for sgd)", valueName: "rate"))
    var lr: Float?

    @Option(help: ArgumentHelp("Another learning rate for the encoder.", valueName: "rate"))
    var encoderLr: Float?

    @Option(help: ArgumentHelp("Weight decay. (default: PyTorch's for the optimizer)", valueName: "decay"))
    var weightDecay: Float?

    @Option(help: "Momentum of sgd.")
    var momentum: Float = 0.9

    @Flag(help: "Nesterov's momentum for sgd.")
    var nesterov = false

    @Option(
        help: ArgumentHelp("How the learning rate falls: \(allWords(ScheduleKind.self)).", valueName: "schedule"),
        transform: { try word($0, ScheduleKind.self) })
    var schedule = ScheduleKind.poly

    @Option(help: ArgumentHelp("Epochs in which the learning rate rises from 0.", valueName: "epochs"))
    var warmup = 0.0

    @Option(help: "How often every training image is seen.")
    var epochs = 50

    @Option(help: "Images of a batch.")
    var batch = 8

    @Option(help: ArgumentHelp("Batches averaged for one step of the optimizer.", valueName: "batches"))
    var accumulate = 1

    @Option(
        help: ArgumentHelp(
            "Random changes of the training images, joined by commas: flips (left to right), vflip, rotate=180, rot90, scale=0.2, "
                + "translate=0.1, crop=0.5, elastic, jitter, brightness=0.1, gamma=0.3, paper-acdc, paper-idrid.",
            valueName: "changes"),
        transform: { try parsed($0) { try AugmentationOptions(parsing: $0) } })
    var augment = AugmentationOptions()

    @Option(
        help: ArgumentHelp(
            "What keeps its weights: none, encoder, or the encoder for the first N-epochs.", valueName: "part"),
        transform: { try freezing($0) })
    var freeze = Freezing.nothing

    @Option(help: ArgumentHelp("The largest norm of the gradients.", valueName: "norm"))
    var clip: Float?

    @Option(
        help: ArgumentHelp(
            "Keep a running average of the weights with this decay, such as 0.999; it is evaluated and saved.",
            valueName: "decay"))
    var ema: Float?

    func validate() throws {
        func check(_ holds: Bool, _ message: String) throws { if !holds { throw ValidationError(message) } }
        try check((1...100_000).contains(epochs), "--epochs must be from 1 to 100000")
        try check((1...1024).contains(batch), "--batch must be from 1 to 1024")
        try check((1...1024).contains(accumulate), "--accumulate must be from 1 to 1024")
        for (name, value) in [("--lr", lr), ("--encoder-lr", encoderLr)] {
            try check(value.map { $0 >= 0 && $0.isFinite } ?? true, "\(name) must be 0 or above")
        }
        try check(weightDecay.map { $0 >= 0 && $0.isFinite } ?? true, "--weight-decay must be 0 or above")
        try check(momentum >= 0 && momentum < 1, "--momentum must be from 0 to below 1")
        try check(clip.map { $0 > 0 && $0.isFinite } ?? true, "--clip must be above 0")
        try check(ema.map { $0 > 0 && $0 < 1 } ?? true, "--ema must be between 0 and 1")
        try check(warmup >= 0 && warmup < Double(epochs), "--warmup must be from 0 to below --epochs")
        try check(!nesterov || optimizer == .sgd, "--nesterov belongs to --optimizer sgd")
    }

    /// The optimizer with its learning rates.
    var optimizerOptions: OptimizerOptions {
        var options = OptimizerOptions(kind: optimizer, learningRate: lr ?? (optimizer == .sgd ? 0.05 : 1e-3))
        options.encoderLearningRate = encoderLr
        options.momentum = momentum
        options.nesterov = nesterov
        if let weightDecay { options.weightDecay = weightDecay }
        return options
    }

    /// All choices but the seed.
    func settings(_ network: NetworkChoices) -> FineTuneSettings {
        var settings = FineTuneSettings(
            network: network.network, loss: loss, optimizer: optimizerOptions,
            schedule: LearningRateSchedule(schedule), augmentation: augment)
        settings.decoderChannels = network.decoderChannels
        settings.dropPathRate = network.dropPath
        settings.isSoftmax = network.softmax
        settings.classWeights = classWeights
        settings.epochs = epochs
        settings.warmupEpochs = warmup
        settings.batch = batch
        settings.accumulate = accumulate
        settings.freezing = freeze
        settings.clip = clip
        settings.averageDecay = ema
        return settings
    }
}

/// `none`, `auto`, or numbers above 0.
private func classWeighting(_ text: String) throws -> ClassWeightChoice {
    switch text {
    case "none": return .none
    case "auto": return .automatic
    default:
        let weights = text.split(separator: ",", omittingEmptySubsequences: false).map { Float($0) ?? -1 }
        guard weights.count > 1, weights.allSatisfy({ $0 >= 0 && $0.isFinite }), weights.contains(where: { $0 > 0 })
        else { throw ValidationError("expected auto, or a number for each class such as 1,1,4") }
        return .given(weights)
    }
}

private func freezing(_ text: String) throws -> Freezing {
    guard let freezing = Freezing(text) else { throw ValidationError("expected none, encoder, or 5-epochs") }
    return freezing
}

/// What a library reads from a text; its refusal becomes one of the command line.
private func parsed<Value>(_ text: String, _ read: (String) throws -> Value) throws -> Value {
    do { return try read(text) } catch { throw ValidationError("\(error)") }
}
