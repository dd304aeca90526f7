// Fields of comma-separated tables (RFC 4180).

/// Comma-separated values.
enum CSV {
    /// A field, between quotes where it must be.
    static func field(_ text: String) -> String {
        // "\r\n" is one character of its own.
        guard text.contains(where: { ",\"\n\r\r\n".contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }

    /// The rows of a table; empty lines are none.
    static func rows(_ text: String) -> [[String]] {
        var rows: [[String]] = []
        var (row, field): ([String], String.UnicodeScalarView) = ([], .init())
        var (isQuoted, wasQuote) = (false, false)
        func endField() {
            row.append(String(field))
            field = .init()
        }
        func endRow() {
            endField()
            if row != [""] { rows.append(row) }
            row = []
        }
        for scalar in text.unicodeScalars {
            if isQuoted {
                if scalar == "\"" { (isQuoted, wasQuote) = (false, true) } else { field.append(scalar) }
                continue
            }
            switch scalar {
            case "\"":
                // A quote right behind a closing one stands for itself.
                if wasQuote { field.append(scalar) }
                isQuoted = true
            case ",": endField()
            case "\n": endRow()
            case "\r": break
            default: field.append(scalar)
            }
            wasQuote = false
        }
        if !row.isEmpty || !field.isEmpty { endRow() }
        return rows
    }
}
