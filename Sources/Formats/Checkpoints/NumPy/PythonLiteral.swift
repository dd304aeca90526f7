// The few Python literals that occur in .npy headers: a flat dictionary of strings, bools and tuples of integers.
// Anything else is recognised as such and left alone; nothing is evaluated.

/// Reads one literal.
struct PythonLiteral {
    /// A value of the dictionary.
    enum Value: Equatable {
        case string(String)
        case bool(Bool)
        case tuple([Int])
        /// A list: the description of a structured array.
        case list
    }

    let text: [UInt8]
    let path: String
    let section: String
    private var position = 0

    init(text: [UInt8], path: String, section: String) {
        self.text = text
        self.path = path
        self.section = section
    }

    /// The dictionary that makes up the text, blanks around it ignored.
    mutating func dictionary() throws(FormatError) -> [(key: String, value: Value)] {
        var fields: [(key: String, value: Value)] = []
        try expect("{")
        while !takes("}") {
            let key = try string()
            try expect(":")
            fields.append((key, try value()))
            guard takes(",") else {
                try expect("}")
                break
            }
        }
        skipSpace()
        guard position == text.count else { throw unexpected("the end of the header") }
        return fields
    }

    private mutating func value() throws(FormatError) -> Value {
        skipSpace()
        switch peek {
        case UInt8(ascii: "'"), UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "("): return .tuple(try tuple())
        case UInt8(ascii: "["):
            try skipList()
            return .list
        default:
            if takesWord("True") { return .bool(true) }
            if takesWord("False") { return .bool(false) }
            throw unexpected("a string, a bool or a tuple")
        }
    }

    /// `(2, 3)`, `(3,)`, `()`; Python 2 wrote `(3L,)`.
    private mutating func tuple() throws(FormatError) -> [Int] {
        var numbers: [Int] = []
        try expect("(")
        while !takes(")") {
            skipSpace()
            let start = position
            while let byte = peek, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
            guard let number = Int(String(decoding: text[start..<position], as: UTF8.self)) else {
                throw unexpected("a size")
            }
            numbers.append(number)
            _ = takesWord("L")
            guard takes(",") else {
                try expect(")")
                break
            }
        }
        return numbers
    }

    private mutating func string() throws(FormatError) -> String {
        skipSpace()
        guard let quote = peek, quote == UInt8(ascii: "'") || quote == UInt8(ascii: "\"") else {
            throw unexpected("a string")
        }
        position += 1
        let start = position
        while let byte = peek, byte != quote, byte != UInt8(ascii: "\\") { position += 1 }
        guard peek == quote else { throw unexpected("the string's closing quote") }
        position += 1
        return latin1Text(text[start..<position - 1])
    }

    /// Skips brackets with what they hold; quotes hide brackets.
    private mutating func skipList() throws(FormatError) {
        var depth = 0
        repeat {
            switch peek {
            case nil: throw unexpected("the list's closing bracket")
            case UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "'"), UInt8(ascii: "\""):
                _ = try string()
                continue
            default: break
            }
            position += 1
        } while depth > 0
    }

    private var peek: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while let byte = peek, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    private mutating func takes(_ character: Character) -> Bool {
        skipSpace()
        guard peek == character.asciiValue else { return false }
        position += 1
        return true
    }

    private mutating func takesWord(_ word: String) -> Bool {
        guard text[position...].starts(with: word.utf8) else { return false }
        position += word.utf8.count
        return true
    }

    private mutating func expect(_ character: Character) throws(FormatError) {
        guard takes(character) else { throw unexpected("'\(character)'") }
    }

    private func unexpected(_ expected: String) -> FormatError {
        let found = peek.map { "byte 0x" + String($0, radix: 16) } ?? "its end"
        return FormatError(path, .invalid(section: section, offset: position, expected: expected, found: found))
    }
}
