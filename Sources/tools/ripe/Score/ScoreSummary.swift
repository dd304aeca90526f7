// What a person sees of a finished run: table, curve, recommendation, remarks.

import Analyzer
import Formats

/// A scored sequence as text.
struct ScoreSummary {
    private let report: ScoreReport
    private let isWritten: Bool
    private var candidates: [Candidate] { report.candidates }
    private var recommendation: Recommendation { report.recommendation }

    /// - Parameter isWritten: whether files with everything follow.
    init(_ report: ScoreReport, isWritten: Bool = false) {
        self.report = report
        self.isWritten = isWritten
    }

    /// The whole report.
    func lines(for terminal: Terminal) -> [String] {
        let heading = wrapped("Scores, lower is better, \(settingText)", to: min(terminal.width, 120) - 2)
        var lines = [""]
        lines += heading.enumerated().map { index, line in
            index == 0 ? terminal.styled("Scores", .bold) + line.dropFirst("Scores".count) : "  " + line
        }
        lines += table(hasBars: terminal.width >= 100).lines(for: terminal, indent: 2)
        if let more = moreSettings { lines += [terminal.styled("  " + more, .dim)] }
        let curve = plot.lines(for: terminal, indent: 2)
        if !curve.isEmpty { lines += [""] + curve }
        lines += ["", terminal.styled("Recommendation", .bold)]
        lines += wrapped(printable(recommendation.sentence), to: min(terminal.width, 100) - 2).map {
            "  " + terminal.styled($0, recommendation.pick == nil ? .yellow : .green)
        }
        lines += choices().lines(for: terminal)
        let shown = recommendation.ineligible
        if !shown.isEmpty {
            lines += ["", terminal.styled("Shown, not considered", .bold)]
            for index in shown.indices where index < 6 || shown.count == 7 {
                lines += bullet("\(label(shown[index].checkpoint)): \(shown[index].reason)", nil, terminal)
            }
            if shown.count > 7 { lines += bullet("… and \(shown.count - 6) other checkpoints", nil, terminal) }
        }
        if !report.warnings.isEmpty {
            lines += ["", terminal.styled("Before you rely on it", .bold)]
            for warning in report.warnings {
                lines += bullet(warning.message, warning.isSerious ? .yellow : nil, terminal)
            }
        }
        if !report.excluded.isEmpty {
            lines += ["", terminal.styled("Left out", .bold)]
            for file in report.excluded { lines += bullet("\(file.name): \(file.reason)", .red, terminal) }
        }
        return lines
    }

    /// The curve alone, for a run that goes on.
    func curve(for terminal: Terminal) -> [String] { plot.lines(for: terminal, indent: 2) }

    /// A checkpoint in a line: what it is called and its deciding scores.
    func line(of index: Int) -> String {
        let scores = deciding.compactMap { setting in
            candidates[index].score[setting].map {
                "level \(setting.level) \(fixed($0.value, 4)) ± \(fixed($0.standardError, 4))"
            }
        }
        return "\(label(index)): \(scores.isEmpty ? "no score that decides" : scores.joined(separator: ", "))"
    }

    private func bullet(_ text: String, _ style: Style?, _ terminal: Terminal) -> [String] {
        wrapped(printable(text), to: min(terminal.width, 100) - 4).enumerated().map { index, line in
            (index == 0 ? "  - " : "    ") + (style.map { terminal.styled(line, $0) } ?? line)
        }
    }

    // MARK: Table

    private var deciding: [ScoreSetting] { recommendation.decidedBy }

    /// What the deciding settings share, in words.
    private var settingText: String {
        guard let setting = deciding.first else { return "" }
        let loss =
            switch setting.loss {
            case .hinge(let margin): "hinge loss with margin \(margin)"
            case .infonce(let temperature): "contrastive loss with temperature \(temperature)"
            }
        let isOfTokens = candidates.contains { $0.networkFacts.contains { $0.key == Candidate.tokenPoolingFact } }
        let tokens =
            setting.pooling == .pooled && isOfTokens ? " (tokens over \(report.options.tokenPooling.rawValue))" : ""
        return "\(setting.distance.rawValue) distance of \(setting.pooling.rawValue) features\(tokens), \(loss)"
    }

