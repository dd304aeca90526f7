// The order of images, batches, and a network's input.

import Engine
import Testing

@testable import Analyzer

@Suite struct EpochOrderTests {
    @Test func anOrderIsAPermutationThatHangsOnSeedAndEpoch() {
        let order = EpochOrder(seed: 1, epoch: 0, count: 100).positions
        #expect(order.sorted() == Array(0..<100))
        #expect(order == EpochOrder(seed: 1, epoch: 0, count: 100).positions)
        #expect(order != EpochOrder(seed: 1, epoch: 1, count: 100).positions)
        #expect(order != EpochOrder(seed: 2, epoch: 0, count: 100).positions)
        #expect(EpochOrder(unshuffled: 3).positions == [0, 1, 2])
    }

    /// The numbers themselves: another order would break resumed runs.
    @Test func anOrderIsPinned() {
        #expect(EpochOrder(seed: 1, epoch: 2, count: 8).positions == [2, 7, 3, 6, 5, 0, 1, 4])
    }

    @Test func everyImageIsFirstEquallyOften() {
        var counts = [Int](repeating: 0, count: 5)
        for epoch in 0..<2000 { counts[EpochOrder(seed: 3, epoch: epoch, count: 5).positions[0]] += 1 }
        #expect(counts.allSatisfy { abs($0 - 400) < 80 }, "\(counts)")
    }

    @Test func theLastBatchIsKeptSmallOrLeftOut() {
        let kept = BatchPlan(count: 10, size: 4, last: .keep)
        #expect((0..<kept.batches).map { kept.positions(of: $0) } == [0..<4, 4..<8, 8..<10])
        #expect(BatchPlan(count: 10, size: 4, last: .drop).batches == 2)
        #expect(BatchPlan(count: 8, size: 4, last: .keep).batches == 2)
    }
}

@Suite struct NetworkInputTests {
    private let shape = ImageShape(channels: 1, height: 1, width: 2)

    @Test func greyIsRepeatedAndScaledAsTheNetworkWants() throws {
        let input = try NetworkInput(shape, channels: 3, normalization: .imageNet)
        let (mean, deviation): ([Float], [Float]) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
        let expected = (0..<3).flatMap { channel in
            [0, 0.5].map { (Float($0) - mean[channel]) / deviation[channel] }
        }
        #expect(input([[0, 0.5]]) == expected)
        #expect(
            try NetworkInput(shape, channels: 1, normalization: .unit)([[0, 0.5], [1, 0.25]]) == [0, 0.5, 1, 0.25])
    }

    @Test func coloursAreSwappedForNetworksThatWantBlueFirst() throws {
        let colour = ImageShape(channels: 3, height: 1, width: 1)
        let input = try NetworkInput(colour, channels: 3, normalization: .kerasCaffe)
        #expect(input([[1, 0.5, 0]]) == [0 - 103.939, 127.5 - 116.779, 255 - 123.68])
    }

    @Test func coloursDoNotFitAGreyNetwork() {
        #expect(throws: AnalyzerError.channels(source: 3, network: 1)) {
            try NetworkInput(ImageShape(channels: 3, height: 1, width: 1), channels: 1, normalization: .unit)
        }
        #expect(throws: AnalyzerError.self) { try NetworkInput(shape, channels: 4, normalization: .imageNet) }
    }
}
