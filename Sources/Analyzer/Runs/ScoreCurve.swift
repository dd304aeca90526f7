// The curve of a run as a self-contained SVG: score by checkpoint, with its band, the pick and what was left aside.

/// Draws a panel for each deciding setting, one above the other, over a common axis of checkpoints.
struct ScoreCurve {
    private let report: ScoreReport
    private let labels: [String]
    private let axisName: String
    private let width = 760.0
    private let left = 74.0
    private let right = 24.0
    private let panelHeight = 190.0
    private let panelGap = 46.0
    private let top = 98.0

    init(_ report: ScoreReport) {
        self.report = report
        let choices = [("epoch", report.candidates.map(\.epoch)), ("step", report.candidates.map(\.step))]
        let distinct = choices.first { Set($0.1.compactMap(\.self)).count == report.candidates.count }
        axisName = distinct?.0 ?? "checkpoint, in the order of pretraining"
        labels = distinct?.1.map { "\($0 ?? 0)" } ?? report.candidates.indices.map { "\($0 + 1)" }
    }

    private var settings: [ScoreSetting] { report.recommendation.decidedBy }
    private var count: Int { report.candidates.count }
    private var height: Double { top + Double(max(1, settings.count)) * (panelHeight + panelGap) + 62 }

    /// The drawing.
    var svg: String {
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\" "
                + "aria-labelledby=\"title desc\" font-family=\"system-ui, sans-serif\" font-size=\"13\">",
            "<title id=\"title\">Score by checkpoint</title>",
            "<desc id=\"desc\">\(escaped(report.recommendation.sentence))</desc>",
            Self.style,
            "<rect class=\"ground\" width=\"\(number(width))\" height=\"\(number(height))\"/>",
            "<text class=\"head\" x=\"24\" y=\"30\">Score by checkpoint (lower is better)</text>",
        ]
        for (line, text) in wrapped(report.recommendation.sentence, to: 104).prefix(3).enumerated() {
            lines.append(
                "<text class=\"quiet\" x=\"24\" y=\"\(number(50 + 17 * Double(line)))\">\(escaped(text))</text>")
        }
        for (index, setting) in settings.enumerated() {
            lines += panel(setting, y: top + Double(index) * (panelHeight + panelGap) + 22)
        }
        lines += axis() + legend()
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    // MARK: Panels

    private func x(_ index: Int) -> Double {
        let span = width - left - right - 40
        return left + 20 + (count > 1 ? span * Double(index) / Double(count - 1) : span / 2)
    }

    private func panel(_ setting: ScoreSetting, y panelTop: Double) -> [String] {
        var lines = [
            "<text class=\"name\" x=\"24\" y=\"\(number(panelTop - 8))\">\(escaped(setting.description))</text>"
        ]
        let entries = report.candidates.map { $0.score[setting] }
        let finite = entries.compactMap(\.self).filter { $0.value.isFinite }
        guard let scale = Scale(finite.map { ($0.value, $0.standardError) }, top: panelTop, height: panelHeight) else {
            return lines + [
                "<text class=\"quiet\" x=\"\(number(left))\" y=\"\(number(panelTop + 24))\">no finite score</text>"
            ]
        }
        for tick in scale.ticks {
            let y = number(scale.y(tick))
            lines.append(
                "<line class=\"grid\" x1=\"\(number(left))\" x2=\"\(number(width - right))\" y1=\"\(y)\" y2=\"\(y)\"/>")
            lines.append(
                "<text class=\"tick\" x=\"\(number(left - 8))\" y=\"\(y)\" dy=\"4\" text-anchor=\"end\">"
                    + "\(scale.label(tick))</text>")
        }
        return lines + band(entries, scale) + marks(entries, scale)
    }

    /// The band of ± one standard error and the line, over the considered checkpoints.
    private func band(_ entries: [CheckpointScore.Entry?], _ scale: Scale) -> [String] {
        let points = report.recommendation.standings.compactMap {
            standing -> (x: Double, value: Double, error: Double)? in
            guard let entry = entries[standing.checkpoint], entry.value.isFinite else { return nil }
            return (x(standing.checkpoint), entry.value, entry.standardError.isFinite ? entry.standardError : 0)
        }
        guard points.count > 1 else { return [] }
        let upper = points.map { "\(number($0.x)),\(number(scale.y($0.value + $0.error)))" }
        let lower = points.reversed().map { "\(number($0.x)),\(number(scale.y($0.value - $0.error)))" }
        let line = points.map { "\(number($0.x)),\(number(scale.y($0.value)))" }
        return [
            "<polygon class=\"band\" points=\"\((upper + lower).joined(separator: " "))\"/>",
            "<polyline class=\"line\" points=\"\(line.joined(separator: " "))\"/>",
        ]
    }

    private func marks(_ entries: [CheckpointScore.Entry?], _ scale: Scale) -> [String] {
        entries.indices.compactMap { index in
            guard let entry = entries[index], entry.value.isFinite else { return nil }
            let (x, y) = (number(x(index)), number(scale.y(entry.value)))
            let name = escaped(report.candidates[index].name)
            let value = Self.rounded(entry.value, 4) + " ± " + Self.rounded(entry.standardError, 4)
            let title = "<title>\(name): \(value)</title>"
            if index == report.recommendation.pick {
                return "<path class=\"pick\" transform=\"translate(\(x) \(y))\" d=\"M0-8 8 0 0 8-8 0Z\">\(title)</path>"
            }
            let standing = report.recommendation.standings.first { $0.checkpoint == index }
            let kind = standing == nil ? "aside" : standing?.isTied == true ? "tied" : "mark"
            return "<circle class=\"\(kind)\" cx=\"\(x)\" cy=\"\(y)\" r=\"5\">\(title)</circle>"
        }
    }

