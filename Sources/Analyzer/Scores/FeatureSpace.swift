// One level under one pooling: collects a group's vectors draw by draw and makes distances of them as they arrive.

import Engine

/// The vectors and distances of one draw of a group at one level under one pooling.
///
/// The first view of the whole group comes first, batch by batch, and is kept; each batch of the second view is compared
/// with it at once and dropped, unless the contrastive loss needs it to the end.
struct FeatureSpace {
    let level: Int
    let pooling: Pooling
    let distances: [Distance]
    let needs: DistanceNeeds
    let poolsChannels: Bool
    let threads: Int

    private var layout = GroupLayout.empty
    private let operations: PairOperations
    private var firstView = FeatureVectors()
    private var secondView = FeatureVectors()
    private var secondViewStart = 0
    private(set) var tables: [Distance: DistanceTable] = [:]
    /// Vectors that were zero, or constant, since the last ``begin(_:)``.
    private(set) var zeroVectors = 0
    private(set) var constantVectors = 0

    init(
        level: Int, pooling: Pooling, distances: [Distance], needs: DistanceNeeds, poolsChannels: Bool, threads: Int
    ) {
        self.level = level
        self.pooling = pooling
        self.distances = distances
        self.needs = needs
        self.poolsChannels = poolsChannels
        self.threads = threads
        operations = distances.reduce(into: []) { $0.formUnion(DistanceRule.operation(for: $1)) }
    }

    /// Starts a draw of a group.
    mutating func begin(_ layout: GroupLayout) {
        self.layout = layout
        firstView.removeAll()
        secondView.removeAll()
        secondViewStart = 0
        (zeroVectors, constantVectors) = (0, 0)
        let count = layout.members.count
        let empty = DistanceTable(
            positives: [Double](repeating: .nan, count: count),
            paperNegatives: [Double](repeating: .nan, count: count),
            cross: needs.contains(.cross) ? [Double](repeating: .nan, count: count * count) : [])
        tables = Dictionary(uniqueKeysWithValues: distances.map { ($0, empty) })
    }

    /// Adds a batch of the first view.
    mutating func addFirstView(_ features: LevelFeatures) {
        let start = firstView.count
        firstView.append(features, pooling: pooling, poolsChannels: poolsChannels, threads: threads)
        countDegenerate(firstView.moments[start...])
    }

    /// Adds a batch of the second view, after all of the first.
    mutating func addSecondView(_ features: LevelFeatures) {
        let before = secondView.count
        secondView.append(features, pooling: pooling, poolsChannels: poolsChannels, threads: threads)
        countDegenerate(secondView.moments[before...])
        let columns = before..<secondView.count
        compareViews(columns: columns, offset: secondViewStart)
        if !needs.contains(.within) {
            secondViewStart += secondView.count
            secondView.removeAll()
        }
    }

    /// Completes the draw's tables.
    mutating func end() {
        guard needs.contains(.within) else { return }
        let byView = [firstView, secondView].map { within($0) }
        for distance in distances { tables[distance]?.within = byView.compactMap { $0[distance] } }
    }

    /// Compares the rows `columns` of the second view, which are members `offset + column`, with the first view.
    private mutating func compareViews(columns: Range<Int>, offset: Int) {
        guard firstView.dimension == secondView.dimension else { return }
        let tiles: [PairTile]
        if needs.contains(.cross) {
            tiles = PairTile.covering(rows: 0..<firstView.count, columns: columns)
        } else {
            tiles = columns.flatMap { column in
                let member = column + offset
                let partner = layout.partners[member]
                return (partner == member ? [member] : [member, partner]).map { PairTile(row: $0, column: column) }
            }
        }
        let sums = tiles.sums(firstView, secondView, operations, threads: threads)
        let count = layout.members.count
        for distance in distances {
            guard var table = tables[distance] else { continue }
            tables[distance] = nil
            let rule = DistanceRule(distance: distance, dimension: firstView.dimension)
            for (tile, sums) in zip(tiles, sums) {
                rule.assign(sums, of: tile, firstView, secondView) { row, column, value in
                    let member = column + offset
                    if row == member { table.positives[row] = value }
                    if member == layout.partners[row] { table.paperNegatives[row] = value }
                    if !table.cross.isEmpty { table.cross[row * count + member] = value }
                }
            }
            tables[distance] = table
        }
    }

    /// Every distance between all rows of one view.
    private func within(_ view: FeatureVectors) -> [Distance: [Double]] {
        let count = view.count
        let tiles = PairTile.covering(rows: 0..<count, columns: 0..<count).filter { $0.row <= $0.column }
        let sums = tiles.sums(view, view, operations, threads: threads)
        var tables: [Distance: [Double]] = [:]
        for distance in distances {
            var result = [Double](repeating: .nan, count: count * count)
            let rule = DistanceRule(distance: distance, dimension: view.dimension)
            for (tile, sums) in zip(tiles, sums) {
                rule.assign(sums, of: tile, view, view) { row, column, value in
                    result[row * count + column] = value
                    result[column * count + row] = value
                }
            }
            tables[distance] = result
        }
        return tables
    }

    private mutating func countDegenerate(_ moments: ArraySlice<VectorMoments>) {
        for moments in moments {
            if moments.isZero { zeroVectors += 1 }
            if moments.isConstant { constantVectors += 1 }
        }
    }
}

extension GroupLayout {
    /// A group of nobody.
    static let empty = GroupLayout(members: [], partners: [], others: [])

    private init(members: [Int], partners: [Int], others: [[Int]]) {
        self.members = members
        self.partners = partners
        self.others = others
    }
}
