// The names that tensors go by in each form, and what else the files say.

import TestSupport
import Testing

@testable import Formats

@Suite struct KerasNamesTests {
    @Test func legacyNamesAreGroupScopeAndVariable() throws {
        let checkpoint = try KerasGolden.open("tfk.h5")
        #expect(
            checkpoint.tensors.map(\.name) == [
                "conv1/kernel", "conv1/bias", "bn1/gamma", "bn1/beta", "bn1/moving_mean", "bn1/moving_variance",
                "inner/c/kernel", "inner/c/bias", "inner/b/gamma", "inner/b/beta", "inner/sep/depthwise_kernel",
                "inner/sep/pointwise_kernel", "inner/sep/bias", "inner/ct/kernel", "inner/ct/bias",
                "inner/b/moving_mean", "inner/b/moving_variance", "dw/depthwise_kernel", "dw/bias", "fc/kernel",
                "fc/bias",
            ])
        #expect(checkpoint.tensors[0].storage.key == "conv1/conv1/kernel:0")
        #expect(checkpoint.tensors[0].shape == [3, 3, 3, 4])
        #expect(checkpoint.tensors[0].storage.byteCount == 432)
    }

    @Test func legacyNamesFollowTheListsOfTheFile() throws {
        for (name, entries) in try #require(
            KerasGolden.json.get()["legacy"]?.members.map({ $0.map { ($0.key, $0.value) } }))
        {
            let expected = try #require(entries.array?.map { $0["path"]?.string })
            #expect(try KerasGolden.open(name).tensors.map(\.storage.key) == expected, "\(name)")
        }
    }

    @Test(arguments: [
        ("conv1/kernel:0", "conv1", [], "kernel"), ("c/kernel:0", "inner", ["c"], "kernel"),
        ("sequential/dense/kernel", "dense", [], "kernel"),
        ("model/inner/block/c/bias:0", "inner", ["block", "c"], "bias"),
        ("block1_conv1_W_1:0", "block1_conv1", [], "kernel"), ("bn_running_std:0", "bn", [], "moving_variance"),
        ("dense_1/kernel_2:0", "dense_1", [], "kernel"), ("my/scale_2:0", "my", [], "scale_2"),
        ("bi/forward_lstm/lstm_cell/recurrent_kernel", "bi", ["forward_lstm", "lstm_cell"], "recurrent_kernel"),
    ])
    func storedNamesSplitIntoScopeAndVariable(stored: String, group: String, scope: [String], role: String) {
        let found = kerasLegacyScope(stored, group: group)
        #expect(found.scope == scope)
        #expect(found.role == role)
    }

    @Test func keras3NamesAreTheUsersWhereTheFileHasThem() throws {
        #expect(
            try KerasGolden.open("k3.weights.h5").tensors.map(\.name).prefix(9) == [
                "bn1/gamma", "bn1/beta", "bn1/moving_mean", "bn1/moving_variance", "bi/backward_layer/cell/kernel",
                "bi/backward_layer/cell/recurrent_kernel", "bi/backward_layer/cell/bias",
                "bi/forward_layer/cell/kernel", "bi/forward_layer/cell/recurrent_kernel",
            ])
        // Without the attribute, by class and number.
        #expect(
            try KerasGolden.open("tfk.weights.h5").tensors.map(\.name).suffix(5) == [
                "functional/conv2d_transpose/kernel", "functional/conv2d_transpose/bias",
                "functional/separable_conv2d/depthwise_kernel", "functional/separable_conv2d/pointwise_kernel",
                "functional/separable_conv2d/bias",
            ])
        // Attributes of a model of the user's own class.
        #expect(
            try KerasGolden.open("k3m.weights.h5").tensors.map(\.name) == [
                "enc/vars/0", "enc/c1/vars/0", "enc/c1/vars/1", "enc/d/dense/kernel", "enc/d/dense/bias",
                "enc/lst/dense/kernel", "enc/lst/dense/bias", "enc/lst/dense_1/kernel", "enc/lst/dense_1/bias",
                "head/vars/0", "head/vars/1",
            ])
    }

    @Test func threeVariablesOfBatchNormalizationStayOpenWithoutAConfiguration() throws {
        let names = try KerasGolden.open("k3sh.weights.json").tensors.map(\.name)
        #expect(
            names.prefix(3) == [
                "batch_normalization/vars/0", "batch_normalization/moving_mean", "batch_normalization/moving_variance",
            ])
    }

    @Test func anArchivesConfigurationGivesNamesAndTheirOrder() throws {
        let names = try KerasGolden.open("forms.keras").tensors.map(\.name)
        let expected = try KerasGolden.table("forms.keras").map { entry in
            (entry.path + [entry.role ?? ""]).joined(separator: "/")
        }
        #expect(names == expected)
        #expect(
            names[2...5] == ["no_scale/beta", "no_scale/moving_mean", "no_scale/moving_variance", "aa_second/kernel"])
    }

    @Test func shardsAreOneCheckpoint() throws {
        let shards = try KerasGolden.open("k3sh.weights.json")
        #expect(shards.format == "Keras 3 sharded weights")
        #expect(shards.tensors.count == 7)
        #expect(try shards.tensor("dense_2/kernel").shape == [4, 3])
    }

    @Test func listsOfNamesOverSixtyFourKilobytesAreJoined() throws {
        let checkpoint = try KerasGolden.open("many_layers.h5")
        #expect(checkpoint.tensors.count == 9)
        #expect(
            try checkpoint.tensor("layer_\(String(repeating: "x", count: 80))_00800/kernel").floats() == [800, 800])
    }

    @Test func resNet50IsListedInKerasOrder() throws {
        let expected = try #require(KerasGolden.json.get()["resnet50"]?.array?.map { $0.string })
        #expect(expected.count == 318)
        #expect(expected.first == "conv1_conv/kernel")
        #expect(try KerasGolden.open("resnet50_names.h5").tensors.map(\.name) == expected)
    }

    @Test func bfloat16IsRead() throws {
        let checkpoint = try KerasGolden.open("bf.weights.h5")
        #expect(checkpoint.tensors.map(\.dtype) == [.bfloat16, .bfloat16])
        #expect(try checkpoint.tensor("dense/kernel").bytes.count == 8)
    }

    @Test func plainHDF5IsListedByPath() throws {
        let checkpoint = try KerasGolden.open("user_block.h5")
        #expect(checkpoint.format == "HDF5")
        #expect(checkpoint.tensors.map(\.name) == ["x", "y"])
        #expect(try checkpoint.tensor("x").floats() == [0, 1, 2, 3])
    }

    @Test(
        arguments: [
            ("tfk.h5", "Keras weights (legacy HDF5)", "Keras 2.21.0", 0, nil),
            ("tfk_full.h5", "Keras model (legacy HDF5)", "Keras 2.21.0", 35, 1),
            ("k3_legacy_full.h5", "Keras model (legacy HDF5)", "Keras 3.15.1", 54, 1),
            ("k3.keras", "Keras 3 archive", "Keras 3.15.1", 54, 1), ("k3.weights.h5", "Keras 3 weights", nil, 54, 1),
            ("tfk.weights.h5", "Keras 3 weights", nil, 37, 1), ("forms.keras", "Keras 3 archive", "Keras 3.15.1", 2, 1),
        ] as [(String, String, String?, Int, Int?)])
    func writerStepAndOptimizerAreTold(name: String, format: String, writer: String?, others: Int, step: Int?) throws {
        let checkpoint = try KerasGolden.open(name)
        #expect(checkpoint.format == format)
        #expect(checkpoint.metadata.writer == writer)
        #expect(checkpoint.metadata.otherTensorCount == others)
        #expect(checkpoint.metadata.step == step)
        #expect(checkpoint.metadata.epoch == nil)
    }

    @Test func codeInAConfigurationIsReportedAndNeverRun() throws {
        let metadata = try KerasGolden.open("lambda.keras").metadata
        #expect(metadata.warnings == ["layer 'twice' holds Python bytecode; Ripe never runs it"])
        #expect(metadata.foreignCalls.map(\.name) == ["twice (Python bytecode)"])
        #expect(metadata.foreignCalls.map(\.isDangerous) == [true])
    }

    @Test func foreignModulesInAConfigurationAreReported() throws {
        var metadata = CheckpointMetadata()
        try metadata.takeConfig(
            """
            {"class_name": "Functional", "module": "keras", "config": {"name": "m", "layers": [
              {"class_name": "system", "module": "os", "config": {"name": "bad"}},
              {"class_name": "Mine", "module": "my.layers", "registered_name": "my>Mine", "config": {"name": "mine"}},
              {"class_name": "Lambda", "config": {"name": "old", "function": ["4wEAAAA=", null, null]}},
              {"class_name": "Lambda", "module": "keras.layers", "config": {"name": "named", "function":
                {"module": "builtins", "class_name": "function", "config": "relu6"}}}]}}
            """, path: "x.keras")
        #expect(
            metadata.foreignCalls.map { "\($0.name) \($0.isDangerous)" } == [
                "os.system true", "my.layers.Mine false", "old (Python bytecode) true",
            ])
        #expect(
            metadata.warnings == [
                "the configuration names os.system; Ripe never imports or runs it",
                "layer 'old' holds Python bytecode; Ripe never runs it",
                "Lambda layer 'named' calls the Python function 'relu6'; Ripe never runs it",
            ])
    }

    @Test(arguments: [
        ("Conv2D", "conv2d"), ("Conv2DTranspose", "conv2d_transpose"), ("PReLU", "p_re_lu"), ("ReLU", "re_lu"),
        ("BatchNormalization", "batch_normalization"), ("LSTM", "lstm"),
        ("GlobalAveragePooling2D", "global_average_pooling2d"),
        ("DepthwiseConv2D", "depthwise_conv2d"), ("MyNet", "my_net"), ("ConvLSTM2D", "conv_lstm2d"), ("ELU", "elu"),
        ("TFSMLayer", "tfsm_layer"), ("LeakyReLU", "leaky_re_lu"), ("EinsumDense", "einsum_dense"),
    ])
    func classNamesBecomePathsAsInKeras(className: String, expected: String) {
        #expect(kerasSnakeCase(className) == expected)
    }
}
