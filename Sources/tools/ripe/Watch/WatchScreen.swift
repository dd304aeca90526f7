// What a person or a program sees of a watch: a live curve on a terminal, plain lines or JSON lines elsewhere.

import Analyzer
import Formats

/// Shows a watch.
final class WatchScreen {
    private let progress: ProgressLine
    private let isJSON: Bool
    private let terminal: Terminal
    /// The lines that are rewritten in place, and how many of them stand on the terminal.
    private var block: [String] = []
    private var shown = 0
    private var name = ""
    private var status = ""
    /// Whether the last score was known before, and how many of those nothing has been said of yet.
    private var isKnown = false
    private var untold = 0

    init(_ progress: ProgressLine, isJSON: Bool, terminal: Terminal = .output) {
        self.progress = progress
        self.isJSON = isJSON
        self.terminal = terminal
    }

    private var isLive: Bool { terminal.isInteractive && !isJSON }

    // MARK: Events

    /// A checkpoint is being scored.
    func show(_ event: SequenceRun.Event) {
        switch event {
        case .began(let file, _, _):
            name = file.name
            isKnown = false
            progress.restart()
        case .progress(let done):
            progress.update("scoring \(name)", done: done.viewsDone, total: done.viewCount, unit: "views")
        case .finished(let candidate, let isCached):
            isKnown = isCached
            tell(
                "scored", ["name": .string(candidate.name), "path": .string(candidate.path), "cached": .bool(isCached)])
        case .excluded(let file):
            note("\(file.path): \(file.reason); it is left out")
        case .note(let text): note("note: \(text)")
        }
    }

    /// There is a new table.
    ///
    /// - Parameter report: made only where it is shown, for it resamples the images of all checkpoints.
    func update(_ report: @autoclosure () -> ScoreReport) {
        guard !isJSON else { return }
        guard !isKnown else { return untold += 1 }
        let report = report()
        progress.clear()
        guard isLive else {
            let summary = ScoreSummary(report)
            if let index = report.candidates.firstIndex(where: { $0.name == name }) {
                let pick = report.recommendation.pick.map { "; so far: \(report.candidates[$0].name)" } ?? ""
                plain(summary.line(of: index) + pick)
            }
            return
        }
        draw(report)
    }

    /// The table after a look: says of scores that were known before how many they are, in one line for all.
    func looked(_ report: ScoreReport) {
        guard !isJSON, untold > 0 else { return }
        progress.clear()
        if isLive {
            draw(report)
        } else {
            let pick = report.recommendation.pick.map { "; so far: \(report.candidates[$0].name)" } ?? ""
            plain("\(counted(untold, "checkpoint")) scored earlier\(pick)")
        }
        untold = 0
    }

    private func draw(_ report: ScoreReport) {
        draw(
            [""] + ScoreSummary(report).curve(for: terminal)
                + wrapped(report.recommendation.sentence, to: terminal.width - 4).map { "  " + $0 })
    }

    /// The rule has looked at the table.
    func judged(_ advice: StoppingRule.Advice) {
        status = advice.reason
        tell("judged", ["stop": .bool(advice.stops), "reason": .string(advice.reason)])
        if isLive { draw(block) }
    }

    /// Nothing is to be done until something happens.
    func wait(for pending: [CheckpointWatch.Pending]) {
        guard isLive else { return }
        let young = pending.filter { !$0.isStuck }.map(\.name)
        let what =
            young.isEmpty ? "waiting for the next checkpoint" : "waiting for \(young.prefix(3).joined(separator: ", "))"
        progress.status(what + (status.isEmpty ? "" : " · \(status)"))
    }

    /// A remark that stays.
    func note(_ text: String) {
        tell("note", ["text": .string(text)])
        guard !isJSON else { return }
        erase()
        progress.remark(text)
        redraw()
    }

    /// The rule says stop.
    func stop(reason: String, pick: Candidate) {
        tell(
            "stop",
            ["reason": .string(reason), "pick": .string(pick.path), "epoch": pick.epoch.map(JSON.integer) ?? .null])
        guard !isJSON else { return }
        clear()
        progress.remark("Stop: \(reason).")
    }

    /// The whole table, at the end.
    ///
    /// - Parameter folder: where the files are; nil for none.
    func finish(_ report: ScoreReport, writtenTo folder: String?) throws {
        clear()
        if isJSON {
            tell("table", ["scores": report.json])
        } else {
            try Console.write(ScoreSummary(report, isWritten: folder != nil).lines(for: terminal))
            if let folder { try Console.write(["", "Written to \(folder): \(ResultFiles.closing)"]) }
        }
    }

    /// Takes what is rewritten in place off the screen.
    func clear() {
        progress.clear()
        erase()
        block = []
    }

    // MARK: Lines

    private func plain(_ text: String) { try? Console.write(printable(text)) }

    private func tell(_ event: String, _ members: KeyValuePairs<String, JSON>) {
        guard isJSON else { return }
        let all =
            [JSON.Member(key: "event", value: .string(event))] + members.map { .init(key: $0.key, value: $0.value) }
        try? Console.write(JSON.object(all).compactText)
    }

    private func draw(_ lines: [String]) {
        erase()
        block = lines
        redraw()
    }

    private func redraw() {
        guard isLive, !block.isEmpty else { return }
        try? Console.write(block)
        shown = block.count
    }

    private func erase() {
        progress.clear()
        guard shown > 0 else { return }
        Console.noteRaw("\u{1B}[\(shown)A\r\u{1B}[J")
        shown = 0
    }
}
