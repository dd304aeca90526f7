// How a case's images are counted, ranked and measured.

import Engine

extension CaseMeasurement {
    /// Adds checked images.
    mutating func measure(_ labels: [UInt8], probabilities: [Float]?, truth: [UInt8], _ size: GridSize) {
        // Ignored pixels belong to no class on either side when it comes to surfaces.
        let (masked, maskedTruth) = settings.ignoreLabel.map { hidden($0, labels, truth) } ?? (labels, truth)
        let wantsImages = settings.measuresImages || kind == .images
        var confusions = [ConfusionMatrix](
            repeating: ConfusionMatrix(classCount: settings.classes.count), count: size.depth)
        var values = [MetricValues?](repeating: nil, count: wantsImages ? size.depth : 0)
        let settings = settings
        let spacing = SIMD2(spacing[1], spacing[2])
        labels.withUnsafeBufferPointer { labels in
            truth.withUnsafeBufferPointer { truth in
                masked.withUnsafeBufferPointer { masked in
                    maskedTruth.withUnsafeBufferPointer { maskedTruth in
                        (probabilities ?? []).withUnsafeBufferPointer { given in
                            let batch = ImageBatch(
                                labels: labels, truth: truth, masked: masked, maskedTruth: maskedTruth,
                                probabilities: probabilities == nil ? nil : given, size: size)
                            batch.measure(settings, spacing: spacing, into: &confusions, &values)
                        }
                    }
                }
            }
        }
        for confusion in confusions { self.confusion.merge(confusion) }
        for case let image? in values { imageTotals.add(image) }
        if let probabilities, !settings.wanted(.ranking).isEmpty { rank(probabilities, truth, size) }
        imageCount += size.depth
        guard kind == .volume, !settings.wanted(.distance).isEmpty else { return }
        prediction += masked
        self.truth += maskedTruth
        grid = GridSize(depth: imageCount, height: size.height, width: size.width)
    }

    private func hidden(_ ignoreLabel: UInt8, _ labels: [UInt8], _ truth: [UInt8]) -> ([UInt8], [UInt8]) {
        (
            zip(labels, truth).map { $1 == ignoreLabel ? 0 : $0 },
            truth.map { $0 == ignoreLabel ? 0 : $0 }
        )
    }

    private mutating func rank(_ probabilities: [Float], _ truth: [UInt8], _ size: GridSize) {
        let foreground = settings.classes.count - 1
        if scores.isEmpty {
            scores = (0..<foreground).map { _ in RankedScores(limit: settings.distinctProbabilities) }
        }
        let channels = probabilities.count / size.count
        let ignoreLabel = settings.ignoreLabel
        let threads = settings.threads
        scores.withUnsafeMutableBufferPointer { scores in
            guard let score = scores.baseAddress else { return }
            probabilities.withUnsafeBufferPointer { probabilities in
                truth.withUnsafeBufferPointer { truth in
                    parallelFor(foreground, threads: threads) { index in
                        for image in 0..<size.depth {
                            let start = (image * channels + (channels == 1 ? 0 : index + 1)) * size.plane
                            let first = image * size.plane
                            score[index].add(
                                UnsafeBufferPointer(rebasing: probabilities[start..<start + size.plane]),
                                truth: UnsafeBufferPointer(rebasing: truth[first..<first + size.plane]),
                                label: UInt8(index + 1), ignoreLabel: ignoreLabel)
                        }
                    }
                }
            }
        }
    }

    /// Sorts what is left to sort and computes the case's values.
    mutating func finish() -> MetricValues {
        var values = MetricValues(classCount: settings.classes.count - 1)
        sortScores()
        for label in 1..<settings.classes.count {
            values.setOverlap(confusion[label], index: label - 1, settings)
            if !scores.isEmpty { values.setRanking(scores[label - 1], index: label - 1, settings) }
        }
        if kind == .images {
            let means = imageTotals.means
            for metric in settings.wanted(.distance) {
                for index in 0..<values.classCount { values[metric, index] = means[metric, index] }
            }
        } else if let grid {
            setDistances(&values, grid)
        }
        if !settings.measuresImages { imageTotals = MetricTotals(classCount: settings.classes.count - 1) }
        return values
    }

    private mutating func sortScores() {
        let threads = settings.threads
        scores.withUnsafeMutableBufferPointer { scores in
            guard let score = scores.baseAddress else { return }
            parallelFor(scores.count, threads: threads) { score[$0].sort() }
        }
    }

    private func setDistances(_ values: inout MetricValues, _ grid: GridSize) {
        prediction.withUnsafeBufferPointer { prediction in
            truth.withUnsafeBufferPointer { truth in
                guard let prediction = prediction.baseAddress, let truth = truth.baseAddress else { return }
                for label in 1..<settings.classes.count
                where confusion[label].truth > 0 && confusion[label].predicted > 0 {
                    let distances = SurfaceDistances(
                        of: UInt8(label), prediction: prediction, truth: truth, grid, spacing: spacing,
                        threads: settings.threads)
                    if let distances { values.setDistances(distances, index: label - 1, settings) }
                }
            }
        }
    }
}
