// What losses promise beyond their formulas: ignored pixels, any number of threads, extreme logits, refusals.

import Formats
import Testing

@testable import Engine

@Suite("Losses")
struct LossTests {
    private static let everything = LossOptions(terms: LossTerm.allCases)

    private func evaluate(
        _ options: LossOptions, _ batch: LossBatch, threads: Int = 2
    ) throws -> (value: LossValue, gradient: [Float]) {
        let loss = try SegmentationLoss(
            options, classes: batch.classes, logitChannels: batch.shape[1], threads: threads)
        var gradient = [Float](repeating: .nan, count: batch.logits.count)
        let value = try loss(batch.logits, labels: batch.labels, shape: batch.shape, gradient: &gradient)
        return (value, gradient)
    }

    @Test(arguments: [[3, 3, 47, 45], [2, 1, 60, 70]] as [Shape])
    func valuesAreTheSameToTheBitForAnyNumberOfThreads(shape: Shape) throws {
        let batch = LossBatch(shape, scale: 4)
        let alone = try evaluate(Self.everything, batch, threads: 1)
        for threads in [2, 3, 8] {
            let shared = try evaluate(Self.everything, batch, threads: threads)
            #expect(shared.value == alone.value)
            #expect(shared.gradient.map(\.bitPattern) == alone.gradient.map(\.bitPattern))
        }
    }

    @Test(arguments: [[2, 3, 9, 31], [2, 1, 9, 31]] as [Shape])
    func termsAddUpToTheTotalAndAreThoseOfEachTermAlone(shape: Shape) throws {
        let batch = LossBatch(shape, scale: 4)
        let value = try evaluate(Self.everything, batch).value
        #expect(abs(value.terms.values.reduce(0, +) - value.total) < 1e-12)
        for term in LossTerm.allCases {
            let alone = try evaluate(LossOptions(terms: [term]), batch).value
            #expect(value.terms[term] == alone.total)
        }
    }

    @Test(arguments: [[2, 3, 9, 31], [2, 1, 9, 31]] as [Shape])
    func ignoredPixelsHaveNoGradientAndTheirLogitsDoNotMatter(shape: Shape) throws {
        let batch = LossBatch(shape, scale: 4)
        let before = try evaluate(Self.everything, batch)
        var logits = batch.logits
        let area = shape[2] * shape[3]
        var ignored: [Int] = []
        for index in logits.indices {
            let pixel = index / (area * shape[1]) * area + index % area
            if batch.labels[pixel] == 255 { ignored.append(index) }
        }
        for index in ignored { logits[index] = .nan }
        let after = try evaluate(Self.everything, LossBatch(shape, logits: logits, labels: batch.labels))
        #expect(ignored.count > 10)
        #expect(ignored.allSatisfy { before.gradient[$0] == 0 && after.gradient[$0] == 0 })
        #expect(after.value == before.value)
        #expect(after.gradient == before.gradient)
    }

    @Test(arguments: [[2, 3, 9, 31], [2, 1, 9, 31]] as [Shape], [true, false])
    func aBatchOfIgnoredPixelsHasNoLossAndNoGradient(shape: Shape, isOverBatch: Bool) throws {
        let batch = LossBatch(shape, scale: 4)
        let labels = [UInt8](repeating: 255, count: batch.labels.count)
        var options = Self.everything
        options.diceIsOverBatch = isOverBatch
        let (value, gradient) = try evaluate(
            options, LossBatch(shape, logits: batch.logits, labels: labels))
        #expect(value.total == 0)
        #expect(value.pixels == 0)
        #expect(gradient.allSatisfy { $0 == 0 })
    }

    @Test func aPixelOfAnIgnoredClassCanBeLeftOutByItsLabel() throws {
        let batch = LossBatch([2, 3, 9, 31], scale: 4)
        var options = Self.everything
        options.ignoreLabel = 0
        let kept = batch.labels.map { $0 == 255 ? 0 : $0 }
        let value = try evaluate(options, LossBatch(batch.shape, logits: batch.logits, labels: kept)).value
        #expect(value.pixels == kept.filter { $0 != 0 }.count)
    }

