// What the recogniser concludes from names and shapes, and what it says when they do not fit.

import Formats
import Testing

@testable import Engine

@Suite("Recognizer")
struct RecognizerTests {
    @Test(
        arguments: Architectures.models.filter { !$0.name.contains("swin") && !$0.name.contains("keras") }.map {
            $0.name
        })
    func everyNamedModelIsRecognisedFromItsOwnTensors(name: String) throws {
        let graph = try Architectures.named(name)
        let found = try Recognizer.recognize(graph.tensors())
        let model = try #require(Architectures.models.first { $0.name == name })
        #expect([found.family] == model.families)
        #expect(found.architecture.contains(model.title))
        #expect(found.graph.nodes == graph.nodes)
        #expect(found.graph.levels == graph.levels)
        #expect(found.bindings.map { $0.tensor } == graph.parameters.map { $0.name })
        #expect(found.ignored.isEmpty)
    }

    @Test(arguments: ["", "encoder.", "model.backbone.", "module.encoder_q."])
    func prefixesAreFound(prefix: String) throws {
        let found = try Recognizer.recognize(Architectures.named("resnet18").tensors(prefix: prefix))
        #expect(found.prefix == prefix)
        #expect(found.bindings.first?.tensor == prefix + "conv1.weight")
    }

    @Test func whatAConversionNotedOfTheNetworkIsHeeded() throws {
        let tensors = try Architectures.named("resnet50").tensors()
        var metadata = CheckpointMetadata()
        metadata.entries = [
            ("network.stride", "on the first 1×1 convolution (v1)"), ("network.epsilon", "0.001"),
            ("network.padding", "TensorFlow's \"same\""),
        ]
        let found = try Recognizer.recognize(tensors, metadata: metadata)
        #expect(found.facts.contains(Recognition.Fact("stride", "on the first 1×1 convolution")))
        #expect(found.facts.contains(Recognition.Fact("BatchNorm epsilon", "0.001")))
        // What the user says goes before it, and nonsense is passed over.
        let hints = ArchitectureHints(options: ["stride": "middle"])
        #expect(
            try Recognizer.recognize(tensors, metadata: metadata, hints: hints).facts
                .contains(Recognition.Fact("stride", "on the 3×3 convolution")))
        metadata.entries = [("network.epsilon", "nan")]
        #expect(
            try Recognizer.recognize(tensors, metadata: metadata).facts
                .contains(Recognition.Fact("BatchNorm epsilon", "1e-05")))
    }

    @Test(arguments: [
        ("imagenet", InputNormalization.imageNet), ("unit", .unit), ("bytes", .bytes), ("keras-tf", .kerasTF),
        ("keras-caffe", .kerasCaffe),
    ])
    func theUsersWordOnTheInputGoesBeforeTheFamilys(word: String, expected: InputNormalization) throws {
        let tensors = try Architectures.named("resnet18").tensors()
        let family = try Recognizer.recognize(tensors)
        #expect(family.normalization == .imageNet && !family.facts.contains { $0.key == "input" })
        let found = try Recognizer.recognize(tensors, hints: ArchitectureHints(options: ["input": word]))
        #expect(found.normalization == expected)
        #expect(found.facts.last == Recognition.Fact("input", expected.name))
    }

    @Test func ofTwoCopiesTheOneTrainedByGradientIsTaken() throws {
        let graph = try Architectures.named("resnet18")
        let found = try Recognizer.recognize(
            graph.tensors(prefix: "module.encoder_k.") + graph.tensors(prefix: "module.encoder_q."))
        #expect(found.prefix == "module.encoder_q.")
        #expect(found.ignored.count == graph.parameters.count)
        #expect(found.ignored.first?.reason == "another copy of the encoder, 'module.encoder_k.'")
    }

    @Test func aResNetTakenApartIntoAListIsRecognised() throws {
        let graph = try Architectures.named("resnet50")
        let places = ["conv1": "0", "bn1": "1", "layer1": "4", "layer2": "5", "layer3": "6", "layer4": "7"]
        let tensors = graph.parameters.map { parameter in
            let parts = parameter.name.split(separator: ".", maxSplits: 1)
            return TensorInfo.float("backbone.\(places[String(parts[0])] ?? "").\(parts[1])", parameter.shape)
        }
        let found = try Recognizer.recognize(
            tensors + [.float("projection_head.layers.0.weight", [128, 2048])])
        #expect(found.family == "resnet")
        #expect(found.bindings.map { $0.tensor } == tensors.map { $0.name })
        #expect(found.ignored.map { $0.reason } == ["outside the encoder 'backbone.'"])
    }

    @Test func headsAndCountersAreIgnoredWithTheirReasons() throws {
        let extra: [TensorInfo] = [
            .float("fc.weight", [7, 512]), .float("fc.bias", [7]), .float("bn1.num_batches_tracked", []),
        ]
        let found = try Recognizer.recognize(Architectures.named("resnet34").tensors() + extra)
        #expect(
            found.ignored.map { $0.reason } == [
                "classification head", "classification head", "batch counter of a BatchNorm",
            ])
    }

    @Test func everyProblemOfAModifiedNetworkIsListed() throws {
        var tensors = try Architectures.named("resnet18").tensors().filter { $0.name != "layer4.1.bn2.bias" }
        tensors.append(.float("layer1.0.attention.weight", [64, 64]))
        let place = try #require(tensors.firstIndex { $0.name == "layer3.0.bn1.weight" })
        tensors[place].shape = [9]
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description
                == "the tensors do not fit ResNet-18 (torchvision/timm): 1 missing (layer4.1.bn2.bias), "
                + "1 unexpected (layer1.0.attention.weight), "
                + "1 of another shape (layer3.0.bn1.weight is 9, not 256); the model was changed from the published "
                + "one; --arch-option ignore=NAME leaves tensors out by the beginning of their names, if the "
                + "encoder's output does not depend on them")
    }

    @Test func squeezeAndExcitationIsNamedAsTheCause() throws {
        let tensors =
            try Architectures.named("resnet50").tensors() + [.float("layer1.0.se.fc1.weight", [16, 256, 1, 1])]
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description.hasSuffix(
                "its blocks have squeeze-and-excitation, which this version does not run") == true)
    }

    @Test func theUserCanLeaveTensorsOut() throws {
        let tensors = try Architectures.named("resnet18").tensors() + [.float("aux.weight", [3])]
        let found = try Recognizer.recognize(tensors, hints: ArchitectureHints(options: ["ignore": "aux."]))
        #expect(found.ignored.map { $0.name } == ["aux.weight"])
    }

    @Test func foreignTensorsAreReportedWithTheClosestFamily() {
        let tensors: [TensorInfo] = [.float("tok.weight", [5, 4]), .float("bn1.running_mean", [5])]
        #expect(
            throws: EngineError.unrecognizedArchitecture(
                evidence: "2 tensors (tok.weight, bn1.running_mean)",
                closest: "resnet, which also has layer1.0.conv1.weight, layer1.0.bn1.running_mean")
        ) { try Recognizer.recognize(tensors) }
    }

    @Test func anUnknownArchitectureListsTheKnownOnes() {
        let error = #expect(throws: EngineError.self) {
            try Recognizer.recognize([], hints: ArchitectureHints(architecture: "resnet49"))
        }
        #expect(
            error?.description.hasPrefix(
                "unknown architecture 'resnet49'; known: deepresnet, unet-encoder, seed-swin, resnet") == true)
    }

    @Test func theWrongArchitectureIsRefusedWithTheRightOne() throws {
        let tensors = try Architectures.named("resnet34").tensors()
        let error = #expect(throws: EngineError.self) {
            try Recognizer.recognize(tensors, hints: ArchitectureHints(architecture: "resnet18"))
        }
        #expect(
            error?.description.hasSuffix(
                "the tensors are those of ResNet-34 (torchvision/timm); leave --arch out, or give --arch resnet")
                == true)
    }

    @Test func unknownAndUnusableOptionsAreRefused() throws {
        let tensors = try Architectures.named("deepresnet50").tensors()
        #expect(
            throws: EngineError.unknownOption(
                option: "window", known: ["ignore", "input", "prefix", "stochastic_depth_rate"])
        ) { try Recognizer.recognize(tensors, hints: ArchitectureHints(options: ["window": "7"])) }
        #expect(
            throws: EngineError.invalidOption(
                option: "stochastic_depth_rate", value: "2", expected: "a number from 0.0 to 0.99")
        ) { try Recognizer.recognize(tensors, hints: ArchitectureHints(options: ["stochastic_depth_rate": "2"])) }
    }

    @Test(
        arguments: [
            (nil, [:], nil), ("resnet50", ["stem_stride": "1", "ignore": "aux."], nil),
            ("ResNet18", ["prefix": "encoder."], nil), (nil, ["img_size": "224"], nil), ("keras", [:], nil),
            ("keras-resnet50", [:], nil),
            (
                nil, ["img_size": "big"],
                "architecture option 'img_size' cannot be 'big'; expected a whole number from 1 to 65536"
            ),
            (
                "resnet", ["img_size": "224"],
                "unknown architecture option 'img_size'; known: "
                    + "config, epsilon, ignore, input, prefix, stem_pool, stem_stride, stride"
            ),
            ("resnet", ["stride": "last"], "architecture option 'stride' cannot be 'last'; expected first or middle"),
            ("keras", ["prefix": "a"], "unknown architecture option 'prefix'; known: config, ignore, input"),
            (
                "resnet", ["input": "grey"],
                "architecture option 'input' cannot be 'grey'; expected imagenet or unit or bytes or keras-tf or keras-caffe"
            ),
            (nil, ["config": "/none.json"], "/none.json: cannot open: No such file or directory"),
        ] as [(String?, [String: String], String?)])
    func hintsAreCheckedWithoutACheckpoint(name: String?, options: [String: String], expected: String?) {
        var message: String?
        do throws(EngineError) {
            try Recognizer.check(ArchitectureHints(architecture: name, options: options))
        } catch { message = error.description }
        #expect(message == expected)
    }

    @Test func aNameThatNoFamilyHasIsRefusedWithTheKnownOnes() {
        let error = #expect(throws: EngineError.self) {
            try Recognizer.check(ArchitectureHints(architecture: "resnet51"))
        }
        #expect(
            error?.description.hasPrefix("unknown architecture 'resnet51'; known: deepresnet, unet-encoder, ") == true)
    }

    @Test func aMismatchWithoutListsSaysOnlyItsCause() {
        let error = EngineError.parameterMismatch(
            architecture: "deepresnet50", missing: [], unexpected: [], misshapen: [], cause: "leave --arch out")
        #expect(error.description == "the tensors do not fit deepresnet50; leave --arch out")
    }

    @Test func defaultsReachOnlyFamiliesThatKnowThem() throws {
        let hints = ArchitectureHints(defaults: ["stochastic_depth_rate": "0.1"])
        let deep = try Recognizer.recognize(Architectures.named("deepresnet50").tensors(), hints: hints)
        #expect(deep.facts.first == Recognition.Fact("stochastic depth rate", "0.1"))
        #expect(deep.graph.nodes.filter { if case .dropPath = $0.op { true } else { false } }.count == 15)
        _ = try Recognizer.recognize(Architectures.named("resnet18").tensors(), hints: hints)
    }

    @Test func shapesThatWouldOverflowAreNotBelieved() throws {
        var tensors = try Architectures.named("resnet18").tensors()
        tensors[0].shape = [.max, .max, 7, 7]
        #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
    }
}

