// Bounded reading of HDF5's own structures, for the checks that run before libhdf5 sees them.

/// Reads little-endian fields one after the other and refuses to leave its region.
struct HDF5Cursor {
    /// HDF5's "undefined address", for what was never written.
    static let undefined = UInt64.max

    let path: String
    /// What is being read, such as "object header of '/conv1'".
    let section: String
    private let bytes: Bytes
    /// Where the next field begins, in bytes from the file's start.
    private(set) var position: Int
    /// Where the region ends.
    let end: Int

    /// Reads `length` bytes from `start`, which must lie within the file.
    init(_ bytes: Bytes, path: String, section: String, start: Int, length: Int) throws(FormatError) {
        self.bytes = bytes
        self.path = path
        self.section = section
        guard bytes.slice(start, length) != nil else {
            throw FormatError(
                path,
                .truncated(
                    section: "HDF5 \(section)", offset: start, expected: length, found: max(0, bytes.count - start)))
        }
        position = start
        end = start + length
    }

    /// Bytes left in the region.
    var remaining: Int { end - position }

    /// The next unsigned integer.
    mutating func integer<Value: FixedWidthInteger & UnsignedInteger & BitwiseCopyable>(
        _ type: Value.Type
    ) throws(FormatError) -> Int {
        let value = try UInt64(raw(type))
        guard let result = Int(exactly: value) else { throw damaged("a number below 2⁶³", "\(value)") }
        return result
    }

    /// The next 8 bytes as an address or length, which may be ``undefined``.
    mutating func address() throws(FormatError) -> UInt64 { try raw(UInt64.self) }

    /// The next little-endian integer of 1 to 8 bytes.
    mutating func integer(byteCount: Int) throws(FormatError) -> UInt64 {
        var value: UInt64 = 0
        for byte in 0..<byteCount { value |= try UInt64(raw(UInt8.self)) << (8 * byte) }
        return value
    }

    private mutating func raw<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type
    ) throws(FormatError) -> Value {
        let size = MemoryLayout<Value>.size
        guard remaining >= size, let value = bytes.littleEndian(at: position, as: type) else {
            throw damaged("\(size) more bytes", "\(remaining)")
        }
        position += size
        return value
    }

    /// Passes over `count` bytes.
    mutating func skip(_ count: Int) throws(FormatError) {
        guard count >= 0, count <= remaining else { throw damaged("\(count) more bytes", "\(remaining)") }
        position += count
    }

    /// Passes over `count` bytes and the padding that brings a part of a message to a multiple of `alignment`.
    mutating func skip(_ count: Int, paddedTo alignment: Int) throws(FormatError) {
        guard count >= 0, count <= remaining else { throw damaged("\(count) more bytes", "\(remaining)") }
        try skip(count + (alignment - count % alignment) % alignment)
    }

    /// A cursor over the next `count` bytes, which this one passes over.
    mutating func part(_ count: Int) throws(FormatError) -> HDF5Cursor {
        let start = position
        try skip(count)
        return try HDF5Cursor(bytes, path: path, section: section, start: start, length: count)
    }

    /// Passes over a four-byte signature.
    mutating func signature(_ expected: String) throws(FormatError) {
        let found = bytes.slice(position, min(4, remaining))?.array ?? []
        guard found == Array(expected.utf8) else { throw damaged("signature '\(expected)'", "bytes \(found)") }
        try skip(4)
    }

    /// The longest name that is read: many links may point at one text.
    static let longestText = 4096

    /// Passes over text that ends with a NUL byte and returns its length with that byte.
    @discardableResult
    mutating func terminatedText() throws(FormatError) -> Int {
        let window = bytes.slice(position, min(remaining, Self.longestText + 1))
        guard let length = window?.withUnsafeBytes({ $0.firstIndex(of: 0) }) else {
            throw damaged(
                "text of at most \(Self.longestText) bytes that ends with a NUL byte", "none before byte \(end)")
        }
        try skip(length + 1)
        return length + 1
    }

    /// An error about the field at ``position``.
    func damaged(_ expected: String, _ found: String) -> FormatError {
        FormatError(
            path,
            .invalid(
                section: "HDF5 \(section)", offset: position, expected: expected,
                found: "\(found): the file is damaged"))
    }

    /// An error about something valid that this program does not read.
    func unsupported(_ feature: String) -> FormatError {
        FormatError(
            path,
            .unsupported(
                feature: "HDF5 \(section): \(feature)", advice: "save the weights again with Keras or h5py's defaults"))
    }
}
