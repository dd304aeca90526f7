// Operations that multiply channels, forward and backward: constant and learned factors, gates, stochastic depth.

import CKernels
import COneDNN
import Formats

extension TrainingBuilder {
    /// The derivative by a value that was broadcast over the positions: sums over them.
    func contributeSums(
        _ gradient: MemoryReference, _ factor: MemoryReference?, to input: Graph.NodeID, map: Graph.NodeID
    ) throws(EngineError) {
        let target = try newGradient(of: input)
        addChannelSums(gradient, factor, into: target, try plan.layout(of: map))
        contribute(target, to: input, isOwned: true)
    }

    /// target = source · factor, with a factor a channel, or one for each image and channel.
    func scale(
        _ source: MemoryReference, by factor: MemoryReference, isPerImage: Bool, into target: MemoryReference,
        map: Graph.NodeID
    ) throws(EngineError) {
        let layout = try plan.layout(of: map)
        let zeros = plan.constant([Float](repeating: 0, count: layout.storedChannels))
        for memory in [source, factor, target] { plan.use(memory) }
        plan.addLoop(layout.batch * layout.blocks, { CK_affine($0, $1) }) { memory in
            CK_Affine(
                source: memory.floats(source), scale: memory.floats(factor), shift: memory.floats(zeros),
                destination: memory.floats(target), blocks: Int64(layout.blocks), lanes: Int64(layout.lanes),
                positions: Int64(layout.positions), scale_per_image: isPerImage ? 1 : 0, shift_per_image: 0)
        }
    }

    func scaling(_ node: FusedNode, by factors: [Float]) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let stored = try self.plan.layout(of: node.output).storedChannels
            let filled = self.plan.constant(factors + [Float](repeating: 0, count: stored - factors.count))
            let target = try self.newGradient(of: node.inputs[0])
            try self.scale(gradient, by: filled, isPerImage: false, into: target, map: node.output)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// A factor an image, set before every step: 0 where the branch is dropped.
    func dropPath(_ node: FusedNode, _ path: Op.DropPath) throws(EngineError) -> Reverse? {
        let layout = try plan.layout(of: node.output)
        let scale = plan.constant(dropPathFactors(node, path, layout))
        try self.scale(
            try memory(of: node.inputs[0]), by: scale, isPerImage: true, into: try memory(of: node.output),
            map: node.output)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let target = try self.newGradient(of: node.inputs[0])
            try self.scale(gradient, by: scale, isPerImage: true, into: target, map: node.output)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// The factors' memory, the same when the branch is computed again.
    private func dropPathFactors(_ node: FusedNode, _ path: Op.DropPath, _ layout: MapLayout) -> AlignedBuffer {
        if let known = dropPaths.first(where: { $0.node == node.output }) { return known.factors }
        let memory = DropPathMemory(
            node: node.output, path: DropPathPlace(name: node.name, rate: path.rate), factor: path.trainingFactor,
            perImage: layout.storedChannels, batch: layout.batch,
            factors: AlignedBuffer(
                lazyByteCount: layout.batch * layout.storedChannels * MemoryLayout<Float>.stride))
        dropPaths.append(memory)
        return memory.factors
    }

    /// A learned factor a channel: its derivative is the sum of gradient · input over images and positions.
    func channelScale(_ node: FusedNode, _ factors: Parameter) throws(EngineError) -> Reverse? {
        let layout = try plan.layout(of: node.output)
        let entry = try parameters.vector(factors, stored: layout.storedChannels)
        let scale = plan.constant(entry.values)
        let (from, to) = (try memory(of: node.inputs[0]), try memory(of: node.output))
        try self.scale(from, by: scale, isPerImage: false, into: to, map: node.output)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            if let place = entry.gradient {
                self.addChannelTotals(gradient, try self.memory(of: node.inputs[0]), into: place, layout)
            }
            guard self.wantsInput(node) else { return }
            let target = try self.newGradient(of: node.inputs[0])
            try self.scale(gradient, by: scale, isPerImage: false, into: target, map: node.output)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// Per channel, the sums over images and positions of a · b, or of a.
    func addChannelTotals(
        _ a: MemoryReference, _ b: MemoryReference?, into place: AlignedBuffer, _ layout: MapLayout
    ) {
        let vector = layout.storedChannels
        let sums = plan.temporary(byteCount: layout.batch * vector * MemoryLayout<Float>.stride)
        addChannelSums(a, b, into: sums, layout)
        plan.append(kernel: { memory in
            let (sums, target) = (memory.floats(sums), place.floats())
            return {
                for channel in 0..<vector {
                    let total = (0..<layout.batch).reduce(0.0) { $0 + Double(sums[$1 * vector + channel]) }
                    target[channel] = Float(total)
                }
            }
        })
    }

    /// Per image and channel, the sums over the positions of a · b, or of a.
    private func addChannelSums(
        _ a: MemoryReference, _ b: MemoryReference?, into sums: MemoryReference, _ layout: MapLayout
    ) {
        for memory in [a, b, sums].compactMap({ $0 }) { plan.use(memory) }
        plan.addLoop(layout.batch * layout.blocks, { CK_channel_sums($0, $1) }) { memory in
            CK_ChannelSums(
                a: memory.floats(a), b: b.map { UnsafePointer(memory.floats($0)) }, sums: memory.floats(sums),
                lanes: Int64(layout.lanes), positions: Int64(layout.positions))
        }
    }
}
