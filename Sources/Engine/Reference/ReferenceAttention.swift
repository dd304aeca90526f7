// Attention within shifted windows (Liu et al. 2021, section 3.2), token by token.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Formats

extension ReferenceMap {
    /// Windows of the (padded, shifted) map attend to themselves; the result has the map's own shape.
    ///
    /// `qkv` is 3C×C, `projection` C×C, `table` (2w−1)²×heads.
    func windowAttended(
        _ attention: Op.WindowAttention, qkv: [Float], qkvBias: [Float]?, projection: [Float],
        projectionBias: [Float]?, table: [Float]
    ) -> ReferenceMap {
        let grid = WindowGrid(attention, height: height, width: width)
        let scale = 1 / Double(channels / attention.heads).squareRoot()
        var result = exact
        for n in 0..<count {
            for window in grid.windows {
                let tokens = window.map { position in
                    affine(
                        qkv, qkvBias, outputs: 3 * channels, of: position.source.map { token(n, $0.height, $0.width) })
                }
                for (query, position) in window.enumerated() {
                    guard let target = position.source else { continue }
                    var attended = [Double](repeating: 0, count: channels)
                    for head in 0..<attention.heads {
                        let logits = window.indices.map { key in
                            scale * dot(tokens[query], tokens[key], head: head, heads: attention.heads)
                                + Double(table[grid.tableRow(query, key) * attention.heads + head])
                                + (window[key].region == position.region ? 0 : -100)
                        }
                        let largest = logits.max() ?? 0
                        let weights = logits.map { exp($0 - largest) }
                        let total = weights.reduce(0, +)
                        let size = channels / attention.heads
                        for c in head * size..<(head + 1) * size {
                            for key in window.indices {
                                attended[c] += weights[key] / total * tokens[key][2 * channels + c]
                            }
                        }
                    }
                    let projected = affine(projection, projectionBias, outputs: channels, of: attended)
                    for c in 0..<channels {
                        result[((n * channels + c) * height + target.height) * width + target.width] =
                            projected[c]
                    }
                }
            }
        }
        return ReferenceMap(shape: shape, exact: result)
    }

    private func token(_ n: Int, _ y: Int, _ x: Int) -> [Double] { (0..<channels).map { self[n, $0, y, x] } }

    /// weight · input + bias; a nil input is a zero token.
    private func affine(_ weight: [Float], _ bias: [Float]?, outputs: Int, of input: [Double]?) -> [Double] {
        (0..<outputs).map { output in
            var sum = Double(bias?[output] ?? 0)
            guard let input else { return sum }
            var c = 0
            while c < input.count {
                sum += Double(weight[output * input.count + c]) * input[c]
                c += 1
            }
            return sum
        }
    }

    /// The query of one token with the key of another, for one head.
    private func dot(_ query: [Double], _ key: [Double], head: Int, heads: Int) -> Double {
        let size = channels / heads
        return (head * size..<(head + 1) * size).reduce(0.0) { $0 + query[$1] * key[channels + $1] }
    }
}

/// Where the tokens of each window come from.
struct WindowGrid {
    /// One place in a window: its position in the map (nil for padding) and its region of the unshifted map; tokens of
    /// different regions do not attend to each other.
    struct Position {
        let source: Size2?
        let region: Int
    }

    /// The positions of each window, row by row.
    let windows: [[Position]]
    private let window: Int

    init(_ attention: Op.WindowAttention, height: Int, width: Int) {
        let rows = Self.axis(attention, size: height)
        let columns = Self.axis(attention, size: width)
        let window = attention.window
        var windows: [[Position]] = []
        for top in stride(from: 0, to: rows.count, by: window) {
            for left in stride(from: 0, to: columns.count, by: window) {
                var positions: [Position] = []
                for row in rows[top..<top + window] {
                    for column in columns[left..<left + window] {
                        let isInside = row.source < height && column.source < width
                        positions.append(
                            Position(
                                source: isInside ? Size2(row.source, column.source) : nil,
                                region: row.region * 3 + column.region))
                    }
                }
                windows.append(positions)
            }
        }
        self.windows = windows
        self.window = window
    }

    /// For each place along one padded axis: the place it shows (at least `size` for padding) and its region.
    private static func axis(_ attention: Op.WindowAttention, size: Int) -> [(source: Int, region: Int)] {
        let window = attention.window
        let padded = (size + window - 1) / window * window
        let shift = attention.border == .padsThenShifts && padded <= window ? 0 : attention.shift
        return (0..<padded).map { place in
            let source: Int
            switch attention.border {
            case .padsThenShifts: source = (place + shift) % padded
            case .shiftsThenPads: source = place < size ? (place + shift) % size : place
            }
            let region = shift == 0 || place < padded - window ? 0 : place < padded - shift ? 1 : 2
            return (source, region)
        }
    }

    /// The row of the bias table for a query and a key of the same window.
    func tableRow(_ query: Int, _ key: Int) -> Int {
        let down = query / window - key / window + window - 1
        let along = query % window - key % window + window - 1
        return down * (2 * window - 1) + along
    }
}
