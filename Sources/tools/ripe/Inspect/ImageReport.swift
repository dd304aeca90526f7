// What `ripe inspect` says of a PNG image.

import Formats

/// A PNG's form and values, as text or JSON.
struct ImageReport {
    let image: PNGImage
    let fileBytes: Int
    private let statistics: VoxelStatistics
    private let counts: [(value: Int, count: Int)]

    init(_ image: PNGImage, fileBytes: Int) {
        self.image = image
        self.fileBytes = fileBytes
        let values = image.samples.floats() ?? []
        statistics = VoxelStatistics(percents: [50]) { visit in for value in values { visit(Double(value), 1) } }
        var table = [Int](repeating: 0, count: image.fullScale + 1)
        for value in values where table.indices.contains(Int(value)) { table[Int(value)] += 1 }
        counts = table.enumerated().filter { $0.element > 0 }.map { (value: $0.offset, count: $0.element) }
    }

    private var color: String {
        switch image.colorType {
        case .gray: "grey"
        case .rgb: "RGB"
        case .palette: "palette of \(counted(image.palette.count, "colour"))"
        case .grayAlpha: "grey with alpha"
        case .rgba: "RGBA"
        }
    }

    /// The report for a person.
    func lines(for terminal: Terminal) -> [String] {
        var facts = FactList()
        facts.add("pixels", "\(image.height)×\(image.width) (rows × columns), \(color), \(image.depth) bit")
        facts.add("pixel size", image.facts.pixelSize.map { "\(significant($0.x, 4)) × \(significant($0.y, 4)) mm" })
        if !image.facts.significantBits.isEmpty {
            facts.add("significant bits", image.facts.significantBits.map { String($0) }.joined(separator: ", "))
        }
        facts.add("values", Histogram.summary(statistics, percents: [50]))
        for warning in image.warnings { facts.add("warning", warning, style: .yellow) }
        let bins = Histogram.bins(counts, count: 16)
        return [
            terminal.styled(image.path, .bold),
            "  PNG\(image.facts.isInterlaced ? ", interlaced" : ""), \(byteSize(fileBytes))",
        ]
            + facts.lines(for: terminal) + Histogram.lines(bins, for: terminal)
    }

    /// The same for programs.
    var json: JSON {
        .object([
            "schema": .string("ripe.inspect/1"),
            "kind": .string("image"),
            "path": .string(image.path),
            "format": .string("PNG"),
            "bytes": .integer(fileBytes),
            "color": .string(color),
            "depth": .integer(image.depth),
            "shape": .integers(image.samples.shape.axes),
            "isInterlaced": .bool(image.facts.isInterlaced),
            "pixelSize": image.facts.pixelSize.map { .array([.real($0.x), .real($0.y)]) },
            "values": Histogram.json(statistics, percents: [50]),
            "histogram": Histogram.json(Histogram.bins(counts, count: 16)),
            "warnings": .strings(image.warnings),
        ])
    }
}
