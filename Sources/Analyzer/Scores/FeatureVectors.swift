// The feature vectors of one view of a group: flattened or pooled, with the sums that distances need.

import Engine

/// What distances need to know of one vector, in float64.
struct VectorMoments {
    /// Σ a²
    private(set) var squares = 0.0
    /// The mean of the entries.
    private(set) var mean: Float = 0
    /// Σ (a − mean)², or zero for a constant vector; only for correlations.
    private(set) var centeredSquares = 0.0
    /// Whether all entries are equal.
    private(set) var isConstant = true

    var isZero: Bool { squares == 0 }

    /// - Parameter centered: whether ``centeredSquares`` is needed. It takes a second pass, so that a large mean does not
    ///   eat the spread.
    init(_ values: UnsafeBufferPointer<Float>, centered: Bool) {
        guard let first = values.first else { return }
        isConstant = values.allSatisfy { $0 == first }
        let (sum, squares) = Self.sums(values)
        self.squares = squares
        // The mean of a constant could miss the constant by a rounding, and all its deviations be that rounding.
        mean = isConstant ? first : Float(sum / Double(values.count))
        if centered { centeredSquares = Self.squaredDeviations(values, from: Double(mean)) }
    }

    /// Σ a and Σ a² in four interleaved sums each, which keeps the processor busy.
    private static func sums(_ values: UnsafeBufferPointer<Float>) -> (sum: Double, squares: Double) {
        var (sum0, sum1, sum2, sum3) = (0.0, 0.0, 0.0, 0.0)
        var (square0, square1, square2, square3) = (0.0, 0.0, 0.0, 0.0)
        let whole = values.count & ~3
        var entry = 0
        while entry < whole {
            let (value0, value1) = (Double(values[entry]), Double(values[entry + 1]))
            let (value2, value3) = (Double(values[entry + 2]), Double(values[entry + 3]))
            sum0 += value0
            sum1 += value1
            sum2 += value2
            sum3 += value3
            square0 += value0 * value0
            square1 += value1 * value1
            square2 += value2 * value2
            square3 += value3 * value3
            entry += 4
        }
        for value in values[whole...] {
            sum0 += Double(value)
            square0 += Double(value) * Double(value)
        }
        return ((sum0 + sum1) + (sum2 + sum3), (square0 + square1) + (square2 + square3))
    }

    private static func squaredDeviations(_ values: UnsafeBufferPointer<Float>, from mean: Double) -> Double {
        var (sum0, sum1, sum2, sum3) = (0.0, 0.0, 0.0, 0.0)
        let whole = values.count & ~3
        var entry = 0
        while entry < whole {
            let (part0, part1) = (Double(values[entry]) - mean, Double(values[entry + 1]) - mean)
            let (part2, part3) = (Double(values[entry + 2]) - mean, Double(values[entry + 3]) - mean)
            sum0 += part0 * part0
            sum1 += part1 * part1
            sum2 += part2 * part2
            sum3 += part3 * part3
            entry += 4
        }
        for value in values[whole...] { sum0 += (Double(value) - mean) * (Double(value) - mean) }
        return (sum0 + sum1) + (sum2 + sum3)
    }
}

/// One vector per image: the rows of one view of a group at one level.
struct FeatureVectors {
    private(set) var values: [Float] = []
    private(set) var moments: [VectorMoments] = []
    private(set) var dimension = 0
    /// Whether correlations will be asked for.
    let centers: Bool

    init(centers: Bool) { self.centers = centers }

    var count: Int { moments.count }

    /// Appends one vector per image of a batch.
    ///
    /// - Parameter tokens: whether the map stands for tokens, which the authors' pooling averages over channels.
    mutating func append(_ features: LevelFeatures, pooling: Pooling, tokens: Bool, threads: Int) {
        let images = features.shape[0]
        let channels = features.shape[1]
        let positions = images == 0 ? 0 : features.values.count / max(1, images * channels)
        switch pooling {
        case .flat: append(rows: features.values, dimension: channels * positions, threads: threads)
        case .pooled where tokens:
            append(
                rows: channelMeans(features.values, images, channels, positions), dimension: positions, threads: threads
            )
        case .pooled:
            append(rows: spatialMeans(features.values, positions), dimension: channels, threads: threads)
        }
    }

    /// Forgets the rows and keeps the memory.
    mutating func removeAll() {
        values.removeAll(keepingCapacity: true)
        moments.removeAll(keepingCapacity: true)
    }

    /// Makes room for the rows of a whole group.
    mutating func reserve(rows: Int, dimension: Int) { values.reserveCapacity(rows * dimension) }

    private mutating func append(rows: [Float], dimension: Int, threads: Int) {
        self.dimension = dimension
        let centers = centers
        values.append(contentsOf: rows)
        let count = dimension == 0 ? 0 : rows.count / dimension
        var added = [VectorMoments?](repeating: nil, count: count)
        added.withUnsafeMutableBufferPointer { added in
            rows.withUnsafeBufferPointer { rows in
                // Each row writes its own element.
                nonisolated(unsafe) let (added, rows) = (added, rows)
                concurrently(count, threads: threads) { row in
                    added[row] = VectorMoments(
                        UnsafeBufferPointer(rebasing: rows[row * dimension..<(row + 1) * dimension]), centered: centers)
                }
            }
        }
        moments.append(contentsOf: added.compactMap(\.self))
    }

    /// Lends the rows to the sums' inner loops.
    func withRows<Result>(centered: Bool, _ body: (VectorRows) -> Result) -> Result? {
        values.withUnsafeBufferPointer { buffer in
            buffer.baseAddress.map {
                body(VectorRows(values: $0, dimension: dimension, shifts: centered ? moments.map(\.mean) : []))
            }
        }
    }
}

/// The mean over the positions of each channel: images × channels.
private func spatialMeans(_ values: [Float], _ positions: Int) -> [Float] {
    guard positions > 1 else { return values }
    return stride(from: 0, to: values.count, by: positions).map { start in
        var sum = 0.0
        for index in start..<start + positions { sum += Double(values[index]) }
        return Float(sum / Double(positions))
    }
}

/// The mean over the channels at each position: images × positions.
private func channelMeans(_ values: [Float], _ images: Int, _ channels: Int, _ positions: Int) -> [Float] {
    var means = [Float](repeating: 0, count: images * positions)
    for image in 0..<images {
        for position in 0..<positions {
            let start = image * channels * positions + position
            var sum = 0.0
            for index in stride(from: start, to: start + channels * positions, by: positions) {
                sum += Double(values[index])
            }
            means[image * positions + position] = Float(sum / Double(channels))
        }
    }
    return means
}
