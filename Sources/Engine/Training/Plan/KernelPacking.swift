// A convolution's kernel between PyTorch's shape and the one that oneDNN computes with: whole blocks of channels, the
// axes of transposed kernels swapped, narrow groups merged.

import Formats

/// How a kernel of PyTorch's shape fills oneDNN's plain axes.
struct KernelPacking {
    /// Outputs × inputs × h × w, or groups first.
    let axes: [Int]
    private let groups: Int
    private let mergedGroups: Int
    private let isTransposed: Bool
    /// Of the network's kernel: outputs in all, inputs of a group, taps.
    private let outputs: Int, inputs: Int, area: Int
    private let storedInputs: Int
    /// From one tap of a kernel to the next.
    private let tapStride: Int

    /// The kernel of a convolution that reads a doubled map, its taps as outputs of a 1×1 convolution.
    init(_ convolution: Op.Convolution, _ doubling: DoublingConvolution) {
        let shape = convolution.weight.shape
        (groups, mergedGroups, isTransposed) = (1, 1, false)
        (outputs, inputs, area) = (shape[0], shape[1], 4)
        storedInputs = doubling.source.storedChannels
        axes = [doubling.products.channels, storedInputs, 1, 1]
        tapStride = doubling.target.storedChannels * storedInputs
    }

    init(_ convolution: Op.Convolution, _ geometry: ConvolutionGeometry, isTransposed: Bool) {
        let shape = convolution.weight.shape
        groups = convolution.groups
        mergedGroups = geometry.mergedGroups
        self.isTransposed = isTransposed
        outputs = isTransposed ? shape[1] * groups : shape[0]
        inputs = isTransposed ? shape[0] / groups : shape[1]
        area = shape[2] * shape[3]
        axes = geometry.weightAxes
        storedInputs = axes.count == 5 ? axes[2] : axes[1]
        tapStride = 1
    }

    /// Whether the layout has places that the network's kernel has not and whose gradient is not zero by itself.
    var needsMask: Bool { mergedGroups > 1 }

    /// Where the first tap of each of the network's kernels goes.
    private func forEachKernel(_ body: (_ plain: Int, _ filled: Int) -> Void) {
        let reach = tapStride == 1 ? area : 1
        let perGroup = outputs / groups
        for output in 0..<outputs {
            let group = output / perGroup
            let place = mergedGroups > 1 ? group % mergedGroups * inputs : 0
            for input in 0..<inputs {
                let plain =
                    isTransposed
                    ? ((group * inputs + input) * perGroup + output % perGroup) * area
                    : (output * inputs + input) * area
                body(plain, (output * storedInputs + place + input) * reach)
            }
        }
    }

    /// oneDNN's plain values: the network's with zeros where it has none.
    func filled(_ values: [Float]) -> [Float] {
        var result = [Float](repeating: 0, count: axes.reduce(1, *))
        values.withUnsafeBufferPointer { from in
            result.withUnsafeMutableBufferPointer { to in
                forEachKernel { plain, filled in
                    for tap in 0..<area { to[filled + tap * tapStride] = from[plain + tap] }
                }
            }
        }
        return result
    }

    /// The network's values among oneDNN's plain ones.
    func unfilled(_ values: [Float]) -> [Float] {
        var result = [Float](repeating: 0, count: outputs * inputs * area)
        values.withUnsafeBufferPointer { from in
            result.withUnsafeMutableBufferPointer { to in
                forEachKernel { plain, filled in
                    for tap in 0..<area { to[plain + tap] = from[filled + tap * tapStride] }
                }
            }
        }
        return result
    }
}
