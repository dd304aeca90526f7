// Reading the values of an ONNX tensor: lent from the map where they are raw bytes, decoded where they are lists.

extension ONNXTensor {
    /// The values.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - path: the file, for errors and to find data beside it.
    /// - Throws: ``FormatError``; `.unsupported` for types that are not read.
    func view(in bytes: Bytes, path: String) throws(FormatError) -> TensorView {
        guard let dtype else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "tensor '\(printable(name))' of type \(typeName)",
                    advice: "export the model in float32, without quantisation"))
        }
        switch content {
        case .raw(let range):
            guard let values = bytes.slice(range.lowerBound, range.count) else { throw unreadable(path) }
            return TensorView(dtype: dtype, shape: shape, bytes: values)
        case .external(let data): return TensorView(dtype: dtype, shape: shape, bytes: try data.bytes(besides: path))
        case .numbers(let field, let range, let count):
            let cursor = ProtobufCursor(bytes, range, path: path, section: "ONNX tensor '\(printable(name))'")
            return TensorView(
                dtype: dtype, shape: shape, bytes: try decoded(cursor, field: field, count: count, as: dtype))
        case .unread: throw unreadable(path)
        }
    }

    private func unreadable(_ path: String) -> FormatError {
        FormatError(
            path,
            .invalid(section: "ONNX tensor '\(printable(name))'", expected: "values that can be read", found: "none"))
    }

    /// The numbers of a field as little-endian elements.
    private func decoded(
        _ cursor: ProtobufCursor, field: Int, count: Int, as dtype: DType
    ) throws(FormatError) -> Bytes {
        // A list holds each part of a complex number on its own.
        let width = dtype.bitWidth / 8 / (dtype == .complex64 || dtype == .complex128 ? 2 : 1)
        return try Bytes(byteCount: count * width) { (output) throws(FormatError) in
            var cursor = cursor
            var written = 0
            func store(_ bits: UInt64) {
                guard written + width <= output.count else { return }
                let value = dtype == .bool ? (bits == 0 ? 0 : 1) : bits
                for byte in 0..<width {
                    output[written + byte] = UInt8(truncatingIfNeeded: value >> (8 * UInt64(byte)))
                }
                written += width
            }
            while let part = try cursor.next() {
                guard part.number == field else { continue }
                switch part.value {
                case .varint(let bits), .fixed64(let bits): store(bits)
                case .fixed32(let bits): store(UInt64(bits))
                case .bytes(let range) where ProtobufCursor.width(ofList: field) > 0:
                    let end = min(range.count, output.count - written)
                    guard let slice = cursor.bytes.slice(range.lowerBound, end) else { continue }
                    slice.withUnsafeBytes { output[written..<written + end].copyBytes(from: $0) }
                    written += end
                case .bytes(let range):
                    var packed = ProtobufCursor(
                        cursor.bytes, range, path: cursor.path, section: cursor.section)
                    while packed.position < packed.end { store(try packed.varint()) }
                }
            }
            guard written == output.count else {
                throw cursor.invalid(
                    at: cursor.end, expected: "\(count) numbers of its type", found: "\(written / max(width, 1))")
            }
        }
    }
}
