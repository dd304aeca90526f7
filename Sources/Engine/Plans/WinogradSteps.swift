// 3×3 convolutions by our own Winograd kernels, F(4×4, 3×3): oneDNN 2's need almost twice as long on the same shapes, its
// choice among them depends on the thread count, and oneDNN 3 has none.

import CKernels
import COneDNN

/// When and how a convolution runs as F(4×4, 3×3).
struct WinogradPlan {
    let source: MapLayout, target: MapLayout
    let top: Int, left: Int
    let floor: Float, cap: Float

    /// nil if the convolution is of another kind or would not gain. Depends on shapes and the vector width only.
    init?(_ geometry: ConvolutionGeometry, activation: Op.Activation?) {
        let spec = geometry.specification
        guard case .blocked = geometry.source.order, geometry.source.order == geometry.target.order,
            CDNN_vector_width() >= 8, geometry.kernel == Size2(3), spec.stride == (1, 1), spec.dilation == (1, 1),
            geometry.groups == 1, spec.transposed == 0,
            // Clipping is done while the results are in registers.
            let range = activation.map(\.clippingRange) ?? (floor: -.infinity, cap: .infinity)
        else { return nil }
        source = geometry.source
        target = geometry.target
        (top, left) = (Int(spec.before.0), Int(spec.before.1))
        (floor, cap) = range
        guard gains else { return nil }
    }

    /// The derivative by the input of a convolution as one by the kernels turned round, from the output's map to the
    /// input's; nil as above.
    init?(inputGradientOf geometry: ConvolutionGeometry) {
        guard let forward = WinogradPlan(geometry, activation: nil) else { return nil }
        source = forward.target
        target = forward.source
        (top, left) = (2 - forward.top, 2 - forward.left)
        (floor, cap) = (-.infinity, .infinity)
        guard top >= 0, left >= 0, gains else { return nil }
    }

    /// Whether it still gains when the weights are transformed anew for every batch.
    var gainsInTraining: Bool { target.batch * target.positions >= 960 }

    /// A tile costs 36 multiplications per pair of channels whether or not the map fills it, a position of direct
    /// convolution 9. Below two hundred positions the 36 weights, read once per tile group, cost more than is saved.
    private var gains: Bool {
        let positions = target.batch * target.positions
        return min(source.storedChannels, target.storedChannels) >= 32 && positions >= 200
            && 36 * target.batch * tileRows * tileColumns <= 6 * positions
    }

    var tileRows: Int { (target.height + 3) / 4 }
    var tileColumns: Int { (target.width + 3) / 4 }

    /// Rows of tiles worked on at a time: enough tiles that reading the weights does not dominate, else so few that
    /// what lies between the steps stays in the caches. Changes no value.
    func rowsPerGroup(threads: Int) -> Int {
        let total = target.batch * tileRows
        let bytesPerRow =
            36 * tileColumns * (source.storedChannels + target.storedChannels) * MemoryLayout<Float>.stride
        let cacheBytes = max(8 << 20, threads << 21)
        let rows = max(cacheBytes / bytesPerRow, 128 / tileColumns, 1)
        let groups = (total + rows - 1) / rows
        return (total + groups - 1) / max(groups, 1)
    }

    /// The plain weights, outputs×inputs×3×3, transformed for the kernels.
    func transformed(_ weights: [Float], threads: Int) -> AlignedBuffer {
        let inputs = source.storedChannels, outputs = target.storedChannels, lanes = target.lanes
        let buffer = AlignedBuffer(uninitializedByteCount: 36 * inputs * outputs * MemoryLayout<Float>.stride)
        weights.withUnsafeBufferPointer { weights in
            nonisolated(unsafe) let from = weights.baseAddress
            parallelFor(target.blocks, threads: threads) { block in
                CK_winograd_weights(from, buffer.floats(), Int64(inputs), Int64(outputs), Int64(lanes), Int64(block))
            }
        }
        return buffer
    }
}

