// Distances between the surfaces of a class in prediction and truth, and the measures made of them.

/// The distances between two surfaces.
struct SurfaceDistances: Sendable {
    /// From each surface voxel of the prediction to the nearest one of the truth.
    let fromPrediction: [Double]
    /// From each surface voxel of the truth to the nearest one of the prediction.
    let fromTruth: [Double]

    /// Measures a class; nil where it is absent in prediction or truth.
    ///
    /// - Parameters:
    ///   - spacing: z, y, x; see ``nearestDistances(from:count:to:_:spacing:threads:)``.
    init?(
        of label: UInt8, prediction: UnsafePointer<UInt8>, truth: UnsafePointer<UInt8>, _ grid: GridSize,
        spacing: SIMD3<Double>, threads: Int
    ) {
        guard let predicted = GridBox(around: label, in: prediction, grid),
            let real = GridBox(around: label, in: truth, grid)
        else { return nil }
        // Nothing outside the box of both can be on a surface, so distances within it are exact.
        let box = predicted.union(real)
        let (found, foundCount) = surface(of: label, in: prediction, grid, box: box)
        let (wanted, wantedCount) = surface(of: label, in: truth, grid, box: box)
        fromPrediction = nearestDistances(
            from: found, count: foundCount, to: wanted, box.size, spacing: spacing, threads: threads)
        fromTruth = nearestDistances(
            from: wanted, count: wantedCount, to: found, box.size, spacing: spacing, threads: threads)
    }

    /// A measure of the distance; nil for other measures.
    func value(_ metric: SegmentationMetric) -> Double? {
        switch metric {
        case .hausdorff95: percentile(95, of: fromPrediction + fromTruth)
        case .modifiedHausdorff: max(mean(fromPrediction), mean(fromTruth))
        case .averageSurfaceDistance:
            (sum(fromPrediction) + sum(fromTruth)) / Double(fromPrediction.count + fromTruth.count)
        default: nil
        }
    }

    private func sum(_ values: [Double]) -> Double { values.reduce(0, +) }
    private func mean(_ values: [Double]) -> Double { sum(values) / Double(values.count) }
}

/// A percentile between the two values next to it, linearly, as numpy's default.
///
/// - Precondition: at least one value, none of them NaN, none negative.
func percentile(_ percent: Double, of values: [Double]) -> Double {
    let place = Double(values.count - 1) * percent / 100
    let rank = min(max(Int(place), 0), values.count - 1)
    let (low, high) = neighbours(atRank: rank, in: values)
    return low + (high - low) * (place - Double(rank))
}

/// The value that stands at a rank in ascending order, and the one behind it (itself where it is the last).
///
/// By counting the upper bits first and keeping only the values that share them: linear time whatever the values, where
/// sorting all would take longer than the distances themselves.
private func neighbours(atRank rank: Int, in values: [Double]) -> (Double, Double) {
    var candidates = values.map(\.bitPattern)
    var rest = rank
    for shift in [48, 32, 16, 0] as [UInt64] {
        var counts = [Int](repeating: 0, count: 1 << 16)
        for bits in candidates { counts[Int(bits >> shift & 0xFFFF)] += 1 }
        var digit = 0
        while digit < counts.count - 1, rest >= counts[digit] {
            rest -= counts[digit]
            digit += 1
        }
        candidates.removeAll { Int($0 >> shift & 0xFFFF) != digit }
        if candidates.count == 1 { break }
    }
    let low = candidates.first.map(Double.init(bitPattern:)) ?? 0
    var atMost = 0
    var next = Double.infinity
    for value in values {
        if value <= low { atMost += 1 } else { next = min(next, value) }
    }
    return (low, atMost > rank + 1 || next == .infinity ? low : next)
}
