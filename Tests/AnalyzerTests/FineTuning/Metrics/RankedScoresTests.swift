// ROC AUC and average precision: by their definitions, merged, and with too many distinct values.

import Testing

@testable import Analyzer

@Suite struct RankedScoresTests {
    private static func sample(_ count: Int, seed: UInt64, steps: Int) -> (scores: [Float], truth: [UInt8]) {
        var random = TestRandom(seed)
        let truth = (0..<count).map { _ in UInt8(random.next(5) == 0 ? 2 : random.next(2)) }
        let scores = truth.map { label -> Float in
            let value = random.next(steps) + (label == 2 ? random.next(steps) : 0)
            return Float(value) / Float(2 * steps)
        }
        return (scores, truth)
    }

    private static func ranked(_ scores: [Float], _ truth: [UInt8], limit: Int = 1 << 20) -> RankedScores {
        var result = RankedScores(limit: limit)
        scores.withUnsafeBufferPointer { scores in
            truth.withUnsafeBufferPointer { result.add(scores, truth: $0, label: 2, ignoreLabel: nil) }
        }
        result.sort()
        return result
    }

    /// The share of pairs in the right order, ties half.
    private static func pairwise(_ scores: [Float], _ truth: [UInt8]) -> Double {
        var (sum, pairs) = (0.0, 0.0)
        for positive in scores.indices where truth[positive] == 2 {
            for negative in scores.indices where truth[negative] != 2 {
                pairs += 1
                sum += scores[positive] > scores[negative] ? 1 : scores[positive] == scores[negative] ? 0.5 : 0
            }
        }
        return sum / pairs
    }

    @Test(arguments: [4, 50, 100_000])
    func areaIsTheShareOfPairsInOrder(steps: Int) {
        let (scores, truth) = Self.sample(400, seed: 3, steps: steps)
        let area = Self.ranked(scores, truth).rocAUC
        #expect(close(area.value, Self.pairwise(scores, truth), 1e-13))
        #expect(area.maximumError == 0)
    }

    @Test func averagePrecisionTakesTiesTogether() {
        // Descending: 0.9 (hit), 0.5 (hit and miss), 0.1 (hit): 1/3·1 + 1/3·2/3 + 1/3·3/4.
        let result = Self.ranked([0.5, 0.1, 0.9, 0.5], [2, 2, 2, 0]).averagePrecision
        #expect(close(result.value, (1 + 2 / 3.0 + 3 / 4.0) / 3, 1e-15))
    }

    @Test func partsMergeInAnyOrder() {
        let (scores, truth) = Self.sample(3000, seed: 8, steps: 900)
        let whole = Self.ranked(scores, truth)
        for cut in [1, 700, 2999] {
            var first = Self.ranked(Array(scores[..<cut]), Array(truth[..<cut]))
            var second = Self.ranked(Array(scores[cut...]), Array(truth[cut...]))
            let other = first
            first.merge(second)
            second.merge(other)
            for merged in [first, second] {
                #expect(merged.entries == whole.entries)
                #expect(merged.rocAUC == whole.rocAUC && merged.averagePrecision == whole.averagePrecision)
            }
        }
    }

    @Test func tooManyDistinctValuesAreRoundedWithinTheStatedError() {
        let (scores, truth) = Self.sample(200_000, seed: 4, steps: 500_000)
        let exact = Self.ranked(scores, truth)
        let rough = Self.ranked(scores, truth, limit: 1 << 16)
        #expect(exact.droppedBits == 0 && rough.droppedBits > 0 && rough.entries.count <= 1 << 16)
        for (one, other) in [
            (exact.rocAUC, rough.rocAUC), (exact.averagePrecision, rough.averagePrecision),
        ] {
            guard let value = one.value, let rounded = other.value else {
                Issue.record("both are defined")
                continue
            }
            #expect(abs(value - rounded) <= other.maximumError)
            #expect(other.maximumError > 0 && other.maximumError < 1e-3)
        }
        // However the parts are cut.
        var merged = Self.ranked(Array(scores[..<90_000]), Array(truth[..<90_000]), limit: 1 << 16)
        merged.merge(Self.ranked(Array(scores[90_000...]), Array(truth[90_000...]), limit: 1 << 16))
        #expect(merged.entries == rough.entries)
        #expect(merged.rocAUC == rough.rocAUC)
    }

    @Test func oneClassAloneHasNoArea() {
        #expect(Self.ranked([0.2, 0.4], [0, 1]).rocAUC.value == nil)
        #expect(Self.ranked([0.2, 0.4], [0, 1]).averagePrecision.value == nil)
        #expect(Self.ranked([0.2, 0.4], [2, 2]).rocAUC.value == nil)
        #expect(Self.ranked([0.2, 0.4], [2, 2]).averagePrecision.value == 1)
        #expect(Self.ranked([], []).rocAUC.value == nil)
        #expect(Self.ranked([0, -0.0], [2, 0]).rocAUC.value == 0.5)
    }
}
