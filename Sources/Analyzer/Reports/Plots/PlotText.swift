// Numbers and text in drawings.

/// Text for SVG.
enum PlotText {
    /// A coordinate: at most one decimal.
    static func number(_ value: Double) -> String { rounded(value, 1) }

    /// The number with at most so many decimals; "?" for one that is not finite.
    static func rounded(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return "?" }
        let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
        let text = "\((value * scale).rounded() / scale)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    /// Escapes text for XML. Scalar by scalar: a quote with a combining mark behind it is still a quote.
    static func escaped(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "'": result += "&#39;"
            // Not allowed in XML.
            case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{FFFE}", "\u{FFFF}": result += " "
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result
    }

    /// Lines of about so many characters.
    static func wrapped(_ text: String, to length: Int) -> [String] {
        text.split(separator: " ").reduce(into: [""]) { lines, word in
            let last = lines[lines.count - 1]
            if last.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if last.count + word.count < length {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
    }
}
