// What the tests of prediction share: models of known answer, and files to predict.

import Engine
import Formats
import FoundationEssentials
import TestSupport

@testable import Analyzer

/// A predictor that calls a pixel bright from a threshold on.
func thresholdPredictor(
    height: Int, width: Int, thresholds: [Float] = [0.5], values: [Int32]? = nil, batchSize: Int = 3, threads: Int = 2,
    imageChannels: Int = 1, change: (inout TargetOptions) -> Void = { _ in }
) throws -> Predictor {
    var options = TargetOptions()
    options.preparation.normalization = .window(low: 0, high: 100)
    (options.preparation.height, options.preparation.width) = (height, width)
    change(&options)
    let card = ThresholdModel.card(
        classNames: ["background"] + thresholds.indices.map { "class \($0 + 1)" },
        classValues: values ?? (0...thresholds.count).map { Int32($0) },
        size: Size2(options.preparation.height, options.preparation.width),
        preparation: try ModelPreparation(options, imageChannels: imageChannels).text())
    return try Predictor(
        card, parameters: ThresholdModel.parameters(card, thresholds: thresholds), batchSize: batchSize,
        threads: threads)
}

/// Grey levels far from 50, without order.
func levels(_ count: Int, seed: Int = 1) -> [Int16] {
    let known: [Int16] = [5, 12, 20, 31, 69, 78, 86, 95]
    var state = UInt64(seed)
    return (0..<count).map { _ in
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return known[Int(state >> 61)]
    }
}

extension TargetTree {
    /// Predicts files into `out`.
    @discardableResult
    func predict(
        _ name: String, _ predictor: Predictor, change: (inout PredictionOptions) -> Void = { _ in }
    ) throws -> PredictionReport {
        var options = PredictionOptions(out: "\(path)/out")
        change(&options)
        return try PredictionJob(["\(path)/\(name)"], predictor, options: options).run(predictor)
    }

    /// A grey PNG of the given levels.
    func png(_ name: String, _ values: [Int16], height: Int, width: Int) throws {
        let bytes = Bytes(copying: values.map { UInt8($0) })
        try PNGImage(samples: TensorView(dtype: .uint8, shape: [height, width], bytes: bytes)).write(to: self(name))
    }
}
