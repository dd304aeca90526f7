// The sums over the entries of two feature vectors that all distances are made of.
//
// Sums run in a fixed order: sixteen interleaved float32 sums within a chunk of 512 entries, float64 beyond, segments of
// 8192 entries added up in order. Threads take whole segments, so their number changes nothing, and neither does the tile
// in which a pair happens to lie.

import CKernels
import Engine

/// Which sums over the entries of two vectors are wanted.
struct PairOperations: OptionSet {
    let rawValue: Int
    /// Σ a · b
    static let products = PairOperations(rawValue: 1)
    /// Σ (a − b)²
    static let squaredDifferences = PairOperations(rawValue: 2)
    /// Σ (a − mean(a)) · (b − mean(b))
    static let centeredProducts = PairOperations(rawValue: 4)
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

/// The sums of one tile: (row, column), (row, column+1), (row+1, column), (row+1, column+1); zero where the tile is
/// narrower and for sums that were not wanted.
struct TileSums {
    var products = SIMD4<Double>.zero
    var squaredDifferences = SIMD4<Double>.zero
    var centeredProducts = SIMD4<Double>.zero
}

extension [PairTile] {
    /// The sums of every tile.
    ///
    /// - Precondition: both sides have the same dimension and hold the rows that the tiles name.
    func sums(
        _ left: FeatureVectors, _ right: FeatureVectors, _ operations: PairOperations, threads: Int
    ) -> [TileSums] {
        let segments = Swift.max(1, (left.dimension + segmentLength - 1) / segmentLength)
        var partial = [Double](repeating: 0, count: segments * count * 12)
        left.withRows { leftRows in
            right.withRows { rightRows in
                let tiles = map { CK_PairTile($0, left, right, leftRows, rightRows) }
                tiles.withUnsafeBufferPointer { tiles in
                    partial.withUnsafeMutableBufferPointer { partial in
                        var work = CK_PairSums()
                        work.tiles = tiles.baseAddress
                        work.tile_count = Int64(tiles.count)
                        work.dimension = Int64(left.dimension)
                        work.products = operations.contains(.products) ? 1 : 0
                        work.differences = operations.contains(.squaredDifferences) ? 1 : 0
                        work.centered = operations.contains(.centeredProducts) ? 1 : 0
                        work.sums = partial.baseAddress
                        // Each segment writes its own part of the buffer.
                        parallelFor(segments, threads: threads) { CK_pair_sums(&work, Int64($0)) }
                    }
                }
            }
        }
        return indices.map { tile in
            stride(from: tile * 12, to: partial.count, by: count * 12).reduce(into: TileSums()) { sums, at in
                sums.products += SIMD4(partial[at..<at + 4])
                sums.squaredDifferences += SIMD4(partial[at + 4..<at + 8])
                sums.centeredProducts += SIMD4(partial[at + 8..<at + 12])
            }
        }
    }

    private var segmentLength: Int { Int(CK_PAIR_SEGMENT) }
}

extension CK_PairTile {
    fileprivate init(
        _ tile: PairTile, _ left: FeatureVectors, _ right: FeatureVectors, _ leftRows: [UnsafePointer<Float>],
        _ rightRows: [UnsafePointer<Float>]
    ) {
        self.init()
        let (lastRow, lastColumn) = (tile.row + tile.rows - 1, tile.column + tile.columns - 1)
        self.left = (leftRows[tile.row], leftRows[lastRow])
        self.right = (rightRows[tile.column], rightRows[lastColumn])
        left_shift = (left.moments[tile.row].mean, left.moments[lastRow].mean)
        right_shift = (right.moments[tile.column].mean, right.moments[lastColumn].mean)
        rows = Int64(tile.rows)
        columns = Int64(tile.columns)
    }
}
