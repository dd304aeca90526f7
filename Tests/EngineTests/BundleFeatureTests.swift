// Features of real checkpoints against those that the authors' own code gives for the same images.

import Engine
import Formats
import TestSupport
import Testing

/// A checkpoint of the reference data and the archive with its truth.
struct BundleCase: Sendable, CustomTestStringConvertible {
    let checkpoint: String, truth: String
    var options: [String: String] = [:]

    var testDescription: String { "\(checkpoint) \(options)" }

    static let all = [
        BundleCase(checkpoint: "A/model_state_dict_epoch_5.pt", truth: "A_features_epoch_5.npz"),
        BundleCase(
            checkpoint: "A/model_state_dict_epoch_5.pt", truth: "A_features_epoch_5_stochastic_depth_0.1.npz",
            options: ["stochastic_depth_rate": "0.1"]),
        BundleCase(checkpoint: "B/epoch=3-step=284.ckpt", truth: "B_features_epoch_4.npz"),
    ]
}

@Suite(.enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"))
struct BundleFeatureTests {
    /// The project's bar: 2e-5 of each level's RMS. Winograd's rounding is inside it.
    @Test(arguments: BundleCase.all)
    func everyLevelAgreesWithTheAuthorsCode(item: BundleCase) throws {
        let bundle = try #require(TestData.shared) + "/bundle"
        let reader = try Checkpoint.open("\(bundle)/checkpoints/\(item.checkpoint)")
        let recognition = try Recognizer.recognize(
            reader.tensors, metadata: reader.metadata, hints: ArchitectureHints(options: item.options))
        let truth = try NumPy.readArchive("\(bundle)/truth/\(item.truth)")
        let input = try #require(truth.first { $0.name == "input" }).array
        let plan = try InferencePlan(
            recognition.graph, parameters: CheckpointParameters(recognition, reader: reader), input: input.shape,
            threads: 2)
        let levels = try plan.features(of: try #require(input.floats()))
        #expect(levels.count == 5)
        for level in levels {
            let expected = try #require(truth.first { $0.name == "level\(level.level)" }).array
            #expect(level.shape == expected.shape)
            let values = try #require(expected.floats())
            let squares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
            let rms = (squares / Double(values.count)).squareRoot()
            let worst = zip(values, level.values).reduce(0.0) { max($0, abs(Double($1.0) - Double($1.1))) }
            #expect(worst / rms < 2e-5, "level \(level.level): \(worst / rms) of its RMS")
        }
    }
}
