// segmentation_models_pytorch's decoder enlarges a map twice by nearest neighbour, appends the skip and convolves with 3×3
// kernels. Here the enlarged map's share of the convolution is computed on the small map, a quarter of the multiplications,
// and the skip's is added to it: neither the enlarged map nor the two maps together are ever made.

import CKernels
import COneDNN
import Formats

/// A 3×3 convolution, padded by one on every side, of a map doubled by nearest neighbour.
///
/// In one dimension, with x the small map, w₀ w₁ w₂ the taps and s = w₀ + w₁ + w₂, two of an even output's three taps see
/// the same value, and two of an odd one's:
///
///     y[2i]     = w₀x[i−1] + (w₁ + w₂)x[i] = s x[i] + w₀x[i−1] − w₀x[i]
///     y[2i + 1] = (w₀ + w₁)x[i] + w₂x[i+1] = s x[i] + w₂x[i+1] − w₂x[i]
///
/// with 0 beyond the map. So three products a value, s x, w₀x and w₂x, make two outputs; nine in two dimensions make four.
struct DoublingConvolution3 {
    /// The small map.
    let source: MapLayout
    let target: MapLayout

    /// The layout of the nine products: theirs in the order s, w₀, w₂ of the rows and within it of the columns, as channels
    /// one after another.
    var products: MapLayout {
        var layout = source
        layout.channels = 9 * target.storedChannels
        return layout
    }

    /// Images whose products are made and summed at a time: few enough that they stay in the caches, but all if the
    /// weights, which every piece reads again, are more. A divisor of the batch, so that one kernel does for all.
    var imagesPerPiece: Int {
        let weightBytes = products.channels * source.storedChannels * MemoryLayout<Float>.stride
        let bytesPerImage = products.byteCount / source.batch
        let most = max(1, max(4 << 20, weightBytes) / bytesPerImage)
        return (1...source.batch).last { source.batch % $0 == 0 && $0 <= most } ?? 1
    }

    /// The weights of the 1×1 convolution that makes the products, from O×I×3×3.
    func pointwise(_ kernels: [Float], outputs: Int, inputs: Int, threads: Int) -> FoldedWeights {
        let stored = source.storedChannels, plane = target.storedChannels * stored
        var values = [Float](repeating: 0, count: products.channels * stored)
        kernels.withUnsafeBufferPointer { kernels in
            values.withUnsafeMutableBufferPointer { values in
                nonisolated(unsafe) let (from, to) = (kernels, values)
                parallelFor(outputs, threads: threads) { output in
                    for input in 0..<inputs {
                        let first = (output * inputs + input) * 9, place = output * stored + input
                        for row in 0..<3 {
                            for column in 0..<3 {
                                to[(3 * row + column) * plane + place] = Float(
                                    Self.combined(row) { y in
                                        Self.combined(column) { x in Double(from[first + 3 * y + x]) }
                                    })
                            }
                        }
                    }
                }
            }
        }
        return FoldedWeights(pointwise: values, outputs: products.channels, inputs: stored)
    }

    /// One of s, w₀ and w₂.
    private static func combined(_ place: Int, _ tap: (Int) -> Double) -> Double {
        switch place {
        case 0: tap(0) + tap(1) + tap(2)
        case 1: tap(0)
        default: tap(2)
        }
    }
}

extension PlanBuilder {
    /// Appends a 3×3 convolution of a doubled map, and of the skip behind it if the node has a second input.
    func addDoublingConvolution3(_ node: FusedNode, _ convolution: Op.Convolution) throws(EngineError) {
        let source = try layout(of: node.inputs[0]), target = try layout(of: node.output)
        let weights = try FoldedWeights(convolution, node.folded, isTransposed: false, parameters: parameters)
        let doubling = DoublingConvolution3(source: source, target: target)
        let own = weights.part(inputs: 0..<source.channels)
        try addDoubling3(doubling, own, node, isLast: node.inputs.count == 1)
        guard node.inputs.count > 1 else { return }
        let shape = convolution.weight.shape
        var rest = convolution
        rest.weight = Parameter(convolution.weight.name, [shape[0], shape[1] - source.channels, 3, 3])
        var skip = FusedNode(op: .convolution(rest), inputs: [node.inputs[1]], output: node.output, name: node.name)
        (skip.residual, skip.activation) = (node.output, node.activation)
        try addConvolution(skip, rest, weights.part(inputs: source.channels..<shape[1]), isTransposed: false)
    }

    /// - Parameter isLast: whether nothing is added later, so that bias and activation come here.
    private func addDoubling3(
        _ whole: DoublingConvolution3, _ weights: FoldedWeights, _ node: FusedNode, isLast: Bool
    ) throws(EngineError) {
        var (source, target) = (whole.source, whole.target)
        let images = whole.imagesPerPiece
        (source.batch, target.batch) = (images, images)
        let doubling = DoublingConvolution3(source: source, target: target)
        let products = temporary(byteCount: doubling.products.byteCount)
        let convolution = Op.Convolution(
            weight: Parameter(node.name, [doubling.products.channels, source.storedChannels, 1, 1]), bias: nil)
        let kernel = try pointwise(
            convolution,
            doubling.pointwise(
                weights.values, outputs: target.channels, inputs: source.channels, threads: threads),
            from: source, to: doubling.products, layer: node.name)
        let range = (isLast ? node.activation?.clippingRange : nil) ?? (floor: -.infinity, cap: .infinity)
        let bias = constant(
            isLast ? weights.storedBias(target.storedChannels) : [Float](repeating: 0, count: target.storedChannels))
        let from = try memory(of: node.inputs[0]), to = try memory(of: node.output)
        for piece in 0..<whole.source.batch / images {
            let part = from.advanced(by: piece * source.byteCount)
            let destination = to.advanced(by: piece * target.byteCount)
            append(kernel.primitive, layer: node.name, kernel.arguments(from: part, to: products))
            let bands = (source.height + Self.bandHeight - 1) / Self.bandHeight
            addLoop(images * target.blocks * bands, { CK_doubling3($0, $1) }) { memory in
                CK_Doubling(
                    products: memory.floats(products), bias: memory.floats(bias),
                    destination: memory.floats(destination), blocks: Int64(target.blocks),
                    lanes: Int64(source.lanes), height: Int64(source.height), width: Int64(source.width),
                    band: Int64(Self.bandHeight), floor: range.floor, cap: range.cap)
            }
        }
    }

    /// Rows of the small map that one thread sums at a time.
    private static var bandHeight: Int { 8 }
}
