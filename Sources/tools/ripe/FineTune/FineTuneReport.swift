// The end of a fine-tuning: metrics.json, cases.csv, and what a person reads.

import Analyzer
import Engine
import Formats

/// Gathers results, writes and shows them.
struct FineTuneReport {
    let encoder: FineTuneEncoder
    let data: FineTuneData
    let results: [FineTuneResult]
    let baselines: [FineTuneResult]
    let folder: String
    let settings: FineTuneSettings
    let output: FineTuneOutput
    let recorder: RunRecorder

    /// Writes the files of every training and of all together, shows the tables, and returns the content of metrics.json.
    func finish() throws -> JSON {
        for result in results + baselines where result.folder != folder {
            try write(try report([result]), to: result.folder)
        }
        let report = try report(results)
        try write(report, to: folder)
        // One without folds has written its own there.
        if baselines.count > 1 { try write(try self.report(baselines), to: folder + "/baseline") }
        try RunReport.write(in: folder, record: recorder.record)
        for (key, set) in report.sets {
            let title = key == "test" ? "Test images" : "Validation images"
            try show(set, title: title + (results.count > 1 ? ", \(counted(results.count, "network")) together" : ""))
        }
        if !baselines.isEmpty { try showBaseline(against: report) }
        try showPlaces()
        return report.json
    }

    /// Several trainings' sets added up: in a cross-validation every case is measured by the network that never saw it.
    private func report(_ results: [FineTuneResult]) throws -> MetricsReport {
        func merged(_ parts: [MetricAccumulator]) throws -> MetricResults? {
            guard var sum = parts.first else { return nil }
            for part in parts.dropFirst() { try sum.merge(part) }
            return sum.results
        }
        return MetricsReport(
            test: try merged(results.compactMap(\.test)), validation: try merged(results.compactMap(\.validation)),
            facts: facts(results))
    }

    private func facts(_ results: [FineTuneResult]) -> [JSON.Member] {
        let runs = results.map { result in
            JSON.object([
                "model": .string(result.modelPath),
                "trainingImages": .integer(result.part.training.count),
                "validationImages": .integer(result.part.validation.count),
                "epochs": .integer(result.outcome.history.epochs.count),
                "bestEpoch": .integer(result.outcome.bestEpoch),
                "bestValidationDice": result.outcome.bestDice.map(JSON.real) ?? .null,
                "finalLoss": result.outcome.history.epochs.last.map { .real($0.loss) } ?? .null,
                "seconds": .real(result.outcome.history.epochs.reduce(0) { $0 + $1.seconds }),
            ])
        }
        return [
            .init(key: "checkpoint", value: .string(encoder.checkpoint.path)),
            .init(key: "checkpointHash", value: .string(encoder.contentHash)),
            .init(key: "encoder", value: .string(encoder.recognition.architecture)),
            .init(
                key: "settings",
                value: .object(
                    settings.identity.sorted { $0.key < $1.key }.map { .init(key: $0.key, value: .string($0.value)) })),
            .init(key: "runs", value: .array(runs)),
        ]
    }

    private func write(_ report: MetricsReport, to folder: String) throws {
        var json = try AtomicFile(folder + "/metrics.json")
        var cases = try AtomicFile(folder + "/cases.csv")
        try json.write(report.json.text() + "\n")
        try cases.write(report.caseTable)
        try json.commit()
        try cases.commit()
    }

    // MARK: For people

    private func show(_ results: MetricResults, title: String) throws {
        let measures = MetricsTable(results)
        var table = TextTable(measures.header.enumerated().map { .init($1, $0 == 0 ? .left : .right) })
        for row in measures.rows { table.add(row) }
        let cases = "\(counted(results.cases.count, "case")), \(counted(results.imageCount, "image"))"
        try output.say("\(title): \(cases)", output.lines(table) + measures.notes.map { "  " + $0 })
    }

    private func showBaseline(against pretrained: MetricsReport) throws {
        var table = TextTable([
            .init("Dice"), .init("pretrained", .right), .init("from scratch", .right), .init("gain", .right),
        ])
        let scratch = try report(baselines)
        for ((key, one), (_, other)) in zip(pretrained.sets, scratch.sets) {
            let rows =
                [("mean", one.pooled.mean(.dice), other.pooled.mean(.dice))]
                + one.settings.foreground.enumerated().map { ($1, one.pooled[.dice, $0], other.pooled[.dice, $0]) }
            for (name, first, second) in rows {
                func text(_ value: Double?) -> String { value.map { fixed($0, 4) } ?? "–" }
                let gain = first.flatMap { first in second.map { first - $0 } }
                table.add([
                    "\(key), \(name)", text(first), text(second),
                    gain.map { ($0 >= 0 ? "+" : "") + fixed($0, 4) } ?? "–",
                ])
            }
        }
        try output.say("Against random weights", output.lines(table))
    }

    private func showPlaces() throws {
        var facts = FactList()
        let result = results[0]
        if results.count == 1 {
            let validated = result.outcome.bestDice.map { ", validation Dice \(fixed($0, 4))" } ?? ""
            facts.add("model", "\(result.modelPath) (epoch \(result.outcome.bestEpoch)\(validated))")
            facts.add("history", FineTuneRun.historyPath(in: result.folder))
            facts.add("pictures", result.folder + "/overlays")
        } else {
            facts.add("models", "\(folder)/fold_1 … fold_\(results.count)")
        }
        facts.add("measures", "\(folder)/metrics.json, cases.csv")
        facts.add("report", "\(folder)/report.html (open it in a browser)")
        facts.add("next", "ripe predict \(result.modelPath) IMAGES --out DIR")
        try output.say("Written", facts.lines(for: .output))
    }
}
