// One image measured: what a case adds up, and its own values where they are wanted.

import Engine

/// The labels and probabilities of one image, checked.
struct MeasuredImage {
    let prediction: UnsafeBufferPointer<UInt8>
    let truth: UnsafeBufferPointer<UInt8>
    /// K × H × W, or 1 × H × W; nil without probabilities.
    let probabilities: UnsafeBufferPointer<Float>?
    let height: Int
    let width: Int

    /// The probabilities of a class.
    func probabilities(of label: Int) -> UnsafeBufferPointer<Float>? {
        guard let probabilities else { return nil }
        let plane = height * width
        guard probabilities.count > plane else { return probabilities }
        return UnsafeBufferPointer(rebasing: probabilities[label * plane..<(label + 1) * plane])
    }

    /// The image's own values.
    ///
    /// - Parameters:
    ///   - spacing: between rows and between columns.
    ///   - masked: prediction and truth with ignored pixels as background, for distances.
    func values(
        _ settings: MetricSettings, confusion: ConfusionMatrix, spacing: SIMD2<Double>,
        masked: (prediction: UnsafePointer<UInt8>, truth: UnsafePointer<UInt8>)
    ) -> MetricValues {
        var values = MetricValues(classCount: settings.classes.count - 1)
        let grid = GridSize(depth: 1, height: height, width: width)
        for label in 1..<settings.classes.count {
            values.setOverlap(confusion[label], index: label - 1, settings)
            if let probabilities = probabilities(of: label), !settings.wanted(.ranking).isEmpty {
                var scores = RankedScores(limit: settings.distinctProbabilities)
                scores.add(probabilities, truth: truth, label: UInt8(label), ignoreLabel: settings.ignoreLabel)
                scores.sort()
                values.setRanking(scores, index: label - 1, settings)
            }
            guard !settings.wanted(.distance).isEmpty, confusion[label].truth > 0, confusion[label].predicted > 0,
                let distances = SurfaceDistances(
                    of: UInt8(label), prediction: masked.prediction, truth: masked.truth, grid,
                    spacing: SIMD3(1, spacing[0], spacing[1]), threads: 1)
            else { continue }
            values.setDistances(distances, index: label - 1, settings)
        }
        return values
    }
}

/// Images lent for the time of one call.
struct ImageBatch {
    let labels: UnsafeBufferPointer<UInt8>
    let truth: UnsafeBufferPointer<UInt8>
    let masked: UnsafeBufferPointer<UInt8>
    let maskedTruth: UnsafeBufferPointer<UInt8>
    let probabilities: UnsafeBufferPointer<Float>?
    let size: GridSize

    /// Counts each image, and measures it when there is room for its values.
    func measure(
        _ settings: MetricSettings, spacing: SIMD2<Double>, into confusions: inout [ConfusionMatrix],
        _ values: inout [MetricValues?]
    ) {
        let plane = size.plane
        let channels = (probabilities?.count ?? 0) / size.count
        confusions.withUnsafeMutableBufferPointer { confusions in
            values.withUnsafeMutableBufferPointer { values in
                guard let confusion = confusions.baseAddress else { return }
                let value = values.baseAddress
                let valueCount = values.count
                parallelFor(size.depth, threads: settings.threads) { index in
                    let pixels = index * plane..<(index + 1) * plane
                    let image = MeasuredImage(
                        prediction: UnsafeBufferPointer(rebasing: labels[pixels]),
                        truth: UnsafeBufferPointer(rebasing: truth[pixels]),
                        probabilities: probabilities.map {
                            UnsafeBufferPointer(
                                rebasing: $0[index * channels * plane..<(index + 1) * channels * plane])
                        }, height: size.height, width: size.width)
                    confusion[index].add(
                        prediction: image.prediction, truth: image.truth, ignoreLabel: settings.ignoreLabel)
                    guard index < valueCount, let value, let masked = masked.baseAddress,
                        let maskedTruth = maskedTruth.baseAddress
                    else { return }
                    value[index] = image.values(
                        settings, confusion: confusion[index], spacing: spacing,
                        masked: (masked + pixels.lowerBound, maskedTruth + pixels.lowerBound))
                }
            }
        }
    }
}

extension MetricValues {
    mutating func setOverlap(_ counts: ConfusionCounts, index: Int, _ settings: MetricSettings) {
        for metric in settings.wanted(.overlap) { self[metric, index] = counts[metric] }
    }

    mutating func setRanking(_ scores: RankedScores, index: Int, _ settings: MetricSettings) {
        if settings.metrics.contains(.rocAUC) { self[.rocAUC, index] = scores.rocAUC.value }
        if settings.metrics.contains(.averagePrecision) {
            self[.averagePrecision, index] = scores.averagePrecision.value
        }
    }

    mutating func setDistances(_ distances: SurfaceDistances, index: Int, _ settings: MetricSettings) {
        for metric in settings.wanted(.distance) { self[metric, index] = distances.value(metric) }
    }
}
