// Running totals of one setting over the groups of a target.

/// Sums that give a mean and its standard error; memory grows with the number of cases at most, unless per-image values
/// are kept.
struct ScoreTotals {
    private let spread: ScoreSpread
    private var lossSum = 0.0
    private var influenceSum = 0.0
    private var influenceSquares = 0.0
    private var count = 0
    private var clusterSums: [Double]
    private var clusterCounts: [Int]
    private var drawSums: [Double]
    private var images: CheckpointScore.ImageValues?

    init(spread: ScoreSpread, draws: Int, imageCount: Int, keepsImages: Bool) {
        self.spread = spread
        drawSums = [Double](repeating: 0, count: draws)
        let clusters = (spread.clusters?.max() ?? -1) + 1
        clusterSums = [Double](repeating: 0, count: clusters)
        clusterCounts = [Int](repeating: 0, count: clusters)
        if keepsImages {
            let empty = [Double](repeating: .nan, count: imageCount)
            images = CheckpointScore.ImageValues(losses: empty, influences: empty)
        }
    }

    /// Adds one image.
    ///
    /// - Parameters:
    ///   - losses: its loss in each draw.
    ///   - influence: its influence, averaged over the draws.
    mutating func add(image: Int, losses: [Double], influence: Double) {
        let loss = losses.reduce(0, +) / Double(losses.count)
        lossSum += loss
        influenceSum += influence
        influenceSquares += influence * influence
        count += 1
        for (draw, loss) in losses.enumerated() { drawSums[draw] += loss }
        if let cluster = spread.clusters?[image] {
            clusterSums[cluster] += influence
            clusterCounts[cluster] += 1
        }
        images?.losses[image] = loss
        images?.influences[image] = influence
    }

    func entry(_ setting: ScoreSetting) -> CheckpointScore.Entry {
        let drawMeans = drawSums.map { $0 / Double(count) }
        var variance = imageVariance
        if spread.sharesViews, drawMeans.count > 1 { variance += varianceOfMean(drawMeans) }
        return CheckpointScore.Entry(
            setting: setting, value: lossSum / Double(count), standardError: variance.squareRoot(), n: count,
            drawMeans: drawMeans, images: images)
    }

    /// The variance of the mean over images or clusters; not a number for fewer than two.
    private var imageVariance: Double {
        let n = Double(count)
        let mean = influenceSum / n
        guard spread.isByCase else {
            guard count > 1 else { return .nan }
            return max(0, influenceSquares - n * mean * mean) / (n * (n - 1))
        }
        var sum = 0.0
        var clusters = 0.0
        for (total, count) in zip(clusterSums, clusterCounts) where count > 0 {
            let deviation = total - Double(count) * mean
            sum += deviation * deviation
            clusters += 1
        }
        guard clusters > 1 else { return .nan }
        return clusters / (clusters - 1) * sum / (n * n)
    }
}

/// s²/n of some values.
func varianceOfMean(_ values: [Double]) -> Double {
    let n = Double(values.count)
    let mean = values.reduce(0, +) / n
    return values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n * (n - 1))
}
