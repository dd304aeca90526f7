// A curve with its uncertainty, drawn with characters.

/// One point of a ``TextPlot``.
struct PlotPoint: Sendable {
    /// What stands under the axis, such as the epoch.
    let label: String
    let value: Double
    /// Half the height of the band.
    let error: Double
    /// Whether it is drawn as the chosen one.
    var isPick = false
    /// Whether the vertical axis must reach it; one that does not count is drawn at the edge where it lies beyond.
    var counts = true
}

/// Draws points joined by a band of ± their errors; checkpoints are evenly spaced, in the order given.
struct TextPlot: Sendable {
    let points: [PlotPoint]
    /// What the horizontal axis counts.
    let axisTitle: String
    /// Lines of the drawing, without the axis.
    var height = 9

    /// The lines; none for fewer than two finite points, which make no curve.
    func lines(for terminal: Terminal, indent: Int = 0) -> [String] {
        let finite = points.filter { $0.value.isFinite && $0.error.isFinite }
        guard finite.count > 1 else { return [] }
        let counting = finite.contains { $0.counts } ? finite.filter(\.counts) : finite
        let low = counting.reduce(Double.infinity) { min($0, $1.value - $1.error) }
        let high = counting.reduce(-Double.infinity) { max($0, $1.value + $1.error) }
        guard high > low else { return [] }
        let decimals = max(0, min(6, Int((2 - log10Floor(high - low)))))
        let marks = [high, (high + low) / 2, low].map { fixed($0, decimals) }
        let margin = marks.reduce(0) { max($0, $1.count) }
        let columns = Columns(count: finite.count, available: min(terminal.width - indent - margin - 4, 72))
        let grid = drawn(finite, columns: columns, low: low, high: high)
        let blank = String(repeating: " ", count: indent)
        var lines = grid.enumerated().map { row, text in
            let mark = row == 0 ? marks[0] : row == height / 2 ? marks[1] : row == height - 1 ? marks[2] : ""
            let padding = String(repeating: " ", count: margin - mark.count)
            return blank + padding + mark + (mark.isEmpty ? " │ " : " ┤ ") + painted(text, terminal)
        }
        let axis = String(repeating: " ", count: margin) + " └─" + String(repeating: "─", count: columns.width)
        lines.append(blank + axis)
        lines.append(blank + String(repeating: " ", count: margin + 3) + labels(finite, columns))
        return lines
    }

    /// Where each point stands.
    private struct Columns {
        let width: Int
        private let step: Double

        init(count: Int, available: Int) {
            let perPoint = max(1, min(10, (max(available, 8) - 1) / max(count - 1, 1)))
            step = count > available ? Double(max(available, 8) - 1) / Double(count - 1) : Double(perPoint)
            width = Int((Double(count - 1) * step).rounded()) + 1
        }

        func column(of point: Int) -> Int { Int((Double(point) * step).rounded()) }

        /// The point at or left of a column and how far it is to the next, 0..<1.
        func position(of column: Int) -> (point: Int, fraction: Double) {
            let exact = Double(column) / step
            return (Int(exact), exact - exact.rounded(.down))
        }
    }

    private func drawn(_ points: [PlotPoint], columns: Columns, low: Double, high: Double) -> [[Character]] {
        var grid = [[Character]](repeating: [Character](repeating: " ", count: columns.width), count: height)
        func row(_ value: Double) -> Int {
            let exact = (high - value) / (high - low) * Double(height - 1)
            return min(height - 1, max(0, Int(exact.rounded())))
        }
        for column in 0..<columns.width {
            let (index, fraction) = columns.position(of: column)
            let left = points[min(index, points.count - 1)]
            let right = points[min(index + 1, points.count - 1)]
            let value = left.value + (right.value - left.value) * fraction
            let error = left.error + (right.error - left.error) * fraction
            for line in row(value + error)...row(value - error) { grid[line][column] = "░" }
            grid[row(value)][column] = "·"
        }
        for (index, point) in points.enumerated() where grid[row(point.value)][columns.column(of: index)] != "◆" {
            let edge: Character? = point.value > high ? "▲" : point.value < low ? "▼" : nil
            grid[row(point.value)][columns.column(of: index)] = edge ?? (point.isPick ? "◆" : "●")
        }
        return grid
    }

    private func painted(_ row: [Character], _ terminal: Terminal) -> String {
        var text = row
        while text.last == " " { text.removeLast() }
        guard terminal.hasColors else { return String(text) }
        return text.reduce(into: "") { line, character in
            switch character {
            case "░", "·": line += terminal.styled(String(character), .dim)
            case "◆": line += terminal.styled("◆", .green)
            case "●", "▲", "▼": line += terminal.styled(String(character), .cyan)
            default: line.append(character)
            }
        }
    }

    /// Labels under their points, left out where they would touch.
    private func labels(_ points: [PlotPoint], _ columns: Columns) -> String {
        var line = ""
        for (index, point) in points.enumerated() {
            let start = max(0, columns.column(of: index) - (point.label.count - 1) / 2)
            guard index == 0 || start > line.count else { continue }
            line += String(repeating: " ", count: start - line.count) + point.label
        }
        return line + "  " + axisTitle
    }
}

/// The power of ten at or below a positive number.
private func log10Floor(_ value: Double) -> Int {
    var exponent = 0
    var rest = value
    while rest >= 10, exponent < 308 {
        rest /= 10
        exponent += 1
    }
    while rest < 1, exponent > -308 {
        rest *= 10
        exponent -= 1
    }
    return exponent
}

/// A horizontal bar of `share` (0…1) of `width` characters, in eighths.
func bar(_ share: Double, width: Int) -> String {
    guard share.isFinite else { return "" }
    let eighths = Int((max(0, min(1, share)) * Double(width * 8)).rounded())
    let parts: [Character] = ["▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    return String(repeating: "█", count: eighths / 8) + (eighths % 8 > 0 ? String(parts[eighths % 8 - 1]) : "")
}
