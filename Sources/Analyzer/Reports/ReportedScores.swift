// What scores.json says, read back for the curve and the report; nothing in it is taken for granted.

import Formats

/// The content of a `scores.json`.
struct ReportedScores {
    /// A score of a checkpoint; numbers that were not finite are nil.
    struct Score {
        let value: Double?
        let standardError: Double?
    }

    /// How a considered checkpoint stands.
    struct Standing {
        let combined: Double?
        let betterThanLast: Double?
        let first: Double?
        let beatsLast: Bool
        let isTied: Bool
    }

    /// A scored checkpoint.
    struct Checkpoint {
        let path: String
        let name: String
        let epoch: Int?
        let step: Int?
        let architecture: String?
        let contentHash: String?
        /// Why it was not considered.
        let notConsidered: String?
        let settings: [ScoreSetting]
        let scores: [ScoreSetting: Score]
        /// Nil for one that was not considered.
        let standing: Standing?
        /// What to call it: the epoch where that tells apart, else the name.
        fileprivate(set) var label = ""
    }

    /// A remark.
    struct Warning {
        let kind: String
        let isSerious: Bool
        let message: String
    }

    /// The whole file.
    let json: JSON
    private(set) var checkpoints: [Checkpoint]
    let sentence: String
    let rule: String
    /// Places in ``checkpoints``.
    let pick: Int?
    let last: Int?
    /// What each rule picks, in the order of ``PickRule``.
    let picks: [(rule: String, checkpoint: Int)]
    let orderCorrelation: Double?
    let decidedBy: [ScoreSetting]
    let resamplings: Int
    let confidence: Double
    let warnings: [Warning]
    let excluded: [(path: String, name: String, reason: String)]

    /// Reads a file's content.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for another file's content; whatever else is missing is left out.
    init(_ json: JSON, path: String = "scores.json") throws(FormatError) {
        guard let schema = json["schema"]?.string, schema.hasPrefix("ripe.scores/"),
            let entries = json["checkpoints"]?.array
        else {
            throw FormatError(
                path,
                .invalid(
                    section: "scores", expected: "an object with schema ripe.scores/1 and checkpoints",
                    found: json["schema"]?.string ?? "something else"))
        }
        self.init(json, entries: entries)
    }

    /// Takes a report as it will be written.
    init(_ report: ScoreReport) {
        let json = report.json
        self.init(json, entries: json["checkpoints"]?.array ?? [])
    }

    private init(_ json: JSON, entries: [JSON]) {
        self.json = json
        let temperature = json["settings"]?["temperatures"]?.array?.first?.double ?? 0
        let found = json["recommendation"]
        let standings = Self.standings(found)
        let checkpoints = entries.map { Self.checkpoint($0, standings: standings, temperature: temperature) }
        var places: [String: Int] = [:]
        for (index, checkpoint) in checkpoints.enumerated().reversed() { places[checkpoint.path] = index }
        func place(_ file: JSON?) -> Int? { file?["path"]?.string.flatMap { places[$0] } }
        sentence = found?["sentence"]?.string ?? "No recommendation."
        rule = found?["rule"]?.string ?? "guarded"
        pick = place(found?["pick"])
        last = place(found?["baselines"]?["last"])
        picks = PickRule.allCases.compactMap { rule in
            place(found?["rules"]?[rule.rawValue]).map { (rule.rawValue, $0) }
        }
        orderCorrelation = found?["baselines"]?["orderCorrelation"]?.double
        decidedBy = (found?["decidedBy"]?.array ?? []).compactMap { Self.setting($0, temperature: temperature) }
        resamplings = found?["resamplings"]?.int ?? 0
        confidence = found?["confidence"]?.double ?? 0.95
        warnings = (json["warnings"]?.array ?? []).compactMap { entry in
            entry["message"]?.string.map {
                Warning(
                    kind: entry["kind"]?.string ?? "", isSerious: entry["serious"]?.bool ?? true, message: $0)
            }
        }
        excluded = (json["excluded"]?.array ?? []).map {
            let path = $0["path"]?.string ?? ""
            return (path, $0["name"]?.string ?? path, $0["reason"]?.string ?? "")
        }
        self.checkpoints = checkpoints
        for (index, label) in Self.labels(checkpoints).enumerated() { self.checkpoints[index].label = label }
    }

