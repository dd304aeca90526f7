// Keras networks, translated from their descriptions or recognised by layer names, against the values that Keras
// computed (fixtures/generate/keras_models_golden.py).

import Formats
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import Engine

@Suite("Keras networks")
struct KerasModelTests {
    private let golden: GoldenArchive

    init() throws { golden = try GoldenArchive(TestData.fixtures + "/golden/keras_models.npz") }

    private func open(_ file: String, _ hints: ArchitectureHints = .init()) throws -> (
        Recognition, CheckpointParameters
    ) {
        let reader = try Checkpoint.open(TestData.fixtures + "/models/keras_" + file)
        let found = try Recognizer.recognize(reader, hints: hints)
        let accounted = found.bindings.map { $0.tensor } + found.ignored.map { $0.name }
        #expect(accounted.sorted() == reader.tensors.map { $0.name }.sorted())
        return (found, CheckpointParameters(found, reader: reader))
    }

    @Test(arguments: [
        "resnet.legacy.h5", "resnet.weights.h5", "vgg.legacy.h5", "vgg.keras", "mobile.keras", "mobile.h5",
        "mobile.keras2.h5", "nested.keras", "nested.h5", "nested.keras2.h5", "decoding.keras", "sequential.keras",
        "sequential.h5", "channels_first.keras",
    ])
    func everyLevelAgreesWithKeras(file: String) throws {
        let (found, parameters) = try open(file)
        let name = String(file.prefix { $0 != "." })
        let input = try #require(try golden.map("\(name)/input"))
        let plain = try ReferenceInterpreter(found.graph, parameters: parameters).levels(of: input)
        let plan = try InferencePlan(found.graph, parameters: parameters, input: input.shape, threads: 1)
        let fast = try plan.features(of: input.values)
        for (index, level) in plain.enumerated() {
            let expected = try #require(try golden.map("\(name)/level_\(index + 1)"))
            #expect(level.shape == expected.shape)
            #expect(relativeDifference(level.values, expected.values) < 2e-5)
            #expect(relativeDifference(fast[index].values, expected.values) < 1e-4)
        }
        #expect(try golden.map("\(name)/level_\(plain.count + 1)") == nil)
    }

    @Test func weightsWithoutNamesTakeTheDescriptionOfAnotherFile() throws {
        let config = TestData.fixtures + "/models/keras_nested.keras"
        let (found, parameters) = try open("nested.weights.h5", ArchitectureHints(options: ["config": config]))
        let input = try #require(try golden.map("nested/input"))
        let levels = try ReferenceInterpreter(found.graph, parameters: parameters).levels(of: input)
        let expected = try #require(try golden.map("nested/level_2"))
        #expect(relativeDifference(try #require(levels.last).values, expected.values) < 2e-5)
    }

    /// A folder with copies of fixtures, given by their paths there, removed after the test.
    private func withCopies(_ fixtures: String..., body: (String) throws -> Void) throws {
        var template = Array("/tmp/ripe-test-XXXXXX".utf8CString)
        let made = template.withUnsafeMutableBufferPointer { $0.baseAddress.flatMap { mkdtemp($0) } != nil }
        try #require(made)
        let folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for fixture in fixtures {
            let name = fixture.split(separator: "/").last.map { String($0) } ?? fixture
            try FileManager.default.copyItem(atPath: "\(TestData.fixtures)/\(fixture)", toPath: "\(folder)/\(name)")
        }
        try body(folder)
    }

