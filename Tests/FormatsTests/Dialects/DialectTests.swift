// Translating networks between dialects: there and back is the same, and what cannot be translated is told.

import TestSupport
import Testing

@testable import Formats

@Suite struct Translating {
    private static func fixture(_ name: String) throws -> CheckpointDraft {
        CheckpointDraft(try Checkpoint.open("\(TestData.fixtures)/models/\(name)"))
    }

    /// A draft from names and shapes, each tensor with its own values.
    private static func draft(_ tensors: [(String, Shape)]) -> CheckpointDraft {
        CheckpointDraft(tensors: tensors.map { made($0.0, .float32, $0.1) })
    }

    @Test(arguments: [
        ("convnext_torchvision.safetensors", Dialect.timm), ("convnext_torchvision.safetensors", .keras),
        ("convnext_torchvision.safetensors", .smp), ("convnext_timm.safetensors", .torchvision),
        ("efficientnet_timm.safetensors", .torchvision), ("efficientnet_timm.safetensors", .keras),
        ("efficientnet_timm.safetensors", .smp), ("efficientnet_lukemelas.safetensors", .timm),
        ("swin_torchvision.safetensors", .timm), ("swin_timm.safetensors", .torchvision),
        ("swin_timm.safetensors", .seed), ("swin_timm.safetensors", .smp), ("resnet_basic.pt", .keras),
        ("resnext.safetensors", .keras),
    ])
    func thereAndBackIsTheSame(name: String, dialect: Dialect) throws {
        let source = try Self.fixture(name)
        let first = try DialectTranslation(source, to: dialect, path: name)
        let back = try DialectTranslation(first.draft, to: first.source, path: name)
        #expect(back.source == dialect || dialect == .timm && back.source == .torchvision)
        // In its own dialect, which tidies: buffers left out, counters made.
        let own = try DialectTranslation(source, to: first.source, path: name)
        let comparison = try CheckpointComparison(own.draft.tensors, back.draft.tensors)
        let different = comparison.differences.filter { $0.outcome != .identical }
        let encoderOnly = [Dialect.smp, .seed].contains(dialect)
        #expect(different.allSatisfy { $0.outcome == .missing && encoderOnly }, "\(different.prefix(3))")
        #expect(comparison.differences.count > 20)
    }

    @Test func theOriginalSwinFilesItsMergingOneStageEarlier() throws {
        let name = "swin_original.pt"
        let translation = try DialectTranslation(try Self.fixture(name), to: .timm, path: name)
        let names = Set(translation.draft.tensors.map(\.name))
        #expect(names.contains("layers.1.downsample.reduction.weight"))
        #expect(!names.contains("layers.0.downsample.reduction.weight"))
        #expect(translation.notes.contains { $0.hasPrefix("left out: index buffers") })
    }

    @Test func kernelsDenseLayersAndNormsLieAsKerasHasThem() throws {
        let source = Self.draft(
            [
                ("conv1.weight", [4, 3, 7, 7]), ("bn1.weight", [4]), ("bn1.bias", [4]), ("bn1.running_mean", [4]),
                ("bn1.running_var", [4]), ("fc.weight", [2, 4]), ("fc.bias", [2]),
            ] + Self.basicBlock("layer1.0", 4) + Self.basicBlock("layer2.0", 4))
        let translated = try DialectTranslation(source, to: .keras, path: "a.pt")
        let tensors = Dictionary(uniqueKeysWithValues: translated.draft.tensors.map { ($0.name, $0) })
        #expect(tensors["conv1_conv/kernel"]?.shape == [7, 7, 3, 4])
        #expect(tensors["conv1_conv/bias"]?.shape == [4])
        #expect(tensors["conv3_block1_2_bn/moving_variance"]?.shape == [4])
        #expect(tensors["predictions/kernel"]?.shape == [4, 2])
        let kernel = try #require(try source.tensors[0].read().floats())
        let moved = try #require(try tensors["conv1_conv/kernel"]?.read().floats())
        // Element (output 1, input 2, row 3, column 4).
        #expect(moved[((3 * 7 + 4) * 3 + 2) * 4 + 1].bitPattern == kernel[((1 * 3 + 2) * 7 + 3) * 7 + 4].bitPattern)
        #expect(try tensors["conv1_conv/bias"]?.read().floats() == [0, 0, 0, 0])
    }

