// Operations of token networks, forward and backward, channels-last: layer norms, window attention, patch merging.

import CKernels
import COneDNN
import Formats

extension TrainingBuilder {
    /// Fixed, so that sums over rows and windows do not depend on the number of threads.
    private var parts: Int { 64 }

    func layerNorm(_ node: FusedNode, _ norm: Op.LayerNorm) throws(EngineError) -> Reverse? {
        let layout = try plan.layout(of: node.output)
        let channels = layout.channels, total = layout.batch * layout.positions, rows = 64
        let weight = try norm.weight.map { (p) throws(EngineError) in try parameters.vector(p, stored: channels) }
        let bias = try norm.bias.map { (p) throws(EngineError) in try parameters.vector(p, stored: channels) }
        let scale = weight.map { plan.constant($0.values) } ?? plan.constant([Float](repeating: 1, count: channels))
        let shift = bias.map { plan.constant($0.values) } ?? plan.constant([Float](repeating: 0, count: channels))
        let (from, to) = (try memory(of: node.inputs[0]), try memory(of: node.output))
        plan.addLoop((total + rows - 1) / rows, { CK_layer_norm($0, $1) }) { memory in
            CK_LayerNorm(
                source: memory.floats(from), scale: memory.floats(scale), shift: memory.floats(shift),
                destination: memory.floats(to), channels: Int64(channels), rows: Int64(rows), total: Int64(total),
                epsilon: norm.epsilon)
        }
        guard needsGradient(node.output) else { return nil }
        let parts = parts
        return .whole { (gradient) throws(EngineError) in
            let target = try self.newGradient(of: node.inputs[0])
            let sums = self.plan.temporary(byteCount: parts * 2 * channels * MemoryLayout<Double>.stride)
            let from = try self.memory(of: node.inputs[0])
            self.plan.use(gradient)
            self.plan.addLoop(parts, { CK_layer_norm_backward($0, $1) }) { memory in
                CK_LayerNormBackward(
                    source: memory.floats(from), scale: memory.floats(scale), gradient: memory.floats(gradient),
                    destination: memory.floats(target), sums: memory.doubles(sums), channels: Int64(channels),
                    total: Int64(total), parts: Int64(parts), epsilon: norm.epsilon)
            }
            self.addSums(sums, rowLength: 2 * channels, first: 0, count: channels, to: weight)
            self.addSums(sums, rowLength: 2 * channels, first: channels, count: channels, to: bias)
            if self.wantsInput(node) { self.contribute(target, to: node.inputs[0], isOwned: true) }
        }
    }

    /// Adds the parts' sums in their order and writes them to a parameter's gradient.
    private func addSums(
        _ sums: MemoryReference, rowLength: Int, first: Int, count: Int, to entry: TrainingParameters.Entry?
    ) {
        guard let gradient = entry?.gradient else { return }
        let parts = parts
        plan.append(kernel: { memory in
            let sums = memory.doubles(sums) + first, target = gradient.floats()
            return {
                for index in 0..<count {
                    var total = 0.0
                    for part in 0..<parts { total += sums[part * rowLength + index] }
                    target[index] = Float(total)
                }
            }
        })
    }

    func spaceToDepth(_ node: FusedNode, block: Int, order: [Size2]) throws(EngineError) -> Reverse? {
        try neighbourhoods(node, block: block, order: order, intoGroups: true)
    }

    func depthToSpace(_ node: FusedNode, block: Int, order: [Size2]) throws(EngineError) -> Reverse? {
        try neighbourhoods(node, block: block, order: order, intoGroups: false)
    }

    /// Each way is the other's reverse.
    private func neighbourhoods(
        _ node: FusedNode, block: Int, order: [Size2], intoGroups: Bool
    ) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        let source = try plan.layout(of: node.inputs[0]), target = try plan.layout(of: node.output)
        return .whole { (gradient) throws(EngineError) in
            let result = try self.newGradient(of: node.inputs[0])
            self.plan.use(gradient)
            self.plan.moveNeighbourhoods(
                map: intoGroups ? (result, source) : (gradient, target),
                groups: intoGroups ? (gradient, target) : (result, source), block: block, order: order,
                intoGroups: !intoGroups)
            self.contribute(result, to: node.inputs[0], isOwned: true)
        }
    }
}

