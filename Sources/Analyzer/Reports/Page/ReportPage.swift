// The page: sections put into the template.

internal import Mustache

/// Makes the page of a folder's content.
struct ReportPage {
    let content: ReportContent

    init(_ content: ReportContent) { self.content = content }

    /// The page as HTML.
    var html: String {
        // The templates are constants of this module; the tests render all of them.
        guard let library = try? Self.library(),
            let html = library.render(page.content, withTemplate: "page")
        else {
            return "<!DOCTYPE html><title>ripe</title><p>The report's template is damaged; report.json has the numbers."
        }
        return html
    }

    private static func library() throws -> MustacheLibrary {
        var library = MustacheLibrary()
        for (name, text) in ReportTemplate.all { try library.register(text, named: name) }
        return library
    }

    private var page: PageValue {
        let tuning = FineTuningSection(content: content)
        let provenance = ProvenanceSection(content: content)
        let scores = content.scores.map { RecommendationSection(scores: $0, model: tuning.model) }
        let samples = PictureSections.samples(content.views)
        let overlays = PictureSections.overlays(content.overlays)
        let members: KeyValuePairs<String, PageValue?> = [
            "title": .text("Ripe report: " + (scores?.headline.head ?? "fine-tuning")),
            "style": .markup(ReportStyle.css),
            "nav": navigation(samples != nil, overlays != nil, tuning),
            "recommendation": scores?.page,
            "tuningHead": tuningHead(tuning),
            "curve": content.scores.map(Self.curve),
            "table": scores?.table,
            "rules": scores?.rules,
            "order": scores?.order.map { .text($0) },
            "heat": content.scores.map(Self.heat),
            "warnings": warnings,
            "excluded": excluded,
            "samples": samples.map { .object(["images": $0, "areGiven": .flag(areViewsGiven)]) },
            "tuning": tuning.isEmpty ? nil : Self.tuning(tuning),
            "overlays": overlays.map {
                .object(["images": $0, "key": PictureSections.key(content.metrics?.classes ?? [])])
            },
            "commands": provenance.commands.map { .object(["list": $0]) },
            "target": provenance.target.map { .object(["facts": $0]) },
            "scoreSettings": provenance.settings.map { .object(["facts": $0]) },
            "files": provenance.checkpoints.map { .object(["list": $0]) },
            "notes": content.notes.isEmpty ? nil : .object(["list": .texts(content.notes)]),
        ]
        return .object(members)
    }

    private var areViewsGiven: Bool { content.scores?.json["target"]?["layout"]?.string == "given views" }

    private func navigation(_ hasSamples: Bool, _ hasOverlays: Bool, _ tuning: FineTuningSection) -> PageValue {
        let hasScores = content.scores != nil
        let items: [(Bool, String, String)] = [
            (hasScores, "curve", "Curve"), (hasScores, "rules", "Rules"), (hasScores, "heat-map", "Levels"),
            (warnings != nil, "warnings", "Warnings"), (excluded != nil, "excluded", "Left out"),
            (hasSamples, "samples", "Images"), (!content.histories.isEmpty, "learning-curves", "Training"),
            (tuning.tables != nil, "metrics", "Measures"), (hasOverlays, "overlays", "Masks"),
            (true, "provenance", "How it was made"),
        ]
        return .list(
            items.filter(\.0).map { .object(["id": .text($0.1), "name": .text($0.2)]) })
    }

    /// The head of a page that is about a fine-tuning alone, or the result below a recommendation.
    private func tuningHead(_ tuning: FineTuningSection) -> PageValue? {
        guard !tuning.isEmpty else { return nil }
        let command = tuning.model.map { "ripe predict \(RecommendationSection.quotedPath($0)) IMAGES --out masks" }
        return .object([
            "sentence": .text(tuning.sentence ?? "A network was trained; it has not been measured."),
            "isAlone": .flag(content.scores == nil), "mismatch": tuning.mismatch.map { .text($0) },
            "command": content.scores == nil ? command.map { .text($0) } : nil,
        ])
    }

    private static func curve(_ scores: ReportedScores) -> PageValue {
        .object([
            "wide": .markup(ScoreCurve(scores, layout: .wide).svg),
            "narrow": .markup(ScoreCurve(scores, layout: .narrow).svg),
            "meaning": .text(
                scores.decidedBy.count > 1
                    ? "Each panel is the score at one level of the encoder; together they decide, by the mean of a "
                        + "checkpoint’s ranks." : "One score, at one level of the encoder, decides."),
        ])
    }

    private static func heat(_ scores: ReportedScores) -> PageValue {
        let maps = HeatMaps(scores).page
        return .object([
            "maps": maps.deciding, "others": maps.others,
            "isPart": .flag(scores.json["settings"]?["levels"]?.array != nil),
            "scale": .list((0...8).map { .object(["shade": .text("h\($0)")]) }),
        ])
    }

    private static func tuning(_ tuning: FineTuningSection) -> PageValue {
        .object([
            "facts": tuning.facts, "settings": tuning.settings.map { .object(["facts": $0]) },
            "curves": tuning.curves.map { .object(["list": $0]) },
            "metrics": tuning.tables.map { .object(["tables": $0]) },
        ])
    }

    /// Serious ones first.
    private var warnings: PageValue? {
        guard let found = content.scores?.warnings, !found.isEmpty else { return nil }
        let sorted = found.filter(\.isSerious) + found.filter { !$0.isSerious }
        return .object([
            "list": .list(
                sorted.map {
                    .object([
                        "isSerious": .flag($0.isSerious),
                        "message": .text($0.message.prefix(1).uppercased() + $0.message.dropFirst()),
                    ])
                })
        ])
    }

    private var excluded: PageValue? {
        guard let found = content.scores?.excluded, !found.isEmpty else { return nil }
        return .object([
            "list": .list(
                found.map {
                    .object(["name": .text($0.name), "path": .text($0.path), "reason": .text($0.reason)])
                })
        ])
    }
}
