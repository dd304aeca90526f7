// The curve of a run as SVG: score by checkpoint, with its band, the pick and what was left aside. As a file of its own, and
// in two widths as a part of the report's page.

/// Draws a panel for each deciding setting, one above the other, over a common axis of checkpoints.
struct ScoreCurve {
    private let scores: ReportedScores
    private let layout: Layout
    private let labels: [String]
    private let axisName: String
    private let flags: [Flag]
    private let right = 24.0
    private let panelHeight = 190.0
    private let panelGap = 46.0

    /// Where the drawing goes.
    struct Layout {
        /// Units of the drawing, pixels where there is room.
        let width: Double
        /// Room for the numbers of the vertical axis.
        let left: Double
        /// In a page, which has the words, the colours and the other drawings: no heading and no style of its own.
        let isEmbedded: Bool
        /// Tells its titles from those of other drawings in the page.
        let prefix: String

        static let file = Layout(width: 760, left: 74, isEmbedded: false, prefix: "")
        static let wide = Layout(width: 760, left: 64, isEmbedded: true, prefix: "curve-wide-")
        static let narrow = Layout(width: 360, left: 50, isEmbedded: true, prefix: "curve-narrow-")
    }

    /// A word over a checkpoint, in a row where it does not touch another.
    private struct Flag {
        let checkpoint: Int
        let text: String
        let x: Double
        let row: Int
    }

    init(_ report: ScoreReport) { self.init(ReportedScores(report)) }

    init(_ scores: ReportedScores, layout: Layout = .file) {
        self.scores = scores
        self.layout = layout
        let choices = [("epoch", scores.checkpoints.map(\.epoch)), ("step", scores.checkpoints.map(\.step))]
        let distinct = choices.first { Set($0.1.compactMap(\.self)).count == scores.checkpoints.count }
        axisName = distinct?.0 ?? "checkpoint, in the order of pretraining"
        labels = distinct?.1.map { "\($0 ?? 0)" } ?? scores.checkpoints.indices.map { "\($0 + 1)" }
        flags = Self.flags(scores, layout: layout, right: right)
    }

    private var settings: [ScoreSetting] { scores.decidedBy }
    private var count: Int { scores.checkpoints.count }
    private var width: Double { layout.width }
    private var left: Double { layout.left }
    private var margin: Double { layout.isEmbedded ? 4 : 24 }
    private var flagRows: Int { (flags.map(\.row).max() ?? -1) + 1 }
    /// Below the words, where the first panel's title is; the flags follow.
    private var titleTop: Double { layout.isEmbedded ? 2 : 98 }
    private var flagTop: Double { titleTop + 20 }
    private var top: Double { flagTop + Double(flagRows) * 17 - 16 }
    private var panelsHeight: Double { Double(max(1, settings.count)) * (panelHeight + panelGap) }
    private var height: Double { top + panelsHeight + 42 + Double(legendPlaces.rows) * 20 }

    /// The drawing.
    var svg: String {
        let prefix = layout.prefix
        let words = [
            "<text class=\"head\" x=\"24\" y=\"30\">Score by checkpoint (lower is better)</text>"
        ]
        let sentence = PlotText.wrapped(scores.sentence, to: 104).prefix(3).enumerated().map { line, text in
            "<text class=\"quiet\" x=\"24\" y=\"\(number(50 + 17 * Double(line)))\">\(PlotText.escaped(text))</text>"
        }
        let ground =
            "<rect class=\"ground\" width=\"\(number(width))\" height=\"\(number(height))\"/>"
        let font = layout.isEmbedded ? "" : " font-family=\"system-ui, sans-serif\" font-size=\"13\""
        var lines = [
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(number(width)) \(number(height))\" role=\"img\" "
                + "aria-labelledby=\"\(prefix)title \(prefix)desc\"\(font)>",
            "<title id=\"\(prefix)title\">Score by checkpoint</title>",
            "<desc id=\"\(prefix)desc\">\(PlotText.escaped(scores.sentence))</desc>",
        ]
        if !layout.isEmbedded { lines += [Self.style, ground] + words + sentence }
        lines += flagWords()
        for (index, setting) in settings.enumerated() {
            let panelTop = top + Double(index) * (panelHeight + panelGap) + 26
            lines += panel(setting, y: panelTop, titleY: index == 0 ? titleTop + 13 : panelTop - 10)
        }
        lines += axis() + legend()
        return lines.joined(separator: "\n") + "\n</svg>\n"
    }

    // MARK: Panels

    private static func x(_ index: Int, of count: Int, layout: Layout, right: Double) -> Double {
        let inset = layout.width > 500 ? 20.0 : 10
        let span = layout.width - layout.left - right - 2 * inset
        return layout.left + inset + (count > 1 ? span * Double(index) / Double(count - 1) : span / 2)
    }

    private func x(_ index: Int) -> Double { Self.x(index, of: count, layout: layout, right: right) }

