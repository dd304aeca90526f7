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
    let tokens: Bool
    let threads: Int

    private var layout = GroupLayout.empty
    private var firstView: FeatureVectors
    private var secondView: FeatureVectors
    private var secondViewStart = 0
    private(set) var tables: [Distance: DistanceTable] = [:]
    /// Vectors that were zero, or constant, since the last ``begin(_:)``.
    private(set) var zeroVectors = 0
    private(set) var constantVectors = 0

    init(
        level: Int, pooling: Pooling, distances: [Distance], needs: DistanceNeeds, tokens: Bool, threads: Int
    ) {
        self.level = level
        self.pooling = pooling
        self.distances = distances
        self.needs = needs
        self.tokens = tokens
        self.threads = threads
        firstView = FeatureVectors(centers: distances.contains(.pearson))
        secondView = firstView
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
        if firstView.count == 0 {
            firstView.reserve(rows: layout.members.count, dimension: features.vectorLength(pooling, tokens: tokens))
        }
        let start = firstView.count
        firstView.append(features, pooling: pooling, tokens: tokens, threads: threads)
        countDegenerate(firstView.moments[start...])
    }

    /// Adds a batch of the second view, after all of the first.
    mutating func addSecondView(_ features: LevelFeatures) {
        let before = secondView.count
        secondView.append(features, pooling: pooling, tokens: tokens, threads: threads)
        countDegenerate(secondView.moments[before...])
        let columns = before..<secondView.count
        for distance in distances { compareViews(distance, columns: columns, offset: secondViewStart) }
        if !needs.contains(.within) {
            secondViewStart += secondView.count
            secondView.removeAll()
        }
    }

    /// Completes the draw's tables.
    mutating func end() {
        guard needs.contains(.within) else { return }
        for distance in distances {
            let byView = [firstView, secondView].map { within($0, distance) }
            tables[distance]?.within = byView
        }
    }

    /// Compares the rows `columns` of the second view, which are members `offset + column`, with the first view.
    private mutating func compareViews(_ distance: Distance, columns: Range<Int>, offset: Int) {
        guard var table = tables[distance], firstView.dimension == secondView.dimension else { return }
        tables[distance] = nil
        let count = layout.members.count
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
        let rule = DistanceRule(distance: distance, dimension: firstView.dimension)
        rule.distances(firstView, secondView, tiles: tiles, threads: threads) { row, column, value in
            let member = column + offset
            if row == member { table.positives[row] = value }
            if member == layout.partners[row] { table.paperNegatives[row] = value }
            if !table.cross.isEmpty { table.cross[row * count + member] = value }
        }
        tables[distance] = table
    }

    private func within(_ view: FeatureVectors, _ distance: Distance) -> [Double] {
        let count = view.count
        var result = [Double](repeating: .nan, count: count * count)
        let tiles = PairTile.covering(rows: 0..<count, columns: 0..<count).filter { $0.row <= $0.column }
        let rule = DistanceRule(distance: distance, dimension: view.dimension)
        rule.distances(view, view, tiles: tiles, threads: threads) { row, column, value in
            result[row * count + column] = value
            result[column * count + row] = value
        }
        return result
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

extension LevelFeatures {
    /// The length of one image's vector.
    func vectorLength(_ pooling: Pooling, tokens: Bool) -> Int {
        let entries = shape[0] == 0 ? 0 : values.count / shape[0]
        let channels = max(1, shape[1])
        return switch pooling {
        case .flat: entries
        case .pooled: tokens ? entries / channels : channels
        }
    }
}
