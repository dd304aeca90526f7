// How stored tensors become parameters: layouts, element types, and values that are no numbers.

import Engine
import Formats
import Testing

/// A checkpoint in memory.
private struct MadeCheckpoint: CheckpointReader {
    let path = "made.pt"
    let format = "made"
    let views: [String: TensorView]
    let metadata = CheckpointMetadata()
    var tensors: [TensorInfo] {
        views.map { name, view in
            TensorInfo(
                name: name, dtype: view.dtype, shape: view.shape,
                storage: TensorInfo.Storage(key: name, byteOffset: 0, byteCount: view.bytes.count))
        }
    }

    func tensor(_ name: String) throws(FormatError) -> TensorView {
        guard let view = views[name] else {
            throw FormatError(path, .missingTensor(name: name, available: views.count))
        }
        return view
    }
}

@Suite("Parameters from checkpoints")
struct CheckpointParametersTests {
    /// The parameters of a made checkpoint: one called "p" that is bound to the given tensor.
    private func parameters(
        _ view: TensorView, _ shape: Shape, _ transform: WeightTransform = .identity
    ) throws -> CheckpointParameters {
        var recognition = try Recognizer.recognize(
            Architectures.named("resnet18").parameters.map {
                TensorInfo(
                    name: $0.name, dtype: .float32, shape: $0.shape,
                    storage: TensorInfo.Storage(key: $0.name, byteOffset: 0, byteCount: 0))
            })
        recognition.bindings = [
            ParameterBinding(parameter: Parameter("p", shape), tensor: "stored", transform: transform)
        ]
        return CheckpointParameters(recognition, reader: MadeCheckpoint(views: ["stored": view]))
    }

    @Test func kernelsOfKerasAreTurnedToPyTorchsLayout() throws {
        // h×w×I×O = 1×2×2×3 to O×I×h×w.
        let stored = TensorView(floats: (0..<12).map { Float($0) }, shape: [1, 2, 2, 3])
        let shape: Shape = [3, 2, 1, 2]
        let view = try parameters(stored, shape, .permuted([3, 2, 0, 1])).values(of: Parameter("p", shape))
        #expect(view.shape == shape)
        #expect(view.floats() == [0, 6, 3, 9, 1, 7, 4, 10, 2, 8, 5, 11])
    }

    @Test func halfPrecisionIsWidened() throws {
        let stored = TensorView(dtype: .float16, shape: [2], bytes: Bytes(copying: [UInt16(0x3C00), 0xC000]))
        let view = try parameters(stored, [2]).values(of: Parameter("p", [2]))
        #expect(view.dtype == .float32)
        #expect(view.floats() == [1, -2])
    }

    @Test func valuesThatAreNoNumbersAreCountedAndNamed() throws {
        var values = [Float](repeating: 1, count: 200_000)
        for index in [0, 70_000, 199_999] { values[index] = index == 0 ? .infinity : .nan }
        let parameters = try parameters(TensorView(floats: values, shape: [200_000]), [200_000])
        let error = #expect(throws: EngineError.self) { try parameters.values(of: Parameter("p", [200_000])) }
        #expect(
            error?.description
                == "tensor 'stored' holds 3 NaN or infinite values; the checkpoint diverged or is damaged")
    }

    @Test func infinitiesOfHalfPrecisionAreFoundToo() throws {
        let stored = TensorView(dtype: .bfloat16, shape: [1], bytes: Bytes(copying: [UInt16(0xFF80)]))
        #expect(throws: EngineError.nonFiniteWeights(tensor: "stored", count: 1)) {
            try parameters(stored, [1]).values(of: Parameter("p", [1]))
        }
    }

    @Test func unboundParametersAreRefused() throws {
        let parameters = try parameters(TensorView(floats: [1], shape: [1]), [1])
        #expect(throws: EngineError.shape(operation: "parameter 'q'", expected: "1", found: "nothing")) {
            try parameters.values(of: Parameter("q", [1]))
        }
    }
}

@Suite("Random parameters")
struct RandomParametersTests {
    @Test func theSeedAndTheNameDecideAlone() throws {
        let parameter = Parameter("layer1.0.conv1.weight", [8, 4, 3, 3])
        let first = try RandomParameters(seed: 1).values(of: parameter).floats()
        #expect(try RandomParameters(seed: 1).values(of: parameter).floats() == first)
        #expect(try RandomParameters(seed: 2).values(of: parameter).floats() != first)
    }

    @Test func kernelsHaveTheVarianceOfHe() throws {
        let values = try #require(
            try RandomParameters(seed: 5).values(of: Parameter("conv.weight", [64, 32, 3, 3])).floats())
        let variance = values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(values.count)
        #expect(abs(variance * 288 / 2 - 1) < 0.03)
    }
}