    private func panel(_ setting: ScoreSetting, y panelTop: Double, titleY: Double) -> [String] {
        let lines = [
            "<text class=\"name\" x=\"\(number(margin))\" y=\"\(number(titleY))\">"
                + "\(PlotText.escaped(setting.description))</text>"
        ]
        let entries = scores.checkpoints.map { $0.scores[setting] }
        guard let scale = PlotScale(range(entries), top: panelTop, height: panelHeight) else {
            return lines + [
                "<text class=\"quiet\" x=\"\(number(left))\" y=\"\(number(panelTop + 24))\">no finite score</text>"
            ]
        }
        let guides = flags.map { flag in
            let x = number(x(flag.checkpoint))
            return "<line class=\"guide\" x1=\"\(x)\" x2=\"\(x)\" y1=\"\(number(panelTop))\" "
                + "y2=\"\(number(panelTop + panelHeight))\"/>"
        }
        return lines + scale.grid(left: left, right: width - right) + guides + band(entries, scale)
            + marks(entries, scale)
    }

    /// What the axis covers: the considered checkpoints, and others as far as they do not flatten the curve of these.
    private func range(_ entries: [ReportedScores.Score?]) -> [(value: Double, error: Double)] {
        func points(_ indices: some Sequence<Int>) -> [(value: Double, error: Double)] {
            indices.compactMap { index in
                entries[index].flatMap { entry in entry.value.map { ($0, entry.standardError ?? 0) } }
            }
        }
        let considered = points(scores.considered)
        guard let low = considered.map({ $0.value - $0.error }).min(),
            let high = considered.map({ $0.value + $0.error }).max(), high > low
        else { return points(entries.indices) }
        let room = (high - low) * 0.6
        let others = points(entries.indices).filter { low - room...high + room ~= $0.value }
        return considered + others.map { ($0.value, 0) }
    }

