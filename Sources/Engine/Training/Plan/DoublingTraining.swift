// 2×2 convolutions of doubled maps, forward and backward, at the size before the doubling.

import CKernels
import Formats

extension TrainingBuilder {
    func addDoublingConvolution(
        _ node: FusedNode, _ convolution: Op.Convolution
    ) throws(EngineError) -> Reverse? {
        let doubling = DoublingConvolution(
            source: try plan.layout(of: node.inputs[0]), target: try plan.layout(of: node.output))
        let products = plan.temporary(byteCount: doubling.products.byteCount)
        let reverse = try convolve(
            node, doubling.pointwise(convolution),
            kernel: (convolution.weight, KernelPacking(convolution, doubling)),
            from: (try memory(of: node.inputs[0]), doubling.source), to: (products, doubling.products))
        let stored = doubling.target.storedChannels
        let bias = try convolution.bias.map { (bias) throws(EngineError) in
            try parameters.vector(bias, stored: stored)
        }
        plan.addDoubling(
            doubling, products: products,
            bias: plan.constant(bias?.values ?? AlignedBuffer([Float](repeating: 0, count: stored))),
            to: try memory(of: node.output))
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            if let place = bias?.gradient { self.addChannelTotals(gradient, nil, into: place, doubling.target) }
            let source = self.needsInputs(node) ? try self.memory(of: node.inputs[0]) : nil
            let products = self.productsGradient(doubling, gradient)
            if let target = try reverse(products, source, self.wantsInput(node)) {
                self.contribute(target, to: node.inputs[0], isOwned: true)
            }
        }
    }

    /// The derivative by the four taps' products.
    private func productsGradient(_ doubling: DoublingConvolution, _ gradient: MemoryReference) -> MemoryReference {
        let target = plan.temporary(byteCount: doubling.products.byteCount)
        let source = doubling.source, blocks = doubling.target.blocks
        plan.use(gradient)
        plan.addLoop(source.batch * blocks, { CK_doubling_backward($0, $1) }) { memory in
            CK_DoublingBackward(
                gradient: memory.floats(gradient), products_gradient: memory.floats(target), blocks: Int64(blocks),
                lanes: Int64(source.lanes), height: Int64(source.height), width: Int64(source.width))
        }
        return target
    }
}
