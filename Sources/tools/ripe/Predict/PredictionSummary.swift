// The result of a prediction as a table.

import Analyzer
import Formats

/// A row for each case: how much of each class.
struct PredictionSummary {
    private let report: PredictionReport
    private let out: String

    /// More rows than this are too many to read.
    static let rowLimit = 30
    /// More classes than this do not fit a line.
    static let classLimit = 6

    init(_ report: PredictionReport, out: String) {
        self.report = report
        self.out = out
    }

    /// The table and where everything is.
    func lines(for terminal: Terminal) -> [String] {
        guard !report.cases.isEmpty else { return [] }
        let labels = Array(report.classNames.indices.dropFirst().prefix(Self.classLimit))
        let hasVolumes = report.cases.contains { $0.isVolume }
        var columns = [TextTable.Column("case", canShrink: true), .init("images", .right)]
        for label in labels {
            columns.append(.init(report.classNames[label], .right))
            if hasVolumes { columns.append(.init("ml", .right)) }
        }
        var table = TextTable(columns)
        for predicted in report.cases.prefix(Self.rowLimit) {
            var cells = [predicted.name, grouped(predicted.imageCount)]
            for label in labels {
                cells.append(grouped(predicted.counts[label]))
                if hasVolumes { cells.append(predicted.milliliters(of: label).map(Self.milliliters) ?? "") }
            }
            table.add(cells)
        }
        var lines = table.lines(for: terminal)
        let hidden = report.cases.count - Self.rowLimit
        if hidden > 0 { lines.append("… \(counted(hidden, "more case")); --json lists all") }
        let unshown = report.classNames.count - 1 - labels.count
        if unshown > 0 { lines.append("\(counted(unshown, "more class", "more classes")); --json lists all") }
        let rate = report.seconds > 0 ? ", \(significant(Double(report.imageCount) / report.seconds, 3)) a second" : ""
        lines += [
            "",
            "Written to \(out): \(counted(report.cases.count, "label map")) of \(counted(report.imageCount, "image"))"
                + " in \(Self.time(report.seconds))\(rate)",
        ]
        return lines
    }

    private static func milliliters(_ value: Double) -> String { fixed(value, value < 10 ? 2 : 1) }

    private static func time(_ seconds: Double) -> String {
        seconds < 10 ? "\(fixed(seconds, 1)) s" : duration(seconds: seconds)
    }
}
