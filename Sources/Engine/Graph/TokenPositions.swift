// Position embeddings of vision transformers, resampled to a map of another size as timm does.

import Formats

extension Op.Tokens {
    /// What is added to every token of a map of the given size, row-major tokens×C: the prefix tokens themselves, and
    /// every position's embedding.
    ///
    /// - Parameters:
    ///   - prefix: the prefix tokens' values, prefixCount×C.
    ///   - positions: the position embedding's values, if there is one.
    func table(prefix: [Float], positions: [Float]?, size: Size2, channels: Int) -> [Double] {
        var table = prefix.map { Double($0) } + [Double](repeating: 0, count: size.height * size.width * channels)
        guard let positions else { return table }
        for index in 0..<embeddedPrefix * channels { table[index] += Double(positions[index]) }
        let trained = positions[(embeddedPrefix * channels)...].map { Double($0) }
        let resampled = BicubicResampling(from: grid, to: size, channels: channels).applied(to: trained)
        table.replaceSubrange(prefix.count..., with: resampled)
        return table
    }

    /// The derivatives by the prefix tokens and by the position embedding, from those by the table.
    func gradients(ofTable table: [Double], size: Size2, channels: Int) -> (prefix: [Double], positions: [Double]) {
        let first = prefixCount * channels
        let moved = BicubicResampling(from: grid, to: size, channels: channels).reversed(Array(table[first...]))
        return (Array(table[..<first]), table[..<(embeddedPrefix * channels)] + moved)
    }
}

/// A grid height×width×C at another size: bicubic (a = −1/2) with half-pixel centres, widened where it shrinks, as
/// PyTorch's `interpolate(mode="bicubic", antialias=True)`. The same size gives the same values.
private struct BicubicResampling {
    let from: Size2, to: Size2
    let channels: Int
    private let columns: BicubicWeights, rows: BicubicWeights

    init(from: Size2, to: Size2, channels: Int) {
        self.from = from
        self.to = to
        self.channels = channels
        columns = BicubicWeights(from: from.width, to: to.width)
        rows = BicubicWeights(from: from.height, to: to.height)
    }

    func applied(to values: [Double]) -> [Double] {
        guard from != to else { return values }
        var narrowed = [Double](repeating: 0, count: from.height * to.width * channels)
        var result = [Double](repeating: 0, count: to.height * to.width * channels)
        forEachColumnTap { narrow, wide, weight in
            for c in 0..<channels { narrowed[narrow + c] += weight * values[wide + c] }
        }
        let row = to.width * channels
        for (y, taps) in rows.taps.enumerated() {
            for (source, weight) in taps {
                for index in 0..<row { result[y * row + index] += weight * narrowed[source * row + index] }
            }
        }
        return result
    }

    /// The transposed of ``applied(to:)``: derivatives by the values, from those by the result.
    func reversed(_ gradients: [Double]) -> [Double] {
        guard from != to else { return gradients }
        var narrowed = [Double](repeating: 0, count: from.height * to.width * channels)
        var result = [Double](repeating: 0, count: from.height * from.width * channels)
        let row = to.width * channels
        for (y, taps) in rows.taps.enumerated() {
            for (source, weight) in taps {
                for index in 0..<row { narrowed[source * row + index] += weight * gradients[y * row + index] }
            }
        }
        forEachColumnTap { narrow, wide, weight in
            for c in 0..<channels { result[wide + c] += weight * narrowed[narrow + c] }
        }
        return result
    }

    /// Places in the map whose columns alone are resampled, and in the one before.
    private func forEachColumnTap(_ body: (_ narrow: Int, _ wide: Int, _ weight: Double) -> Void) {
        for y in 0..<from.height {
            for (x, taps) in columns.taps.enumerated() {
                for (source, weight) in taps {
                    body((y * to.width + x) * channels, (y * from.width + source) * channels, weight)
                }
            }
        }
    }
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
