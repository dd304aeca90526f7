// The paper's decoder enlarges a map twice by nearest neighbour and convolves it with 2×2 kernels. Enlarging commutes with
// a 1×1 convolution, so the four taps' products are made on the small map, a quarter of the multiplications, and summed
// where they belong; the enlarged map is never made.

import CKernels
import COneDNN
import Formats

/// A 2×2 convolution, padded at the bottom and right, of a map doubled by nearest neighbour.
///
/// With x the small map and W_ab the kernel's taps, y[2i+p, 2j+q] = Σ_ab (W_ab x)[i + ⌊(p+a)/2⌋, j + ⌊(q+b)/2⌋], zero
/// beyond the map.
struct DoublingConvolution {
    /// The small map.
    let source: MapLayout
    let target: MapLayout

    /// Whether the steps exist for maps in such an order: blocks only.
    static func fits(_ order: MapLayout.Order) -> Bool {
        if case .blocked = order { true } else { false }
    }

    /// Whether `reader`, which reads what `enlargement` makes, can read the small map instead.
    ///
    /// - Parameter kernel: its size: 2, or 3 for ``DoublingConvolution3``.
    static func canMerge(_ enlargement: Op, _ reader: Op, kernel: Int = 2) -> Bool {
        guard case .upsample(Size2(2), .nearest) = enlargement, case .convolution(let convolution) = reader,
            Array(convolution.weight.shape.axes.dropFirst(2)) == [kernel, kernel], convolution.stride == Size2(1),
            convolution.dilation == Size2(1), convolution.groups == 1
        else { return false }
        // What TensorFlow calls SAME is the same here.
        return convolution.padding.resolved(
            input: Size2(4), window: Size2(kernel), stride: Size2(1), dilation: Size2(1))
            == Padding(top: kernel - 2, left: kernel - 2, bottom: 1, right: 1)
    }

    /// The layout of the four taps' products: theirs in the order of the kernel, as channels one after another.
    var products: MapLayout {
        var layout = source
        layout.channels = 4 * target.storedChannels
        return layout
    }

    /// The 1×1 convolution that makes the products.
    func pointwise(_ convolution: Op.Convolution) -> Op.Convolution {
        Op.Convolution(
            weight: Parameter(convolution.weight.name, [products.channels, convolution.weight.shape[1], 1, 1]),
            bias: nil)
    }
}

extension PlanBuilder {
    /// Appends a convolution that reads a doubled map.
    func addDoublingConvolution(_ node: FusedNode, _ convolution: Op.Convolution) throws(EngineError) {
        if convolution.weight.shape[2] == 3 { return try addDoublingConvolution3(node, convolution) }
        let doubling = DoublingConvolution(
            source: try layout(of: node.inputs[0]), target: try layout(of: node.output))
        let folded = try FoldedWeights(convolution, node.folded, isTransposed: false, parameters: parameters)
        let packing = KernelPacking(convolution, doubling)
        let products = temporary(byteCount: doubling.products.byteCount)
        try addPointwise(
            doubling.pointwise(convolution),
            FoldedWeights(pointwise: packing.filled(folded.values), outputs: packing.axes[0], inputs: packing.axes[1]),
            from: (try memory(of: node.inputs[0]), doubling.source), to: (products, doubling.products),
            layer: node.name)
        addDoubling(
            doubling, products: products, bias: constant(folded.storedBias(doubling.target.storedChannels)),
            to: try memory(of: node.output), activation: node.activation)
    }

    /// Appends the sums of the products.
    ///
    /// - Parameter activation: one that clips, or none.
    func addDoubling(
        _ doubling: DoublingConvolution, products: MemoryReference, bias: MemoryReference, to target: MemoryReference,
        activation: Op.Activation? = nil
    ) {
        let source = doubling.source, blocks = doubling.target.blocks
        let range = activation?.clippingRange ?? (floor: -.infinity, cap: .infinity)
        for memory in [products, bias, target] { use(memory) }
        addLoop(source.batch * blocks, { CK_doubling($0, $1) }) { memory in
            CK_Doubling(
                products: memory.floats(products), bias: memory.floats(bias), destination: memory.floats(target),
                blocks: Int64(blocks), lanes: Int64(source.lanes), height: Int64(source.height),
                width: Int64(source.width), band: 0, floor: range.floor, cap: range.cap)
        }
    }
}
