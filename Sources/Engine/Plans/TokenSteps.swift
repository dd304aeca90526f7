// Vision transformers' steps, all channels-last: a sequence of tokens is a map of one row.

import CKernels
import COneDNN
import Formats

extension PlanBuilder {
    /// Prefix tokens, then the map's positions with their embeddings added.
    func addTokens(_ node: FusedNode, _ tokens: Op.Tokens) throws(EngineError) {
        let source = try layout(of: node.inputs[0]), target = try layout(of: node.output)
        var prefix: [Float] = []
        for parameter in tokens.prefix { prefix += try parameters.floats(of: parameter) }
        let positions = try tokens.positions.map { (parameter) throws(EngineError) in
            try parameters.floats(of: parameter)
        }
        let table = constant(
            tokens.table(
                prefix: prefix, positions: positions, size: Size2(source.height, source.width),
                channels: source.channels
            ).map { Float($0) })
        let (from, to) = (try memory(of: node.inputs[0]), try memory(of: node.output))
        let first = tokens.prefixCount
        addLoop(target.batch, { CK_tokens($0, $1) }) { memory in
            CK_Tokens(
                source: memory.floats(from), table: memory.floats(table), destination: memory.floats(to),
                channels: Int64(target.channels), positions: Int64(source.positions), prefix: Int64(first))
        }
    }

    /// Attention of every head over all positions of an image.
    func addSelfAttention(_ node: FusedNode, heads: Int) throws(EngineError) {
        let layout = try layout(of: node.output)
        let (from, to) = (try memory(of: node.inputs[0]), try memory(of: node.output))
        var work = CK_SelfAttention()
        work.tokens = Int64(layout.positions)
        work.channels = Int64(layout.channels)
        work.heads = Int64(heads)
        work.scale = 1 / Float(layout.channels / heads).squareRoot()
        let scratchFloats = CK_self_attention_scratch(&work)
        let count = layout.batch * heads
        // One contiguous run of heads per piece, each with its own scratch memory.
        let pieces = min(max(threads, 1), count)
        let scratch = temporary(byteCount: pieces * scratchFloats * MemoryLayout<Float>.stride)
        let threads = threads
        append(kernel: { [work] memory in
            var bound = work
            bound.qkv = UnsafePointer(memory.floats(from))
            bound.output = memory.floats(to)
            let scratch = memory.floats(scratch)
            return { [bound] in
                parallelFor(pieces, threads: threads) { piece in
                    withUnsafePointer(to: bound) { work in
                        for head in piece * count / pieces..<(piece + 1) * count / pieces {
                            CK_self_attention(work, Int64(head), scratch + piece * scratchFloats)
                        }
                    }
                }
            }
        })
    }

    /// The tokens after the prefix are already in the map's order.
    func addPatchMap(_ node: FusedNode, prefix: Int) throws(EngineError) {
        let source = try layout(of: node.inputs[0]), target = try layout(of: node.output)
        let (from, to) = (try memory(of: node.inputs[0]), try memory(of: node.output))
        let perImage = target.positions * target.channels
        append(kernel: { memory in
            let (from, to) = (memory.floats(from), memory.floats(to))
            return {
                for image in 0..<target.batch {
                    let first = from + (image * source.positions + prefix) * source.channels
                    (to + image * perImage).update(from: first, count: perImage)
                }
            }
        })
    }
}