// MARK: Window attention

/// The memory of one window attention that both passes use.
private struct WindowMemory {
    let qkv: MemoryReference, attended: MemoryReference
    let bias: MemoryReference, padding: MemoryReference
    let work: CK_WindowAttention
    let windowCount: Int
}

extension TrainingBuilder {
    func windowAttention(_ node: FusedNode, _ attention: Op.WindowAttention) throws(EngineError) -> Reverse? {
        let layout = try plan.layout(of: node.output)
        let geometry = WindowGeometry(attention, height: layout.height, width: layout.width)
        let tripled = MapLayout(.channelsLast, [layout.batch, 3 * layout.channels, layout.height, layout.width])
        let qkv = plan.trackedBuffer(byteCount: tripled.byteCount)
        let attended = plan.trackedBuffer(byteCount: layout.byteCount)
        let reverseQKV = try project(
            node, attention.qkv, attention.qkvBias, from: (try memory(of: node.inputs[0]), layout),
            to: (qkv, tripled))
        let table = try parameters.vector(attention.biasTable, stored: attention.biasTable.shape.elementCount)
        let memory = try windows(node, attention, geometry, layout, table, qkv: qkv, attended: attended)
        let reverseProjection = try project(
            node, attention.projection, attention.projectionBias, from: (attended, layout),
            to: (try self.memory(of: node.output), layout))
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            guard let inner = try reverseProjection(gradient, memory.attended, true) else { return }
            let tripledGradient = self.plan.use(self.plan.trackedBuffer(byteCount: tripled.byteCount))
            let sums = self.reverseWindows(memory, gradient: inner, into: tripledGradient)
            self.addTableGradient(sums, attention, geometry, table, channels: layout.channels)
            let source = try self.memory(of: node.inputs[0])
            let result = try reverseQKV(tripledGradient, source, self.wantsInput(node))
            self.addPaddingGradient(sums, attention, geometry, channels: layout.channels)
            if let result { self.contribute(result, to: node.inputs[0], isOwned: true) }
        }
    }

    /// A projection of every position.
    private func project(
        _ node: FusedNode, _ weight: Parameter, _ bias: Parameter?, from source: (MemoryReference, MapLayout),
        to target: (MemoryReference, MapLayout)
    ) throws(EngineError) -> ConvolutionReversal {
        let convolution = Op.Convolution(
            weight: Parameter(weight.name, [weight.shape[0], weight.shape[1], 1, 1]), bias: bias)
        let step = FusedNode(op: .convolution(convolution), inputs: [], output: node.output, name: weight.name)
        return try convolve(step, convolution, from: source, to: target)
    }

    /// The windows' attention with the bias table and the padding as they are now.
    private func windows(
        _ node: FusedNode, _ attention: Op.WindowAttention, _ geometry: WindowGeometry, _ layout: MapLayout,
        _ table: TrainingParameters.Entry, qkv: MemoryReference, attended: MemoryReference
    ) throws(EngineError) -> WindowMemory {
        let tokens = geometry.window * geometry.window, heads = attention.heads
        let bias = plan.use(plan.trackedBuffer(byteCount: heads * tokens * tokens * MemoryLayout<Float>.stride))
        let tableCount = table.parameter.shape.elementCount
        plan.append(kernel: { memory in
            let target = memory.floats(bias)
            return {
                let values = Array(UnsafeBufferPointer(start: table.values.floats(), count: tableCount))
                let expanded = geometry.expandedBias(values, heads: heads)
                for index in expanded.indices { target[index] = expanded[index] }
            }
        })
        let padding: MemoryReference
        if let entry = try attention.qkvBias.map({ (p) throws(EngineError) in
            try parameters.vector(p, stored: 3 * layout.channels)
        }) {
            padding = plan.constant(entry.values)
        } else {
            padding = plan.constant([Float](repeating: 0, count: 3 * layout.channels))
        }
        plan.use(qkv)
        plan.use(attended)
        let work = plan.addWindows(
            attention, geometry, layout, qkv: qkv, bias: bias, padding: padding, output: attended)
        return WindowMemory(
            qkv: qkv, attended: attended, bias: bias, padding: padding, work: work,
            windowCount: layout.batch * geometry.windowCount)
    }

    /// - Returns: the parts' sums of the derivatives by bias and padding.
    private func reverseWindows(
        _ windows: WindowMemory, gradient: MemoryReference, into target: MemoryReference
    ) -> MemoryReference {
        var forward = windows.work
        let scratchFloats = CK_window_backward_scratch(&forward)
        let tokens = Int(forward.window_height * forward.window_width)
        let rowLength = Int(forward.heads) * tokens * tokens + 3 * Int(forward.channels)
        let sums = plan.temporary(byteCount: parts * rowLength * MemoryLayout<Double>.stride)
        let scratch = plan.temporary(byteCount: parts * scratchFloats * MemoryLayout<Float>.stride)
        for memory in [windows.qkv, windows.bias, gradient, target] { plan.use(memory) }
        let (parts, threads) = (parts, options.threads)
        plan.append(kernel: { [forward] memory in
            var work = CK_WindowBackward()
            work.forward = forward
            work.forward.qkv = UnsafePointer(memory.floats(windows.qkv))
            work.forward.padding = UnsafePointer(memory.floats(windows.padding))
            work.forward.bias = UnsafePointer(memory.floats(windows.bias))
            work.gradient = UnsafePointer(memory.floats(gradient))
            work.qkv_gradient = memory.floats(target)
            work.sums = memory.doubles(sums)
            work.windows = Int64(windows.windowCount)
            work.parts = Int64(parts)
            let scratch = memory.floats(scratch)
            return { [work] in
                parallelFor(parts, threads: threads) { part in
                    withUnsafePointer(to: work) {
                        CK_window_attention_backward($0, Int64(part), scratch + part * scratchFloats)
                    }
                }
            }
        })
        return sums
    }

    /// Every pair of tokens at the same distance shares one entry of the table.
    private func addTableGradient(
        _ sums: MemoryReference, _ attention: Op.WindowAttention, _ geometry: WindowGeometry,
        _ table: TrainingParameters.Entry, channels: Int
    ) {
        guard let gradient = table.gradient else { return }
        let heads = attention.heads, tokens = geometry.window * geometry.window
        let rowLength = heads * tokens * tokens + 3 * channels
        let entries = geometry.expandedBias((0..<table.parameter.shape.elementCount).map { Float($0) }, heads: heads)
        let count = table.count, parts = parts
        plan.append(kernel: { memory in
            let sums = memory.doubles(sums), target = gradient.floats()
            return {
                var totals = [Double](repeating: 0, count: count)
                for part in 0..<parts {
                    for (index, entry) in entries.enumerated() { totals[Int(entry)] += sums[part * rowLength + index] }
                }
                for (index, total) in totals.enumerated() { target[index] = Float(total) }
            }
        })
    }

    /// Padding positions hold the bias of the projection: their derivatives are added to its own.
    private func addPaddingGradient(
        _ sums: MemoryReference, _ attention: Op.WindowAttention, _ geometry: WindowGeometry, channels: Int
    ) {
        guard let bias = attention.qkvBias, let gradient = parameters.entries[bias.name]?.gradient else { return }
        let first = attention.heads * geometry.window * geometry.window * geometry.window * geometry.window
        let (count, parts) = (3 * channels, parts)
        plan.append(kernel: { memory in
            let sums = memory.doubles(sums) + first, target = gradient.floats()
            return {
                for index in 0..<count {
                    var total = 0.0
                    for part in 0..<parts { total += sums[part * (first + count) + index] }
                    target[index] += Float(total)
                }
            }
        })
    }
}

extension MemoryResolver {
    fileprivate func doubles(_ reference: MemoryReference) -> UnsafeMutablePointer<Double> {
        address(reference).assumingMemoryBound(to: Double.self)
    }
}