    // MARK: Axis and legend

    private var bottom: Double { top + Double(max(1, settings.count)) * (panelHeight + panelGap) - panelGap + 22 }

    private func axis() -> [String] {
        // As many labels as fit side by side.
        let longest = labels.map(\.count).max() ?? 1
        let step = max(1, (count * (longest * 8 + 10) + 640) / 650)
        var lines = labels.indices.filter { $0.isMultiple(of: step) || $0 == count - 1 }.map { index in
            "<text class=\"tick\" x=\"\(number(x(index)))\" y=\"\(number(bottom + 20))\" text-anchor=\"middle\">"
                + "\(escaped(labels[index]))</text>"
        }
        lines.append(
            "<text class=\"quiet\" x=\"\(number((left + width - right) / 2))\" y=\"\(number(bottom + 40))\" "
                + "text-anchor=\"middle\">\(axisName)</text>")
        return lines
    }

    private func legend() -> [String] {
        let y = height - 16
        let items = [
            ("<path class=\"pick\" transform=\"translate(8 -4)\" d=\"M0-7 7 0 0 7-7 0Z\"/>", "recommended", 122.0),
            ("<circle class=\"tied\" cx=\"8\" cy=\"-4\" r=\"5\"/>", "as good as the lowest", 176),
            ("<circle class=\"mark\" cx=\"8\" cy=\"-4\" r=\"5\"/>", "worse", 76),
            ("<circle class=\"aside\" cx=\"8\" cy=\"-4\" r=\"5\"/>", "not considered", 130),
            ("<rect class=\"band\" x=\"0\" y=\"-12\" width=\"18\" height=\"14\"/>", "± one standard error", 150),
        ]
        var x = 24.0
        return items.map { mark, text, advance in
            defer { x += advance }
            return "<g transform=\"translate(\(number(x)) \(number(y)))\">\(mark)<text class=\"quiet\" x=\"22\">"
                + "\(text)</text></g>"
        }
    }

    private static let style = """
        <style>
        .ground{fill:#fff}text{fill:#1b1f24}.head{font-size:17px;font-weight:600}.name{font-weight:600}
        .quiet{fill:#57606a}.tick{fill:#57606a;font-size:12px}.grid{stroke:#d8dee4}
        .band{fill:#0a66c2;fill-opacity:.16}.line{fill:none;stroke:#0a66c2;stroke-width:2}
        .mark{fill:#fff;stroke:#0a66c2;stroke-width:2}.tied{fill:#0a66c2;stroke:#0a66c2;stroke-width:2}
        .aside{fill:none;stroke:#8c959f;stroke-width:2;stroke-dasharray:3 2}.pick{fill:#1a7f37;stroke:#fff}
        @media (prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}.quiet,.tick{fill:#9198a1}
        .grid{stroke:#30363d}.band{fill:#58a6ff;fill-opacity:.2}.line{stroke:#58a6ff}.mark{fill:#0d1117;stroke:#58a6ff}
        .tied{fill:#58a6ff;stroke:#58a6ff}.pick{fill:#3fb950;stroke:#0d1117}}
        </style>
        """

    // MARK: Text

    private func number(_ value: Double) -> String { Self.rounded(value, 1) }

    /// The number with at most so many decimals.
    fileprivate static func rounded(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return "?" }
        let scale = (0..<decimals).reduce(1.0) { scale, _ in scale * 10 }
        let text = "\((value * scale).rounded() / scale)"
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    private func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            // Control characters are not allowed in XML.
            case let other where other.unicodeScalars.contains { $0.value < 0x20 }: result += " "
            default: result.append(character)
            }
        }
    }

    private func wrapped(_ text: String, to length: Int) -> [String] {
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

/// A vertical axis with round numbers.
private struct Scale {
    private let low: Double
    private let high: Double
    private let top: Double
    private let height: Double
    private let step: Double

    /// Covers values with their errors; nil for none.
    init?(_ values: [(value: Double, error: Double)], top: Double, height: Double) {
        let ends = values.flatMap { value, error in
            let error = error.isFinite ? error : 0
            return [value - error, value + error]
        }
        guard var low = ends.min(), var high = ends.max() else { return nil }
        if high <= low {
            let room = max(abs(low) * 0.1, 1e-6)
            (low, high) = (low - room, high + room)
        }
        step = Self.roundStep((high - low) / 4)
        self.low = low - (high - low) * 0.06
        self.high = high + (high - low) * 0.06
        self.top = top
        self.height = height
    }

    func y(_ value: Double) -> Double { top + height * (high - value) / (high - low) }

    /// Multiples of the step within the axis.
    var ticks: [Double] {
        let first = (low / step).rounded(.up)
        let last = (high / step).rounded(.down)
        return stride(from: first, through: last, by: 1).prefix(12).map { $0 * step }
    }

    func label(_ tick: Double) -> String {
        var decimals = 0
        var unit = step
        while unit < 0.999, decimals < 9 {
            unit *= 10
            decimals += 1
        }
        // The same number of decimals on every line.
        let text = ScoreCurve.rounded(abs(tick) < step / 2 ? 0 : tick, decimals)
        guard decimals > 0, !text.contains("e") else { return text }
        let parts = text.split(separator: ".")
        let fraction = parts.count > 1 ? parts[1] : ""
        return parts[0] + "." + fraction + String(repeating: "0", count: max(0, decimals - fraction.count))
    }

    /// 1, 2 or 5 times a power of ten, at or above `least`.
    private static func roundStep(_ least: Double) -> Double {
        var power = 1e-12
        while power < 1e12 {
            for factor in [1.0, 2, 5] where factor * power >= least { return factor * power }
            power *= 10
        }
        return least
    }
}