    /// No family has the first's layers; the second's are named as VGG's, and fit none of them.
    @Test(arguments: ["models/keras_nested.weights.h5", "checkpoints/keras-forms/model_epoch_05_weights_legacy.h5"])
    func weightsWithoutDescriptionSayWhatToGive(fixture: String) throws {
        // Another network's description does not help.
        try withCopies(fixture, "models/keras_mobile.keras") { folder in
            let name = try #require(fixture.split(separator: "/").last)
            let error = #expect(throws: EngineError.self) {
                try Recognizer.recognize(Checkpoint.open("\(folder)/\(name)"))
            }
            let message = try #require(error?.description)
            #expect(message.hasPrefix("Keras weights without their network description: "))
            #expect(
                message.hasSuffix(
                    "give the .keras file or the full .h5 instead, or one of them (or its config.json) with "
                        + "--arch-option config=FILE"))
        }
    }

    @Test func weightsTakeTheDescriptionOfAFileBesideThem() throws {
        try withCopies("models/keras_nested.weights.h5", "models/keras_nested.keras") { folder in
            let found = try Recognizer.recognize(Checkpoint.open("\(folder)/keras_nested.weights.h5"))
            #expect(
                found.facts.first == Recognition.Fact("network description", "that of keras_nested.keras, beside it"))
            #expect(found.graph.levels.count == 2)
        }
    }

    @Test(arguments: ["model_epoch_05.weights.h5", "model_epoch_05_weights_legacy.h5"])
    func layersNamedAsAnotherNetworksTakeTheDescriptionBesideThem(name: String) throws {
        let forms = "\(TestData.fixtures)/checkpoints/keras-forms/"
        let found = try Recognizer.recognize(Checkpoint.open(forms + name))
        #expect(found.architecture == "Keras Functional 'small_resnet'")
        #expect(found.facts.first == Recognition.Fact("network description", "that of model_epoch_05.h5, beside it"))
        #expect(found.outsideDescription == (try Checkpoint.open(forms + "model_epoch_05.h5").metadata.kerasConfig))
        // A network that the user named is the only one tried.
        let error = #expect(throws: EngineError.self) {
            try Recognizer.recognize(Checkpoint.open(forms + name), hints: ArchitectureHints(architecture: "resnet"))
        }
        guard case .unrecognizedArchitecture? = error else {
            Issue.record("\(error.map { "\($0)" } ?? "")")
            return
        }
    }

    @Test func theLikestOfSeveralDescriptionsIsTaken() {
        let files = ["a.keras", "run_2.keras", "run_1.keras", "run_1.h5", "run_1_weights.h5", "z.h5", "config.json"]
        #expect(
            Recognizer.descriptions(among: files, for: "run_1_weights.h5") == [
                "config.json", "run_1.keras", "run_1.h5",
            ])
        #expect(Recognizer.descriptions(among: ["b.keras", "a.keras"], for: "x.h5") == ["a.keras"])
    }

    @Test func kerasResNetIsToldFromTorchvisions() throws {
        let (found, _) = try open("resnet.legacy.h5")
        #expect(found.family == "keras-resnet")
        #expect(found.normalization == .kerasCaffe)
        #expect(found.facts.contains(Recognition.Fact("stride", "on the first 1×1 convolution")))
    }

    @Test func inputsInBytesAreToldByTheFirstLayer() throws {
        #expect(try open("mobile.keras").0.normalization == .bytes)
        #expect(try open("nested.keras").0.normalization == .unit)
    }

    @Test func headsAreIgnoredWithTheirReason() throws {
        let (found, _) = try open("vgg.keras")
        #expect(
            found.ignored.map { "\($0.name): \($0.reason)" } == [
                "predictions/kernel: no level depends on layer 'predictions'",
                "predictions/bias: no level depends on layer 'predictions'",
            ])
    }

    @Test func transposedConvolutionsCutAsKerasDoes() throws {
        let reader = try Checkpoint.open(TestData.fixtures + "/models/keras_transposed.keras")
        let text = try #require(reader.metadata.kerasConfig)
        let json = try JSON(text, path: "", section: "")
        let table = try KerasVariableTable(reader)
        var importer = KerasImporter(channels: 3, size: Size2(7, 9), isChannelsFirst: false, majorVersion: 3)
        let outputs = try importer.run(KerasModelConfig(json), inputs: [.map(0)], path: [])
        let input = try #require(try golden.map("transposed/input"))
        for (index, output) in outputs.enumerated() {
            guard case .map(let node) = output,
                case .transposedConvolution(let convolution, _) = importer.graph.nodes[node].op
            else {
                Issue.record("output \(index) is no transposed convolution")
                continue
            }
            var tensors: [String: TensorView] = [:]
            for parameter in [convolution.weight, convolution.bias].compactMap({ $0 }) {
                let variable = try #require(importer.variables[parameter.name])
                let tensor = try reader.tensor(try #require(table[variable.layer]?[variable.name]))
                var values = try #require(tensor.floats())
                if case .permuted(let order) = variable.transform { values = permuted(tensor, order: order) }
                tensors[parameter.name] = TensorView(floats: values, shape: parameter.shape)
            }
            let found = try ReferenceInterpreter.output(
                of: importer.graph.nodes[node].op, [input], parameters: ParameterTable(tensors))
            let expected = try #require(try golden.map("transposed/level_\(index + 1)"))
            #expect(found.shape == expected.shape)
            #expect(relativeDifference(found.values, expected.values) < 2e-5)
        }
    }
}
