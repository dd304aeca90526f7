// Aligned columns that fit the terminal.

import Formats

/// A table of text with a header row.
struct TextTable {
    /// How a column's cells stand.
    enum Alignment { case left, right }

    /// A column's header and alignment.
    struct Column {
        let title: String
        let alignment: Alignment
        /// Whether long cells may be shortened in the middle to fit the terminal.
        let canShrink: Bool

        init(_ title: String, _ alignment: Alignment = .left, canShrink: Bool = false) {
            self.title = title
            self.alignment = alignment
            self.canShrink = canShrink
        }
    }

    /// The columns, left to right.
    let columns: [Column]
    /// The rows; each has a cell for every column.
    private(set) var rows: [(cells: [String], style: Style?)] = []

    /// An empty table.
    init(_ columns: [Column]) { self.columns = columns }

    /// Appends a row.
    mutating func add(_ cells: [String], style: Style? = nil) {
        precondition(cells.count == columns.count, "a cell for every column")
        rows.append((cells.map(printable), style))
    }

    /// The lines, without trailing blanks.
    func lines(for terminal: Terminal, indent: Int = 0) -> [String] {
        let widths = fittedWidths(available: terminal.width - indent)
        let margin = String(repeating: " ", count: indent)
        let header = margin + line(columns.map(\.title), widths)
        return [terminal.styled(header, .bold)]
            + rows.map { row in
                let text = margin + line(row.cells, widths)
                return row.style.map { terminal.styled(text, $0) } ?? text
            }
    }

    /// Column widths: as wide as the widest cell, columns that may shrink giving way until the line fits.
    private func fittedWidths(available: Int) -> [Int] {
        var widths = columns.indices.map { column in
            rows.reduce(displayWidth(columns[column].title)) { max($0, displayWidth($1.cells[column])) }
        }
        let gaps = 2 * (columns.count - 1)
        while widths.reduce(0, +) + gaps > available {
            let candidates = columns.indices.filter {
                columns[$0].canShrink && widths[$0] > max(8, displayWidth(columns[$0].title))
            }
            guard let widest = candidates.max(by: { widths[$0] < widths[$1] }) else { break }
            widths[widest] -= 1
        }
        return widths
    }

    private func line(_ cells: [String], _ widths: [Int]) -> String {
        let parts = columns.indices.map { column in
            let cell = shortened(cells[column], to: widths[column])
            let padding = String(repeating: " ", count: max(0, widths[column] - displayWidth(cell)))
            return columns[column].alignment == .left ? cell + padding : padding + cell
        }
        var line = parts.joined(separator: "  ")
        while line.last == " " { line.removeLast() }
        return line
    }
}

/// How many terminal columns a text takes; East Asian wide characters and emoji take two.
func displayWidth(_ text: String) -> Int {
    text.utf8.count == text.count
        ? text.count
        : text.reduce(0) { width, character in
            guard let first = character.unicodeScalars.first else { return width }
            let isWide =
                (0x1100...0x115F).contains(first.value) || (0x2E80...0xA4CF).contains(first.value)
                || (0xAC00...0xD7A3).contains(first.value) || (0xF900...0xFAFF).contains(first.value)
                || (0xFE30...0xFE6F).contains(first.value) || (0xFF00...0xFF60).contains(first.value)
                || (0x1F300...0x1FAFF).contains(first.value)
            return width + (isWide ? 2 : 1)
        }
}

/// The text with its middle replaced by an ellipsis where it is longer than `width`: the ends of paths and tensor names
/// tell most.
func shortened(_ text: String, to width: Int) -> String {
    guard displayWidth(text) > width, width > 1 else { return text }
    let tail = (width - 1) * 2 / 3
    let head = width - 1 - tail
    return text.prefix(head) + "…" + text.suffix(tail)
}
