// How much memory training takes, known before any of it is allocated.

/// Bytes that a training plan holds, by what they are for.
///
/// What the process holds besides (the program, oneDNN's kernels, images being read) is some tens of megabytes.
public struct TrainingMemory: Sendable, Hashable {
    /// Parameters and running statistics.
    public let parameters: Int
    /// The derivatives by the trained ones.
    public let gradients: Int
    /// Feature maps and the derivatives by them.
    public let activations: Int
    /// Logits, the kernels' temporary memory, constants.
    public let others: Int
    /// How many layers are computed again in the backward pass.
    public let recomputedLayers: Int
    /// Estimated share of the forward pass's work that is done twice.
    public let recomputedWork: Double

    /// Everything together.
    ///
    /// - Parameter optimizerBuffers: how many numbers are kept beside every trained one: 1 for SGD with momentum, 2 for
    ///   Adam, one more for averaged weights and for gradients accumulated over several batches.
    public func total(optimizerBuffers: Int = 0) -> Int {
        parameters + gradients * (1 + optimizerBuffers) + activations + others
    }
}
