// Vision transformers' tokens and global attention, in plain loops.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Formats

extension ReferenceMap {
    /// The map as a sequence N×C×1×L, prefix tokens first, position embeddings added.
    func tokenized(_ tokens: Op.Tokens, prefix: [Float], positions: [Float]?, shape: Shape) -> ReferenceMap {
        let table = tokens.table(
            prefix: prefix, positions: positions, size: Size2(height, width), channels: channels)
        let first = tokens.prefixCount
        return ReferenceMap(shape: shape) { n, c, _, token in
            let added = table[token * channels + c]
            return token < first ? added : added + self[n, c, (token - first) / width, (token - first) % width]
        }
    }

    /// softmax(q·kᵀ / √d)·v for each head, over all positions; the channels are q, k and v of all heads in turn.
    func selfAttended(heads: Int, shape: Shape) -> ReferenceMap {
        let size = channels / 3 / heads
        let scale = 1 / Double(size).squareRoot()
        var result = ReferenceMap(shape: shape, exact: [Double](repeating: 0, count: shape.elementCount))
        func value(_ n: Int, _ channel: Int, _ position: Int) -> Double {
            exact[(n * channels + channel) * area + position]
        }
        for n in 0..<count {
            for head in 0..<heads {
                let (q, k, v) = (head * size, (heads + head) * size, (2 * heads + head) * size)
                for i in 0..<area {
                    let scores = (0..<area).map { j in
                        scale * (0..<size).reduce(0.0) { $0 + value(n, q + $1, i) * value(n, k + $1, j) }
                    }
                    let largest = scores.max() ?? 0
                    let weights = scores.map { exp($0 - largest) }
                    let total = weights.reduce(0, +)
                    for c in 0..<size {
                        let sum = (0..<area).reduce(0.0) { $0 + weights[$1] * value(n, v + c, $1) }
                        result.exact[(n * channels / 3 + q + c) * area + i] = sum / total
                    }
                }
            }
        }
        return result
    }
}