    private func table(hasBars: Bool) -> TextTable {
        let hasSteps = candidates.contains { $0.step != nil }
        var table = TextTable(
            [.init("epoch", .right)] + (hasSteps ? [.init("step", .right)] : []) + [
                .init("checkpoint", canShrink: true)
            ]
                + deciding.map { .init("level \($0.level) ± error", .right) }
                + (deciding.count > 1 ? [.init("rank", .right)] : []) + (hasBars ? [.init("")] : []) + [
                    .init("")
                ])
        for (index, candidate) in candidates.enumerated() {
            let standing = recommendation.standings.first { $0.checkpoint == index }
            var cells = [candidate.epoch.map { "\($0)" } ?? "–"]
            if hasSteps { cells.append(candidate.step.map { "\($0)" } ?? "–") }
            cells.append(candidate.name)
            cells += deciding.map { setting in
                candidate.score[setting].map { "\(fixed($0.value, 4)) ± \(fixed($0.standardError, 4))" } ?? "–"
            }
            if deciding.count > 1 { cells.append(standing.map { significant($0.combined, 3) } ?? "–") }
            if hasBars { cells.append(bar(share(of: index), width: 10)) }
            cells.append(note(index, standing))
            table.add(cells, style: index == recommendation.pick ? .green : standing == nil ? .dim : nil)
        }
        return table
    }

    private func note(_ index: Int, _ standing: Recommendation.Standing?) -> String {
        if let ineligible = recommendation.ineligible.first(where: { $0.checkpoint == index }) {
            return ineligible.isUntrained
                ? "untrained" : ineligible.original != nil ? "copy" : "not considered"
        }
        if index == recommendation.pick { return "◆ recommended" }
        return standing?.isTied == true ? "tied" : ""
    }

    /// The mean over the deciding levels, and of their standard errors (an upper bound of the mean's own).
    private func value(of index: Int) -> (mean: Double, error: Double) {
        let entries = deciding.compactMap { candidates[index].score[$0] }
        let count = Double(max(1, entries.count))
        guard !entries.isEmpty, entries.count == deciding.count else { return (.nan, .nan) }
        return (
            entries.reduce(0) { $0 + $1.value } / count, entries.reduce(0) { $0 + $1.standardError } / count
        )
    }

    /// Where a score stands between the lowest (a short bar) and the highest (a full one).
    private func share(of index: Int) -> Double {
        let considered = recommendation.standings.map(\.checkpoint)
        let all = (considered.isEmpty ? Array(candidates.indices) : considered).map { value(of: $0).mean }.filter(
            \.isFinite)
        guard let low = all.min(), let high = all.max(), value(of: index).mean.isFinite else { return .nan }
        guard high > low else { return 0.5 }
        return 0.1 + 0.9 * (value(of: index).mean - low) / (high - low)
    }

    // MARK: Curve

    private var plot: TextPlot {
        let copies = Set(recommendation.ineligible.filter { $0.original != nil }.map(\.checkpoint))
        let drawn = candidates.indices.filter { !copies.contains($0) }
        let choices = [("epoch", candidates.map(\.epoch)), ("step", candidates.map(\.step))]
        let axis = choices.first { choice in
            let known = drawn.compactMap { choice.1[$0] }
            return !known.isEmpty && Set(known).count == known.count
                && (known.count == drawn.count || choice.0 == "epoch")
        }
        let points = drawn.enumerated().map { place, index in
            let (mean, error) = value(of: index)
            return PlotPoint(
                label: axis.map { $0.1[index].map { "\($0)" } ?? "–" } ?? "\(place + 1)", value: mean, error: error,
                isPick: index == recommendation.pick,
                counts: recommendation.standings.contains { $0.checkpoint == index })
        }
        return TextPlot(points: points, axisTitle: axis?.0 ?? "checkpoint")
    }

    // MARK: Recommendation

    private func choices() -> FactList {
        var facts = FactList()
        for rule in PickRule.allCases {
            guard let pick = recommendation.picks[rule] else { continue }
            let isUsed = rule == recommendation.rule ? " (the rule in use)" : ""
            facts.add("--rule \(rule.rawValue)", label(pick) + isUsed)
        }
        if let last = recommendation.last {
            let why =
                candidates[last].epoch != nil ? "highest epoch" : candidates[last].step != nil ? "highest step" : nil
            facts.add("without a score", "\(label(last)): the last checkpoint, \(why ?? "by the order of the names")")
        }
        if let correlation = recommendation.orderCorrelation, recommendation.standings.count > 2 {
            facts.add(
                "score and order",
                "rank correlation \(fixed(correlation, 2)); −1 would be: the later the better, always")
        }
        return facts
    }

    /// That there is more than the table shows.
    private var moreSettings: String? {
        let all = candidates.map { $0.score.entries.count }.max() ?? 0
        guard all > deciding.count else { return nil }
        return
            "These \(deciding.count) of \(all) settings decide; all are in \(isWritten ? "the files below" : "--json, and in files with --out")."
    }

    private func label(_ index: Int) -> String {
        let candidate = candidates[index]
        let isTold = candidates.count { $0.epoch == candidate.epoch } == 1
        return candidate.epoch.flatMap { isTold ? "epoch \($0), \(candidate.name)" : nil } ?? candidate.name
    }
}
