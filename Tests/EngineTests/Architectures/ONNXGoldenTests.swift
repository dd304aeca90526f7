// Small networks exported by PyTorch and Keras, against the values that ONNX Runtime and PyTorch computed
// (fixtures/generate/onnx_golden.py).

import Formats
import TestSupport
import Testing

@testable import Engine

@Suite("ONNX exports")
struct ONNXGoldenTests {
    private let golden: GoldenArchive

    init() throws { golden = try GoldenArchive(TestData.fixtures + "/golden/onnx.npz") }

    private static func path(_ name: String) -> String { TestData.fixtures + "/models/onnx_" + name }

    private func recognized(
        _ file: String, _ hints: ArchitectureHints = ArchitectureHints()
    ) throws -> (Recognition, CheckpointParameters) {
        let reader = try Checkpoint.open(Self.path(file))
        let found = try Recognizer.recognize(reader, hints: hints)
        let accounted = found.bindings.map(\.tensor) + found.ignored.map(\.name)
        #expect(Set(accounted) == Set(reader.tensors.map(\.name)))
        return (found, CheckpointParameters(found, reader: reader))
    }

    private func expectLevels(
        _ found: (Recognition, CheckpointParameters), _ name: String, scaled: Bool = false
    ) throws {
        let (recognition, parameters) = found
        var input = try #require(try golden.map("input"))
        if scaled { input = ReferenceMap(shape: input.shape, values: input.values.map { $0 * 127.5 + 127.5 }) }
        let plain = try ReferenceInterpreter(recognition.graph, parameters: parameters).levels(of: input)
        let plan = try InferencePlan(recognition.graph, parameters: parameters, input: input.shape, threads: 1)
        let fast = try plan.features(of: input.values)
        #expect(plain.count == 3)
        for (index, level) in plain.enumerated() {
            let expected = try #require(try golden.map("\(name)/level_\(index + 1)"))
            #expect(level.shape == expected.shape)
            #expect(relativeDifference(level.values, expected.values) < 2e-5)
            #expect(relativeDifference(fast[index].values, expected.values) < 1e-4)
        }
    }

    @Test(arguments: ["dynamo", "dynamo_names", "script_13", "script_names"])
    func everyExportOfANetworkGivesItsLevels(way: String) throws {
        let found = try recognized("\(way).onnx")
        try expectLevels(found, "dynamo")
        #expect(found.0.architecture == "ONNX graph 'main_graph'" && found.0.family == "onnx")
        #expect(found.0.normalization == .imageNet && found.0.expectedInputChannels == 3)
        let names = try #require(found.0.facts.first { $0.key == "levels" }).value
        #expect(names.hasPrefix("one, ") && names.hasSuffix(", three"))
    }

    @Test func aKerasExportInRowsColumnsChannelsGivesItsLevels() throws {
        let found = try recognized("keras.onnx")
        try expectLevels(found, "keras", scaled: true)
        #expect(found.0.normalization == .bytes)
    }

    @Test(arguments: ["dynamo_names", "script_names"])
    func anotherCheckpointIsBoundByName(way: String) throws {
        let found = try recognized("other.safetensors", ArchitectureHints(graph: Self.path("\(way).onnx")))
        try expectLevels(found, "other")
        #expect(found.0.outsideDescription?.hasPrefix("ONNX graph ") == true)
        #expect(found.0.facts.first?.key == "graph")
        #expect(found.0.ignored.map(\.name).contains("head.weight"))
    }

    @Test(arguments: ["dynamo", "script_13", "keras"])
    func foldedGraphsAreNotBoundByGuess(way: String) throws {
        do {
            _ = try recognized("other.safetensors", ArchitectureHints(graph: Self.path("\(way).onnx")))
            Issue.record("bound")
        } catch let error as EngineError {
            guard case .parameterMismatch(_, let missing, let unexpected, _, let cause) = error else { throw error }
            #expect(!missing.isEmpty && unexpected.contains("bn1.running_mean"))
            #expect(cause.contains("dynamo=True, optimize=False") && cause.contains("TrainingMode.PRESERVE"))
        }
    }

    @Test func anExportWithNamesIsACheckpointOfItsOwnGraph() throws {
        let graph = ArchitectureHints(graph: Self.path("dynamo_names.onnx"))
        try expectLevels(try recognized("script_names.onnx", graph), "dynamo")
    }
}
