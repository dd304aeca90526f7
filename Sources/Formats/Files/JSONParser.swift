// The recursive-descent parser behind `JSON`. Python's json module writes NaN and Infinity, which RFC 8259 does not
// have: they are read as numbers, since configuration files hold them.

/// Reads one JSON text.
struct JSONParser {
    /// Deep enough for any real file; keeps the parser's recursion within a small thread's stack.
    static let greatestDepth = 128

    let text: UnsafeRawBufferPointer
    let path: String
    let section: String
    private var position = 0
    private var depth = 0

    init(text: UnsafeRawBufferPointer, path: String, section: String) {
        self.text = text
        self.path = path
        self.section = section
    }

    /// The whole text: one value with white space around it.
    mutating func document() throws(FormatError) -> JSON {
        let value = try value()
        skipSpace()
        guard position == text.count else { throw unexpected("the end of the text") }
        return value
    }

    private mutating func value() throws(FormatError) -> JSON {
        skipSpace()
        switch peek {
        case UInt8(ascii: "{"): return try nested { (parser) throws(FormatError) in try parser.object() }
        case UInt8(ascii: "["): return try nested { (parser) throws(FormatError) in try parser.array() }
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "N"): return try word("NaN", .number("NaN"))
        case UInt8(ascii: "I"): return try word("Infinity", .number("Infinity"))
        default: return try number()
        }
    }

    private mutating func nested(
        _ body: (inout JSONParser) throws(FormatError) -> JSON
    ) throws(FormatError) -> JSON {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.greatestDepth else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "\(section): its nesting", claimed: "deeper", limit: "\(Self.greatestDepth) levels"))
        }
        position += 1
        return try body(&self)
    }

    private mutating func object() throws(FormatError) -> JSON {
        var members: [JSON.Member] = []
        skipSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        repeat {
            skipSpace()
            let key = try string()
            skipSpace()
            guard take(UInt8(ascii: ":")) else { throw unexpected("':'") }
            members.append(JSON.Member(key: key, value: try value()))
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "}")) else { throw unexpected("',' or '}'") }
        return .object(members)
    }

    private mutating func array() throws(FormatError) -> JSON {
        var elements: [JSON] = []
        skipSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        repeat {
            elements.append(try value())
            skipSpace()
        } while take(UInt8(ascii: ","))
        guard take(UInt8(ascii: "]")) else { throw unexpected("',' or ']'") }
        return .array(elements)
    }

    private mutating func string() throws(FormatError) -> String {
        guard take(UInt8(ascii: "\"")) else { throw unexpected("a string") }
        var result = ""
        while true {
            let start = position
            while let byte = peek, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\"), byte >= 0x20 {
                position += 1
            }
            guard let run = String(validating: text[start..<position], as: UTF8.self) else {
                position = start
                throw unexpected("UTF-8 text")
            }
            result += run
            switch peek {
            case UInt8(ascii: "\""):
                position += 1
                return result
            case UInt8(ascii: "\\"):
                position += 1
                result.unicodeScalars.append(try escape())
            default: throw unexpected("'\"' at a string's end")
            }
        }
    }

    /// The scalar after a backslash; a lone surrogate becomes U+FFFD, as in most readers.
    private mutating func escape() throws(FormatError) -> Unicode.Scalar {
        guard let byte = peek else { throw unexpected("an escape") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return try unicodeEscape()
        default:
            position -= 1
            throw unexpected("an escape")
        }
    }

    private mutating func unicodeEscape() throws(FormatError) -> Unicode.Scalar {
        let first = try codeUnit()
        guard (0xD800..<0xDC00).contains(first) else { return Unicode.Scalar(first) ?? "\u{FFFD}" }
        let rest = position
        guard take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            position = rest
            return "\u{FFFD}"
        }
        let second = try codeUnit()
        guard (0xDC00..<0xE000).contains(second) else {
            position = rest
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00)) ?? "\u{FFFD}"
    }

    /// Four hexadecimal digits.
    private mutating func codeUnit() throws(FormatError) -> UInt32 {
        var unit: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = peek, let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw unexpected("a hexadecimal digit")
            }
            unit = unit << 4 | UInt32(digit)
            position += 1
        }
        return unit
    }

    private mutating func number() throws(FormatError) -> JSON {
        let start = position
        let isNegative = take(UInt8(ascii: "-"))
        if isNegative, peek == UInt8(ascii: "I") { return try word("Infinity", .number("-Infinity")) }
        if !take(UInt8(ascii: "0")) { try digits() }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            try digits()
        }
        return .number(String(decoding: text[start..<position], as: UTF8.self))
    }

    private mutating func digits() throws(FormatError) {
        let start = position
        while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        guard position > start else { throw unexpected("a value") }
    }

    private mutating func word(_ word: String, _ value: JSON) throws(FormatError) -> JSON {
        guard text[position...].starts(with: word.utf8) else { throw unexpected("a value") }
        position += word.utf8.count
        return value
    }

    private var peek: UInt8? { position < text.count ? text[position] : nil }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek == byte else { return false }
        position += 1
        return true
    }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { position += 1 }
    }

    private func unexpected(_ expected: String) -> FormatError {
        let found =
            switch peek {
            case nil: "the end of the text"
            case let byte? where byte > 0x20 && byte < 0x7F: "'\(Character(Unicode.Scalar(byte)))'"
            case let byte?: "byte \(byte)"
            }
        return FormatError(path, .invalid(section: section, offset: position, expected: expected, found: found))
    }
}
