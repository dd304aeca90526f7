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

    /// The sum over the entries that the distance is made of.
    static func operation(for distance: Distance) -> PairOperations {
        switch distance {
        case .cosine: .products
        case .l2: .squaredDifferences
        case .pearson: .centeredProducts
        }
    }

    /// The distances of a tile's pairs.
    func assign(
        _ sums: TileSums, of tile: PairTile, _ left: FeatureVectors, _ right: FeatureVectors,
        _ assign: (_ row: Int, _ column: Int, _ distance: Double) -> Void
    ) {
        for row in 0..<tile.rows {
            for column in 0..<tile.columns {
                let (leftRow, rightRow) = (tile.row + row, tile.column + column)
                assign(
                    leftRow, rightRow,
                    value(sums, pair: 2 * row + column, left.moments[leftRow], right.moments[rightRow]))
            }
        }
    }

    private func value(_ sums: TileSums, pair: Int, _ left: VectorMoments, _ right: VectorMoments) -> Double {
        switch distance {
        case .cosine: 1 - sums.products[pair] / (left.squares * right.squares).squareRoot()
        case .pearson: 1 - sums.centeredProducts[pair] / (left.centeredSquares * right.centeredSquares).squareRoot()
        case .l2: sums.squaredDifferences[pair] / Double(dimension)
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
