// Small masks with the measures that scikit-learn, medpy and MONAI give; made by fixtures/generate/metrics.py.

import FoundationEssentials
import TestSupport

@testable import Analyzer

struct MetricFixture: Decodable {
    let name: String
    let shape: [Int]
    let classes: Int
    let spacing: [Double]?
    let ignore: UInt8?
    let prediction: String
    let truth: String
    let probabilities: [Float]?
    let expected: [[String: Double?]]
    let monai: [[String: Double]?]

    static func all() throws -> [MetricFixture] {
        let url = URL(filePath: TestData.fixtures + "/metrics/metrics.json")
        return try JSONDecoder().decode([MetricFixture].self, from: Data(contentsOf: url))
    }

    static func labels(_ digits: String) -> [UInt8] { digits.utf8.map { $0 - 48 } }

    func settings(measuresImages: Bool = true, threads: Int = 1) throws -> MetricSettings {
        try MetricSettings(
            classes: (0..<classes).map { "class \($0)" }, ignoreLabel: ignore, measuresImages: measuresImages,
            threads: threads)
    }

    /// The masks as the one case of a set.
    func results(threads: Int = 1) throws -> MetricResults {
        var accumulator = MetricAccumulator(try settings(threads: threads))
        let given = probabilities.map(SegmentationPrediction.probabilities) ?? .labels(Self.labels(prediction))
        let truth = Self.labels(truth)
        if shape.count == 2 {
            try accumulator.addImage(
                name, given, truth: truth, height: shape[0], width: shape[1],
                spacing: spacing.map { SIMD2($0[0], $0[1]) })
        } else {
            try accumulator.addVolume(
                name, given, truth: truth, height: shape[1], width: shape[2],
                spacing: spacing.map { SIMD3($0[0], $0[1], $0[2]) })
        }
        return accumulator.results
    }
}

/// Random numbers that are the same in every run.
struct TestRandom {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    /// 0..<bound.
    mutating func next(_ bound: Int) -> Int {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(state >> 33) % bound
    }
}
