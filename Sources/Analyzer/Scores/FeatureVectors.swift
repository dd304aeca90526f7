// The feature vectors of one view of a group: flattened or pooled, with the sums that distances need.

import Engine

/// What distances need to know of one vector, in float64.
struct VectorMoments {
    /// Σ a²
    var squares = 0.0
    /// The mean of the entries.
    var mean: Float = 0
    /// Σ (a − mean)², or zero for a constant vector.
    var centeredSquares = 0.0

    var isZero: Bool { squares == 0 }
    var isConstant: Bool { centeredSquares == 0 }

    /// Two passes, so that a large mean does not eat the spread.
    init(_ values: UnsafeBufferPointer<Float>) {
        var sum = 0.0
        for value in values {
            let value = Double(value)
            sum += value
            squares += value * value
        }
        guard !values.isEmpty else { return }
        mean = Float(sum / Double(values.count))
        for value in values {
            let deviation = Double(value) - Double(mean)
            centeredSquares += deviation * deviation
        }
        // A constant vector's mean may miss the constant by a rounding; its deviations are all that rounding.
        let rounding = Double(mean.ulp)
        if centeredSquares <= Double(values.count) * rounding * rounding { centeredSquares = 0 }
    }
}

/// One vector per image: the rows of one view of a group at one level.
struct FeatureVectors {
    private(set) var values: [Float] = []
    private(set) var moments: [VectorMoments] = []
    private(set) var dimension = 0

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
        values.append(contentsOf: rows)
        let count = dimension == 0 ? 0 : rows.count / dimension
        var added = [VectorMoments?](repeating: nil, count: count)
        added.withUnsafeMutableBufferPointer { added in
            rows.withUnsafeBufferPointer { rows in
                // Each row writes its own element.
                nonisolated(unsafe) let (added, rows) = (added, rows)
                concurrently(count, threads: threads) { row in
                    added[row] = VectorMoments(
                        UnsafeBufferPointer(rebasing: rows[row * dimension..<(row + 1) * dimension]))
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
