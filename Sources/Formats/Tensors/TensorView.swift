// A tensor's values, lent from a mapped file where the file allows it.

/// A read-only tensor: contiguous, row-major, little-endian.
///
/// Reading is free of copies when the file stores the values that way; strided and big-endian tensors are
/// materialised by the reader that made the view.
public struct TensorView: Sendable {
    /// The element type.
    public let dtype: DType
    /// The logical shape.
    public let shape: Shape
    /// The packed values.
    public let bytes: Bytes

    /// Wraps packed row-major little-endian values.
    ///
    /// - Precondition: `bytes` holds exactly the values of `shape`; readers check files before they come here.
    public init(dtype: DType, shape: Shape, bytes: Bytes) {
        precondition(bytes.count == dtype.byteCount(of: shape.elementCount), "bytes do not fill the shape")
        self.dtype = dtype
        self.shape = shape
        self.bytes = bytes
    }

    /// Copies float values into a new float32 tensor.
    public init(floats: [Float], shape: Shape) {
        self.init(dtype: .float32, shape: shape, bytes: Bytes(copying: floats))
    }

    /// The values as float32, row-major; nil for complex and packed sub-byte types, which have no such form here.
    ///
    /// Integers and float64 are rounded to the nearest float32; bool gives 0 and 1.
    public func floats() -> [Float]? { convertedToFloats(bytes, dtype: dtype, count: shape.elementCount) }

    /// Lends the values as float32 without a copy when they are stored so (and aligned), else from a converted copy.
    ///
    /// - Returns: what `body` returns, or nil for types that ``floats()`` cannot convert.
    public func withFloats<Result, Failure: Error>(
        _ body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        if dtype == .float32, bytes.isAligned(to: MemoryLayout<Float>.alignment) {
            return try bytes.withUnsafeBytes { (raw) throws(Failure) in try body(raw.bindMemory(to: Float.self)) }
        }
        guard let values = floats() else { return nil }
        return try lend(values, to: body)
    }

    /// The first value that is NaN or infinite, and its place in row-major order; nil where all are finite, and for types
    /// that ``floats()`` cannot convert.
    public var firstNonFinite: (index: Int, value: Float)? {
        withFloats { values in values.firstIndex { !$0.isFinite }.map { ($0, values[$0]) } }.flatMap(\.self)
    }
}

/// `Array.withUnsafeBufferPointer` with a typed error.
private func lend<Result, Failure: Error>(
    _ values: [Float], to body: (UnsafeBufferPointer<Float>) throws(Failure) -> Result
) throws(Failure) -> Result {
    try values.withUnsafeBufferPointer { (buffer) throws(Failure) in try body(buffer) }
}
