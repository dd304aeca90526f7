// A batch of images and labels as the network and the loss want them.

/// Images and labels of one training step.
public struct TrainingBatch: Sendable {
    /// From 0.
    public let epoch: Int
    /// The batch within the epoch, from 0.
    public let number: Int
    /// Whether the epoch ends with it.
    public let isLastOfEpoch: Bool
    /// The images, by number in the ``SegmentationData``.
    public let images: [Int]
    /// N × channels × height × width, scaled for the network.
    public let values: [Float]
    /// N × height × width class indices, ``LabelScheme/ignoredIndex`` where ignored.
    public let labels: [UInt8]

    /// How many images there are.
    public var count: Int { images.count }
}

/// A place in a training: the next batch to come.
public struct FeedPosition: Sendable, Hashable, Codable {
    /// From 0.
    public var epoch: Int
    /// The batch within the epoch, from 0.
    public var batch: Int

    /// The beginning, or a place to go on from.
    public init(epoch: Int = 0, batch: Int = 0) {
        self.epoch = epoch
        self.batch = batch
    }
}

/// What a feed is asked for.
public struct TrainingFeedOptions: Sendable, Hashable {
    /// Images a batch.
    public var batchSize = 4
    /// Fixes the order and every change of images.
    public var seed: UInt64 = 1
    /// How images vary.
    public var augmentation = AugmentationOptions()
    /// Whether each epoch has an order of its own; evaluation takes the images as they come.
    public var shuffles = true
    /// What becomes of a last batch that is not full.
    public var lastBatch = LastBatch.keep
    /// Threads that make batches ahead of the one in use; never changes a value.
    public var threads = 2
    /// Batches that may be ready ahead of the one in use.
    public var lookAhead = 4

    /// The defaults.
    public init() {}

    /// For validation and tests: images in order, unchanged, all of them.
    public static func evaluation(batchSize: Int) -> TrainingFeedOptions {
        var options = TrainingFeedOptions()
        (options.batchSize, options.shuffles) = (batchSize, false)
        return options
    }
}

/// How long the consumer of a feed waited.
public struct FeedStatistics: Sendable, Hashable {
    /// Batches that were taken.
    public internal(set) var batches = 0
    /// Seconds from when the first batch was asked for to when the last one was.
    public internal(set) var seconds = 0.0
    /// Seconds of these spent waiting for a batch.
    public internal(set) var waitingSeconds = 0.0
    /// Seconds spent waiting for the first batch, which nothing can hide.
    public internal(set) var firstWaitSeconds = 0.0
    /// Seconds that the making threads worked, all together.
    public internal(set) var makingSeconds = 0.0

    /// The share of time spent waiting after the first batch was there.
    public var waitingShare: Double {
        let time = seconds - firstWaitSeconds
        return time > 0 ? (waitingSeconds - firstWaitSeconds) / time : 0
    }
}
