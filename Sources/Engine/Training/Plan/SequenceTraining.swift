// Operations of vision transformers, forward and backward, channels-last: tokens, attention over all of them, and the way
// back to a map.

import CKernels
import COneDNN
import Formats

extension TrainingBuilder {
    /// Prefix tokens, then the map's positions with their embeddings added, all as they are now.
    func tokens(_ node: FusedNode, _ tokens: Op.Tokens) throws(EngineError) -> Reverse? {
        let source = try plan.layout(of: node.inputs[0]), target = try plan.layout(of: node.output)
        let learned = try LearnedTokens(tokens, size: Size2(source.height, source.width), target, parameters)
        let table = plan.temporary(byteCount: target.positions * target.channels * MemoryLayout<Float>.stride)
        plan.append(kernel: { memory in
            let table = memory.floats(table)
            return { learned.fill(table) }
        })
        let (from, to) = (try memory(of: node.inputs[0]), try memory(of: node.output))
        let first = tokens.prefixCount
        plan.addLoop(target.batch, { CK_tokens($0, $1) }) { memory in
            CK_Tokens(
                source: memory.floats(from), table: memory.floats(table), destination: memory.floats(to),
                channels: Int64(target.channels), positions: Int64(source.positions), prefix: Int64(first))
        }
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            self.addTokensGradient(learned, gradient)
            guard self.wantsInput(node) else { return }
            let result = try self.newGradient(of: node.inputs[0])
            self.plan.addLoop(target.batch, { CK_tokens_backward($0, $1) }) { memory in
                CK_TokensBackward(
                    gradient: memory.floats(gradient), destination: memory.floats(result),
                    channels: Int64(target.channels), positions: Int64(source.positions), prefix: Int64(first))
            }
            self.contribute(result, to: node.inputs[0], isOwned: true)
        }
    }

    /// The derivatives by the prefix tokens and the position embedding: sums over the images.
    private func addTokensGradient(_ learned: LearnedTokens, _ gradient: MemoryReference) {
        plan.use(gradient)
        let row = learned.target.channels, threads = options.threads
        let (batch, positions) = (learned.target.batch, learned.target.positions)
        plan.append(kernel: { memory in
            let from = memory.floats(gradient)
            return {
                let sums = AlignedBuffer(byteCount: positions * row * MemoryLayout<Double>.stride)
                let target = sums.base.assumingMemoryBound(to: Double.self)
                parallelFor(positions, threads: threads) { token in
                    for image in 0..<batch {
                        let source = from + (image * positions + token) * row
                        for c in 0..<row { target[token * row + c] += Double(source[c]) }
                    }
                }
                learned.takeGradients(UnsafeBufferPointer(start: target, count: positions * row))
                withExtendedLifetime(sums) {}
            }
        })
    }

    func selfAttention(_ node: FusedNode, heads: Int) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        let layout = try plan.layout(of: node.output)
        var forward = CK_SelfAttention()
        forward.tokens = Int64(layout.positions)
        forward.channels = Int64(layout.channels)
        forward.heads = Int64(heads)
        forward.scale = 1 / Float(layout.channels / heads).squareRoot()
        let scratchFloats = CK_self_attention_backward_scratch(&forward)
        let (count, threads) = (layout.batch * heads, options.threads)
        let pieces = min(max(threads, 1), count)
        return .whole { [forward] (gradient) throws(EngineError) in
            let result = try self.newGradient(of: node.inputs[0])
            let qkv = try self.memory(of: node.inputs[0])
            self.plan.use(gradient)
            let scratch = self.plan.temporary(byteCount: pieces * scratchFloats * MemoryLayout<Float>.stride)
            self.plan.append(kernel: { memory in
                var work = CK_SelfAttentionBackward()
                work.forward = forward
                work.forward.qkv = UnsafePointer(memory.floats(qkv))
                work.gradient = UnsafePointer(memory.floats(gradient))
                work.qkv_gradient = memory.floats(result)
                let scratch = memory.floats(scratch)
                return { [work] in
                    parallelFor(pieces, threads: threads) { piece in
                        withUnsafePointer(to: work) { work in
                            for head in piece * count / pieces..<(piece + 1) * count / pieces {
                                CK_self_attention_backward(work, Int64(head), scratch + piece * scratchFloats)
                            }
                        }
                    }
                }
            })
            self.contribute(result, to: node.inputs[0], isOwned: true)
        }
    }

    /// The prefix tokens get no derivative, the others theirs.
    func patchMap(_ node: FusedNode, prefix: Int) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output), wantsInput(node) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let source = try self.plan.layout(of: node.inputs[0]), target = try self.plan.layout(of: node.output)
            let result = try self.newGradient(of: node.inputs[0])
            self.plan.use(gradient)
            let (before, count) = (prefix * source.channels, target.positions * target.channels)
            self.plan.append(kernel: { memory in
                let (from, to) = (memory.floats(gradient), memory.floats(result))
                return {
                    for image in 0..<target.batch {
                        let place = to + image * (before + count)
                        place.update(repeating: 0, count: before)
                        (place + before).update(from: from + image * count, count: count)
                    }
                }
            })
            self.contribute(result, to: node.inputs[0], isOwned: true)
        }
    }
}

/// The parameters behind a sequence's tokens.
private struct LearnedTokens: @unchecked Sendable {  // Sendable: read and written by one step at a time.
    let tokens: Op.Tokens
    let size: Size2
    /// The sequence.
    let target: MapLayout
    private let prefix: [TrainingParameters.Entry]
    private let positions: TrainingParameters.Entry?

    init(
        _ tokens: Op.Tokens, size: Size2, _ target: MapLayout, _ parameters: TrainingParameters
    ) throws(EngineError) {
        self.tokens = tokens
        self.size = size
        self.target = target
        var prefix: [TrainingParameters.Entry] = []
        for parameter in tokens.prefix {
            prefix.append(try parameters.vector(parameter, stored: parameter.shape.elementCount))
        }
        self.prefix = prefix
        if let parameter = tokens.positions {
            positions = try parameters.vector(parameter, stored: parameter.shape.elementCount)
        } else {
            positions = nil
        }
    }

    /// Writes what is added to every token.
    func fill(_ table: UnsafeMutablePointer<Float>) {
        func values(_ entry: TrainingParameters.Entry) -> [Float] {
            Array(UnsafeBufferPointer(start: entry.values.floats(), count: entry.count))
        }
        let numbers = tokens.table(
            prefix: prefix.flatMap(values), positions: positions.map(values), size: size, channels: target.channels)
        for index in numbers.indices { table[index] = Float(numbers[index]) }
    }

    /// Writes the parameters' gradients.
    func takeGradients(_ table: UnsafeBufferPointer<Double>) {
        let found = tokens.gradients(ofTable: Array(table), size: size, channels: target.channels)
        var first = 0
        for entry in prefix {
            if let target = entry.gradient?.floats() {
                for index in 0..<entry.count { target[index] = Float(found.prefix[first + index]) }
            }
            first += entry.count
        }
        if let target = positions?.gradient?.floats() {
            for index in found.positions.indices { target[index] = Float(found.positions[index]) }
        }
    }
}
