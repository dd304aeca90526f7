// What `ripe inspect` says of a NIfTI or Analyze volume.

import Formats

/// A volume's geometry and values, as text or JSON.
struct VolumeReport {
    let volume: Volume
    let fileBytes: Int
    private let statistics: VoxelStatistics
    private let histogram: ValueHistogram
    private static let percents = [1.0, 50, 99]

    init(_ volume: Volume, fileBytes: Int) {
        self.volume = volume
        self.fileBytes = fileBytes
        statistics = volume.statistics(percents: Self.percents)
        histogram = volume.histogram()
    }

    private var size: String { volume.shape.map { String($0) }.joined(separator: "×") }
    private var spacing: [Double] { (0..<3).map { volume.spacing[$0] } }

    /// The report for a person.
    func lines(for terminal: Terminal) -> [String] {
        let header = volume.header
        let form = [
            header.isPair ? "header and voxels in two files" : "", header.isCompressed ? "gzip" : "",
            header.isBigEndian ? "big-endian" : "",
        ]
        .filter { !$0.isEmpty }.map { ", " + $0 }.joined()
        var facts = FactList()
        facts.add("voxels", "\(size) of \(volume.type)")
        facts.add("spacing", spacing.map { significant($0, 4) }.joined(separator: " × ") + " mm")
        facts.add("axes point", "\(volume.axisCodes) (\(volume.geometry.source.rawValue))")
        facts.add("affine", "\(volume.geometry.affine)")
        facts.add("time step", volume.timeStep.map { "\(significant($0, 4)) s" })
        if !volume.scaling.isIdentity {
            facts.add(
                "scaling",
                "value = \(significant(volume.scaling.slope, 6)) × stored + \(significant(volume.scaling.intercept, 6))"
            )
        }
        facts.add("description", "\(header.description)")
        facts.add("values", Histogram.summary(statistics, percents: Self.percents))
        for warning in volume.warnings { facts.add("warning", warning, style: .yellow) }
        return [terminal.styled(volume.path, .bold), "  \(header.format.rawValue)\(form), \(byteSize(fileBytes))"]
            + facts.lines(for: terminal) + Histogram.lines(histogram, for: terminal)
    }

    /// The same for programs.
    var json: JSON {
        .object([
            "schema": .string("ripe.inspect/1"),
            "kind": .string("volume"),
            "path": .string(volume.path),
            "format": .string(volume.header.format.rawValue),
            "bytes": .integer(fileBytes),
            "isPair": .bool(volume.header.isPair),
            "isCompressed": .bool(volume.header.isCompressed),
            "isBigEndian": .bool(volume.header.isBigEndian),
            "dtype": .string("\(volume.type)"),
            "shape": .integers(volume.shape),
            "spacing": .array(spacing.map(JSON.real)),
            "axisCodes": .string(volume.axisCodes),
            "affineSource": .string(volume.geometry.source.rawValue),
            "affine": .array(volume.geometry.affine.rows.map(JSON.real)),
            "slope": .real(volume.scaling.slope),
            "intercept": .real(volume.scaling.intercept),
            "timeStep": volume.timeStep.map(JSON.real),
            "description": .string("\(volume.header.description)"),
            "values": Histogram.json(statistics, percents: Self.percents),
            "histogram": Histogram.json(histogram),
            "warnings": .strings(volume.warnings),
        ])
    }
}
