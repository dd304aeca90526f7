// The feature vectors of one view of a group: flattened or pooled, with the sums that distances need.

import CKernels
import Engine

/// What distances need to know of one vector, in float64.
struct VectorMoments {
    /// Σ a²
    let squares: Double
    /// The mean of the entries.
    let mean: Float
    /// Σ (a − mean)², or zero for a constant vector.
    let centeredSquares: Double
    /// Whether all entries are equal.
    let isConstant: Bool

    var isZero: Bool { squares == 0 }

    init(_ values: UnsafeBufferPointer<Float>) {
        var moments = CK_Moments()
        CK_moments(values.baseAddress, Int64(values.count), &moments)
        squares = moments.squares
        isConstant = moments.is_constant != 0
        let first = Double(moments.first), count = Double(max(values.count, 1))
        mean = Float(first + moments.sum / count)
        // About the mean as rounded, for that is what the products take off.
        let shift = Double(mean) - first
        let centered = moments.shifted_squares - 2 * shift * moments.sum + count * shift * shift
        centeredSquares = isConstant ? 0 : max(centered, 0)
    }
}

/// One vector per image: the rows of one view of a group at one level.
struct FeatureVectors {
    /// Rows × dimension values for each batch, as they came.
    private(set) var batches: [[Float]] = []
    private(set) var moments: [VectorMoments] = []
    private(set) var dimension = 0

    var count: Int { moments.count }

    /// Appends one vector per image of a batch.
    ///
    /// - Parameter poolsChannels: whether pooling averages over channels instead of positions.
    mutating func append(_ features: LevelFeatures, pooling: Pooling, poolsChannels: Bool, threads: Int) {
        let images = features.shape[0]
        let channels = features.shape[1]
        let positions = images == 0 ? 0 : features.values.count / max(1, images * channels)
        switch pooling {
        case .flat: append(rows: features.values, dimension: channels * positions, threads: threads)
        case .pooled where poolsChannels:
            append(
                rows: channelMeans(features.values, images, channels, positions), dimension: positions, threads: threads
            )
        case .pooled:
            append(
                rows: spatialMeans(features.values, positions, threads: threads), dimension: channels, threads: threads)
        }
    }

    /// Forgets the rows.
    mutating func removeAll() {
        batches.removeAll(keepingCapacity: true)
        moments.removeAll(keepingCapacity: true)
    }

    private mutating func append(rows: [Float], dimension: Int, threads: Int) {
        self.dimension = dimension
        batches.append(rows)
        let count = dimension == 0 ? 0 : rows.count / dimension
        var added = [VectorMoments?](repeating: nil, count: count)
        added.withUnsafeMutableBufferPointer { added in
            rows.withUnsafeBufferPointer { rows in
                // Each row writes its own element.
                parallelFor(count, threads: threads) { row in
                    added[row] = VectorMoments(
                        UnsafeBufferPointer(rebasing: rows[row * dimension..<(row + 1) * dimension]))
                }
            }
        }
        moments.append(contentsOf: added.compactMap(\.self))
    }

    /// Lends the address of every row to the sums' inner loops.
    func withRows<Result>(_ body: ([UnsafePointer<Float>]) -> Result) -> Result {
        withRows(of: batches[...], behind: [], body)
    }

    private func withRows<Result>(
        of batches: ArraySlice<[Float]>, behind rows: [UnsafePointer<Float>], _ body: ([UnsafePointer<Float>]) -> Result
    ) -> Result {
        guard let batch = batches.first else { return body(rows) }
        return batch.withUnsafeBufferPointer { buffer in
            let starts = stride(from: 0, to: buffer.count, by: max(dimension, 1))
            let added = buffer.baseAddress.map { base in starts.map { base + $0 } } ?? []
            return withRows(of: batches.dropFirst(), behind: rows + added, body)
        }
    }
}

/// The mean over the positions of each channel: images × channels.
private func spatialMeans(_ values: [Float], _ positions: Int, threads: Int) -> [Float] {
    guard positions > 1 else { return values }
    let rows = values.count / positions
    let share = 64
    return [Float](unsafeUninitializedCapacity: rows) { means, count in
        values.withUnsafeBufferPointer { values in
            guard let from = values.baseAddress, let to = means.baseAddress else { return }
            parallelFor((rows + share - 1) / share, threads: threads) { index in
                let first = index * share
                CK_row_means(from + first * positions, to + first, Int64(min(share, rows - first)), Int64(positions))
            }
        }
        count = rows
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
