// Fields of comma-separated tables (RFC 4180).

/// Comma-separated values.
enum CSV {
    /// A field, between quotes where it must be.
    static func field(_ text: String) -> String {
        // "\r\n" is one character of its own.
        guard text.contains(where: { ",\"\n\r\r\n".contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
