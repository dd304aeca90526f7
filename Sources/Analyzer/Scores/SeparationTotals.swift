// How positives and negatives lie: the numbers behind a score, which the warnings look at.

/// Running totals behind a ``CheckpointScore/Separation``.
struct SeparationTotals {
    private let space: Int
    private let level: Int
    private let pooling: Pooling
    private let distance: Distance
    private let negatives: Negatives
    private var positives = 0.0
    private var negativeSum = 0.0
    private var violations = 0.0
    private var absolutes = 0.0
    private var count = 0.0

    /// One for each distance and kind of negatives of a space.
    static func all(of space: FeatureSpace, index: Int) -> [SeparationTotals] {
        space.distances.flatMap { distance in
            Negatives.allCases.compactMap { negatives in
                guard space.needs.contains(negatives == .all ? .cross : .paper) else { return nil }
                return SeparationTotals(space: index, space, distance, negatives)
            }
        }
    }

    private init(space: Int, _ from: FeatureSpace, _ distance: Distance, _ negatives: Negatives) {
        self.space = space
        level = from.level
        pooling = from.pooling
        self.distance = distance
        self.negatives = negatives
    }

    /// Adds a draw of a group.
    mutating func add(_ spaces: [FeatureSpace], _ layout: GroupLayout) {
        guard let table = spaces[space].tables[distance] else { return }
        for member in layout.members.indices {
            switch negatives {
            case .paper: add(table.positives[member], table.paperNegatives[member])
            case .all:
                for other in layout.others[member] {
                    add(table.positives[member], table.cross[member * layout.members.count + other])
                }
            }
        }
    }

    private mutating func add(_ positive: Double, _ negative: Double) {
        positives += positive
        negativeSum += negative
        violations += max(0, positive - negative)
        absolutes += abs(positive - negative)
        count += 1
    }

    var separation: CheckpointScore.Separation {
        CheckpointScore.Separation(
            level: level, pooling: pooling, distance: distance, negatives: negatives, meanPositive: positives / count,
            meanNegative: negativeSum / count, violatingMass: violations / absolutes)
    }
}
