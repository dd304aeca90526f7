// The wire format of Protocol Buffers, as far as ONNX files need it: a cursor over the fields of one message.
//
// Why not swift-protobuf: ONNX takes a dozen messages, which are only read. The library would bring a schema of 10 000
// generated lines, minutes of compilation, and messages that are decoded whole: every weight copied to the heap, and as
// much memory as a hostile file asks for. Here a message is a range of a mapped file, a field is looked at when it is
// passed, weights stay in the map, and nothing is allocated but what the caller keeps.
//
// Source: protobuf.dev/programming-guides/encoding.

/// One field of a message.
struct ProtobufField {
    /// The field's number in the schema, 1 or more.
    let number: Int
    let value: Value
    /// Where its tag stands in the file.
    let offset: Int

    enum Value: Equatable {
        case varint(UInt64)
        case fixed64(UInt64)
        case fixed32(UInt32)
        /// Where the bytes of a text, a nested message or a packed list lie in the file; they are all there.
        case bytes(Range<Int>)
    }
}

/// Walks over the fields of a message. Nothing nests in it: whoever reads a nested message makes a cursor of its range, so
/// that the depth is the schema's and not the file's.
struct ProtobufCursor {
    let bytes: Bytes
    let path: String
    /// The message's name, for errors.
    let section: String
    private(set) var position: Int
    let end: Int

    /// Starts at the first field of a message.
    ///
    /// - Precondition: `range` lies within `bytes`.
    init(_ bytes: Bytes, _ range: Range<Int>, path: String, section: String) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count)
        self.bytes = bytes
        self.path = path
        self.section = section
        position = range.lowerBound
        end = range.upperBound
    }

    /// The next field; nil at the message's end.
    ///
    /// - Throws: ``FormatError`` with `.truncated` for a field that does not fit in the message, `.invalid` for tags and
    ///   numbers that the encoding does not allow.
    mutating func next() throws(FormatError) -> ProtobufField? {
        guard position < end else { return nil }
        let offset = position
        let tag = try varint()
        guard tag >> 3 >= 1, tag >> 3 < 1 << 29 else {
            throw invalid(at: offset, expected: "a field number from 1 to 2²⁹ − 1", found: "\(tag >> 3)")
        }
        let value: ProtobufField.Value
        switch tag & 7 {
        case 0: value = .varint(try varint())
        case 1: value = .fixed64(try fixed(UInt64.self))
        case 2:
            let start = position
            let length = try varint()
            guard length <= UInt64(end - position) else {
                throw FormatError(
                    path,
                    .truncated(
                        section: "\(section), field \(tag >> 3)", offset: start,
                        expected: Int(clamping: length), found: end - position))
            }
            value = .bytes(position..<position + Int(length))
            position += Int(length)
        case 5: value = .fixed32(try fixed(UInt32.self))
        case let wire: throw invalid(at: offset, expected: "a wire type of 0, 1, 2 or 5", found: "\(wire)")
        }
        return ProtobufField(number: Int(tag >> 3), value: value, offset: offset)
    }

    /// A number of up to ten bytes, seven bits each, the lowest first.
    mutating func varint() throws(FormatError) -> UInt64 {
        let start = position
        var result: UInt64 = 0
        for index in 0..<10 {
            guard position < end else {
                throw FormatError(
                    path,
                    .truncated(section: "a number of \(section)", offset: start, expected: index + 1, found: index))
            }
            let byte = bytes[position]
            position += 1
            if index == 9, byte > 1 { break }
            result |= UInt64(byte & 0x7F) << (7 * UInt64(index))
            if byte < 0x80 { return result }
        }
        throw invalid(at: start, expected: "a number of at most 64 bits", found: "more")
    }

    private mutating func fixed<Value: FixedWidthInteger & BitwiseCopyable>(
        _ type: Value.Type
    ) throws(FormatError) -> Value {
        let size = MemoryLayout<Value>.size
        guard end - position >= size, let value = bytes.littleEndian(at: position, as: type) else {
            throw FormatError(
                path,
                .truncated(section: "a number of \(section)", offset: position, expected: size, found: end - position))
        }
        position += size
        return value
    }

    func invalid(at offset: Int, expected: String, found: String) -> FormatError {
        FormatError(path, .invalid(section: section, offset: offset, expected: expected, found: found))
    }
}

// MARK: Fields of a known type

extension ProtobufCursor {
    /// A nested message, or a run of raw bytes.
    func range(_ field: ProtobufField) throws(FormatError) -> Range<Int> {
        guard case .bytes(let range) = field.value else { throw mistyped(field, "bytes") }
        return range
    }

    /// A cursor over a nested message.
    func message(_ field: ProtobufField, _ section: String) throws(FormatError) -> ProtobufCursor {
        ProtobufCursor(bytes, try range(field), path: path, section: section)
    }

    /// A text; what is not UTF-8 in it is replaced.
    func text(_ field: ProtobufField) throws(FormatError) -> String {
        let range = try range(field)
        guard let slice = bytes.slice(range.lowerBound, range.count) else { return "" }
        return slice.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }

    /// An integer of 64 bits, signed.
    func integer(_ field: ProtobufField) throws(FormatError) -> Int {
        guard case .varint(let value) = field.value else { throw mistyped(field, "an integer") }
        return Int(Int64(bitPattern: value))
    }

    func float(_ field: ProtobufField) throws(FormatError) -> Float {
        guard case .fixed32(let bits) = field.value else { throw mistyped(field, "a 32-bit float") }
        return Float(bitPattern: bits)
    }

    /// The integers of a repeated field: one of an unpacked list, or all of a packed one.
    ///
    /// - Parameter limit: how many there may be.
    func integers(_ field: ProtobufField, limit: Int) throws(FormatError) -> [Int] {
        guard case .bytes(let range) = field.value else { return [try integer(field)] }
        var packed = ProtobufCursor(bytes, range, path: path, section: section)
        var values: [Int] = []
        while packed.position < packed.end {
            values.append(Int(Int64(bitPattern: try packed.varint())))
            guard values.count <= limit else { throw tooMany(limit) }
        }
        return values
    }

    /// The floats of a repeated field, packed or not.
    func floats(_ field: ProtobufField, limit: Int) throws(FormatError) -> [Float] {
        guard case .bytes(let range) = field.value else { return [try float(field)] }
        guard range.count % 4 == 0 else { throw mistyped(field, "32-bit floats") }
        guard range.count / 4 <= limit else { throw tooMany(limit) }
        return stride(from: range.lowerBound, to: range.upperBound, by: 4).map {
            Float(bitPattern: bytes.littleEndian(at: $0, as: UInt32.self) ?? 0)
        }
    }

    private func tooMany(_ limit: Int) -> FormatError {
        FormatError(
            path, .limitExceeded(what: "a list of \(section)", claimed: "longer", limit: "\(limit) numbers"))
    }

    private func mistyped(_ field: ProtobufField, _ expected: String) -> FormatError {
        let found =
            switch field.value {
            case .varint: "an integer"
            case .fixed32: "4 bytes"
            case .fixed64: "8 bytes"
            case .bytes(let range): "\(range.count) bytes"
            }
        return invalid(at: field.offset, expected: "\(expected) in field \(field.number)", found: found)
    }
}
