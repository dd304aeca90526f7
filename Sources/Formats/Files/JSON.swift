// JSON (RFC 8259) as values in file order. Formats need what Codable hides: duplicate keys, the exact text of a
// number, the place of a mistake, and a bound on nesting that a hostile file cannot exceed.

/// A JSON value.
public enum JSON: Sendable, Hashable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number as it is written, such as `1e0`; see ``int`` and ``double``.
    case number(String)
    /// A string, escapes resolved.
    case string(String)
    /// A list.
    case array([JSON])
    /// Members in the order of the text; a key may occur twice.
    case object([Member])

    /// One member of an object.
    public struct Member: Sendable, Hashable {
        /// The key, escapes resolved.
        public let key: String
        /// The value.
        public let value: JSON

        /// Creates a member.
        public init(key: String, value: JSON) {
            self.key = key
            self.value = value
        }
    }

    /// Parses a text that holds one value.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8.
    ///   - path: the file, for errors.
    ///   - section: what the text is in that file, such as "config.json".
    /// - Throws: ``FormatError`` with `.invalid` (its offset counts from the text's start) or `.limitExceeded` for values
    ///   nested deeper than 128.
    public init(_ bytes: Bytes, path: String, section: String) throws(FormatError) {
        self = try bytes.withUnsafeBytes { (raw) throws(FormatError) in
            var parser = JSONParser(text: raw, path: path, section: section)
            return try parser.document()
        }
    }

    /// Parses a text that holds one value; see ``init(_:path:section:)``.
    public init(_ text: String, path: String, section: String) throws(FormatError) {
        try self.init(Bytes(copying: Array(text.utf8)), path: path, section: section)
    }

    /// The value of the last member named `key`; nil when this is no object or has no such member.
    public subscript(key: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        return members.last { $0.key == key }?.value
    }

    /// The elements of a list, else nil.
    public var array: [JSON]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    /// The members of an object, else nil.
    public var members: [Member]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    /// The text of a string, else nil.
    public var string: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// The truth value, else nil.
    public var bool: Bool? {
        guard case .bool(let value) = self else { return nil }
        return value
    }

    /// The value of a number written as an integer (no fraction, no exponent) that fits, else nil.
    public var int: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }

    /// The value of a number, else nil.
    public var double: Double? {
        guard case .number(let text) = self else { return nil }
        return Double(text)
    }
}