@Suite("DeepResNet")
struct DeepResNetTests {
    @Test func widthsBiasAndInnerModelNamesAreRead() throws {
        let sizes = DeepResNetConfiguration(
            inputChannels: 1, stem: 8, blocks: [1, 2], channels: [8, 32], isBottleneck: false, hasBias: true)
        let tensors = sizes.graph().tensors(prefix: "layers.0.model.") + [.float("layers.3.weight", [10, 32])]
        let found = try Recognizer.recognize(tensors)
        #expect(found.graph.nodes == sizes.graph().nodes)
        #expect(found.bindings.first?.tensor == "layers.0.model.stem.0.weight")
        #expect(found.expectedInputChannels == 1)
    }

    @Test func dropRatesGrowLinearlyOverTheBlocks() {
        let graph = DeepResNetConfiguration(
            blocks: [1, 1, 1], channels: [64, 128, 256], stochasticDepthRate: 0.1
        ).graph()
        let paths = graph.nodes.compactMap { if case .dropPath(let path) = $0.op { path } else { nil } }
        #expect(paths.map(\.rate) == [0.05, 0.1])
        // At evaluation branches are multiplied by the probability of keeping them, as the paper's code does.
        #expect(paths.allSatisfy { !$0.rescales })
    }

    @Test func levelsHaveTheResolutionsOfThePaper() throws {
        let graph = try Architectures.named("deepresnet50")
        let shapes = try graph.outputShapes(input: [1, 3, 224, 224])
        #expect(
            graph.levels.map { shapes[$0] } == [
                [1, 64, 112, 112], [1, 256, 56, 56], [1, 512, 28, 28], [1, 1024, 14, 14], [1, 2048, 7, 7],
            ])
    }
}

