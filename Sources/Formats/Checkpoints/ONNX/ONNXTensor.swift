// A tensor of an ONNX file (TensorProto): its values as raw bytes, as lists of numbers, or in another file.

/// A tensor whose values are still in the file.
public struct ONNXTensor: Sendable {
    /// The value's name; empty in a Constant operator.
    public let name: String
    /// The sizes.
    public let shape: Shape
    /// The element type; nil for texts and integers of 4 or 2 bits, which are not read.
    public let dtype: DType?
    /// The element type in ONNX's words.
    public let typeName: String
    let content: Content

    enum Content: Sendable {
        /// Little-endian bytes, all there.
        case raw(Range<Int>)
        /// This many numbers in lists of this field, somewhere in the message at `range`.
        case numbers(field: Int, range: Range<Int>, count: Int)
        case external(ONNXExternalData)
        /// Texts and other values that are not read.
        case unread
    }

    /// Reads a TensorProto but for its values, and checks that they are as many as its shape says.
    ///
    /// - Throws: ``FormatError``.
    init(_ start: ProtobufCursor) throws(FormatError) {
        var cursor = start
        let range = cursor.position..<cursor.end
        var name = ""
        var sizes: [Int] = []
        var type = 0
        var raw: Range<Int>?
        var counts: [Int: Int] = [:]
        var entries: [(key: String, value: String)] = []
        var isExternal = false
        while let field = try cursor.next() {
            switch field.number {
            case 1:
                sizes += try cursor.integers(field, limit: ONNXLimits.rank)
                guard sizes.count <= ONNXLimits.rank else {
                    throw cursor.invalid(
                        at: field.offset, expected: "at most \(ONNXLimits.rank) axes", found: "more")
                }
            case 2: type = try cursor.integer(field)
            case 3: throw cursor.unsupported("a tensor in segments")
            case 4, 5, 7, 10, 11: counts[field.number, default: 0] += try cursor.count(of: field)
            case 8: name = try cursor.text(field)
            case 9: raw = try cursor.range(field)
            case 13:
                guard entries.count < 16 else { throw cursor.unsupported("a tensor with many notes on its place") }
                entries.append(try Self.entry(try cursor.message(field, "ONNX external data")))
            case 14: isExternal = try cursor.integer(field) == 1
            default: break
            }
        }
        let shown = "ONNX tensor '\(printable(name))'"
        guard let elements = Shape(sizes).checkedElementCount else {
            throw FormatError(
                start.path,
                .invalid(
                    section: shown, offset: range.lowerBound, expected: "sizes whose product fits in 63 bits",
                    found: "\(Shape(sizes))"))
        }
        self.name = name
        shape = Shape(sizes)
        (dtype, typeName) = Self.type(type)
        guard let dtype else {
            content = .unread
            return
        }
        func wrong(_ expected: String, _ found: String) -> FormatError {
            FormatError(
                start.path,
                .invalid(section: shown, offset: range.lowerBound, expected: expected, found: found))
        }
        guard let byteCount = dtype.byteCount(of: elements) else {
            throw wrong("sizes whose product fits in 63 bits", "\(shape) \(dtype)")
        }
        if isExternal {
            content = .external(try ONNXExternalData(entries, byteCount: byteCount, tensor: shown, path: start.path))
        } else if let raw {
            guard raw.count == byteCount else {
                throw wrong("\(byteCount) bytes for \(shape) \(dtype)", "\(raw.count)")
            }
            content = .raw(raw)
        } else {
            let (field, each) = Self.list(of: dtype)
            let (expected, overflow) = elements.multipliedReportingOverflow(by: each)
            let count = counts[field, default: 0]
            guard field > 0, !overflow, count == expected else {
                throw wrong("\(elements) numbers for \(shape) \(dtype)", "\(count)")
            }
            content = .numbers(field: field, range: range, count: expected)
        }
    }

    private static func entry(_ start: ProtobufCursor) throws(FormatError) -> (key: String, value: String) {
        var cursor = start
        var entry = (key: "", value: "")
        while let field = try cursor.next() {
            if field.number == 1 { entry.key = try cursor.text(field) }
            if field.number == 2 { entry.value = try cursor.text(field) }
        }
        return entry
    }

    /// TensorProto.DataType.
    private static func type(_ number: Int) -> (DType?, String) {
        let types: [DType?] = [
            nil, .float32, .uint8, .int8, .uint16, .int16, .int32, .int64, nil, .bool, .float16, .float64, .uint32,
            .uint64, .complex64, .complex128, .bfloat16, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ,
            nil, nil, nil, .float8E8M0,
        ]
        if types.indices.contains(number), let type = types[number] { return (type, "\(type)") }
        let names = [0: "undefined", 8: "string", 21: "uint4", 22: "int4", 23: "float4_e2m1", 25: "uint2", 26: "int2"]
        return (nil, names[number] ?? "type \(number)")
    }

    /// The list that holds a type's numbers, and how many there are for each element; 0 for none.
    private static func list(of dtype: DType) -> (field: Int, each: Int) {
        switch dtype {
        case .float32: (4, 1)
        case .complex64: (4, 2)
        case .int64: (7, 1)
        case .float64: (10, 1)
        case .complex128: (10, 2)
        case .uint32, .uint64: (11, 1)
        case .float4, .float6E2M3, .float6E3M2, .complex32, .float8E4M3: (0, 1)
        default: (5, 1)
        }
    }
}

extension ProtobufCursor {
    fileprivate func unsupported(_ feature: String) -> FormatError {
        FormatError(path, .unsupported(feature: "\(section): \(feature)", advice: "save it anew with the onnx package"))
    }

    /// How many numbers a field of a list adds.
    fileprivate func count(of field: ProtobufField) throws(FormatError) -> Int {
        guard case .bytes(let range) = field.value else { return 1 }
        let width = Self.width(ofList: field.number)
        guard width > 0 else {
            // The last byte of a number has its upper bit clear.
            guard let slice = bytes.slice(range.lowerBound, range.count) else { return 0 }
            return slice.withUnsafeBytes { $0.reduce(0) { $0 + ($1 < 0x80 ? 1 : 0) } }
        }
        guard range.count % width == 0 else {
            throw invalid(at: field.offset, expected: "numbers of \(width) bytes", found: "\(range.count) bytes")
        }
        return range.count / width
    }

    /// Bytes of a number in a list; 0 where they differ.
    static func width(ofList field: Int) -> Int { [4: 4, 10: 8][field] ?? 0 }
}
