// One model in every form of Keras' files: the same values under the same (layer, variable), and the same as Keras says.

import FoundationEssentials
import TestSupport
import Testing

@testable import Formats

@Suite struct KerasTableTests {
    @Test(arguments: ["forms.keras", "forms.h5", "k3.keras", "z2.keras"])
    func variablesAreFoundWhereKerasHasThem(name: String) throws {
        let checkpoint = try KerasGolden.open(name)
        try expectTable(KerasVariableTable(checkpoint), of: checkpoint, equals: KerasGolden.table(name))
    }

    /// Weights alone do not say what the network is; a configuration from elsewhere does.
    @Test(arguments: ["forms.weights.h5", "forms_weights.h5"])
    func weightsAloneAreFoundWithAConfigurationFromElsewhere(name: String) throws {
        let checkpoint = try KerasGolden.open(name)
        let configuration = try #require(try Bytes(mapping: KerasGolden.folder + "forms_config.json").utf8)
        let table = try KerasVariableTable(checkpoint, configuration: configuration)
        try expectTable(table, of: checkpoint, equals: KerasGolden.table(name))
    }

    @Test(arguments: ["k3.weights.h5", "k3_legacy_full.h5"])
    func filesOfOneNetworkAgreeOnItsVariables(name: String) throws {
        let checkpoint = try KerasGolden.open(name)
        let archive = try KerasGolden.open("k3.keras")
        let table = try KerasVariableTable(checkpoint, configuration: archive.metadata.kerasConfig)
        let expected = try KerasVariableTable(archive)
        #expect(table.layers.map(\.path) == expected.layers.map(\.path))
        for (layer, other) in zip(table.layers, expected.layers) {
            #expect(layer.variables.map(\.role) == other.variables.map(\.role))
            for (variable, twin) in zip(layer.variables, other.variables) {
                #expect(try checkpoint.tensor(variable.tensor).shape == archive.tensor(twin.tensor).shape)
            }
        }
    }

    /// tf_keras wrote the same model three ways; the last after freezing layers, which moves weights in the lists.
    @Test func weightsOfTensorFlowsKerasAgree() throws {
        let full = try KerasGolden.open("tfk_full.h5")
        let configuration = try #require(full.metadata.kerasConfig)
        let expected = try values(full, configuration)
        #expect(expected.count == 21)
        for name in ["tfk.weights.h5"] {
            #expect(try values(KerasGolden.open(name), configuration) == expected, "\(name)")
        }
        let before = try values(KerasGolden.open("tfk.h5"), configuration)
        let frozen = try values(KerasGolden.open("tfk_frozen.h5"), configuration)
        #expect(Set(before.keys) == Set(expected.keys))
        #expect(before == frozen)
    }

    @Test(arguments: [
        "keras/model_epoch_05.keras", "keras-forms/model_epoch_05.h5", "keras-forms/model_epoch_05.weights.h5",
        "keras-forms/model_epoch_05_weights_legacy.h5", "keras-forms/model_epoch_05_weights_keras2_names.h5",
    ])
    func everyFormOfATrainedModelHoldsTheSameValues(name: String) throws {
        let folder = TestData.fixtures + "/checkpoints/"
        let archive = try openKerasArchive(
            path: "a.keras", archive: ZipArchive(folder + "keras/model_epoch_05.keras"))
        let configuration = try #require(archive.metadata.kerasConfig)
        let path = folder + name
        let checkpoint =
            name.hasSuffix(".keras")
            ? try openKerasArchive(path: path, archive: ZipArchive(path))
            : try openKerasHDF5(path: path, bytes: Bytes(mapping: path))
        let found = try values(checkpoint, configuration)
        #expect(found.count == checkpoint.tensors.count)
        #expect(found == (try values(archive, configuration)))
        // Without the configuration, names alone give nearly the same keys.
        #expect(Set(checkpoint.tensors.map(\.name)) == Set(archive.tensors.map(\.name)))
    }

    @Test func aTableWithoutConfigurationUsesTheFilesNames() throws {
        let table = try KerasVariableTable(KerasGolden.open("tfk.h5"))
        #expect(table[["conv1"]]?["kernel"] == "conv1/kernel")
        #expect(table[["inner", "sep"]]?["depthwise_kernel"] == "inner/sep/depthwise_kernel")
        #expect(table[["dw"]]?["kernel"] == "dw/depthwise_kernel")
        let store = try KerasVariableTable(KerasGolden.open("k3.weights.h5"))
        #expect(store[["inner", "sep"]]?.variables.map(\.role) == ["depthwise_kernel", "pointwise_kernel", "bias"])
        #expect(store[["bn1"]]?["moving_variance"] == "bn1/moving_variance")
        #expect(store[["nowhere"]] == nil)
    }

    @Test func layersThatDoNotFitTheConfigurationAreReported() throws {
        let checkpoint = try KerasGolden.open("forms.weights.h5")
        let configuration = try #require(try Bytes(mapping: KerasGolden.folder + "forms_config.json").utf8)
        let changed = configuration.replacing(
            "\"name\": \"no_scale\", \"trainable\": true", with: "\"name\": \"no_scale\""
        )
        .replacing("\"scale\": false", with: "\"scale\": true")
        #expect(changed != configuration)
        let text = message { try KerasVariableTable(checkpoint, configuration: changed) }
        #expect(
            text.hasSuffix(
                "layer 'no_scale' (BatchNormalization): expected the variables gamma, beta, moving_mean, moving_variance, "
                    + "found 3: layers/batch_normalization/vars/0, layers/batch_normalization/vars/1, "
                    + "layers/batch_normalization/vars/2"), "\(text)")
    }

    /// Tensor checksums by layer and role.
    private func values(_ checkpoint: any CheckpointReader, _ configuration: String) throws -> [String: UInt32] {
        var values: [String: UInt32] = [:]
        for layer in try KerasVariableTable(checkpoint, configuration: configuration).layers {
            for variable in layer.variables {
                let key = (layer.path + [variable.role]).joined(separator: "/")
                values[key] = checksum(try checkpoint.tensor(variable.tensor))
            }
        }
        return values
    }

    /// Every variable that Keras lists, in its order, value for value; and none besides.
    private func expectTable(
        _ table: KerasVariableTable, of checkpoint: any CheckpointReader, equals expected: [KerasGolden.Entry]
    ) throws {
        let found = table.layers.flatMap { layer in layer.variables.map { (layer.path, $0.role, $0.tensor) } }
        #expect(found.map(\.0) == expected.map(\.path))
        #expect(found.map(\.1) == expected.map(\.role))
        for ((_, _, tensor), entry) in zip(found, expected) {
            let view = try checkpoint.tensor(tensor)
            #expect(view.shape == entry.shape, "\(tensor)")
            #expect(checksum(view) == entry.checksum, "\(tensor)")
        }
        #expect(table.unassigned.isEmpty)
    }
}
