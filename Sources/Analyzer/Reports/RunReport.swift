// The report of a folder of results: everything that 'ripe score', 'ripe run', 'ripe watch' and 'ripe finetune' left there.

public import Formats

/// What a folder of results holds, as a page for people and as JSON.
///
/// Nothing but the folder decides what comes out, so the same folder gives the same bytes. Files that are damaged are left
/// out with a note; one of `scores.json`, `metrics.json` and `history.csv` must be there.
public struct RunReport: Sendable {
    /// The schema's name and version of `report.json`.
    public static let schema = "ripe.report/1"
    /// How many pictures of each kind a page holds.
    static let pictureLimit = 24
    static let foldLimit = 20

    /// The page.
    public let html: String
    /// The numbers that the page shows.
    public let json: JSON
    /// What could not be read, a sentence each.
    public let notes: [String]

    /// Reads a folder.
    ///
    /// - Throws: ``FormatError`` with `.unrecognized` for a folder without results that can be read.
    public init(_ folder: String) throws(FormatError) {
        let content = try ReportContent(folder)
        html = ReportPage(content).html
        json = content.json
        notes = content.notes
    }

    /// Reads a folder and writes `report.html` and `report.json` into it.
    ///
    /// - Parameters:
    ///   - page: where the page goes, if not into the folder.
    ///   - record: what the command was; written to `run.json` first.
    /// - Returns: the report.
    /// - Throws: ``FormatError`` for a folder without results, and when a file cannot be written.
    @discardableResult
    public static func write(
        in folder: String, page: String? = nil, record: RunRecord? = nil
    ) throws(FormatError) -> RunReport {
        try record?.write(to: folder)
        let report = try RunReport(folder)
        var pageFile = try AtomicFile(page ?? folder + "/report.html")
        var jsonFile = try AtomicFile(page.map(Self.jsonPath) ?? folder + "/report.json")
        try pageFile.write(report.html)
        try jsonFile.write(report.json.text() + "\n")
        try pageFile.commit()
        try jsonFile.commit()
        return report
    }

    /// The numbers go beside the page, under its name.
    static func jsonPath(beside page: String) -> String {
        let base = page.hasSuffix(".html") ? String(page.dropLast(5)) : page
        return base + ".json"
    }
}

/// What was found in a folder.
struct ReportContent {
    let scores: ReportedScores?
    let metrics: ReportedMetrics?
    /// The same network from random weights.
    let baseline: ReportedMetrics?
    let histories: [ReportedHistory]
    let commands: [JSON]
    let views: [ReportFiles.Picture]
    let overlays: [ReportFiles.Picture]
    let notes: [String]

    init(_ folder: String) throws(FormatError) {
        var files = ReportFiles(folder)
        scores = files.json("scores.json") { (json) throws(FormatError) in try ReportedScores(json) }
        metrics = files.json("metrics.json") { (json) throws(FormatError) in try ReportedMetrics(json) }
        baseline = files.json("baseline/metrics.json") { (json) throws(FormatError) in
            try ReportedMetrics(json, path: "baseline/metrics.json")
        }
        histories = Self.histories(&files)
        commands =
            files.json("run.json") { (json) throws(FormatError) in try RunRecord.commands(of: json) } ?? []
        views = files.pictures(in: "views", limit: 3 * RunReport.pictureLimit)
        let folds = files.has("overlays") ? ["overlays"] : ["fold_1/overlays"]
        overlays = folds.flatMap { files.pictures(in: $0, limit: RunReport.pictureLimit) }
        notes = files.notes
        guard scores != nil || metrics != nil || !histories.isEmpty else {
            let found =
                notes.isEmpty ? "no scores.json, metrics.json or history.csv" : notes.joined(separator: " ")
            throw FormatError(
                folder,
                .unrecognized(
                    found: found, advice: "name the --out folder of 'ripe score', 'ripe run' or 'ripe finetune'"))
        }
    }

    private static func histories(_ files: inout ReportFiles) -> [ReportedHistory] {
        if let only = files.text("history.csv", { (text) throws(FormatError) in try ReportedHistory(csv: text) }) {
            return [only]
        }
        var found: [ReportedHistory] = []
        for fold in 1...RunReport.foldLimit {
            let name = "fold_\(fold)/history.csv"
            var history = files.text(name) { (text) throws(FormatError) in
                try ReportedHistory(csv: text, path: name)
            }
            history?.title = "fold \(fold)"
            if let history { found.append(history) }
        }
        return found
    }

    /// The numbers that the page shows; scores and measures stand here as in their own files.
    var json: JSON {
        let heatMaps = scores.map { HeatMaps($0) }
        return .object([
            "schema": .string(RunReport.schema),
            "recommendation": scores?.json["recommendation"],
            "settings": scores?.json["settings"],
            "target": scores?.json["target"],
            "checkpoints": scores?.json["checkpoints"],
            "heatMaps": heatMaps?.json,
            "warnings": scores?.json["warnings"],
            "excluded": scores?.json["excluded"],
            "views": views.isEmpty ? nil : .strings(views.map(\.path)),
            "histories": histories.isEmpty ? nil : .array(histories.map(\.json)),
            "metrics": metrics?.json,
            "baseline": baseline?.json,
            "overlays": overlays.isEmpty ? nil : .strings(overlays.map(\.path)),
            "commands": .array(commands),
            "notes": .strings(notes),
        ])
    }
}
