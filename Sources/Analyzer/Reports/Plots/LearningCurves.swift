// The course of a fine-tuning as SVG: loss, Dice and learning rate over the epochs.

/// Draws a panel for each of the three, one above the other.
struct LearningCurves {
    private let history: ReportedHistory
    private let width: Double
    private let left: Double
    private let prefix: String
    private let right = 16.0
    private let panelGap = 44.0

    /// One panel: what it shows, and how tall it is.
    private struct Panel {
        let title: String
        let height: Double
        /// The lines' style classes, names and values by epoch.
        let lines: [(style: String, name: String, values: [Double?])]
    }

    /// - Parameter isNarrow: for small screens.
    init(_ history: ReportedHistory, isNarrow: Bool, number: Int) {
        self.history = history
        width = isNarrow ? 360 : 760
        left = isNarrow ? 58 : 68
        prefix = "history-\(isNarrow ? "narrow" : "wide")-\(number)-"
    }

    private var epochs: [Double?] { history.column("epoch") ?? [] }

    private var panels: [Panel] {
        var panels: [Panel] = []
        if let loss = history.column("loss") {
            panels.append(Panel(title: "Training loss", height: 130, lines: [("line", "training", loss)]))
        }
        let dice = [
            ("line", "training", history.column("trainDice")),
            ("second", "validation", history.column("validationDice")),
        ]
        .compactMap { style, name, values in values.map { (style, name, $0) } }
        if !dice.isEmpty {
            panels.append(Panel(title: "Dice, mean of the classes (higher is better)", height: 130, lines: dice))
        }
        if let rate = history.column("learningRate") {
            panels.append(Panel(title: "Learning rate", height: 80, lines: [("line", "rate", rate)]))
        }
        return panels
    }

    /// The drawing, with a description for those who do not see it.
    var svg: String {
        let panels = panels
        let height = panels.reduce(36) { $0 + $1.height + panelGap }
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\" "
                + "aria-labelledby=\"\(prefix)title \(prefix)desc\">",
            "<title id=\"\(prefix)title\">Learning curves</title>",
            "<desc id=\"\(prefix)desc\">\(PlotText.escaped(summary))</desc>",
        ]
        var top = 28.0
        for panel in panels {
            lines += draw(panel, top: top)
            top += panel.height + panelGap
        }
        lines += axis(y: top - panelGap)
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    /// The ends of the curves in a sentence.
    var summary: String {
        func ends(_ name: String, _ words: String) -> String? {
            guard let values = history.column(name)?.compactMap(\.self), let first = values.first,
                let last = values.last
            else { return nil }
            return "\(words) from \(ReportNumbers.fixed(first, 4)) to \(ReportNumbers.fixed(last, 4))"
        }
        let parts = [
            ends("loss", "training loss"), ends("trainDice", "training Dice"),
            ends("validationDice", "validation Dice"),
        ].compactMap(\.self)
        return "\(ReportNumbers.counted(history.rows.count, "epoch")): \(parts.joined(separator: ", "))."
    }

    private func x(_ index: Int) -> Double {
        let span = width - left - right - 20
        return left + 10 + (history.rows.count > 1 ? span * Double(index) / Double(history.rows.count - 1) : span / 2)
    }

    private func draw(_ panel: Panel, top: Double) -> [String] {
        var lines = ["<text class=\"name\" x=\"4\" y=\"\(number(top - 10))\">\(panel.title)</text>"]
        let values = panel.lines.flatMap { $0.values.compactMap(\.self) }.map { (value: $0, error: 0.0) }
        guard let scale = PlotScale(values, top: top, height: panel.height) else { return lines }
        if panel.lines.count > 1 { lines += key(panel, y: top - 10) }
        lines += scale.grid(left: left, right: width - right)
        for line in panel.lines { lines += draw(line.values, style: line.style, scale) }
        return lines
    }

    /// Which line is which, at the right end of the title.
    private func key(_ panel: Panel, y: Double) -> [String] {
        let isNarrow = width < 500
        // The narrow drawing's title has its line to itself.
        let keyY = isNarrow ? y + 16 : y
        var x = width - right - 190
        return panel.lines.flatMap { line in
            defer { x += 92 }
            return [
                "<line class=\"\(line.style)\" x1=\"\(number(x))\" x2=\"\(number(x + 20))\" y1=\"\(number(keyY - 4))\" "
                    + "y2=\"\(number(keyY - 4))\"/>",
                "<text class=\"quiet\" x=\"\(number(x + 25))\" y=\"\(number(keyY))\">\(line.name)</text>",
            ]
        }
    }

    private func draw(_ values: [Double?], style: String, _ scale: PlotScale) -> [String] {
        let known = values.enumerated().compactMap { index, value in value.map { (index, $0) } }
        let points = known.map { "\(number(x($0.0))),\(number(scale.y($0.1)))" }
        // Single epochs would not show as a line.
        guard points.count > 1 else {
            return known.map { index, value in
                "<circle class=\"tied\" cx=\"\(number(x(index)))\" cy=\"\(number(scale.y(value)))\" r=\"4\"/>"
            }
        }
        return ["<polyline class=\"\(style)\" points=\"\(points.joined(separator: " "))\"/>"]
    }

    private func axis(y: Double) -> [String] {
        let labels = epochs.map { ReportNumbers.fixed($0, 0) }
        let longest = labels.map(\.count).max() ?? 1
        let room = max(1, Int(width - left - right))
        let step = max(1, (labels.count * (longest * 8 + 14) + room - 1) / room)
        let ticks = labels.indices.filter { $0.isMultiple(of: step) }.map { index in
            "<text class=\"tick\" x=\"\(number(x(index)))\" y=\"\(number(y + 20))\" text-anchor=\"middle\">"
                + "\(labels[index])</text>"
        }
        return ticks + [
            "<text class=\"quiet\" x=\"\(number((left + width - right) / 2))\" y=\"\(number(y + 40))\" "
                + "text-anchor=\"middle\">epoch</text>"
        ]
    }

    private func number(_ value: Double) -> String { PlotText.number(value) }
}
