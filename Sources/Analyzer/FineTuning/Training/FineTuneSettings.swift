// Everything that a fine-tuning depends on besides the encoder and the images.

public import Engine

/// The choices of a fine-tuning.
public struct FineTuneSettings: Sendable, Hashable {
    /// The decoder; its number of classes is set by the data.
    public var network: SegmentationKind
    /// Channels after each decoder level, deepest first; nil for the decoder's own.
    public var decoderChannels: [Int]?
    /// Stochastic depth at the last block; nil for the decoder's own.
    public var dropPathRate: Float?
    /// Whether two classes have two logits.
    public var isSoftmax = false
    /// The loss; its class weights are set by ``classWeights``.
    public var loss: LossOptions
    /// How much each class counts.
    public var classWeights = ClassWeightChoice.none
    /// The optimizer with its learning rates.
    public var optimizer: OptimizerOptions
    /// How the learning rates change.
    public var schedule: LearningRateSchedule
    /// Epochs in which the learning rates rise from 0.
    public var warmupEpochs = 0.0
    /// How often every training image is seen.
    public var epochs = 50
    /// Images of a batch.
    public var batch = 8
    /// Batches whose gradients are averaged for one step of the optimizer.
    public var accumulate = 1
    /// How images are changed while they are trained on.
    public var augmentation: AugmentationOptions
    /// What is not trained.
    public var freezing = Freezing.nothing
    /// The largest norm of the gradients; larger ones are scaled down to it. nil for no limit.
    public var clip: Float?
    /// The decay of the weights' running average, which is then what is evaluated and saved; nil for none.
    public var averageDecay: Float?
    /// Whether the encoder starts from random weights too: the baseline.
    public var startsFromScratch = false
    /// Fixes initial weights, order, augmentation and dropped branches.
    public var seed: UInt64 = 0

    /// The defaults around a network, loss, optimizer, schedule and augmentation.
    public init(
        network: SegmentationKind, loss: LossOptions, optimizer: OptimizerOptions, schedule: LearningRateSchedule,
        augmentation: AugmentationOptions
    ) {
        self.network = network
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.augmentation = augmentation
    }

    /// Optimizer steps of one epoch.
    func steps(batches: Int) -> Int { (batches + accumulate - 1) / max(1, accumulate) }

    /// The schedule with its warm-up in steps.
    func schedule(stepsPerEpoch: Int) -> LearningRateSchedule {
        var schedule = schedule
        schedule.warmupSteps = Int((warmupEpochs * Double(stepsPerEpoch)).rounded())
        return schedule
    }

    /// What another run must share to be continued as this one, in words for each choice.
    public var identity: [String: String] {
        [
            "network": network.rawValue,
            "decoder-channels": decoderChannels.map { "\($0)" } ?? "its own",
            "drop-path": dropPathRate.map { "\($0)" } ?? "its own",
            "softmax": "\(isSoftmax)",
            "loss": "\(loss)", "class-weights": "\(classWeights)",
            "optimizer": optimizerText, "schedule": "\(schedule.kind.rawValue)", "warmup": "\(warmupEpochs)",
            "epochs": "\(epochs)", "batch": "\(batch)", "accumulate": "\(accumulate)",
            "augment": "\(augmentation)", "freeze": "\(freezing)",
            "clip": clip.map { "\($0)" } ?? "none", "average": averageDecay.map { "\($0)" } ?? "none",
            "from scratch": "\(startsFromScratch)", "seed": "\(seed)",
        ]
    }
}

extension FineTuneSettings {
    /// The optimizer and its numbers.
    public var optimizerText: String {
        var words = ["\(optimizer.kind.rawValue)", "rate \(optimizer.learningRate)"]
        if let rate = optimizer.encoderLearningRate { words.append("encoder \(rate)") }
        if optimizer.kind == .sgd {
            words.append("\(optimizer.nesterov ? "Nesterov" : "momentum") \(optimizer.momentum)")
        }
        return (words + ["weight decay \(optimizer.weightDecay)"]).joined(separator: ", ")
    }
}

/// How much each class counts in the loss.
public enum ClassWeightChoice: Sendable, Hashable {
    /// Every class alike.
    case none
    /// From the share of pixels of each class in the training images; see ``ClassWeighting``.
    case automatic
    /// One weight a class, the background first.
    case given([Float])
}

extension ClassWeightChoice: CustomStringConvertible {
    /// As the command line has it.
    public var description: String {
        switch self {
        case .none: "none"
        case .automatic: "auto"
        case .given(let weights): weights.map { "\($0)" }.joined(separator: ",")
        }
    }
}
