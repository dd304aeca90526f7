// The table of epochs, what is frozen when, and how label maps are counted against each other.

import Formats
import Testing

@testable import Analyzer

@Suite struct TrainingHistoryTests {
    @Test func historyHasARowAnEpochAndLeavesUndefinedValuesEmpty() {
        let record = EpochRecord(
            epoch: 1, step: 16, loss: 0.5, terms: [0.25, 0.25], trainingDice: [0.75, nil], validationDice: nil,
            learningRate: 0.005, gradientNorm: 2, seconds: 4, images: 64, waitingShare: 0.01)
        let history = TrainingHistory(epochs: [record], terms: ["dice", "ce"], classes: ["brain", "grey, deep"])
        #expect(
            history.csv == """
                epoch,step,loss,loss_dice,loss_ce,trainDice,trainDice_brain,"trainDice_grey, deep",validationDice,\
                validationDice_brain,"validationDice_grey, deep",learningRate,gradientNorm,seconds,imagesPerSecond,waitingShare
                1,16,0.5,0.25,0.25,0.75,0.75,,,,,0.005,2.0,4.0,16.0,0.01

                """)
    }

    @Test func theMeanLeavesUndefinedClassesOut() {
        #expect(EpochRecord.mean([0.5, nil, 1]) == 0.75)
        #expect(EpochRecord.mean([nil]) == nil)
    }

    @Test(arguments: ["none", "encoder", "5-epochs"]) func freezingIsReadAsItIsWritten(text: String) {
        #expect(Freezing(text)?.description == text)
    }

    @Test(arguments: ["", "0", "0-epochs", "-1-epochs", "decoder", "5-epoch"]) func otherFreezingIsNone(text: String) {
        #expect(Freezing(text) == nil)
    }

    @Test func theEncoderJoinsAfterItsEpochs() {
        #expect((0..<4).map { Freezing.encoderFor(epochs: 2).freezesEncoder(in: $0) } == [true, true, false, false])
        #expect(Freezing.encoder.freezesEncoder(in: 1000) && !Freezing.nothing.freezesEncoder(in: 0))
    }

    @Test func classesAreThoseOfTheLargestLogitAndIgnoredPixelsCountNowhere() {
        // Two images of 1×3; per pixel logits of 3 classes.
        let logits: [Float] = [
            1, 0, 0, 0, 2, 0, 0, 0, 3,  // classes 0, 1, 2
            0, 5, 5, 0, 5, 4, 0, 1, 9,  // a tie takes the first: 0, 0, 2
        ]
        let counts = logits.withUnsafeBufferPointer {
            ConfusionMatrix(
                logits: $0, shape: [2, 3, 1, 3], labels: [0, 1, 1, 255, 1, 2], classes: 3, threads: 2)
        }
        #expect((0..<3).map { counts[$0].truth } == [1, 3, 1] && (0..<3).map { counts[$0].predicted } == [2, 1, 2])
        #expect((0..<3).map { counts[$0].truePositives } == [1, 1, 1])
        #expect(counts.dice == [0.5, 2.0 / 3])
    }

    @Test func oneLogitMeansClassOneFromAHalfOn() {
        let logits: [Float] = [-0.1, 0, 0.1, 5]
        let counts = logits.withUnsafeBufferPointer {
            ConfusionMatrix(logits: $0, shape: [1, 1, 2, 2], labels: [0, 0, 1, 1], classes: 2, threads: 1)
        }
        #expect((0..<2).map { counts[$0].truth } == [2, 2] && (0..<2).map { counts[$0].predicted } == [1, 3])
        #expect((0..<2).map { counts[$0].truePositives } == [1, 2])
    }

    @Test func countsOfBatchesAddUp() throws {
        var sums = EpochSums()
        #expect(sums.record(epoch: 1, step: 0).trainingDice.isEmpty)
        // Truth and prediction of each pixel.
        for pixels: [(UInt8, UInt8)] in [
            [(0, 0), (0, 0), (0, 0), (0, 0), (0, 1)], [(0, 0), (1, 1), (1, 1), (1, 0)],
        ] {
            var counts = ConfusionMatrix(classCount: 2)
            pixels.map(\.1).withUnsafeBufferPointer { predicted in
                pixels.map(\.0).withUnsafeBufferPointer { truth in
                    counts.add(prediction: predicted, truth: truth, ignoreLabel: nil)
                }
            }
            sums.add(BatchOutcome(loss: 1, terms: [1], gradientNorm: nil, confusion: counts), images: 1)
        }
        let sum = try #require(sums.confusion)
        #expect((0..<2).map { sum[$0].truth } == [6, 3])
        #expect(sums.record(epoch: 1, step: 0).trainingDice == [2.0 * 2 / 6])
    }
}
