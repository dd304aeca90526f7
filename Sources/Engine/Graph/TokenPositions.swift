// Position embeddings of vision transformers, resampled to a map of another size as timm does.

import Formats

extension Op.Tokens {
    /// What is added to every token of a map of the given size, row-major tokens×C: the prefix tokens themselves, and
    /// every position's embedding.
    ///
    /// - Parameters:
    ///   - prefix: the prefix tokens' values, prefixCount×C.
    ///   - positions: the position embedding's values, if there is one.
    func table(prefix: [Float], positions: [Float]?, size: Size2, channels: Int) -> [Float] {
        var table = prefix + [Float](repeating: 0, count: size.height * size.width * channels)
        guard let positions else { return table }
        for index in 0..<embeddedPrefix * channels { table[index] += positions[index] }
        let trained = Array(positions[(embeddedPrefix * channels)...])
        let resampled = resampledBicubically(trained, from: grid, to: size, channels: channels)
        table.replaceSubrange(prefix.count..., with: resampled)
        return table
    }
}

/// A grid height×width×C at another size: bicubic (a = −1/2) with half-pixel centres, widened where it shrinks, as
/// PyTorch's `interpolate(mode="bicubic", antialias=True)`. The same size gives the same values.
func resampledBicubically(_ values: [Float], from: Size2, to: Size2, channels: Int) -> [Float] {
    guard from != to else { return values }
    let columns = BicubicWeights(from: from.width, to: to.width)
    let rows = BicubicWeights(from: from.height, to: to.height)
    var narrowed = [Double](repeating: 0, count: from.height * to.width * channels)
    for y in 0..<from.height {
        for (x, taps) in columns.taps.enumerated() {
            for (source, weight) in taps {
                for c in 0..<channels {
                    narrowed[(y * to.width + x) * channels + c] +=
                        weight * Double(values[(y * from.width + source) * channels + c])
                }
            }
        }
    }
    let row = to.width * channels
    var result: [Float] = []
    result.reserveCapacity(to.height * row)
    for taps in rows.taps {
        for index in 0..<row {
            result.append(Float(taps.reduce(0.0) { $0 + $1.weight * narrowed[$1.source * row + index] }))
        }
    }
    return result
}

/// For each output position, the input positions that make it and their weights.
private struct BicubicWeights {
    var taps: [[(source: Int, weight: Double)]] = []

    init(from input: Int, to output: Int) {
        let scale = Double(input) / Double(output)
        let width = max(scale, 1)
        for position in 0..<output {
            let center = scale * (Double(position) + 0.5)
            let first = max(Int(center - 2 * width + 0.5), 0)
            let last = min(Int(center + 2 * width + 0.5), input)
            let weights = (first..<last).map { Self.kernel((Double($0) - center + 0.5) / width) }
            let sum = weights.reduce(0, +)
            taps.append(zip(first..<last, weights).map { ($0, $1 / sum) })
        }
    }

    /// Keys' cubic convolution with a = −1/2.
    private static func kernel(_ x: Double) -> Double {
        let a = -0.5
        let d = abs(x)
        if d < 1 { return ((a + 2) * d - (a + 3)) * d * d + 1 }
        if d < 2 { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a }
        return 0
    }
}
