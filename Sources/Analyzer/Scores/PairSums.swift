// The inner loops of all distances: sums over the entries of two feature vectors.
//
// Four scalar accumulators make a vector register without asking for one by name, so the loops are fast in release
// builds and bearable in debug builds. Sums run in a fixed order: float32 within a chunk of 512 entries, float64 beyond,
// segments of 8192 entries added up in order. Threads take whole segments, so their number changes nothing, and neither
// does the tile in which a pair happens to lie.

import Dispatch

/// What is added up over the entries of two vectors.
enum PairOperation {
    /// (a − shift(a)) · (b − shift(b))
    case product
    /// (a − b)²
    case squaredDifference
}

/// Vectors of equal length, one a row, with a number to subtract from each before products are taken.
struct VectorRows {
    let values: UnsafePointer<Float>
    let dimension: Int
    /// One for each row; empty for zeros.
    var shifts: [Float] = []

    func shift(_ row: Int) -> Float { shifts.isEmpty ? 0 : shifts[row] }
}

/// Up to 2 × 2 neighbouring pairs that are summed together: rows `row`, `row + 1` against `column`, `column + 1`.
struct PairTile {
    var row: Int
    var column: Int
    var rows = 1
    var columns = 1

    /// Tiles that cover all of `rows` × `columns`.
    static func covering(rows: Range<Int>, columns: Range<Int>) -> [PairTile] {
        stride(from: rows.lowerBound, to: rows.upperBound, by: 2).flatMap { row in
            stride(from: columns.lowerBound, to: columns.upperBound, by: 2).map { column in
                PairTile(
                    row: row, column: column, rows: min(2, rows.upperBound - row),
                    columns: min(2, columns.upperBound - column))
            }
        }
    }
}

/// Sums of one operation over many pairs of vectors.
struct PairSums {
    private static let chunk = 512
    private static let segment = 8192

    let operation: PairOperation
    let threads: Int

    /// Four sums a tile: (row, column), (row, column+1), (row+1, column), (row+1, column+1); zero where the tile is
    /// narrower.
    ///
    /// - Precondition: both sides have the same dimension and hold the rows that the tiles name.
    func sums(_ left: VectorRows, _ right: VectorRows, tiles: [PairTile]) -> [SIMD4<Double>] {
        let dimension = left.dimension
        let segments = max(1, (dimension + Self.segment - 1) / Self.segment)
        var partial = [SIMD4<Double>](repeating: .zero, count: segments * tiles.count)
        partial.withUnsafeMutableBufferPointer { partial in
            // Each segment writes its own part of the buffer.
            nonisolated(unsafe) let partial = partial
            nonisolated(unsafe) let (left, right) = (left, right)
            concurrently(segments, threads: threads) { segment in
                let range = segment * Self.segment..<min(dimension, (segment + 1) * Self.segment)
                let part = UnsafeMutableBufferPointer(
                    rebasing: partial[segment * tiles.count..<(segment + 1) * tiles.count])
                add(left, right, tiles, entries: range, to: part)
            }
        }
        guard segments > 1 else { return partial }
        return tiles.indices.map { tile in
            stride(from: tile, to: partial.count, by: tiles.count).reduce(SIMD4<Double>.zero) { $0 + partial[$1] }
        }
    }

    private func add(
        _ left: VectorRows, _ right: VectorRows, _ tiles: [PairTile], entries: Range<Int>,
        to sums: UnsafeMutableBufferPointer<SIMD4<Double>>
    ) {
        for start in stride(from: entries.lowerBound, to: entries.upperBound, by: Self.chunk) {
            let count = min(Self.chunk, entries.upperBound - start)
            for (index, tile) in tiles.enumerated() {
                sums[index] += sum(left, right, tile, start: start, count: count)
            }
        }
    }

    @inline(__always)
    private func sum(
        _ left: VectorRows, _ right: VectorRows, _ tile: PairTile, start: Int, count: Int
    ) -> SIMD4<Double> {
        let dimension = left.dimension
        let (lastRow, lastColumn) = (tile.row + tile.rows - 1, tile.column + tile.columns - 1)
        let block = Block(
            left0: left.values + (tile.row * dimension + start), left1: left.values + (lastRow * dimension + start),
            right0: right.values + (tile.column * dimension + start),
            right1: right.values + (lastColumn * dimension + start), count: count)
        let isFull = tile.rows == 2 && tile.columns == 2
        switch operation {
        case .squaredDifference: return isFull ? block.squaredDifferences() : block.squaredDifference(tile)
        case .product:
            let shifts = SIMD4(
                left.shift(tile.row), left.shift(lastRow), right.shift(tile.column), right.shift(lastColumn))
            guard shifts == .zero else { return block.shiftedProducts(shifts, tile) }
            return isFull ? block.products() : block.product(tile)
        }
    }
}

/// Calls `body` for every index, on at most `threads` threads; each thread takes every `threads`-th index.
func concurrently(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
    let workers = min(max(1, threads), count)
    guard workers > 1 else { return (0..<count).forEach(body) }
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
        for index in stride(from: worker, to: count, by: workers) { body(index) }
    }
}