extension PlanBuilder {
    /// Appends a convolution with constant weights.
    func addWinograd(_ node: FusedNode, _ plan: WinogradPlan, _ weights: FoldedWeights) throws(EngineError) {
        addWinograd(
            plan, from: try memory(of: node.inputs[0]), to: try memory(of: node.output),
            weights: constant(plan.transformed(weights.values, threads: threads)),
            bias: constant(weights.bias ?? [Float](repeating: 0, count: plan.target.storedChannels)),
            adds: node.residual != nil, layer: node.name)
    }

    /// Appends the three steps for every group of tile rows.
    ///
    /// - Parameters:
    ///   - weights: transformed.
    ///   - adds: whether to add to what the destination holds.
    func addWinograd(
        _ plan: WinogradPlan, from source: MemoryReference, to destination: MemoryReference, weights: MemoryReference,
        bias: MemoryReference, adds: Bool, layer: String
    ) {
        let rowsPerGroup = plan.rowsPerGroup(threads: threads)
        let tiles = rowsPerGroup * plan.tileColumns
        // A few lanes more keep the 36 streams from all falling into one set of the caches.
        let tileStride = tiles * plan.source.storedChannels + 3 * 16
        let productStride = tiles * plan.target.storedChannels + 3 * 16
        let gathered = temporary(byteCount: 36 * tileStride * MemoryLayout<Float>.stride)
        let multiplied = temporary(byteCount: 36 * productStride * MemoryLayout<Float>.stride)
        let threads = threads, totalRows = plan.target.batch * plan.tileRows
        let label = StepLabel(layer: layer, kernel: "winograd_4x3:\(plan.target.lanes)")
        append(
            label: label,
            kernel: { memory in
                var work = CK_Winograd(plan)
                work.source = UnsafePointer(memory.floats(source))
                work.weights = UnsafePointer(memory.floats(weights))
                work.bias = UnsafePointer(memory.floats(bias))
                work.destination = memory.floats(destination)
                work.tiles = memory.floats(gathered)
                work.products = memory.floats(multiplied)
                work.tile_stride = Int64(tileStride)
                work.product_stride = Int64(productStride)
                work.adds = adds ? 1 : 0
                return { [work] in
                    for first in stride(from: 0, to: totalRows, by: rowsPerGroup) {
                        work.run(rows: first..<min(first + rowsPerGroup, totalRows), threads: threads)
                    }
                }
            })
    }
}

extension CK_Winograd {
    fileprivate init(_ plan: WinogradPlan) {
        self.init()
        lanes = Int64(plan.source.lanes)
        source_blocks = Int64(plan.source.blocks)
        destination_blocks = Int64(plan.target.blocks)
        source_height = Int64(plan.source.height)
        source_width = Int64(plan.source.width)
        height = Int64(plan.target.height)
        width = Int64(plan.target.width)
        top = Int64(plan.top)
        left = Int64(plan.left)
        tile_rows = Int64(plan.tileRows)
        tile_columns = Int64(plan.tileColumns)
        floor = plan.floor
        cap = plan.cap
    }

    /// One group, step after step.
    fileprivate func run(rows range: Range<Int>, threads: Int) {
        var work = self
        work.first_row = Int64(range.lowerBound)
        work.rows = Int64(range.count)
        let pairs = (Int(destination_blocks) + 1) / 2
        parallelFor(range.count * Int(source_blocks), threads: threads) { index in
            withUnsafePointer(to: work) { CK_winograd_gather($0, Int64(index)) }
        }
        parallelFor(36 * pairs, threads: threads) { index in
            withUnsafePointer(to: work) { CK_winograd_multiply($0, Int64(index)) }
        }
        parallelFor(range.count * Int(destination_blocks), threads: threads) { index in
            withUnsafePointer(to: work) { CK_winograd_scatter($0, Int64(index)) }
        }
    }
}
