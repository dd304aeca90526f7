// Dice in the network's own frame: what a training asks for after every epoch.

import Engine
public import Formats

/// The overlap of prediction and truth, counted over all pixels of a set.
public struct QuickDice: Sendable, Hashable {
    /// How often each class was taken for each other.
    public let confusion: ConfusionMatrix

    /// For each class but the background; nil for a class that neither side has.
    public var perClass: [Double?] { confusion.dice }

    /// The mean over the classes that have one; nil when none has.
    public var mean: Double? { MetricValues.mean(perClass) }
}

extension Predictor {
    /// Dice over all pixels of some prepared images, in the prepared frame: nothing is resized, no probability is
    /// computed, nothing is measured but counts.
    ///
    /// - Parameters:
    ///   - count: how many images.
    ///   - ignoreIndex: the class index of pixels that do not count.
    ///   - image: a prepared image by its number from 0, C×h×w in 0…1; called from several threads.
    ///   - labels: its class indices, h×w.
    ///   - isCancelled: asked before every batch.
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` for labels that are no classes or of another size,
    ///   ``AnalyzerError/cancelled``, and what the closures and the network throw.
    public func quickDice(
        count: Int, ignoreIndex: UInt8? = nil, isCancelled: () -> Bool = { false },
        image: @Sendable (Int) throws(AnalyzerError) -> [Float],
        labels: @Sendable (Int) throws(AnalyzerError) -> [UInt8]
    ) throws(AnalyzerError) -> QuickDice {
        let classCount = card.design.classes
        let plane = preparation.image.height * preparation.image.width
        var confusion = ConfusionMatrix(classCount: classCount)
        for start in stride(from: 0, to: count, by: batchSize) {
            if isCancelled() { throw .cancelled }
            let numbers = start..<min(count, start + batchSize)
            let samples = try prepared(numbers, image, labels)
            let logits = try logits(of: samples.map(\.image))
            for (row, sample) in samples.enumerated() {
                try checkLabels(sample.labels, classCount: classCount, plane: plane, ignoreIndex: ignoreIndex)
                let predicted = classes(logits, row: row, plane: plane)
                predicted.withUnsafeBufferPointer { predicted in
                    sample.labels.withUnsafeBufferPointer { truth in
                        confusion.add(prediction: predicted, truth: truth, ignoreLabel: ignoreIndex)
                    }
                }
            }
        }
        return QuickDice(confusion: confusion)
    }

    /// Dice over the images of a target that have a mask; see ``quickDice(count:ignoreIndex:isCancelled:image:labels:)``.
    ///
    /// - Parameter samples: which images; nil for all.
    public func quickDice(
        _ target: Target, samples: [Int]? = nil, ignoreValue: Int32? = nil, masks: MaskPolicy = MaskPolicy()
    ) throws(AnalyzerError) -> QuickDice {
        try check(target)
        let numbers = (samples ?? Array(target.samples.indices)).filter {
            target.listing.cases[target.samples[$0].caseNumber].mask != nil
        }
        guard !numbers.isEmpty else {
            throw .evaluation(place: target.listing.place, expected: "cases with a segmentation", found: "none")
        }
        let coding = ClassCoding(card.classValues, ignoreValue: ignoreValue)
        return try quickDice(
            count: numbers.count, ignoreIndex: ignoreValue == nil ? nil : LabelScheme.ignoredIndex,
            image: { (index) throws(AnalyzerError) in try target.image(numbers[index]) },
            labels: { (index) throws(AnalyzerError) in
                let values = try target.preparedLabels(numbers[index], policy: masks)?.values ?? []
                let listed = target.listing.cases[target.samples[numbers[index]].caseNumber]
                return try coding.indices(of: values, place: listed.mask ?? listed.name)
            })
    }

    private func prepared(
        _ numbers: Range<Int>, _ image: @Sendable (Int) throws(AnalyzerError) -> [Float],
        _ labels: @Sendable (Int) throws(AnalyzerError) -> [UInt8]
    ) throws(AnalyzerError) -> [(image: [Float], labels: [UInt8])] {
        var results = [Result<(image: [Float], labels: [UInt8]), AnalyzerError>?](
            repeating: nil, count: numbers.count)
        results.withUnsafeMutableBufferPointer { results in
            parallelFor(numbers.count, threads: threads) { index in
                results[index] = Result { () throws(AnalyzerError) in
                    (try image(numbers.lowerBound + index), try labels(numbers.lowerBound + index))
                }
            }
        }
        return try results.compactMap(\.self).map { (result) throws(AnalyzerError) in try result.get() }
    }

    private func checkLabels(
        _ labels: [UInt8], classCount: Int, plane: Int, ignoreIndex: UInt8?
    ) throws(AnalyzerError) {
        guard labels.count == plane else {
            throw .evaluation(place: "labels", expected: "\(plane) pixels as the images", found: "\(labels.count)")
        }
        if let odd = labels.first(where: { Int($0) >= classCount && $0 != ignoreIndex }) {
            throw .evaluation(place: "labels", expected: "classes 0…\(classCount - 1)", found: "\(odd)")
        }
    }

    /// The classes of one image of a batch, from its logits alone.
    func classes(_ logits: [Float], row: Int, plane: Int) -> [UInt8] {
        let size = logitChannels * plane
        return logits.withUnsafeBufferPointer {
            classesOfLogits(UnsafeBufferPointer(rebasing: $0[row * size..<(row + 1) * size]), plane: plane)
        }
    }
}
