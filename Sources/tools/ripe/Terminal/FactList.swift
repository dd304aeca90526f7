// Titled facts, one below the other, wrapped to the terminal.

import Formats

/// A list of `title  text` lines whose texts align and wrap.
struct FactList {
    private var facts: [(title: String, text: String, style: Style?)] = []

    /// Adds a fact; one without text is left out.
    mutating func add(_ title: String, _ text: String?, style: Style? = nil) {
        guard let text, !text.isEmpty else { return }
        facts.append((printable(title), printable(text), style))
    }

    /// The lines; texts that are too long go on below their beginning.
    func lines(for terminal: Terminal, indent: Int = 2) -> [String] {
        let width = facts.reduce(0) { max($0, displayWidth($1.title)) }
        let start = indent + width + 2
        return facts.flatMap { fact in
            let rest = String(repeating: " ", count: start)
            let title = fact.title + String(repeating: " ", count: width - displayWidth(fact.title) + 2)
            return wrapped(fact.text, to: terminal.width - start).enumerated().map { index, line in
                let text = fact.style.map { terminal.styled(line, $0) } ?? line
                guard index == 0 else { return rest + text }
                return String(repeating: " ", count: indent) + terminal.styled(title, .dim) + text
            }
        }
    }
}

/// Breaks a text between words into lines of at most `width` columns; a longer word keeps its own line.
func wrapped(_ text: String, to width: Int) -> [String] {
    var lines: [String] = []
    var line = ""
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
        if !line.isEmpty, displayWidth(line) + 1 + displayWidth(String(word)) > max(width, 20) {
            lines.append(line)
            line = String(word)
        } else {
            line += (line.isEmpty ? "" : " ") + word
        }
    }
    return lines + [line]
}
