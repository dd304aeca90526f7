// Real checkpoints of the reference data, recognised and run in plain loops (and Keras' in the fast plan too), against
// the features that PyTorch and Keras computed.

import Engine
import Formats
import TestSupport
import Testing

@Suite("Features of real checkpoints", .enabled(if: TestData.shared != nil, "\(TestData.sharedMissing)"))
struct BundleArchitectureTests {
    private func recognize(
        _ file: String, options: [String: String] = [:]
    ) throws -> (Recognition, CheckpointParameters) {
        let reader = try Checkpoint.open(try #require(TestData.shared) + "/bundle/checkpoints/" + file)
        let found = try Recognizer.recognize(reader, hints: ArchitectureHints(options: options))
        return (found, CheckpointParameters(found, reader: reader))
    }

    private func truth(_ file: String) throws -> GoldenArchive {
        try GoldenArchive(try #require(TestData.shared) + "/bundle/truth/" + file)
    }

    @Test(arguments: [
        ("A/model_state_dict_epoch_5.pt", "A_features_epoch_5.npz", [:]),
        (
            "A/model_state_dict_epoch_5.pt", "A_features_epoch_5_stochastic_depth_0.1.npz",
            ["stochastic_depth_rate": "0.1"]
        ),
        ("B/epoch=3-step=284.ckpt", "B_features_epoch_4.npz", [:]),
        ("D/resnet18_quarter_random_init.safetensors", "D_features.npz", [:]),
    ])
    func plainLoopsAgreeWithPyTorch(file: String, features: String, options: [String: String]) throws {
        let (found, parameters) = try recognize(file, options: options)
        let truth = try truth(features)
        let input = try #require(try truth.map("input", count: 1))
        let levels = try ReferenceInterpreter(found.graph, parameters: parameters).levels(of: input)
        #expect(levels.count == 5)
        for (index, level) in levels.enumerated() {
            let name = file.hasPrefix("D") ? "layer\(index)" : "level\(index + 1)"
            guard name != "layer0" else { continue }
            let expected = try #require(try truth.map(name, count: 1))
            #expect(level.shape == expected.shape)
            #expect(relativeDifference(level.values, expected.values) < 2e-5, "\(name)")
        }
    }

    @Test(arguments: [
        ("C/model_epoch_05.keras", false), ("C/model_epoch_05.h5", false), ("C/model_epoch_05.weights.h5", true),
        ("C/model_epoch_05_weights_legacy.h5", true), ("C/model_epoch_05_weights_keras2_names.h5", true),
    ])
    func everyFormOfAKerasModelGivesItsFeatures(file: String, needsDescription: Bool) throws {
        let config = try #require(TestData.shared) + "/bundle/checkpoints/C/model_epoch_00.keras"
        let (found, parameters) = try recognize(file, options: needsDescription ? ["config": config] : [:])
        let truth = try truth("C_features_epoch_05.npz")
        let input = try #require(try truth.map("input_nhwc", count: 1, isChannelsLast: true))
        let names = ["stem_relu", "block1_out", "block2_out", "block3_out"]
        #expect(found.graph.levels.map { found.graph.nodes[$0].name } == names)
        let maps = try ReferenceInterpreter(found.graph, parameters: parameters).run(
            input, targets: found.graph.levels)
        for (node, map) in zip(found.graph.nodes, maps) where truth.names.contains(node.name) {
            let expected = try #require(try truth.map(node.name, count: 1, isChannelsLast: true))
            #expect(relativeDifference(try #require(map).values, expected.values) < 2e-5, "\(node.name)")
        }
        let plan = try InferencePlan(found.graph, parameters: parameters, input: input.shape, threads: 1)
        for (name, level) in zip(names, try plan.features(of: input.values)) {
            let expected = try #require(try truth.map(name, count: 1, isChannelsLast: true))
            #expect(relativeDifference(level.values, expected.values) < 2e-5, "\(name)")
        }
    }

    @Test func everyCheckpointOfEverySequenceIsRecognised() throws {
        let families = ["A": "deepresnet", "B": "unet-encoder"]
        for (folder, family) in families {
            let path = try #require(TestData.shared) + "/bundle/checkpoints/" + folder
            for file in try TestData.files(in: path) where !file.hasSuffix(".csv") {
                #expect(try recognize("\(folder)/\(file)").0.family == family, "\(file)")
            }
        }
    }
}
