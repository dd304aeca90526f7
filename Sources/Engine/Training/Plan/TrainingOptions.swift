// What a training plan may change, and how much memory it may take.

/// What a training plan may change and how.
public struct TrainingOptions: Sendable {
    /// How many threads the kernels use. Values are the same to the bit for the same number.
    public var threads: Int
    /// How far a batch moves the running statistics (PyTorch's `momentum`).
    public var momentum: Float
    /// Names of the running means of the normalisations that use their running statistics and leave them as they are.
    public var frozenStatistics: Set<String>
    /// The most bytes that ``TrainingMemory/total(optimizerBuffers:)`` may be; nil for any number. Feature maps that do
    /// not fit are computed again in the backward pass, which changes no value.
    public var memoryLimit: Int?
    /// How many numbers the optimizer keeps for every trained one: counts for ``memoryLimit``.
    public var optimizerBuffers: Int

    /// Trains everything by default, in as much memory as it takes.
    public init(
        threads: Int, momentum: Float = 0.1, frozenStatistics: Set<String> = [], memoryLimit: Int? = nil,
        optimizerBuffers: Int = 0
    ) {
        self.threads = threads
        self.momentum = momentum
        self.frozenStatistics = frozenStatistics
        self.memoryLimit = memoryLimit
        self.optimizerBuffers = optimizerBuffers
    }

    func isFrozen(_ norm: Op.BatchNorm) -> Bool { frozenStatistics.contains(norm.mean.name) }
}
