// The few changes of values that a translation may make: reversed input channels, folded biases and epsilons.

extension TensorView {
    /// The same values with one axis reversed.
    func reversed(axis: Int) -> TensorView {
        guard axis < shape.rank, shape[axis] > 1 else { return self }
        let inner = shape.axes[(axis + 1)...].reduce(1, *) * dtype.bitWidth / 8
        let size = shape[axis]
        let copy = Bytes(byteCount: bytes.count) { output in
            bytes.withUnsafeBytes { input in
                for outer in 0..<bytes.count / max(1, inner * size) {
                    for index in 0..<size {
                        let from = (outer * size + index) * inner
                        let to = (outer * size + size - 1 - index) * inner
                        output[to..<to + inner].copyBytes(from: input[from..<from + inner])
                    }
                }
            }
        }
        return TensorView(dtype: dtype, shape: shape, bytes: copy)
    }
}

extension UnsafeMutableRawBufferPointer.SubSequence {
    /// Copies bytes of the same number.
    fileprivate func copyBytes(from source: Slice<UnsafeRawBufferPointer>) {
        UnsafeMutableRawBufferPointer(rebasing: self).copyMemory(from: UnsafeRawBufferPointer(rebasing: source))
    }
}

extension DialectTranslator {
    typealias Change = @Sendable (TensorView) throws(FormatError) -> TensorView

    /// Subtracts a bias from a running mean.
    func subtracting(_ bias: DraftTensor, from mean: DraftTensor) throws(FormatError) -> Change {
        guard bias.shape == mean.shape else {
            throw FormatError(
                path,
                .invalid(
                    section: "tensor '\(printable(bias.name))'",
                    expected: "the shape \(mean.shape) of '\(printable(mean.name))', which takes it up",
                    found: "\(bias.shape)"))
        }
        let path = path
        return { (view: TensorView) throws(FormatError) in
            let biases = try Self.numbers(try bias.read(), name: bias.name, path: path)
            let means = try Self.numbers(view, name: mean.name, path: path)
            return try Self.stored(zip(means, biases).map { $0 - $1 }, like: view, path: path)
        }
    }

    /// Adds a number to every element.
    func adding(_ number: Float, to tensor: DraftTensor) throws(FormatError) -> Change {
        let path = path
        return { (view: TensorView) throws(FormatError) in
            let values = try Self.numbers(view, name: tensor.name, path: path)
            return try Self.stored(values.map { $0 + number }, like: view, path: path)
        }
    }

    private static func numbers(_ view: TensorView, name: String, path: String) throws(FormatError) -> [Float] {
        guard let values = view.floats() else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "arithmetic on '\(printable(name))' of type \(view.dtype)", advice: "give --dtype f32"))
        }
        return values
    }

    private static func stored(_ values: [Float], like view: TensorView, path: String) throws(FormatError) -> TensorView
    {
        let result = TensorView(floats: values, shape: view.shape)
        guard view.dtype != .float32 else { return result }
        return try result.converted(to: view.dtype, path: path)
    }
}
