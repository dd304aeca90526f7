// A graph's parameters, read from a checkpoint through a recognition's bindings.

public import Formats

/// Reads parameters from a checkpoint: finds the tensor, checks that it is finite, brings it into PyTorch's layout.
///
/// Float32 tensors already in that layout are lent from the file's map, not copied.
public struct CheckpointParameters: ParameterSource {
    private let reader: any CheckpointReader
    private let bindings: [String: ParameterBinding]
    private let computed: [String: TensorView]

    /// Reads the parameters of `recognition` from the checkpoint it was made from.
    public init(_ recognition: Recognition, reader: any CheckpointReader) {
        self.reader = reader
        computed = recognition.computed
        bindings = Dictionary(recognition.bindings.map { ($0.parameter.name, $0) }, uniquingKeysWith: { $1 })
    }

    /// The values of a parameter, row-major float32 in the parameter's own shape.
    ///
    /// - Throws: ``EngineError`` with `.nonFiniteWeights` for NaN or infinite values, `.format` when the file cannot be
    ///   read, `.shape` when there is no such parameter or it has another shape.
    public func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        if let values = computed[parameter.name], values.shape.elementCount == parameter.shape.elementCount {
            let values = try finiteFloats(values, name: parameter.name)
            return TensorView(dtype: .float32, shape: parameter.shape, bytes: values.bytes)
        }
        guard let binding = bindings[parameter.name] else {
            throw .shape(operation: "parameter '\(parameter.name)'", expected: "\(parameter.shape)", found: "nothing")
        }
        let stored: TensorView
        do throws(FormatError) { stored = try reader.tensor(binding.tensor) } catch { throw .format(error) }
        let values = try finiteFloats(stored, name: binding.tensor)
        guard stored.shape.elementCount == parameter.shape.elementCount else {
            throw .shape(
                operation: "parameter '\(parameter.name)'", expected: "\(parameter.shape)", found: "\(stored.shape)")
        }
        switch binding.transform {
        case .identity: return TensorView(dtype: .float32, shape: parameter.shape, bytes: values.bytes)
        case .permuted(let order):
            return TensorView(floats: permuted(values, order: order), shape: parameter.shape)
        }
    }

    /// The tensor as float32, lent if it is stored so.
    private func finiteFloats(_ stored: TensorView, name: String) throws(EngineError) -> TensorView {
        var view = stored
        if stored.dtype != .float32 || !stored.bytes.isAligned(to: MemoryLayout<Float>.alignment) {
            guard let floats = stored.floats() else {
                throw .shape(operation: "tensor '\(name)'", expected: "real numbers", found: "\(stored.dtype)")
            }
            view = TensorView(floats: floats, shape: stored.shape)
        }
        let count = nonFiniteCount(view.bytes)
        guard count == 0 else { throw .nonFiniteWeights(tensor: name, count: count) }
        return view
    }
}

/// How many float32 values have all exponent bits set: NaN or infinity. A plain loop that compilers vectorise.
private func nonFiniteCount(_ bytes: Bytes) -> Int {
    bytes.withUnsafeBytes { raw in
        let words = raw.bindMemory(to: UInt32.self)
        var count = 0
        for start in stride(from: 0, to: words.count, by: 1 << 16) {
            var block: UInt32 = 0
            for word in words[start..<min(start + 1 << 16, words.count)] {
                block &+= word & 0x7F80_0000 == 0x7F80_0000 ? 1 : 0
            }
            count += Int(block)
        }
        return count
    }
}

/// The values with the axes in a new order, row-major.
func permuted(_ view: TensorView, order: [Int]) -> [Float] {
    let axes = order.map { view.shape[$0] }
    let strides = order.map { view.shape.rowMajorStrides[$0] }
    let count = view.shape.elementCount
    let result = view.withFloats { values in
        [Float](unsafeUninitializedCapacity: count) { output, written in
            var index = [Int](repeating: 0, count: axes.count)
            var source = 0
            for target in 0..<count {
                output[target] = values[source]
                var axis = axes.count - 1
                while axis >= 0 {
                    index[axis] += 1
                    source += strides[axis]
                    if index[axis] < axes[axis] { break }
                    source -= strides[axis] * axes[axis]
                    index[axis] = 0
                    axis -= 1
                }
            }
            written = count
        }
    }
    return result ?? []
}