    @Test(arguments: [0, 0.5, 1, 2] as [Float], [[1, 3, 2, 2], [1, 1, 2, 2]] as [Shape])
    func certainPredictionsGiveFiniteGradients(gamma: Float, shape: Shape) throws {
        let logits = (0..<shape.elementCount).map { Float($0 % 2 == 0 ? 200 : -200) }
        var options = Self.everything
        options.focalGamma = gamma
        let (value, gradient) = try evaluate(options, LossBatch(shape, logits: logits, labels: [0, 1, 1, 0]))
        #expect(value.isFinite)
        #expect(gradient.allSatisfy { $0.isFinite })
    }

    @Test(arguments: [[1, 3, 2, 2], [1, 1, 2, 2]] as [Shape], [Float.nan, .infinity])
    func aLogitThatIsNoNumberIsNoticed(shape: Shape, bad: Float) throws {
        var logits = [Float](repeating: 0.5, count: shape.elementCount)
        logits[2] = bad
        let value = try evaluate(
            LossOptions(terms: [.crossEntropy]), LossBatch(shape, logits: logits, labels: [0, 0, 0, 0])
        ).value
        #expect(!value.isFinite)
    }

    @Test func aLabelThatIsNoClassIsRefusedWithItsCount() throws {
        let batch = LossBatch([1, 3, 2, 2], logits: [Float](repeating: 0, count: 12), labels: [0, 3, 9, 255])
        let error = EngineError.shape(
            operation: "the labels", expected: "classes 0 to 2 or 255 for pixels to ignore",
            found: "other values in 2 pixels")
        #expect(throws: error) { try evaluate(Self.everything, batch) }
    }

    @Test func optionsWithoutMeaningAreRefused() {
        func refused(
            _ classes: Int, _ channels: Int, _ expected: String, _ found: String, operation: String = "the loss",
            _ change: (inout LossOptions) -> Void = { _ in }
        ) {
            var options = LossOptions()
            change(&options)
            let error = EngineError.shape(operation: operation, expected: expected, found: found)
            #expect(throws: error) {
                try SegmentationLoss(options, classes: classes, logitChannels: channels, threads: 1)
            }
        }
        refused(1, 1, "2 to 255 classes", "1")
        refused(3, 1, "3 channels", "1")
        refused(2, 3, "1 or 2 channels", "3")
        refused(3, 3, "one or more terms, each once", "''") { $0.terms = [] }
        let weights = "3 numbers, none below 0 and not all 0"
        refused(3, 3, weights, "1.0,4.0", operation: "the class weights") { $0.classWeights = [1, 4] }
        refused(3, 3, weights, "0.0,0.0,0.0", operation: "the class weights") { $0.classWeights = [0, 0, 0] }
        refused(3, 3, "a focal gamma and a Dice smoothing of at least 0", "-1.0 and 1e-05") { $0.focalGamma = -1 }
    }

    @Test func namesOfTermsAreReadAndPrinted() throws {
        let options = try LossOptions(parsing: "dice+ce")
        #expect(options == LossOptions(terms: [.dice, .crossEntropy]))
        #expect(options.description == "dice+ce")
        #expect(try LossOptions(parsing: "bce+focal").terms == [.binaryCrossEntropy, .focal])
        for wrong in ["", "dice+", "dice+dice", "tversky"] {
            let error = EngineError.shape(
                operation: "the loss", expected: "one or more of dice, ce, bce, focal, joined by + and each once",
                found: "'\(wrong)'")
            #expect(throws: error) { try LossOptions(parsing: wrong) }
        }
    }
}

extension LossBatch {
    init(_ shape: Shape, logits: [Float], labels: [UInt8]) {
        self.shape = shape
        self.logits = logits
        self.labels = labels
    }
}
