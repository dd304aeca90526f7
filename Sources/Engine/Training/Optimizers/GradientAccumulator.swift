// Gradients of several batches as one, for batches that do not fit in memory at once.

import CKernels

/// Sums the gradients of several backward passes and hands their mean to the optimizer: what PyTorch's gradients are
/// after k times `(loss / k).backward()`.
///
/// ```swift
/// for batch in batches { …; try plan.backward(gradient); accumulator.add() }
/// accumulator.finish()
/// optimizer.step(factor: factor)
/// ```
public final class GradientAccumulator {
    private let loop: ParameterLoop
    private let buffers: ParameterBuffers
    private let memory: [UnsafeMutablePointer<Float>?]
    /// How many backward passes have been added since the last ``finish()``.
    public private(set) var count = 0

    /// Prepares memory for the parameters that are learned by the plans made so far.
    public init(of parameters: TrainingParameters, threads: Int) {
        loop = ParameterLoop(parameters, threads: threads)
        buffers = ParameterBuffers(of: parameters)
        memory = loop.memory(in: buffers)
    }

    /// Bytes of the sums.
    public var byteCount: Int { buffers.byteCount }

    /// Adds the gradients of the last backward pass.
    public func add() {
        let works = zip(loop.slots, memory).map { slot, memory in
            CK_Scaling(source: slot.gradient, destination: memory, count: Int64(slot.count), scale: 1)
        }
        if count == 0 { loop.run(works) { CK_scaled($0, $1) } } else { loop.run(works) { CK_add_scaled($0, $1) } }
        count += 1
    }

    /// Puts the mean where the gradients are and begins anew; does nothing when nothing was added.
    public func finish() {
        guard count > 0 else { return }
        let scale = 1 / Float(count)
        let works = zip(loop.slots, memory).map { slot, memory in
            CK_Scaling(source: memory, destination: slot.gradient, count: Int64(slot.count), scale: scale)
        }
        loop.run(works) { CK_scaled($0, $1) }
        count = 0
    }
}