@Suite("ResNet")
struct ResNetTests {
    @Test func oddImagesRoundAsPyTorchDoes() throws {
        let graph = try Architectures.named("resnet50")
        let shapes = try graph.outputShapes(input: [1, 3, 225, 190])
        #expect(
            graph.levels.map { shapes[$0] } == [
                [1, 64, 113, 95], [1, 256, 57, 48], [1, 512, 29, 24], [1, 1024, 15, 12], [1, 2048, 8, 6],
            ])
    }

    @Test func deepStemsAndAveragingShortcutsAreTold() throws {
        var sizes = ResNetConfiguration(
            stem: .deep([4, 4, 8]),
            stages: [.init(blocks: 1, inner: 4, output: 16), .init(blocks: 2, inner: 8, output: 32)])
        sizes.averagesShortcut = true
        let found = try Recognizer.recognize(sizes.graph().tensors())
        #expect(found.graph.nodes == sizes.graph().nodes)
    }

    @Test func aSmallStemHasNoStrideAndNoPool() throws {
        var sizes = ResNetConfiguration(
            stem: .single(channels: 16, kernel: 3, stride: 1), isBottleneck: false,
            stages: [.init(blocks: 1, inner: 16, output: 16), .init(blocks: 1, inner: 32, output: 32)])
        sizes.hasStemPool = false
        let found = try Recognizer.recognize(sizes.graph().tensors())
        #expect(found.graph.nodes == sizes.graph().nodes)
        #expect(found.graph.levels.count == 2)
        #expect(found.facts.last?.value == "3×3, stride 1, no max-pool (assumed from its size)")
    }
}
