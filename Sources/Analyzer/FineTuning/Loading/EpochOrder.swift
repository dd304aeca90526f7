// In which order an epoch goes through the images, and how they fall into batches.

/// The order of one epoch: a permutation that hangs on the seed and the epoch alone.
public struct EpochOrder: Sendable, Hashable {
    /// Positions 0..<count in the order of the epoch.
    public let positions: [Int]

    /// Draws an order.
    ///
    /// - Parameters:
    ///   - epoch: from 0.
    ///   - count: how many images there are.
    public init(seed: UInt64, epoch: Int, count: Int) {
        var generator = CounterGenerator(seed: seed, purpose: .epochOrder, place: UInt64(max(0, epoch)))
        positions = generator.permutation(of: count)
    }

    /// The images as they come.
    public init(unshuffled count: Int) { positions = Array(0..<count) }
}

/// What becomes of images that do not fill a batch at the end of an epoch.
public enum LastBatch: String, Sendable, Hashable, Codable, CaseIterable {
    /// A smaller batch, as PyTorch's `DataLoader` does by itself.
    case keep
    /// Left out in this epoch, as with `drop_last=True`; the next epoch's order leaves out others.
    case drop
}

/// How many batches an epoch has, and which positions each takes.
struct BatchPlan: Sendable, Hashable {
    let count: Int
    let size: Int
    let last: LastBatch

    /// Batches in an epoch.
    var batches: Int { last == .drop ? count / size : (count + size - 1) / size }

    /// The positions of a batch in the epoch's order.
    func positions(of batch: Int) -> Range<Int> { batch * size..<min(count, (batch + 1) * size) }
}
