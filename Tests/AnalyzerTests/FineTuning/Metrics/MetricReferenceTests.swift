// Every measure against scikit-learn, medpy and MONAI.

import Testing

@testable import Analyzer

@Suite struct MetricReferenceTests {
    @Test func everyMeasureEqualsTheReferenceLibraries() throws {
        let fixtures = try MetricFixture.all()
        #expect(fixtures.count == 8)
        for fixture in fixtures {
            let values = try fixture.results().cases[0].values
            for (index, expected) in fixture.expected.enumerated() {
                #expect(expected.count == SegmentationMetric.allCases.count)
                for metric in SegmentationMetric.allCases {
                    let (found, wanted) = (values[metric, index], expected[metric.rawValue] ?? nil)
                    #expect(
                        close(found, wanted), "\(fixture.name), class \(index + 1), \(metric): \(found as Any)")
                }
            }
        }
    }

    @Test func pooledValuesOfASingleCaseAreItsOwn() throws {
        for fixture in try MetricFixture.all() {
            let results = try fixture.results()
            for metric in SegmentationMetric.allCases where metric.family != .distance {
                #expect(results.pooled[metric] == results.cases[0].values[metric])
                #expect(results.byCase[metric] == results.cases[0].values[metric])
            }
            #expect(results.pooled[.hausdorff95].allSatisfy { $0 == nil })
        }
    }

    @Test func surfaceDistancesGiveWhatMONAIMakesOfThem() throws {
        for fixture in try MetricFixture.all() where fixture.ignore == nil {
            let (prediction, truth) = (MetricFixture.labels(fixture.prediction), MetricFixture.labels(fixture.truth))
            let shape = [Int](repeating: 1, count: 3 - fixture.shape.count) + fixture.shape
            let spacing = fixture.spacing.map { Array(([1.0] + $0).suffix(3)) } ?? [1, 1, 1]
            let grid = GridSize(depth: shape[0], height: shape[1], width: shape[2])
            for (index, expected) in fixture.monai.enumerated() {
                let distances = SurfaceDistances(
                    of: UInt8(index + 1), prediction: prediction, truth: truth, grid,
                    spacing: SIMD3(spacing[0], spacing[1], spacing[2]), threads: 1)
                #expect((distances == nil) == (expected == nil))
                guard let distances, let expected else { continue }
                // MONAI computes in float32.
                #expect(close(distances.value(.averageSurfaceDistance), expected["averageSurfaceDistance"], 3e-7))
                let directed = max(
                    percentile(95, of: distances.fromPrediction), percentile(95, of: distances.fromTruth))
                #expect(close(directed, expected["hausdorff95"], 3e-7))
            }
        }
    }

    @Test func threadsDoNotChangeAnyValue() throws {
        for fixture in try MetricFixture.all() {
            #expect(try fixture.results(threads: 2).cases == fixture.results(threads: 1).cases)
        }
    }
}

/// Whether both are undefined, or both are defined and equal to a relative tolerance.
func close(_ one: Double?, _ other: Double?, _ tolerance: Double = 1e-9) -> Bool {
    guard let one, let other else { return one == nil && other == nil }
    return abs(one - other) <= tolerance * max(1, abs(other))
}
