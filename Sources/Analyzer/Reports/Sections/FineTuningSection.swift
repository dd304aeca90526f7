// What came out of a fine-tuning: a sentence, the course, the measures.

import Formats

/// Measures and learning curves in words and tables.
struct FineTuningSection {
    let content: ReportContent

    private var metrics: ReportedMetrics? { content.metrics }

    /// Whether there is anything to show.
    var isEmpty: Bool { metrics == nil && content.histories.isEmpty }

    /// The model to go on with, if there is one.
    var model: String? { metrics?.runs.first?["model"]?.string }

    /// The result in a sentence; nil without measures.
    var sentence: String? {
        guard let metrics else { return nil }
        let parts = metrics.sets.compactMap { set -> String? in
            guard let dice = set.rows.first(where: { $0.metric == .dice }) else { return nil }
            let cases = set.caseCount.map { " (\(ReportNumbers.counted($0, "case")))" } ?? ""
            return "\(ReportNumbers.fixed(dice.mean, 3)) on the \(set.key) images\(cases)"
        }
        guard !parts.isEmpty else { return nil }
        let scratch = baselineDice.map { "; the same network from random weights: \(ReportNumbers.fixed($0, 3))" } ?? ""
        return "Mean Dice \(parts.joined(separator: ", "))\(scratch)."
    }

    private var baselineDice: Double? {
        guard let key = metrics?.sets.first?.key else { return nil }
        return content.baseline?.sets.first { $0.key == key }?.rows.first { $0.metric == .dice }?.mean
    }

    /// What does not fit together in the folder.
    var mismatch: String? {
        guard let scores = content.scores, let pick = scores.pick, let found = metrics?.checkpointHash,
            let expected = scores.checkpoints[pick].contentHash, found != expected
        else { return nil }
        let name = metrics?.checkpoint ?? "another checkpoint"
        return "This network was trained from \(name), which is not the checkpoint recommended above."
    }

    /// What was trained, in pairs of words.
    var facts: PageValue {
        var pairs: [(String, String)] = []
        if let checkpoint = metrics?.checkpoint { pairs.append(("Checkpoint", checkpoint)) }
        if let encoder = metrics?.encoder { pairs.append(("Encoder", encoder)) }
        for (index, run) in (metrics?.runs ?? []).enumerated() {
            let count = metrics?.runs.count ?? 1
            pairs.append((count > 1 ? "Fold \(index + 1)" : "Training", Self.runText(run)))
        }
        return Self.pairs(pairs)
    }

    /// The settings, all of them.
    var settings: PageValue? {
        guard let metrics, !metrics.settings.isEmpty else { return nil }
        return Self.pairs(metrics.settings)
    }

    private static func runText(_ run: JSON) -> String {
        let images = [("trainingImages", "training"), ("validationImages", "validation")].compactMap { key, name in
            run[key]?.int.map { "\(ReportNumbers.grouped($0)) \(name) images" }
        }
        var parts = images
        if let epochs = run["epochs"]?.int { parts.append(ReportNumbers.counted(epochs, "epoch")) }
        if let best = run["bestEpoch"]?.int { parts.append("kept: epoch \(best)") }
        if let seconds = run["seconds"]?.double { parts.append(ReportNumbers.duration(seconds)) }
        return parts.joined(separator: ", ")
    }

    static func pairs(_ pairs: [(key: String, value: String)]) -> PageValue {
        .list(pairs.map { .object(["key": .text($0.key), "value": .text($0.value)]) })
    }

    // MARK: Curves

    /// A drawing for each training, in two widths, with its table.
    var curves: PageValue? {
        guard !content.histories.isEmpty else { return nil }
        return .list(
            content.histories.enumerated().map { index, history in
                let wide = LearningCurves(history, isNarrow: false, number: index + 1)
                let narrow = LearningCurves(history, isNarrow: true, number: index + 1)
                return .object([
                    "title": history.title.isEmpty ? nil : .text("Fold \(index + 1)"), "summary": .text(wide.summary),
                    "wide": .markup(wide.svg), "narrow": .markup(narrow.svg), "table": Self.table(history),
                ])
            })
    }

    /// At most this many epochs stand in a page's table; history.csv has all.
    static let epochLimit = 500

    private static func table(_ history: ReportedHistory) -> PageValue {
        let columns = [
            ("epoch", "Epoch", 0), ("loss", "Loss", 4), ("trainDice", "Training Dice", 4),
            ("validationDice", "Validation Dice", 4), ("learningRate", "Learning rate", 6), ("seconds", "Seconds", 1),
        ].compactMap { name, title, decimals in history.column(name).map { (title, $0, decimals) } }
        let rows = history.rows.indices.prefix(epochLimit).map { row in
            PageValue.object(["cells": .texts(columns.map { ReportNumbers.fixed($0.1[row], $0.2) })])
        }
        return .object(["header": .texts(columns.map(\.0)), "rows": .list(rows)])
    }

    // MARK: Measures

    /// A table for each set, then those of random weights.
    var tables: PageValue? {
        guard let metrics else { return nil }
        let own = metrics.sets.map { Self.table($0, classes: metrics.classes, suffix: "") }
        let scratch = (content.baseline?.sets ?? []).map {
            Self.table($0, classes: content.baseline?.classes ?? [], suffix: ", the same network from random weights")
        }
        return own.isEmpty && scratch.isEmpty ? nil : .list(own + scratch)
    }

    private static func table(_ set: ReportedMetrics.Set, classes: [String], suffix: String) -> PageValue {
        let rows = set.rows.map { row in
            let decimals = row.metric.family == .distance ? 2 : 4
            let cells = [row.mean] + row.perClass + [row.byCase]
            let better = row.metric.largerIsBetter ? "higher is better" : "lower is better"
            let title = row.metric.title
            return PageValue.object([
                "name": .text(
                    title.prefix(1).uppercased() + title.dropFirst() + (row.unit.isEmpty ? "" : " (\(row.unit))")),
                "better": .text(better), "cells": .texts(cells.map { ReportNumbers.fixed($0, decimals) }),
            ])
        }
        let counts = [
            set.caseCount.map { ReportNumbers.counted($0, "case") },
            set.imageCount.map { ReportNumbers.counted($0, "image") },
        ]
        .compactMap(\.self)
        let name = set.key == "test" ? "Test images" : "Validation images"
        return .object([
            "title": .text(([name] + counts).joined(separator: ", ") + suffix),
            "header": .texts(["Mean of classes"] + classes + ["Mean by case"]), "rows": .list(rows),
            "cases": cases(set, classes),
        ])
    }

    /// More cases than this are left to cases.csv.
    static let caseLimit = 1000

    private static func cases(_ set: ReportedMetrics.Set, _ classes: [String]) -> PageValue? {
        guard !set.cases.isEmpty else { return nil }
        let rows = set.cases.prefix(caseLimit).map { part in
            PageValue.object([
                "name": .text(part.name),
                "cells": .texts(([part.mean] + part.perClass).map { ReportNumbers.fixed($0, 4) }),
            ])
        }
        return .object(["header": .texts(["Mean"] + classes), "rows": .list(rows)])
    }
}