    /// The band of ± one standard error and the line, over the considered checkpoints.
    private func band(_ entries: [ReportedScores.Score?], _ scale: PlotScale) -> [String] {
        let points = scores.considered.compactMap { index -> (x: Double, value: Double, error: Double)? in
            guard let entry = entries[index], let value = entry.value else { return nil }
            return (x(index), value, entry.standardError ?? 0)
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

    private func marks(_ entries: [ReportedScores.Score?], _ scale: PlotScale) -> [String] {
        let radius = count * 11 > Int(width - left - right) ? 3 : 5
        // The pick above all others.
        let order = entries.indices.filter { $0 != scores.pick } + (scores.pick.map { [$0] } ?? [])
        return order.compactMap { index in
            guard let entry = entries[index], let value = entry.value else { return nil }
            if let beyond = scale.side(of: value) { return outlier(index, entry, value, beyond, scale) }
            let (x, y) = (number(x(index)), number(scale.y(value)))
            let title = title(index, entry, value)
            if index == scores.pick {
                return "<path class=\"pick\" transform=\"translate(\(x) \(y))\" d=\"M0-8 8 0 0 8-8 0Z\">\(title)</path>"
            }
            let standing = scores.checkpoints[index].standing
            let kind = standing == nil ? "aside" : standing?.isTied == true ? "tied" : "mark"
            return "<circle class=\"\(kind)\" cx=\"\(x)\" cy=\"\(y)\" r=\"\(radius)\">\(title)</circle>"
        }
    }

    private func title(_ index: Int, _ entry: ReportedScores.Score, _ value: Double) -> String {
        let name = PlotText.escaped(scores.checkpoints[index].name)
        let text = PlotText.rounded(value, 4) + " ± " + PlotText.rounded(entry.standardError ?? .nan, 4)
        return "<title>\(name): \(text)</title>"
    }

    /// A checkpoint beyond the axis: an arrow at its edge, with the number.
    private func outlier(
        _ index: Int, _ entry: ReportedScores.Score, _ value: Double, _ side: PlotScale.Side, _ scale: PlotScale
    ) -> String {
        let isAbove = side == .above
        let (x, y) = (x(index), isAbove ? scale.top + 3 : scale.top + panelHeight - 3)
        let tip = isAbove ? "M-6 10 0 0 6 10Z" : "M-6-10 0 0 6-10Z"
        return "<path class=\"aside\" transform=\"translate(\(number(x)) \(number(y)))\" d=\"\(tip)\">"
            + "\(title(index, entry, value))</path>"
            + "<text class=\"tick\" x=\"\(number(x))\" y=\"\(number(isAbove ? y + 26 : y - 16))\" "
            + "text-anchor=\"middle\">\(PlotText.rounded(value, 3))</text>"
    }

    // MARK: Flags

    /// What the rules and the trivial choice take, over the curve.
    private static func flags(_ scores: ReportedScores, layout: Layout, right: Double) -> [Flag] {
        let named = [
            (scores.pick, "recommended"), (scores.last, "last"), (scores.pick(of: .best), "lowest"),
            (scores.tied.count > 1 ? scores.pick(of: .earliest) : nil, "earliest tied"),
        ]
        var ends: [Double] = []
        return scores.checkpoints.indices.compactMap { index in
            let words = named.filter { $0.0 == index }.map(\.1)
            guard !words.isEmpty else { return nil }
            let text = words.joined(separator: ", ")
            let half = Double(text.count) * 3.4
            let center = x(index, of: scores.checkpoints.count, layout: layout, right: right)
            let x = min(max(center, half + 4), layout.width - half - 4)
            let row = ends.firstIndex { $0 + 8 < x - half } ?? ends.count
            if row == ends.count { ends.append(0) }
            ends[row] = x + half
            return Flag(checkpoint: index, text: text, x: x, row: row)
        }
    }

    private func flagWords() -> [String] {
        flags.map { flag in
            let y = flagTop + 17 * Double(flag.row) + 11
            return
                "<text class=\"flag\" x=\"\(number(flag.x))\" y=\"\(number(y))\" text-anchor=\"middle\">\(flag.text)</text>"
        }
    }

    // MARK: Axis and legend

    private var bottom: Double { top + panelsHeight - panelGap + 26 }

    private func axis() -> [String] {
        // As many labels as fit side by side.
        let longest = labels.map(\.count).max() ?? 1
        let room = max(1, Int(width - left - right) - 10)
        let step = max(1, (count * (longest * 8 + 10) + room - 1) / room)
        var lines = labels.indices.filter { index in
            // The last always, and none that would touch it.
            index == count - 1 || index.isMultiple(of: step) && count - 1 - index >= step
        }.map { index in
            "<text class=\"tick\" x=\"\(number(x(index)))\" y=\"\(number(bottom + 20))\" text-anchor=\"middle\">"
                + "\(PlotText.escaped(labels[index]))</text>"
        }
        lines.append(
            "<text class=\"quiet\" x=\"\(number((left + width - right) / 2))\" y=\"\(number(bottom + 40))\" "
                + "text-anchor=\"middle\">\(axisName)</text>")
        return lines
    }

    private static let legendItems: [(mark: String, text: String, advance: Double)] = [
        ("<path class=\"pick\" transform=\"translate(8 -4)\" d=\"M0-7 7 0 0 7-7 0Z\"/>", "recommended", 130),
        ("<circle class=\"tied\" cx=\"8\" cy=\"-4\" r=\"5\"/>", "tied with the lowest", 176),
        ("<circle class=\"mark\" cx=\"8\" cy=\"-4\" r=\"5\"/>", "worse", 84),
        ("<circle class=\"aside\" cx=\"8\" cy=\"-4\" r=\"5\"/>", "not considered", 140),
        ("<rect class=\"band\" x=\"0\" y=\"-12\" width=\"18\" height=\"14\"/>", "± one standard error", 162),
    ]

    private var legendPlaces: (places: [(x: Double, row: Int)], rows: Int) {
        var (x, row) = (margin, 0)
        let places = Self.legendItems.map { item in
            if x + item.advance > width, x > margin { (x, row) = (margin, row + 1) }
            defer { x += item.advance }
            return (x, row)
        }
        return (places, row + 1)
    }

    private func legend() -> [String] {
        let (places, rows) = legendPlaces
        return zip(Self.legendItems, places).map { item, place in
            let y = height - 6 - 20 * Double(rows - 1 - place.row)
            return
                "<g transform=\"translate(\(number(place.x)) \(number(y)))\">\(item.mark)<text class=\"quiet\" x=\"22\">"
                + "\(item.text)</text></g>"
        }
    }

    private static let style = """
        <style>
        .ground{fill:#fff}text{fill:#1b1f24}.head{font-size:17px;font-weight:600}.name{font-weight:600}
        .quiet{fill:#57606a}.tick{fill:#57606a;font-size:12px}.flag{font-size:12px}.grid{stroke:#d8dee4}
        .guide{stroke:#57606a;stroke-dasharray:2 4}.band{fill:#0a66c2;fill-opacity:.16}
        .line{fill:none;stroke:#0a66c2;stroke-width:2}
        .mark{fill:#fff;stroke:#0a66c2;stroke-width:2}.tied{fill:#0a66c2;stroke:#0a66c2;stroke-width:2}
        .aside{fill:none;stroke:#8c959f;stroke-width:2;stroke-dasharray:3 2}path.aside{stroke-dasharray:none}
        .pick{fill:#1a7f37;stroke:#fff}
        @media (prefers-color-scheme:dark){.ground{fill:#0d1117}text{fill:#e6edf3}.quiet,.tick{fill:#9198a1}
        .grid{stroke:#30363d}.guide{stroke:#9198a1}.band{fill:#58a6ff;fill-opacity:.2}.line{stroke:#58a6ff}
        .mark{fill:#0d1117;stroke:#58a6ff}.tied{fill:#58a6ff;stroke:#58a6ff}.pick{fill:#3fb950;stroke:#0d1117}}
        </style>
        """

    private func number(_ value: Double) -> String { PlotText.number(value) }
}
