// Sets of cases: what is pooled, what is averaged, what is undefined, what is refused.

import Testing

@testable import Analyzer

@Suite struct MetricAccumulatorTests {
    private let settings: MetricSettings

    init() throws { settings = try MetricSettings(classes: ["background", "a", "b"], ignoreLabel: 255) }

    private func accumulator(_ cases: [(String, [UInt8], [UInt8])]) throws -> MetricAccumulator {
        var result = MetricAccumulator(settings)
        for (name, prediction, truth) in cases {
            try result.addImage(name, .labels(prediction), truth: truth, height: 2, width: 3)
        }
        return result
    }

    @Test func pooledDiceCountsAllPixelsAndDiceByCaseAveragesCases() throws {
        let results = try accumulator([
            ("one", [1, 1, 0, 0, 2, 2], [1, 1, 1, 1, 2, 2]),
            ("two", [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]),
            ("three", [0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 2]),
        ]).results
        #expect(results.pooled[.dice] == [0.75, 0.8])
        #expect(close(results.byCase[.dice, 0], (2 * 2.0 / 6 + 1) / 2))
        #expect(close(results.byCase[.dice, 1], 0.5))
        #expect(results.undefinedCases(.dice) == [1, 1])
        #expect(results.undefinedCases(.hausdorff95) == [1, 2])
        #expect(close(results.pooled.mean(.dice), (0.75 + 0.8) / 2))
        #expect(results.confusion.total == 18)
        #expect(results.byImage == results.byCase)
    }

    @Test func aClassAbsentEverywhereIsInNoMean() throws {
        let results = try accumulator([("one", [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0])]).results
        #expect(results.pooled[.dice] == [1, nil])
        #expect(results.pooled.mean(.dice) == 1)
        #expect(results.byCase.mean(.jaccard) == 1)
        #expect(results.pooled[.mcc] == [1, nil])
        #expect(results.pooled[.sensitivity] == [1, nil])
        #expect(results.pooled[.specificity] == [1, 1])
    }

    @Test func ignoredPixelsTakePartInNothing() throws {
        let results = try accumulator([("one", [1, 2, 2, 0, 0, 0], [1, 255, 255, 0, 0, 0])]).results
        #expect(results.pooled[.dice] == [1, nil])
        #expect(results.confusion.ignored == 2 && results.confusion.total == 4)
        #expect(results.byCase[.hausdorff95] == [0, nil])
    }

    @Test func mergedPartsEqualTheWhole() throws {
        var random = TestRandom(1)
        let cases = (0..<7).map { index in
            ("case \(index)", (0..<6).map { _ in UInt8(random.next(3)) }, (0..<6).map { _ in UInt8(random.next(3)) })
        }
        let whole = try accumulator(cases)
        var left = try accumulator(Array(cases[..<2]))
        var middle = try accumulator(Array(cases[2..<5]))
        try middle.merge(try accumulator(Array(cases[5...])))
        try left.merge(middle)
        #expect(left.results == whole.results)
    }

    @Test func slicesOfAVolumeMayComeInBatches() throws {
        let fixture = try #require(try MetricFixture.all().first { $0.name == "volume" })
        let (prediction, truth) = (MetricFixture.labels(fixture.prediction), MetricFixture.labels(fixture.truth))
        var accumulator = MetricAccumulator(try fixture.settings())
        var part = try CaseMeasurement(
            name: "volume", kind: .volume, spacing: SIMD3(3, 0.8, 0.8), settings: accumulator.settings)
        for slices in [0..<3, 3..<4, 4..<10] {
            let pixels = slices.lowerBound * 72..<slices.upperBound * 72
            try part.add(.labels(Array(prediction[pixels])), truth: Array(truth[pixels]), height: 12, width: 6)
        }
        try accumulator.add(part)
        #expect(accumulator.results.cases == (try fixture.results().cases))
        #expect(accumulator.results.imageCount == 10)
    }

    @Test func probabilitiesOfBatchesAreSlicesByClasses() throws {
        var accumulator = MetricAccumulator(settings)
        // Two slices of 1×2 pixels: background, a, b for each.
        let probabilities: [Float] = [0.2, 0.3, 0.5, 0.3, 0.3, 0.4] + [0.1, 0.9, 0.1, 0.05, 0.8, 0.05]
        try accumulator.addVolume("one", .probabilities(probabilities), truth: [1, 2, 2, 0], height: 1, width: 2)
        let results = accumulator.results
        #expect(results.pooled[.dice] == [1, 1])
        #expect(results.pooled[.rocAUC] == [1, 1])
    }

