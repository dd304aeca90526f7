// Reading a pickle stream piece by piece; every length is checked against what is left.

/// A place in a pickle stream.
struct PickleCursor {
    let path: String
    /// What errors call the stream, such as "model/data.pkl".
    let section: String
    let data: Bytes
    private(set) var position: Int

    init(path: String, section: String, data: Bytes, position: Int) {
        self.path = path
        self.section = section
        self.data = data
        self.position = position
    }

    /// An error at the current place.
    func invalid(expected: String, found: String) -> FormatError {
        FormatError(path, .invalid(section: section, offset: position, expected: expected, found: found))
    }

    /// Skips `count` bytes and returns where they began.
    mutating func take(_ count: Int) throws(FormatError) -> Int {
        guard count >= 0, count <= data.count - position else {
            throw FormatError(
                path,
                .truncated(section: section, offset: position, expected: count, found: data.count - position))
        }
        defer { position += count }
        return position
    }

    /// The next little-endian integer.
    mutating func read<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) throws(FormatError) -> Value {
        guard let value = data.littleEndian(at: position, as: type) else {
            throw FormatError(
                path,
                .truncated(
                    section: section, offset: position, expected: MemoryLayout<Value>.size,
                    found: data.count - position))
        }
        position += MemoryLayout<Value>.size
        return value
    }

    /// A length of the given width that must lie within what is left.
    mutating func readLength<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type
    ) throws(FormatError) -> Int {
        let start = position
        let value = try read(type)
        guard let length = Int(exactly: value), length >= 0, length <= data.count - position else {
            throw FormatError(
                path,
                .invalid(
                    section: section, offset: start, expected: "a length of at most \(data.count - position)",
                    found: "\(value)"))
        }
        return length
    }

    /// The bytes up to the next newline, which is skipped.
    mutating func readLine() throws(FormatError) -> [UInt8] {
        guard let rest = data.slice(position, data.count - position),
            let length = rest.withUnsafeBytes({ $0.firstIndex(of: 0x0A) })
        else { throw invalid(expected: "a line of text", found: "the end of the data") }
        position += length + 1
        return rest.withUnsafeBytes { Array($0[..<length]) }
    }

    /// The next line as text.
    mutating func readTextLine() throws(FormatError) -> String { String(decoding: try readLine(), as: UTF8.self) }

    /// `count` bytes as UTF-8 text; Python's lone surrogates become replacement characters.
    mutating func readText(_ count: Int) throws(FormatError) -> String {
        let start = try take(count)
        return data.slice(start, count)?.withUnsafeBytes { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    /// `count` bytes as text of one character a byte: Python 2's strings.
    mutating func readLatin1(_ count: Int) throws(FormatError) -> String {
        let start = try take(count)
        return latin1Text(data.slice(start, count)?.array ?? [])
    }
}

/// Text of one character a byte (ISO 8859-1).
func latin1Text(_ bytes: some Sequence<UInt8>) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0) }))
}
