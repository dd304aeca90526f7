// Binding checkpoints to an ONNX graph: prefixes, what is missing or left over, what goes into operations.

import Formats
import TestSupport
import Testing

@testable import Engine

/// A checkpoint held in memory.
private struct MadeCheckpoint: CheckpointReader {
    let path = "run/last.pt", format = "made"
    let metadata = CheckpointMetadata()
    let views: [(name: String, view: TensorView)]

    init(_ tensors: [(String, Shape, [Float])]) {
        views = tensors.map { ($0.0, TensorView(floats: $0.2, shape: $0.1)) }
    }

    var tensors: [TensorInfo] {
        views.map {
            TensorInfo(
                name: $0.name, dtype: .float32, shape: $0.view.shape,
                storage: .init(key: $0.name, byteOffset: 0, byteCount: $0.view.bytes.count))
        }
    }

    func tensor(_ name: String) throws(FormatError) -> TensorView {
        guard let found = views.first(where: { $0.name == name }) else {
            throw FormatError(path, .missingTensor(name: name, available: views.count))
        }
        return found.view
    }
}

@Suite("ONNX binding")
struct ONNXNamesTests {
    /// x → 1×1 convolution "conv.weight", "conv.bias" → + "shift" (2×1×1) → · "scale" (2×1×1) → ReLU.
    private static let graph = MadeONNX.model(
        MadeONNX.graph(
            [
                MadeONNX.node("Conv", ["x", "conv.weight", "conv.bias"], "a"),
                MadeONNX.node("Add", ["a", "shift"], "c"), MadeONNX.node("Mul", ["scale", "c"], "b"),
                MadeONNX.node("Relu", ["b"], "y"),
                MadeONNX.node("GlobalAveragePool", ["y"], "p"), MadeONNX.node("Flatten", ["p"], "f"),
                MadeONNX.node("Gemm", ["f", "head.weight"], "logits", [("transB", .integer(1))]),
            ],
            [
                MadeONNX.tensor("conv.weight", [2, 1, 1, 1], [1, 2]), MadeONNX.tensor("conv.bias", [2], [0, 1]),
                MadeONNX.tensor("scale", [2, 1, 1], [1, 1]), MadeONNX.tensor("shift", [2, 1, 1], [7, 7]),
                MadeONNX.tensor("head.weight", [3, 2], [1, 2, 3, 4, 5, 6]),
            ], inputs: [MadeONNX.input("x", [1, 1, 2, 2])]))

    private static func tensors(_ prefix: String = "") -> [(String, Shape, [Float])] {
        [
            (prefix + "conv.weight", [2, 1, 1, 1], [3, 4]), (prefix + "conv.bias", [2], [1, 0]),
            (prefix + "scale", [2, 1, 1], [10, 100]), (prefix + "shift", [2, 1, 1], [0, 1]),
            (prefix + "head.weight", [3, 2], [1, 1, 1, 1, 1, 1]),
        ]
    }

    private func recognized(
        _ tensors: [(String, Shape, [Float])], options: [String: String] = [:]
    ) throws -> (Recognition, [Float]) {
        try withMadeFile(Self.graph) { path in
            let checkpoint = MadeCheckpoint(tensors)
            let found = try Recognizer.recognize(
                checkpoint, hints: ArchitectureHints(options: options, graph: path))
            let input = ReferenceMap(shape: [1, 1, 2, 2], values: [1, 2, -1, 0])
            let interpreter = ReferenceInterpreter(
                found.graph, parameters: CheckpointParameters(found, reader: checkpoint))
            return (found, try interpreter.levels(of: input).flatMap(\.values))
        }
    }

    @Test(arguments: ["", "module.", "model.encoder.", "net/"])
    func namesMayAllHaveOnePrefixMore(prefix: String) throws {
        let (found, level) = try recognized(Self.tensors(prefix))
        #expect(level == [40, 70, 0, 10, 500, 900, 0, 100])
        #expect(found.prefix == prefix)
        #expect(found.ignored.map(\.name) == [prefix + "shift", prefix + "head.weight"])
    }

    @Test func copiesKeptForMomentumAreNotTaken() throws {
        let copy = Self.tensors("momentum_encoder.").map { ($0.0, $0.1, $0.2.map { _ in Float(0) }) }
        let (found, level) = try recognized(copy + Self.tensors("encoder."))
        #expect(level == [40, 70, 0, 10, 500, 900, 0, 100])
        #expect(
            found.prefix == "encoder." && found.ignored.count { $0.reason == "outside the encoder 'encoder.'" } == 5)
    }

    @Test func whatALayerNeedsMustBeThere() throws {
        for name in ["conv.weight", "conv.bias", "scale", "shift"] {
            let tensors = Self.tensors().filter { $0.0 != name }
            let error = #expect(throws: EngineError.self) { try recognized(tensors) }
            guard case .parameterMismatch(_, [name], [], [], let cause)? = error else {
                Issue.record("\(name): \(String(describing: error))")
                continue
            }
            #expect(cause.hasPrefix("the checkpoint is not of the network in the graph"))
        }
        // The head's are not needed.
        #expect(try recognized(Self.tensors().dropLast()).1 == [40, 70, 0, 10, 500, 900, 0, 100])
    }

    @Test func equalShapesUnderOtherNamesAreNoMatch() throws {
        var tensors = Self.tensors()
        tensors[0].0 = "features.weight"
        let error = #expect(throws: EngineError.self) { try recognized(tensors) }
        guard case .parameterMismatch(_, ["conv.weight"], ["features.weight"], [], _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func tensorsThatTheGraphDoesNotKnowAreRefusedUnlessLeftOut() throws {
        let tensors = Self.tensors() + [("bn.running_mean", [2], [0, 0]), ("bn.running_var", [2], [1, 1])]
        let error = #expect(throws: EngineError.self) { try recognized(tensors) }
        guard case .parameterMismatch(_, [], ["bn.running_mean", "bn.running_var"], [], let cause)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(cause.hasPrefix("the exporter folded or renamed weights"))
        #expect(try recognized(tensors, options: ["ignore": "bn."]).1.count == 8)
    }

    @Test func anotherShapeIsRefused() throws {
        var tensors = Self.tensors()
        tensors[0] = ("conv.weight", [2, 1, 3, 3], [Float](repeating: 0, count: 18))
        let error = #expect(throws: EngineError.self) { try recognized(tensors) }
        guard case .parameterMismatch(_, [], [], ["conv.weight is 2×1×3×3, not 2×1×1×1"], _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func aGraphThatIsNoONNXIsRefused() throws {
        let path = TestData.fixtures + "/models/onnx_other.safetensors"
        #expect(
            throws: EngineError.invalidOption(
                option: "graph", value: path, expected: "an ONNX file, but this is safetensors")
        ) { try Recognizer.check(ArchitectureHints(graph: path)) }
    }
}
