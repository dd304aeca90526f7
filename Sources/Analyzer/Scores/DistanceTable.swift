// The distances within one draw of a group: between the two views of an image, and between views of different images.

/// Distances of one kind between the members of a group of g images, for one draw of views.
struct DistanceTable {
    /// d(aᵢ, bᵢ): the two views of each member.
    var positives: [Double]
    /// d(aᵢ, b of i's paper negative).
    var paperNegatives: [Double]
    /// d(aᵢ, bₖ) at i·g + k; empty unless all negatives are asked for.
    var cross: [Double] = []
    /// d(aᵢ, aₖ) and d(bᵢ, bₖ) at i·g + k; empty unless the contrastive loss is asked for.
    var within: [[Double]] = []
}

/// Turns pair sums and moments into distances.
struct DistanceRule {
    let distance: Distance
    let dimension: Int

    /// The distance of two vectors from the sum over their entries.
    func value(_ sum: Double, _ left: VectorMoments, _ right: VectorMoments) -> Double {
        switch distance {
        case .cosine: 1 - sum / (left.squares * right.squares).squareRoot()
        case .pearson: 1 - sum / (left.centeredSquares * right.centeredSquares).squareRoot()
        case .l2: sum / Double(dimension)
        }
    }

    var operation: PairOperation { distance == .l2 ? .squaredDifference : .product }
    var isCentered: Bool { distance == .pearson }

    /// Distances of pairs of rows.
    func distances(
        _ left: FeatureVectors, _ right: FeatureVectors, tiles: [PairTile], threads: Int,
        _ assign: (_ row: Int, _ column: Int, _ distance: Double) -> Void
    ) {
        let sums = left.withRows(centered: isCentered) { leftRows in
            right.withRows(centered: isCentered) { rightRows in
                PairSums(operation: operation, threads: threads).sums(leftRows, rightRows, tiles: tiles)
            }
        }
        guard let sums = sums.flatMap(\.self) else { return }
        for (tile, values) in zip(tiles, sums) {
            for row in 0..<tile.rows {
                for column in 0..<tile.columns {
                    let (leftRow, rightRow) = (tile.row + row, tile.column + column)
                    assign(
                        leftRow, rightRow,
                        value(values[2 * row + column], left.moments[leftRow], right.moments[rightRow]))
                }
            }
        }
    }
}

/// What a group's distances are needed for.
struct DistanceNeeds: OptionSet {
    let rawValue: Int
    /// Distances to the paper's negatives.
    static let paper = DistanceNeeds(rawValue: 1)
    /// Distances between the first view of each image and the second view of every other.
    static let cross = DistanceNeeds(rawValue: 2)
    /// Distances between equal views of different images.
    static let within = DistanceNeeds(rawValue: 4)
}
