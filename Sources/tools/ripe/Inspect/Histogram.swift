// How values are spread, as bars or JSON.

import Formats

/// Words and bars for the values of an image or volume.
enum Histogram {
    /// A range of values (one value where both ends are the same) and how many lie in it.
    typealias Bin = (low: Double, high: Double, count: Int)

    /// Extremes, moments and percentiles on one line.
    static func summary(_ statistics: VoxelStatistics, percents: [Double]) -> String {
        guard statistics.count > 0 else {
            return "none is finite (\(grouped(statistics.nonFiniteCount)) NaN or infinite)"
        }
        let percentiles = zip(percents, statistics.percentiles).map { percent, value in
            (percent == 50 ? "median" : "\(significant(percent, 3)) %") + " \(significant(value, 5))"
        }
        let odd = statistics.nonFiniteCount > 0 ? ", \(grouped(statistics.nonFiniteCount)) NaN or infinite" : ""
        return "\(significant(statistics.minimum, 5)) to \(significant(statistics.maximum, 5)), mean "
            + "\(significant(statistics.mean, 5)), deviation \(significant(statistics.standardDeviation, 5)), "
            + percentiles.joined(separator: ", ") + odd
    }

    /// The same for programs.
    static func json(_ statistics: VoxelStatistics, percents: [Double]) -> JSON {
        .object([
            "count": .integer(statistics.count),
            "nonFinite": .integer(statistics.nonFiniteCount),
            "minimum": .real(statistics.minimum),
            "maximum": .real(statistics.maximum),
            "mean": .real(statistics.mean),
            "standardDeviation": .real(statistics.standardDeviation),
            "percentiles": .array(
                zip(percents, statistics.percentiles).map { .object(["percent": .real($0), "value": .real($1)]) }),
        ])
    }

    /// A bar for every bin.
    static func lines(_ histogram: ValueHistogram, for terminal: Terminal) -> [String] {
        lines(histogram.bins.map { ($0.low, $0.high, $0.count) }, for: terminal)
    }

    /// A bar for every bin.
    static func lines(_ bins: [Bin], for terminal: Terminal) -> [String] {
        guard let largest = bins.map(\.count).max(), largest > 0 else { return [] }
        let total = bins.reduce(0) { $0 + $1.count }
        var table = TextTable([.init("value", .right), .init("count", .right), .init("share", .right), .init("")])
        for bin in bins {
            let range =
                bin.low == bin.high
                ? significant(bin.low, 6) : "\(significant(bin.low, 4)) … \(significant(bin.high, 4))"
            table.add([
                range, grouped(bin.count), "\(fixed(100 * Double(bin.count) / Double(total), 1)) %",
                bar(Double(bin.count) / Double(largest), width: 24),
            ])
        }
        return [""] + table.lines(for: terminal, indent: 2)
    }

    /// The bins for programs.
    static func json(_ histogram: ValueHistogram) -> JSON { json(histogram.bins.map { ($0.low, $0.high, $0.count) }) }

    /// The bins for programs.
    static func json(_ bins: [Bin]) -> JSON {
        .array(bins.map { .object(["low": .real($0.low), "high": .real($0.high), "count": .integer($0.count)]) })
    }

    /// Integer values gathered into at most `count` bins of equal width; one a value where that suffices.
    static func bins(_ counts: [(value: Int, count: Int)], count: Int) -> [Bin] {
        guard counts.count > count, let low = counts.first?.value, let high = counts.last?.value else {
            return counts.map { (Double($0.value), Double($0.value), $0.count) }
        }
        let width = (high - low) / count + 1
        var bins: [Bin] = []
        for entry in counts {
            let start = low + (entry.value - low) / width * width
            if bins.last?.low != Double(start) { bins.append((Double(start), Double(min(start + width - 1, high)), 0)) }
            bins[bins.count - 1].count += entry.count
        }
        return bins
    }
}
