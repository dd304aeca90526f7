// What a person wants to see of labelled data before training begins, and the same for programs.

public import Formats

/// Labelled data in numbers, rows and remarks.
public struct PreflightReport: Sendable {
    /// A class in numbers.
    public struct ClassFacts: Sendable, Hashable {
        /// Its name.
        public let name: String
        /// Its value in label files.
        public let value: Int32
        /// Pixels in the files' own sizes.
        public let pixels: Int
        /// Their share of all pixels that are not ignored.
        public let share: Double
        /// The share in the prepared images.
        public let preparedShare: Double
        /// Images that have it.
        public let images: Int
        /// Groups (patients, or volumes where nothing is known of patients) that have it.
        public let groups: Int
    }

    /// The classes, the background first.
    public let classes: [ClassFacts]
    /// Groups that cannot part in a split.
    public let groupCount: Int
    /// Volumes and image files with a mask.
    public let caseCount: Int
    /// Images with a mask.
    public let imageCount: Int
    /// Images that the target left out as empty.
    public let emptyCount: Int
    /// The share of pixels to ignore.
    public let ignoredShare: Double
    /// What should be known, the serious first.
    public let warnings: [DataWarning]
    private let data: SegmentationData

    /// Sums up labelled data.
    public init(_ data: SegmentationData) {
        self.data = data
        let images = data.images
        let (pixels, prepared) = (Self.sums(images.map(\.pixels)), Self.sums(images.map(\.preparedPixels)))
        let (all, allPrepared) = (max(pixels.reduce(0, +), 1), max(prepared.reduce(0, +), 1))
        classes = data.scheme.names.indices.map { label in
            let holders = images.filter { $0.pixels[label] > 0 }
            return ClassFacts(
                name: data.scheme.names[label], value: data.scheme.values[label], pixels: pixels[label],
                share: Double(pixels[label]) / Double(all),
                preparedShare: Double(prepared[label]) / Double(allPrepared), images: holders.count,
                groups: Set(holders.map(\.group)).count)
        }
        groupCount = Set(images.map(\.group)).count
        caseCount = data.cases.count
        imageCount = images.count
        emptyCount = data.target.summary.emptyCount
        let ignored = images.reduce(0) { $0 + $1.ignoredPixels }
        ignoredShare = Double(ignored) / Double(ignored + all)
        warnings = data.warnings
    }

    private static func sums(_ counts: [[Int]]) -> [Int] {
        guard var result = counts.first else { return [] }
        for list in counts.dropFirst() { for (index, count) in list.enumerated() { result[index] += count } }
        return result
    }

    // MARK: For people

    /// The heads of ``rows``.
    public static let columns = ["class", "value", "pixels", "share", "images", "cases"]

    /// One row a class.
    public var rows: [[String]] {
        classes.map { facts in
            [
                facts.name, "\(facts.value)", "\(facts.pixels)", percent(facts.share),
                "\(facts.images) of \(imageCount)",
                "\(facts.groups) of \(groupCount)",
            ]
        }
    }

    /// What the data are, a fact a line; the table of classes and the warnings come besides.
    public var lines: [String] {
        let summary = data.target.summary
        let shape = data.imageShape
        var lines = [
            "\(summary.place): \(summary.layout.rawValue), \(count(groupCount, "case")), "
                + (caseCount == groupCount ? "" : "\(count(caseCount, "file")), ") + count(imageCount, "image")
                + (emptyCount > 0 ? " (\(emptyCount) empty left out)" : ""),
            "sizes \(size(data.cases.map(\.height)))×\(size(data.cases.map(\.width))) → "
                + "\(shape.height)×\(shape.width), \(shape.channels == 1 ? "grey" : "colour")",
        ]
        let spacings = data.cases.compactMap(\.spacing)
        if !spacings.isEmpty {
            let inPlane = spacings.flatMap { [$0[1], $0[2]] }
            lines.append("pixels \(range(inPlane)) mm, slices \(range(spacings.map { $0[0] })) mm apart")
        }
        switch data.schemeOrigin {
        case .given: lines.append("classes as given")
        case .description: lines.append("classes by dataset.json")
        case .found: lines.append("classes by \(data.schemeOrigin.title)")
        }
        if ignoredShare > 0 { lines.append("\(percent(ignoredShare)) of the pixels are ignored") }
        return lines
    }

    private func count(_ number: Int, _ noun: String) -> String { "\(number) \(noun)\(number == 1 ? "" : "s")" }

    private func size(_ sizes: [Int]) -> String {
        guard let low = sizes.min(), let high = sizes.max() else { return "0" }
        return low == high ? "\(low)" : "\(low)…\(high)"
    }

    private func range(_ values: [Double]) -> String {
        guard let low = values.min(), let high = values.max() else { return "?" }
        return high - low < 0.0005 ? shortDecimal(low) : "\(shortDecimal(low))…\(shortDecimal(high))"
    }

    // MARK: For programs

    /// The report as JSON; sizes in pixels, spacing in millimetres as slices, rows, columns.
    public var json: JSON {
        .object([
            "place": .string(data.target.summary.place),
            "layout": .string(data.target.summary.layout.rawValue),
            "cases": .integer(groupCount),
            "files": .integer(caseCount),
            "images": .integer(imageCount),
            "emptyImages": .integer(emptyCount),
            "unlabelledCases": .strings(data.unlabelledCases),
            "imageShape": .integers([data.imageShape.channels, data.imageShape.height, data.imageShape.width]),
            "contentHash": .string(data.target.summary.contentHash.hexadecimal),
            "classesFrom": .string(data.schemeOrigin.rawValue),
            "classes": .array(
                classes.map { facts in
                    .object([
                        "name": .string(facts.name), "value": .integer(Int(facts.value)),
                        "pixels": .integer(facts.pixels), "share": .real(facts.share),
                        "preparedShare": .real(facts.preparedShare), "images": .integer(facts.images),
                        "cases": .integer(facts.groups),
                    ])
                }),
            "ignoredShare": .real(ignoredShare),
            "caseList": .array(data.cases.map(caseJSON)),
            "warnings": .array(
                warnings.map {
                    .object([
                        "kind": .string($0.kind.rawValue), "serious": .bool($0.isSerious),
                        "message": .string($0.message),
                    ])
                }),
        ])
    }

    private func caseJSON(_ owner: LabelledCase) -> JSON {
        let images = data.images[owner.images]
        return .object([
            "name": .string(owner.name), "group": .integer(images.first?.group ?? 0),
            "images": .integer(owner.images.count), "height": .integer(owner.height), "width": .integer(owner.width),
            "volume": owner.volumeShape.map(JSON.integers),
            "spacing": owner.spacing.map { spacing in .array((0..<3).map { .real(spacing[$0]) }) },
            "pixels": .integers(Self.sums(images.map(\.pixels))),
        ])
    }
}

extension SegmentationData {
    /// The data in numbers, rows and remarks.
    public var report: PreflightReport { PreflightReport(self) }
}
