// The header of a .npy file (numpy/lib/format.py): magic, version, length, and a Python dictionary literal with
// exactly the keys descr, fortran_order and shape.

/// What a .npy header says.
struct NumPyHeader {
    var dtype: DType
    var isBigEndian = false
    var isFortranOrder = false
    var shape: Shape
    /// Where the values begin.
    var dataOffset = 0

    static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)
    private static let greatestLength = 1 << 20

    /// Reads the header at the start of `bytes`, which may be only the file's beginning.
    ///
    /// - Parameter rawType: what raw bytes of its size (`V1`) are, where the file says so elsewhere.
    /// - Throws: ``FormatError`` with `.unsupported` for object arrays (pickles), text, dates and structured arrays.
    init(_ bytes: Bytes, path: String, section: String, rawType: DType? = nil) throws(FormatError) {
        guard bytes.starts(with: Self.magic), bytes.count >= 10 else {
            throw FormatError(
                path, .invalid(section: section, expected: "a NumPy array", found: "\(bytes.count) other bytes"))
        }
        let isShort = bytes[6] == 1
        guard (1...3).contains(bytes[6]) else {
            throw FormatError(
                path, .unsupported(feature: "\(section): NPY version \(bytes[6])", advice: "save it with NumPy 2"))
        }
        let length =
            isShort
            ? bytes.littleEndian(at: 8, as: UInt16.self).map { Int($0) }
            : bytes.littleEndian(at: 8, as: UInt32.self).map { Int($0) }
        let start = isShort ? 10 : 12
        guard let length, length <= Self.greatestLength else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "\(section): its header", claimed: "\(length ?? 0) bytes", limit: "\(Self.greatestLength)"))
        }
        guard let text = bytes.slice(start, length) else {
            throw FormatError(
                path,
                .truncated(
                    section: "\(section): header", offset: start, expected: length,
                    found: max(0, bytes.count - start)))
        }
        var literal = PythonLiteral(text: text.array, path: path, section: "\(section): header")
        self = try Self.header(of: literal.dictionary(), path: path, section: section, rawType: rawType)
        dataOffset = start + length
    }

    init(dtype: DType, shape: Shape) {
        self.dtype = dtype
        self.shape = shape
    }

    private static func header(
        of fields: [(key: String, value: PythonLiteral.Value)], path: String, section: String, rawType: DType?
    ) throws(FormatError) -> NumPyHeader {
        func invalid(_ expected: String) -> FormatError {
            FormatError(path, .invalid(section: "\(section): header", expected: expected, found: "something else"))
        }
        func field(_ key: String) -> PythonLiteral.Value? { fields.last { $0.key == key }?.value }
        guard fields.count == 3, let order = field("fortran_order"), let descr = field("descr"),
            let sizes = field("shape")
        else { throw invalid("the keys descr, fortran_order and shape") }
        guard case .bool(let isFortran) = order else { throw invalid("fortran_order True or False") }
        guard case .tuple(let axes) = sizes, axes.count <= 64 else { throw invalid("a shape of at most 64 numbers") }
        guard case .string(let name) = descr else {
            throw FormatError(
                path,
                .unsupported(feature: "\(section): a structured array", advice: "save its fields as separate arrays"))
        }
        var header = NumPyHeader(dtype: .bool, shape: Shape(axes))
        header.isFortranOrder = isFortran
        header.isBigEndian = name.hasPrefix(">")
        let code = name.first.map { "<>|=".contains($0) } == true ? name.dropFirst() : name[...]
        let raw = rawType.flatMap { $0.numpyRawCode?.dropFirst() == code ? $0 : nil }
        guard let dtype = raw ?? DType(numpyCode: String(code)) else {
            let (kind, advice) = unsupportedKind(code)
            throw FormatError(
                path, .unsupported(feature: "\(section): \(kind) ('\(printable(name))')", advice: advice))
        }
        header.dtype = dtype
        return header
    }

    private static func unsupportedKind(_ code: Substring) -> (kind: String, advice: String) {
        switch code.first {
        case "O": ("an array of Python objects", "it is a pickle; save numbers instead")
        case "U", "S", "a": ("an array of text", "save numbers")
        case "M", "m": ("an array of dates", "save numbers")
        default: ("this element type", "save it as float32 or an integer type")
        }
    }

    /// The header's bytes as NumPy writes them, padded so that the values begin at a multiple of 64.
    ///
    /// NumPy leaves room for the first size to grow to 21 digits, and so do these.
    func encoded(code: String) -> [UInt8] {
        let sizes = shape.axes.map { String($0) }
        let tuple = sizes.count == 1 ? "(\(sizes[0]),)" : "(\(sizes.joined(separator: ", ")))"
        var text = "{'descr': '\(code)', 'fortran_order': False, 'shape': \(tuple), }"
        if let first = sizes.first { text += String(repeating: " ", count: max(0, 21 - first.utf8.count)) }
        let unpadded = 10 + text.utf8.count + 1
        text += String(repeating: " ", count: (64 - unpadded % 64) % 64) + "\n"
        var bytes = Self.magic + [1, 0]
        bytes.append(littleEndian: UInt16(clamping: text.utf8.count))
        return bytes + Array(text.utf8)
    }
}

extension DType {
    private static let numpyCodes: [(code: String, dtype: DType)] = [
        ("b1", .bool), ("i1", .int8), ("u1", .uint8), ("i2", .int16), ("u2", .uint16), ("i4", .int32), ("u4", .uint32),
        ("i8", .int64), ("u8", .uint64), ("f2", .float16), ("f4", .float32), ("f8", .float64), ("c8", .complex64),
        // ml_dtypes' bfloat16 has no code of its own: NumPy stores it as two raw bytes.
        ("c16", .complex128), ("V2", .bfloat16), ("bfloat16", .bfloat16),
    ]

    /// The type of a NumPy code without its byte order, such as `f4`.
    init?(numpyCode code: String) {
        guard let found = Self.numpyCodes.first(where: { $0.code == code }) else { return nil }
        self = found.dtype
    }

    /// NumPy's code with its byte order, such as `<f4`; nil for types that NumPy does not have.
    var numpyCode: String? {
        guard let code = Self.numpyCodes.first(where: { $0.dtype == self })?.code else { return nil }
        return (bitWidth == 8 ? "|" : "<") + code
    }
}
