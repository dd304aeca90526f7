// JSON values to text that people can read too, and short ways to make them.

extension JSON {
    /// Members in the given order; a nil value is left out.
    public static func object(_ members: KeyValuePairs<String, JSON?>) -> JSON {
        .object(members.compactMap { key, value in value.map { Member(key: key, value: $0) } })
    }

    /// A whole number.
    public static func integer(_ value: Int) -> JSON { .number(String(value)) }

    /// A number in the shortest form that reads back the same; null for NaN and infinity, which JSON has not.
    public static func real(_ value: Double) -> JSON { value.isFinite ? .number("\(value)") : .null }

    /// A list of whole numbers.
    public static func integers(_ values: [Int]) -> JSON { .array(values.map(JSON.integer)) }

    /// A list of strings.
    public static func strings(_ values: [String]) -> JSON { .array(values.map(JSON.string)) }

    /// The value as text: lists of numbers, and whatever else fits, stay on one line; the rest has an element a line.
    public func text(indent: Int = 0) -> String {
        let line = inlineText
        guard indent + line.count > 110, !isNumberList else { return line }
        let margin = String(repeating: " ", count: indent + 1)
        let close = String(repeating: " ", count: indent)
        switch self {
        case .array(let elements):
            let lines = elements.map { margin + $0.text(indent: indent + 1) }
            return "[\n" + lines.joined(separator: ",\n") + "\n\(close)]"
        case .object(let members):
            let lines = members.map { "\(margin)\(Self.quoted($0.key)): " + $0.value.text(indent: indent + 1) }
            return "{\n" + lines.joined(separator: ",\n") + "\n\(close)}"
        default: return line
        }
    }

    /// The value as text without any blanks.
    public var compactText: String {
        switch self {
        case .array(let elements): "[" + elements.map(\.compactText).joined(separator: ",") + "]"
        case .object(let members):
            "{" + members.map { "\(Self.quoted($0.key)):\($0.value.compactText)" }.joined(separator: ",") + "}"
        default: inlineText
        }
    }

    private var isNumberList: Bool {
        guard case .array(let elements) = self else { return false }
        return elements.allSatisfy { if case .number = $0 { true } else { $0 == .null } }
    }

    private var inlineText: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .number(let text): text
        case .string(let text): Self.quoted(text)
        case .array(let elements): "[" + elements.map(\.inlineText).joined(separator: ", ") + "]"
        case .object(let members):
            "{" + members.map { "\(Self.quoted($0.key)): \($0.value.inlineText)" }.joined(separator: ", ") + "}"
        }
    }

    /// A string between quotes with everything escaped that RFC 8259 wants.
    private static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{0}"..."\u{1F}":
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
