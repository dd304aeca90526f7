// Stochastic depth in a training plan: which images of which residual branches take part in a step.

/// A residual branch that may be dropped.
public struct DropPathPlace: Sendable, Hashable {
    /// The layer's name.
    public let name: String
    /// The probability with which an image's branch is dropped.
    public let rate: Float
}

/// The factors of one branch, one for each image and channel, which the kernels read.
struct DropPathMemory {
    let node: Graph.NodeID
    let path: DropPathPlace
    /// What a kept branch is multiplied by.
    let factor: Float
    let perImage: Int, batch: Int
    let factors: AlignedBuffer

    func set(_ kept: [Bool]) {
        let target = factors.floats()
        for image in 0..<batch {
            let value = kept[image] ? factor : 0
            for channel in 0..<perImage { target[image * perImage + channel] = value }
        }
    }
}
