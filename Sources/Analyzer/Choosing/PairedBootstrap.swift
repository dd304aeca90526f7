// Resampling the images, the same for all checkpoints, to see how far their order hangs on which images there were.

/// Replicates of every checkpoint's scores under resampled images.
///
/// The scores of all checkpoints come from the same images and views, so most of their noise is common and cancels in
/// differences. A replicate draws units with replacement (images, or cases: ``ScoreSpread``) and recomputes all means:
///
///     θ*(c) = θ(c) + Σ_u w_u Σ_{i∈u} (ψᵢ(c) − ψ̄(c)) / Σ_u w_u n_u   [+ the like over draws, if they share their jitter]
///
/// with multinomial weights w that are equal for all checkpoints and levels. More than 512 units are first joined into 512
/// runs of neighbours, which keeps the cost bounded and like images together. The weights come from a counter-based
/// generator: equal seeds give equal replicates on every machine.
struct PairedBootstrap {
    static let greatestUnitCount = 512

    private let values: [[Double]]
    private let unitCounts: [Double]
    /// [checkpoint][setting][unit]: summed deviations of the influences.
    private let deviations: [[[Double]]]
    /// [checkpoint][setting][draw]: deviations of the draws' means; empty when draws do not share their jitter.
    private let drawDeviations: [[[Double]]]
    private let seed: UInt64

    /// Prepares to resample.
    ///
    /// - Parameter entries: checkpoint, then setting; every entry with the values of the same images.
    init(_ entries: [[CheckpointScore.Entry]], spread: ScoreSpread, seed: UInt64) {
        self.seed = seed
        values = entries.map { $0.map(\.value) }
        let influences = entries.map { $0.map { $0.images?.influences ?? [] } }
        let units = Self.units(of: influences.first?.first ?? [], spread: spread)
        let unitCount = (units.max() ?? -1) + 1
        var counts = [Double](repeating: 0, count: unitCount)
        for unit in units where unit >= 0 { counts[unit] += 1 }
        unitCounts = counts
        deviations = influences.map { $0.map { Self.deviations($0, units: units, unitCount: unitCount) } }
        let hasDraws = spread.sharesViews && (entries.first?.first?.drawMeans.count ?? 0) > 1
        drawDeviations = entries.map { settings in
            settings.map { entry in
                let mean = entry.drawMeans.reduce(0, +) / Double(entry.drawMeans.count)
                return hasDraws ? entry.drawMeans.map { $0 - mean } : []
            }
        }
    }

    /// The scores in replicate number `index`: checkpoint, then setting.
    func replicate(_ index: Int) -> [[Double]] {
        var generator = CounterGenerator(seed: seed, purpose: .bootstrap, place: UInt64(index))
        let weights = Self.weights(unitCounts.count, &generator)
        let total = zip(weights, unitCounts).reduce(0) { $0 + $1.0 * $1.1 }
        let draws = drawDeviations.first?.first?.count ?? 0
        let drawWeights = Self.weights(draws, &generator)
        return values.indices.map { checkpoint in
            values[checkpoint].indices.map { setting in
                let shift = dot(weights, deviations[checkpoint][setting]) / max(total, 1)
                let drawShift = dot(drawWeights, drawDeviations[checkpoint][setting]) / Double(max(draws, 1))
                return values[checkpoint][setting] + shift + drawShift
            }
        }
    }

    /// The unit of each image; −1 for images without a value.
    private static func units(of influences: [Double], spread: ScoreSpread) -> [Int] {
        let names = influences.indices.map { image in
            influences[image].isNaN ? -1 : spread.clusters?[image] ?? image
        }
        let present = Set(names).subtracting([-1]).sorted()
        let numbers = Dictionary(uniqueKeysWithValues: present.enumerated().map { ($1, $0) })
        return names.map { name in
            guard let number = numbers[name] else { return -1 }
            return present.count > greatestUnitCount ? number * greatestUnitCount / present.count : number
        }
    }

    private static func deviations(_ influences: [Double], units: [Int], unitCount: Int) -> [Double] {
        var sums = [Double](repeating: 0, count: unitCount)
        var mean = 0.0
        var count = 0.0
        for (image, unit) in units.enumerated() where unit >= 0 {
            mean += influences[image]
            count += 1
        }
        mean /= max(count, 1)
        for (image, unit) in units.enumerated() where unit >= 0 { sums[unit] += influences[image] - mean }
        return sums
    }

    private static func weights(_ count: Int, _ generator: inout CounterGenerator) -> [Double] {
        var weights = [Double](repeating: 0, count: count)
        for _ in 0..<count { weights[generator.next(below: count)] += 1 }
        return weights
    }
}

private func dot(_ left: [Double], _ right: [Double]) -> Double {
    var sum = 0.0
    for (left, right) in zip(left, right) { sum += left * right }
    return sum
}
