// Which batches a training sees, and how each is made. Making one depends on nothing but its place.

public import Engine

/// All batches of a training, addressed by epoch and number.
///
/// ``batch(_:_:)`` makes one on the spot; ``stream(from:epochs:)`` makes them ahead on threads of its own. Both give the same
/// bits, whatever the threads and wherever one begins, so a training can go on in the middle of an epoch.
public struct TrainingFeed: Sendable {
    /// Where images and labels are from.
    public let data: SegmentationData
    /// The images of an epoch.
    public let images: [Int]
    /// How batches are made.
    public let options: TrainingFeedOptions
    /// From an image to the network's input.
    public let input: NetworkInput
    private let augmenter: Augmenter
    private let plan: BatchPlan

    /// Batches of some images.
    ///
    /// - Parameters:
    ///   - images: numbers in `data`, such as a ``DataSplit``'s.
    ///   - channels: how many the network takes; grey images are repeated.
    ///   - normalization: the network's scale.
    /// - Throws: ``AnalyzerError/option(name:value:expected:)`` for batches of no image or augmentation out of range,
    ///   ``AnalyzerError/tooFewImages(source:found:)`` for fewer images than one batch needs,
    ///   ``AnalyzerError/channels(source:network:)``.
    public init(
        _ data: SegmentationData, images: [Int], channels: Int, normalization: InputNormalization,
        options: TrainingFeedOptions = TrainingFeedOptions()
    ) throws(AnalyzerError) {
        guard options.batchSize > 0 else {
            throw .option(name: "--batch", value: "\(options.batchSize)", expected: "at least one image")
        }
        let plan = BatchPlan(count: images.count, size: options.batchSize, last: options.lastBatch)
        guard plan.batches > 0 else {
            throw .option(
                name: "--batch", value: "\(options.batchSize)",
                expected: images.isEmpty
                    ? "images to make batches of; the list is empty"
                    : "at most \(images.count), the number of images, when incomplete batches are dropped")
        }
        (self.data, self.images, self.options, self.plan) = (data, images, options, plan)
        input = try NetworkInput(data.imageShape, channels: channels, normalization: normalization)
        augmenter = try Augmenter(options.augmentation, shape: data.imageShape, seed: options.seed)
    }

    /// How many batches an epoch has.
    public var batchesPerEpoch: Int { plan.batches }

    /// The images of an epoch in order, by number in ``data``; with ``LastBatch/drop`` the last ones take no part.
    public func order(ofEpoch epoch: Int) -> [Int] {
        let order =
            options.shuffles
            ? EpochOrder(seed: options.seed, epoch: epoch, count: images.count)
            : EpochOrder(unshuffled: images.count)
        return order.positions.map { images[$0] }
    }

    /// Makes one batch.
    ///
    /// - Precondition: `number` is below ``batchesPerEpoch``.
    /// - Throws: ``AnalyzerError/format(_:)`` when a file is gone, damaged or changed.
    public func batch(_ epoch: Int, _ number: Int) throws(AnalyzerError) -> TrainingBatch {
        try batch(epoch, number, order: order(ofEpoch: epoch))
    }

    func batch(_ epoch: Int, _ number: Int, order: [Int]) throws(AnalyzerError) -> TrainingBatch {
        precondition(number >= 0 && number < batchesPerEpoch, "an epoch has \(batchesPerEpoch) batches")
        let members = Array(order[plan.positions(of: number)])
        var sources: [(image: [Float], labels: [UInt8])] = []
        for member in members { sources.append((try data.image(member), try data.labels(member))) }
        var values: [Float] = []
        let plane = data.imageShape.height * data.imageShape.width
        let labels = [UInt8](unsafeUninitializedCapacity: members.count * plane) { labels, labelCount in
            values = [Float](unsafeUninitializedCapacity: members.count * input.count) { values, count in
                for (row, source) in sources.enumerated() {
                    let place = UnsafeMutableBufferPointer(
                        rebasing: values[row * input.count..<(row + 1) * input.count])
                    let labelPlace = UnsafeMutableBufferPointer(rebasing: labels[row * plane..<(row + 1) * plane])
                    write(source.image, source.labels, of: members[row], epoch, to: place, labelPlace)
                }
                count = members.count * input.count
            }
            labelCount = members.count * plane
        }
        return TrainingBatch(
            epoch: epoch, number: number, isLastOfEpoch: number == batchesPerEpoch - 1, images: members,
            values: values, labels: labels)
    }

    /// Changes one image and scales it for the network.
    private func write(
        _ image: [Float], _ labels: [UInt8], of number: Int, _ epoch: Int,
        to values: UnsafeMutableBufferPointer<Float>, _ moved: UnsafeMutableBufferPointer<UInt8>
    ) {
        guard !options.augmentation.isNone else {
            image.withUnsafeBufferPointer { input.write($0, to: values) }
            _ = moved.initialize(fromContentsOf: labels)
            return
        }
        let draw = augmenter.draw(identity: data.identity(of: number), epoch: epoch)
        withUnsafeTemporaryAllocation(of: Float.self, capacity: image.count) { scratch in
            augmenter.write(draw, image, labels, to: scratch, moved)
            input.write(UnsafeBufferPointer(scratch), to: values)
        }
    }

    /// Makes batches ahead on background threads, in order.
    ///
    /// - Parameters:
    ///   - position: the first batch.
    ///   - epochs: the epoch to stop before; counted from 0, so the number of epochs of the whole training.
    public func stream(from position: FeedPosition = FeedPosition(), epochs: Int) -> TrainingStream {
        TrainingStream(self, from: position, epochs: epochs)
    }
}
