// A trained model judged on test and validation images, and pictures of what it does.

import Analyzer
import Formats

/// Evaluates one model.
struct FineTuneEvaluation {
    let predictor: Predictor
    let data: FineTuneData
    let output: FineTuneOutput

    /// Measures on the validation images of a part; nil where there are none.
    func validation(_ part: FineTuneData.Part) throws -> MetricAccumulator? {
        guard !part.validation.isEmpty else { return nil }
        return try measure(data.data, images: part.validation, "measuring validation images")
    }

    /// Measures on the test images; nil where there are none.
    func test() throws -> MetricAccumulator? {
        try data.test.map { try measure($0, images: Array($0.images.indices), "measuring test images") }
    }

    private func measure(_ data: SegmentationData, images: [Int], _ label: String) throws -> MetricAccumulator {
        let progress = output.progress
        progress.restart()
        defer { progress.clear() }
        var options = EvaluationOptions()
        options.samples = images.map { data.images[$0].number }
        options.ignoreValue = data.scheme.ignoreValue
        options.masks = data.options.masks
        options.isCancelled = { Interrupt.isRequested }
        options.progress = { progress.update(label, done: $0, total: $1, unit: "images") }
        do throws(AnalyzerError) { return try predictor.measure(data.target, options) } catch {
            guard case .cancelled = error else { throw error }
            throw ToolError.interrupted("stopped after the training; the same command with --resume measures again")
        }
    }

    /// A few pictures of test images (else validation, else training images) with truth and prediction.
    func writeOverlays(_ part: FineTuneData.Part, in folder: String) throws {
        let (data, images) =
            data.test.map { ($0, Array($0.images.indices)) }
            ?? (data.data, part.validation.isEmpty ? part.training : part.validation)
        try predictor.writeSamples(of: data, images: images, count: 8, to: folder)
    }
}