    private static func basicBlock(_ name: String, _ width: Int) -> [(String, Shape)] {
        ["1", "2"].flatMap { index in
            [("\(name).conv\(index).weight", [width, width, 3, 3] as Shape)]
                + ["weight", "bias", "running_mean", "running_var"].map { ("\(name).bn\(index).\($0)", [width]) }
        }
    }

    private static func vgg(side: Int = 2) -> CheckpointDraft {
        draft([
            ("features.0.weight", [2, 3, 3, 3]), ("features.0.bias", [2]), ("features.3.weight", [3, 2, 3, 3]),
            ("features.3.bias", [3]), ("classifier.0.weight", [5, 3 * side * side]), ("classifier.0.bias", [5]),
            ("classifier.3.weight", [4, 5]), ("classifier.3.bias", [4]), ("classifier.6.weight", [2, 4]),
            ("classifier.6.bias", [2]),
        ])
    }

    @Test func theFirstDenseLayerAfterAFlattenIsReordered() throws {
        let translated = try DialectTranslation(Self.vgg(), to: .keras, path: "a.pt").draft
        let dense = try #require(translated.tensors.first { $0.name == "fc1/kernel" })
        #expect(dense.shape == [12, 5])
        let values = try #require(try dense.read().floats())
        let original = try #require(try Self.vgg().tensors[4].read().floats())
        // Keras' row counts (row 1, column 0, channel 2); PyTorch's column channel, row, column.
        #expect(values[((1 * 2 + 0) * 3 + 2) * 5 + 4].bitPattern == original[4 * 12 + (2 * 2 + 1) * 2 + 0].bitPattern)
        let timm = try DialectTranslation(Self.vgg(), to: .timm, path: "a.pt").draft.tensors
        #expect(timm.first { $0.name == "pre_logits.fc1.weight" }?.shape == [5, 3, 2, 2])
        #expect(timm.first { $0.name == "pre_logits.fc2.weight" }?.shape == [4, 5, 1, 1])
        #expect(timm.contains { $0.name == "head.fc.weight" })
        for dialect in [Dialect.keras, .timm] {
            let there = try DialectTranslation(Self.vgg(), to: dialect, path: "a.pt").draft
            let back = try DialectTranslation(there, to: .torchvision, path: "a.pt").draft
            #expect(
                try CheckpointComparison(Self.vgg().tensors, back.tensors).differences.allSatisfy {
                    $0.outcome == .identical
                })
        }
    }

    @Test func aStageOfOneConvolutionWithBatchNormIsAVGG() throws {
        var tensors: [(String, Shape)] = []
        for (index, channels) in [(0, 3), (4, 4), (8, 4)] {
            tensors += [("features.\(index).weight", [4, channels, 3, 3]), ("features.\(index).bias", [4])]
            tensors += ["weight", "bias", "running_mean", "running_var"].map { ("features.\(index + 1).\($0)", [4]) }
        }
        let translated = try DialectTranslation(Self.draft(tensors), to: .keras, path: "a.pt")
        #expect(translated.network == "VGG, 6 layers with BatchNorm")
        #expect(translated.draft.tensors.contains { $0.name == "block3_conv1_bn/moving_variance" })
        #expect(translated.draft.kerasConfig != nil)
    }

    @Test func headsAreLeftOutOnRequestAndForEncoders() throws {
        var options = DialectOptions()
        options.dropsHead = true
        let dropped = try DialectTranslation(Self.vgg(), to: .keras, options: options, path: "a.pt")
        #expect(dropped.draft.tensors.count == 4)
        #expect(dropped.notes.contains("left out: the classification head (6 tensors)"))
        let encoder = try DialectTranslation(Self.vgg(), to: .smp, path: "a.pt")
        #expect(encoder.draft.tensors.map(\.name).allSatisfy { $0.hasPrefix("encoder.features.") })
    }

    @Test func biasesBeforeABatchNormAreTakenUpByItsMean() throws {
        func values(_ name: String, _ shape: Shape, _ value: Float) -> DraftTensor {
            DraftTensor(name: name, dtype: .float32, shape: shape) { () throws(FormatError) in
                TensorView(floats: [Float](repeating: value, count: shape.elementCount), shape: shape)
            }
        }
        func layer(_ name: String, _ kernel: Shape) -> [DraftTensor] {
            let channels = kernel[3]
            return [
                values("\(name)_conv/kernel", kernel, 1), values("\(name)_conv/bias", [channels], 0.25),
                values("\(name)_bn/gamma", [channels], 1), values("\(name)_bn/beta", [channels], 0),
                values("\(name)_bn/moving_mean", [channels], 2), values("\(name)_bn/moving_variance", [channels], 3),
            ]
        }
        let tensors =
            layer("conv1", [7, 7, 3, 4])
            + ["conv2_block1", "conv3_block1"].flatMap {
                layer("\($0)_1", [3, 3, 4, 4]) + layer("\($0)_2", [3, 3, 4, 4])
            }
        var options = DialectOptions()
        options.foldsEpsilon = true
        let translated = try DialectTranslation(
            CheckpointDraft(tensors: tensors), to: .torchvision, options: options, path: "a.h5")
        let byName = Dictionary(uniqueKeysWithValues: translated.draft.tensors.map { ($0.name, $0) })
        #expect(try byName["bn1.running_mean"]?.read().floats() == [1.75, 1.75, 1.75, 1.75])
        #expect(byName["conv1.bias"] == nil)
        // 3 + 1.001e-5 - 1e-5 is 3 + 1e-8, which float32 rounds to 3.
        #expect(try byName["bn1.running_var"]?.read().floats()?.first == 3)
        #expect(byName["bn1.num_batches_tracked"]?.dtype == .int64)
        #expect(
            translated.notes.first
                == "5 convolution biases, which torchvision does not have, were subtracted from the running means of the "
                + "BatchNorms after them")
        #expect(translated.notes.contains { $0.hasPrefix("epsilon 1.001e-05 became 1e-05") })
    }

    @Test func colourOrderIsReversedOnRequest() throws {
        var options = DialectOptions()
        options.reversesInput = true
        let reversed = try DialectTranslation(Self.vgg(), to: .timm, options: options, path: "a.pt").draft.tensors[0]
        let original = try #require(try Self.vgg().tensors[0].read().floats())
        let values = try #require(try reversed.read().floats())
        #expect(values[0].bitPattern == original[2 * 9].bitPattern)
        #expect(values[9 + 4].bitPattern == original[9 + 4].bitPattern)
    }

    @Test func unknownNetworksSayWhichFamiliesComeClosest() {
        let other = Self.draft([("features.0.0.weight", [8, 3, 3, 3]), ("x.y", [1])])
        #expect(
            message { _ = try DialectTranslation(other, to: .keras, path: "a.pt") }
                == "a.pt: no dialect is known for these 2 tensors: Swin Transformer and ConvNeXt come closest; leave "
                + "--dialect out to convert the format only, or take the encoder's tensors with --only")
        var incomplete = Self.vgg()
        incomplete.tensors.remove(at: 3)
        #expect(
            message { _ = try DialectTranslation(incomplete, to: .keras, path: "a.pt") }
                == "a.pt: no dialect is known for these 9 tensors: VGG (torchvision's names, 5 layers) comes closest, "
                + "which also has features.3.bias; leave --dialect out to convert the format only, or take the encoder's "
                + "tensors with --only")
    }

    @Test func tensorsBesideTheNetworkAreNotLostSilently() {
        var draft = Self.vgg()
        for index in draft.tensors.indices { draft.tensors[index].name = "model." + draft.tensors[index].name }
        draft.tensors.append(made("decoder.weight"))
        #expect(
            message { _ = try DialectTranslation(draft, to: .keras, path: "a.ckpt") }
                == "a.ckpt: 1 tensor beside the VGG ('decoder.weight') in the dialect 'keras' is not supported; leave it "
                + "out with --only 'model.*'")
    }

    @Test func aDialectWithoutTheNetworkIsRefused() {
        #expect(
            message { _ = try DialectTranslation(Self.vgg(), to: .seed, path: "a.pt") }
                == "a.pt: VGG (5 layers) in the dialect 'seed' is not supported; that code has no such network; dialects "
                + "that have it: torchvision, timm, keras, smp")
    }

    @Test func factsOfTheSourceTravelWithTheFile() throws {
        let name = "efficientnet_lukemelas.safetensors"
        let translated = try DialectTranslation(try Self.fixture(name), to: .torchvision, path: name)
        #expect(translated.warnings.contains { $0.hasPrefix("padding: in the source TensorFlow's \"same\"") })
        #expect(
            translated.warnings.contains { $0.hasPrefix("epsilon of the normalisation layers: 0.001 in the source") })
        #expect(translated.draft.metadata.contains { $0.key == "network.epsilon" && $0.value == "0.001" })
        // From there on they are the source's, not torchvision's.
        let back = try DialectTranslation(translated.draft, to: .smp, path: name)
        #expect(back.warnings.isEmpty, "\(back.warnings)")
    }
}
