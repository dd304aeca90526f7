// Windowed attention: two projections by oneDNN around our own window kernel, all channels-last.

import CKernels
import COneDNN
import Formats

extension PlanBuilder {
    /// Appends the steps of one window attention.
    func addWindowAttention(_ node: FusedNode, _ attention: Op.WindowAttention) throws(EngineError) {
        let layout = try layout(of: node.output)
        let geometry = WindowGeometry(attention, height: layout.height, width: layout.width)
        let tripled = MapLayout(.channelsLast, [layout.batch, 3 * layout.channels, layout.height, layout.width])
        let qkv = temporary(byteCount: tripled.byteCount)
        let attended = temporary(byteCount: layout.byteCount)
        try addPointwise(
            weight: attention.qkv, bias: attention.qkvBias, from: (try memory(of: node.inputs[0]), layout),
            to: (qkv, tripled), layer: "\(node.name).qkv")
        try addWindows(attention, geometry, layout, qkv: qkv, output: attended)
        try addPointwise(
            weight: attention.projection, bias: attention.projectionBias, from: (attended, layout),
            to: (try memory(of: node.output), layout), layer: "\(node.name).proj")
    }

    private func addWindows(
        _ attention: Op.WindowAttention, _ geometry: WindowGeometry, _ layout: MapLayout, qkv: MemoryReference,
        output: MemoryReference
    ) throws(EngineError) {
        let padding: [Float]
        if let bias = attention.qkvBias {
            padding = try parameters.floats(of: bias)
        } else {
            padding = [Float](repeating: 0, count: 3 * layout.channels)
        }
        let table = try parameters.floats(of: attention.biasTable)
        let bias = constant(geometry.expandedBias(table, heads: attention.heads))
        _ = addWindows(
            attention, geometry, layout, qkv: qkv, bias: bias, padding: constant(padding), output: output)
    }

    /// The windows' attention between any pieces of memory.
    ///
    /// - Parameters:
    ///   - bias: heads×T×T, the table's entry for every pair of positions.
    ///   - padding: 3C, the qkv of a padded position.
    /// - Returns: the sizes, without memory.
    func addWindows(
        _ attention: Op.WindowAttention, _ geometry: WindowGeometry, _ layout: MapLayout, qkv: MemoryReference,
        bias: MemoryReference, padding: MemoryReference, output: MemoryReference
    ) -> CK_WindowAttention {
        var work = CK_WindowAttention()
        work.height = Int64(layout.height)
        work.width = Int64(layout.width)
        work.channels = Int64(layout.channels)
        work.heads = Int64(attention.heads)
        work.window_height = Int64(geometry.window)
        work.window_width = Int64(geometry.window)
        work.padded_height = Int64(geometry.padded.height)
        work.padded_width = Int64(geometry.padded.width)
        work.shift_rows = Int64(geometry.shift.height)
        work.shift_columns = Int64(geometry.shift.width)
        work.pads_after_shift = geometry.padsAfterShift ? 1 : 0
        work.scale = 1 / Float(layout.channels / attention.heads).squareRoot()
        let scratchFloats = CK_window_scratch(&work)
        let windowCount = layout.batch * geometry.windowCount
        // One contiguous run of windows per piece, each with its own scratch memory.
        let pieces = min(max(threads, 1) * 4, windowCount)
        let scratch = temporary(byteCount: pieces * scratchFloats * MemoryLayout<Float>.stride)
        let threads = threads
        append(kernel: { [work] memory in
            var bound = work
            bound.qkv = UnsafePointer(memory.floats(qkv))
            bound.padding = UnsafePointer(memory.floats(padding))
            bound.bias = UnsafePointer(memory.floats(bias))
            bound.output = memory.floats(output)
            let scratch = memory.floats(scratch)
            return { [bound] in
                parallelFor(pieces, threads: threads) { piece in
                    withUnsafePointer(to: bound) { work in
                        for window in piece * windowCount / pieces..<(piece + 1) * windowCount / pieces {
                            CK_window_attention(work, Int64(window), scratch + piece * scratchFloats)
                        }
                    }
                }
            }
        })
        return work
    }
}

/// How a map is cut into windows.
struct WindowGeometry {
    let window: Int
    let shift: Size2, padded: Size2
    let padsAfterShift: Bool

    init(_ attention: Op.WindowAttention, height: Int, width: Int) {
        let side = attention.window
        window = side
        padsAfterShift = attention.border == .shiftsThenPads
        padded = Size2((height + side - 1) / side * side, (width + side - 1) / side * side)
        switch attention.border {
        case .shiftsThenPads: shift = Size2(attention.shift)
        case .padsThenShifts:
            shift = Size2(padded.height <= side ? 0 : attention.shift, padded.width <= side ? 0 : attention.shift)
        }
    }

    /// Windows per image.
    var windowCount: Int { (padded.height / window) * (padded.width / window) }

    /// The table's entry for every pair of positions: heads×T×T with T positions per window.
    func expandedBias(_ table: [Float], heads: Int) -> [Float] {
        let tokens = window * window
        var bias = [Float](repeating: 0, count: heads * tokens * tokens)
        for i in 0..<tokens {
            for j in 0..<tokens {
                let rows = i / window - j / window + window - 1
                let columns = i % window - j % window + window - 1
                let entry = rows * (2 * window - 1) + columns
                for head in 0..<heads { bias[(head * tokens + i) * tokens + j] = table[entry * heads + head] }
            }
        }
        return bias
    }
}