    // MARK: Facts that follow

    /// The checkpoints that were considered, by place.
    var considered: [Int] { checkpoints.indices.filter { checkpoints[$0].standing != nil } }

    /// Those that cannot be told from the first, by place.
    var tied: [Int] { checkpoints.indices.filter { checkpoints[$0].standing?.isTied == true } }

    /// The place of what a rule picks.
    func pick(of rule: PickRule) -> Int? { picks.first { $0.rule == rule.rawValue }?.checkpoint }

    // MARK: Parts

    private static func standings(_ recommendation: JSON?) -> [String: Standing] {
        var found: [String: Standing] = [:]
        for entry in recommendation?["standings"]?.array ?? [] {
            guard let path = entry["path"]?.string else { continue }
            found[path] = Standing(
                combined: finite(entry["combined"]), betterThanLast: finite(entry["betterThanLast"]),
                first: finite(entry["first"]), beatsLast: entry["beatsLast"]?.bool ?? false,
                isTied: entry["tied"]?.bool ?? false)
        }
        return found
    }

    private static func checkpoint(
        _ entry: JSON, standings: [String: Standing], temperature: Double
    ) -> Checkpoint {
        var settings: [ScoreSetting] = []
        var scores: [ScoreSetting: Score] = [:]
        for score in entry["scores"]?.array ?? [] {
            guard let setting = setting(score, temperature: temperature) else { continue }
            if scores[setting] == nil { settings.append(setting) }
            scores[setting] = Score(value: finite(score["value"]), standardError: finite(score["standardError"]))
        }
        let path = entry["path"]?.string ?? entry["name"]?.string ?? "?"
        return Checkpoint(
            path: path, name: entry["name"]?.string ?? path, epoch: entry["epoch"]?.int, step: entry["step"]?.int,
            architecture: entry["architecture"]?.string, contentHash: entry["contentHash"]?.string,
            notConsidered: entry["notConsidered"]?.string, settings: settings, scores: scores,
            standing: standings[path])
    }

    private static func setting(_ entry: JSON, temperature: Double) -> ScoreSetting? {
        guard let distance = entry["distance"]?.string.flatMap(Distance.init), let level = entry["level"]?.int,
            let pooling = entry["pooling"]?.string.flatMap(Pooling.init),
            let negatives = entry["negatives"]?.string.flatMap(Negatives.init)
        else { return nil }
        let loss: Loss
        switch entry["loss"]?.string {
        case "hinge": loss = .hinge(margin: finite(entry["margin"]) ?? 0)
        case "infonce": loss = .infonce(temperature: temperature)
        default: return nil
        }
        return ScoreSetting(distance: distance, loss: loss, level: level, pooling: pooling, negatives: negatives)
    }

    private static func finite(_ value: JSON?) -> Double? { value?.double.flatMap { $0.isFinite ? $0 : nil } }

    /// Copies and those of unknown place keep their names.
    private static func labels(_ checkpoints: [Checkpoint]) -> [String] {
        let named = checkpoints.indices.filter { index in
            let reason = checkpoints[index].notConsidered ?? ""
            return !reason.hasPrefix("a copy of ") && !reason.hasPrefix("the weights of ")
                && (checkpoints[index].epoch != nil || checkpoints[index].step != nil)
        }
        let choices: [(Checkpoint) -> String?] = [
            { $0.epoch.map { "epoch \($0)" } },
            { file in file.epoch.flatMap { epoch in file.step.map { "epoch \(epoch), step \($0)" } } },
            { $0.step.map { "step \($0)" } },
        ]
        var labels = checkpoints.map(\.name)
        for choice in choices {
            let known = named.compactMap { choice(checkpoints[$0]) }
            guard known.count == named.count, Set(known).count == known.count else { continue }
            for (index, label) in zip(named, known) { labels[index] = label }
            break
        }
        return labels
    }
}
