// What metrics.json says, read back for the report's tables.

import Formats

/// The content of a `metrics.json`.
struct ReportedMetrics {
    /// A measure of a set.
    struct Row {
        let metric: SegmentationMetric
        let unit: String
        let mean: Double?
        let perClass: [Double?]
        let byCase: Double?
    }

    /// The Dice of a case.
    struct Case {
        let name: String
        let mean: Double?
        let perClass: [Double?]
    }

    /// What was measured on some images.
    struct Set {
        /// `test` or `validation`.
        let key: String
        let caseCount: Int?
        let imageCount: Int?
        let rows: [Row]
        let cases: [Case]
    }

    /// The whole file.
    let json: JSON
    let classes: [String]
    let sets: [Set]
    let checkpoint: String?
    let checkpointHash: String?
    let encoder: String?
    let settings: [(key: String, value: String)]
    let runs: [JSON]

    /// Reads a file's content.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for another file's content; whatever else is missing is left out.
    init(_ json: JSON, path: String = "metrics.json") throws(FormatError) {
        guard let schema = json["schema"]?.string, schema.hasPrefix("ripe.metrics/") else {
            throw FormatError(
                path,
                .invalid(
                    section: "metrics", expected: "an object with schema ripe.metrics/1",
                    found: json["schema"]?.string ?? "something else"))
        }
        self.json = json
        let classes = (json["classes"]?.array ?? []).map { $0.string ?? "?" }
        self.classes = classes
        sets = ["test", "validation"].compactMap { key in
            json[key].flatMap { Self.set($0, key: key, classCount: classes.count) }
        }
        checkpoint = json["checkpoint"]?.string
        checkpointHash = json["checkpointHash"]?.string
        encoder = json["encoder"]?.string
        settings = (json["settings"]?.members ?? []).map { ($0.key, $0.value.string ?? $0.value.compactText) }
        runs = json["runs"]?.array ?? []
    }

    private static func set(_ json: JSON, key: String, classCount: Int) -> Set? {
        guard json.members != nil else { return nil }
        let unit = json["distanceUnit"]?.string
        let rows = SegmentationMetric.allCases.compactMap { metric -> Row? in
            let isDistance = metric.family == .distance
            let byCase = json[metric.rawValue + "ByCase"]
            // Distances have no value over all pixels; their class columns are the means by case.
            guard let shown = isDistance ? byCase : json[metric.rawValue], shown.members != nil else { return nil }
            return Row(
                metric: metric, unit: isDistance ? unit ?? "" : "", mean: isDistance ? nil : finite(shown["mean"]),
                perClass: perClass(shown, classCount), byCase: finite(byCase?["mean"]))
        }
        let cases = (json["diceByCase"]?["cases"]?.array ?? []).map { entry in
            Case(
                name: entry["case"]?.string ?? "?", mean: finite(entry["mean"]),
                perClass: perClass(entry, classCount))
        }
        return Set(
            key: key, caseCount: json["caseCount"]?.int, imageCount: json["imageCount"]?.int, rows: rows, cases: cases)
    }

    private static func perClass(_ json: JSON, _ count: Int) -> [Double?] {
        let values = (json["perClass"]?.array ?? []).map { finite($0) }
        return (0..<count).map { $0 < values.count ? values[$0] : nil }
    }

    private static func finite(_ value: JSON?) -> Double? { value?.double.flatMap { $0.isFinite ? $0 : nil } }
}