    @Test func distancesInMillimetresAndPixelsHaveNoCommonMean() throws {
        var accumulator = try accumulator([("one", [1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0])])
        #expect(accumulator.results.unit == .pixels)
        #expect(accumulator.results.byCase[.hausdorff95, 0] == 1)
        try accumulator.addImage(
            "two", .labels([1, 0, 0, 0, 0, 0]), truth: [0, 1, 0, 0, 0, 0], height: 2, width: 3, spacing: SIMD2(1, 0.5))
        #expect(accumulator.results.unit == nil)
        #expect(accumulator.results.byCase[.hausdorff95, 0] == nil)
        #expect(accumulator.results.cases[1].values[.hausdorff95, 0] == 0.5)
        #expect(accumulator.results.byCase[.dice, 0] == 0)
    }

    @Test func theDistancesOfACaseOfImagesAreTheirMean() throws {
        var part = try CaseMeasurement(name: "p", kind: .images, spacing: nil, settings: settings)
        try part.add(.labels([1, 0, 0]), truth: [0, 0, 1], height: 1, width: 3)
        try part.add(.labels([1, 0]), truth: [1, 0], height: 2, width: 1)
        try part.add(.labels([1, 0]), truth: [0, 0], height: 2, width: 1)
        var accumulator = MetricAccumulator(settings)
        try accumulator.add(part)
        #expect(accumulator.results.byCase[.hausdorff95, 0] == 1)
        #expect(accumulator.results.undefinedImages(.hausdorff95) == [1, 3])
        #expect(close(accumulator.results.pooled[.dice, 0], 0.4))
    }

    @Test func labelsOutsideTheClassesAreRefusedByName() throws {
        var accumulator = MetricAccumulator(settings)
        #expect(
            throws: AnalyzerError.evaluation(
                place: "x, the truth", expected: "labels 0…2 and 255 (ignored)", found: "label 7 at 1 pixel")
        ) { try accumulator.addImage("x", .labels([0, 0]), truth: [7, 255], height: 1, width: 2) }
        #expect(
            throws: AnalyzerError.evaluation(
                place: "x, the prediction", expected: "labels 0…2", found: "label 255 at 2 pixels")
        ) { try accumulator.addImage("x", .labels([255, 255]), truth: [0, 0], height: 1, width: 2) }
        #expect(accumulator.results.cases.isEmpty)
    }

    @Test(arguments: [Float.nan, -0.1, 1.5, .infinity])
    func whatIsNoProbabilityIsRefused(value: Float) throws {
        var accumulator = MetricAccumulator(settings)
        #expect(
            throws: AnalyzerError.evaluation(
                place: "x, image 2", expected: "probabilities from 0 to 1", found: "\(value)")
        ) {
            try accumulator.addVolume(
                "x", .probabilities([0, 1, 0, 0, value, 0]), truth: [0, 0], height: 1, width: 1)
        }
    }

    @Test func sizesThatDoNotAgreeAreRefused() throws {
        var accumulator = MetricAccumulator(settings)
        #expect(throws: AnalyzerError.self) {
            try accumulator.addImage("x", .labels([0]), truth: [0, 0], height: 1, width: 2)
        }
        #expect(throws: AnalyzerError.self) {
            try accumulator.addImage("x", .labels([0, 0]), truth: [0, 0], height: .max, width: 2)
        }
        #expect(throws: AnalyzerError.self) {
            try accumulator.addImage("x", .probabilities([0, 0]), truth: [0, 0], height: 1, width: 2)
        }
        #expect(throws: AnalyzerError.self) {
            try accumulator.addVolume("x", .labels([0]), truth: [0], height: 1, width: 1, spacing: SIMD3(0, 1, 1))
        }
        var part = try CaseMeasurement(name: "p", kind: .volume, spacing: nil, settings: settings)
        try part.add(.labels([0, 0]), truth: [0, 0], height: 1, width: 2)
        #expect(throws: AnalyzerError.self) { try part.add(.labels([0, 0]), truth: [0, 0], height: 2, width: 1) }
        #expect(throws: AnalyzerError.self) {
            try part.add(.probabilities([0, 0, 1, 0, 0, 0]), truth: [0, 0], height: 1, width: 2)
        }
        #expect(part.imageCount == 1)
    }
}
