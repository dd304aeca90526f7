// The measures as an aligned table for the terminal.

import Formats

/// The measures of a set as cells: a row for each measure.
public struct MetricsTable: Sendable {
    /// Column titles; the first column holds names, the others numbers.
    public let header: [String]
    /// The rows, as many cells as the header.
    public let rows: [[String]]
    /// What the table leaves unsaid, a sentence each.
    public let notes: [String]

    /// More classes than this do not fit a line; only their mean is shown then.
    public static let columnLimit = 6

    /// Makes the table of a set.
    ///
    /// Columns: the mean over the classes, each class, and the means by image and by case. A measure's class columns are
    /// over all pixels of the set, those of distances the means by case.
    public init(_ results: MetricResults) {
        let settings = results.settings
        let classes = settings.foreground.count <= Self.columnLimit ? settings.foreground : []
        let byImage = settings.measuresImages
        header =
            ["", "mean"] + (classes.count > 1 ? classes.map(printable) : []) + (byImage ? ["by image"] : [])
            + ["by case"]
        rows = SegmentationMetric.allCases.filter { settings.metrics.contains($0) }.map { metric in
            let isDistance = metric.family == .distance
            let values = isDistance ? results.byCase : results.pooled
            func cell(_ value: Double?) -> String { value.map { Self.fixed($0, isDistance ? 2 : 4) } ?? "–" }
            let unit = isDistance ? results.unit.map { " (\($0.rawValue))" } ?? "" : ""
            return [metric.title + unit, cell(isDistance ? nil : values.mean(metric))]
                + (classes.count > 1 ? values[metric].map(cell) : [])
                + (byImage ? [cell(results.byImage.mean(metric))] : []) + [cell(results.byCase.mean(metric))]
        }
        notes = Self.notes(results)
    }

    private static func notes(_ results: MetricResults) -> [String] {
        var notes = ["Means leave the background out, and whatever is undefined."]
        let settings = results.settings
        guard let metric = settings.wanted(.distance).first else { return notes }
        let undefined = results.undefinedCases(metric)
        let missing = zip(settings.foreground, undefined).filter { $0.1 > 0 }
        if !missing.isEmpty {
            let list = missing.map { "\(printable($0.0)) in \($0.1)" }.joined(separator: ", ")
            notes.append("No distance where a class is absent: \(list) of \(results.cases.count) cases.")
        }
        if results.unit == nil, !results.cases.isEmpty {
            notes.append("Some cases have a known spacing and others not: their distances have no common mean.")
        }
        return notes
    }

    /// The aligned lines: header, rows, notes.
    public var lines: [String] {
        let table = [header] + rows
        let widths = header.indices.map { column in table.map { $0[column].count }.max() ?? 0 }
        return table.map { cells in
            let parts = cells.indices.map { column in
                let padding = String(repeating: " ", count: widths[column] - cells[column].count)
                return column == 0 ? cells[column] + padding : padding + cells[column]
            }
            return parts.joined(separator: "  ")
        } + notes
    }

    /// A number with a fixed count of decimals.
    private static func fixed(_ value: Double, _ decimals: Int) -> String {
        let scale = decimals == 2 ? 100.0 : 10000
        guard value.isFinite, abs(value) < 1e12 else { return "\(value)" }
        let whole = Int((abs(value) * scale).rounded())
        let fraction = String(whole % Int(scale))
        let zeros = String(repeating: "0", count: decimals - fraction.count)
        return (value < 0 && whole > 0 ? "-" : "") + "\(whole / Int(scale)).\(zeros)\(fraction)"
    }
}
