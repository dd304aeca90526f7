// The loop of `ripe watch`: look, score, show, judge, wait.

import Analyzer
import Formats
import Glibc

/// Watches until the rule says stop, or the user does.
struct WatchLoop {
    private let job: ScoreJob
    private let scoredOn: ScoredOn
    private let stopping: StoppingOptions
    private let watching: WatchingOptions
    private let out: String?
    private let screen: WatchScreen
    private let events = FolderEvents()
    private let scoring: SequenceRun
    private var watch: CheckpointWatch
    private var writingFailure: String?
    private var hasViews = false

    init(
        job: ScoreJob, scoredOn: ScoredOn, run: SequenceRun, places: [String], stopping: StoppingOptions,
        watching: WatchingOptions, out: String?, screen: WatchScreen
    ) {
        self.job = job
        self.scoredOn = scoredOn
        scoring = run
        self.stopping = stopping
        self.watching = watching
        self.out = out
        self.screen = screen
        watch = CheckpointWatch(
            places, graph: job.hints.graph, run: run, settling: .milliseconds(Int(watching.settle * 1000)))
    }

    /// How a watch ends, when it does not fail.
    enum Ending {
        /// The rule says stop.
        case stop
        /// Everything that is there is scored (`--once`).
        case done
        /// The like, but some files were left out.
        case incomplete
    }

    /// - Throws: ``ToolError`` when the user ends it, or the images cannot be read any more.
    mutating func run() throws -> Ending {
        var renamed: Set<String> = []
        while true {
            if Interrupt.isRequested { throw interrupted() }
            let changed: Bool
            do {
                events.add(watch.folders)
                changed = try watch.look(
                    renamed: renamed, isCancelled: { Interrupt.isRequested }, onEvent: { [self] in show($0) })
            } catch AnalyzerError.cancelled { throw interrupted() } catch {
                throw ToolError.failure("\(error); finished scores are kept: the same command goes on from there")
            }
            if changed || watching.once, let ending = try judge() { return ending }
            screen.wait(for: watch.pending)
            renamed = events.wait(upTo: pause)
        }
    }

    /// Files that are being written are looked at again soon; else the next look waits for an event or the time.
    private var pause: Duration {
        let young = watch.pending.contains { !$0.isStuck }
        return .milliseconds(Int(1000 * (young ? min(watching.poll, max(0.1, watching.settle / 4)) : watching.poll)))
    }

    private func show(_ event: CheckpointWatch.Event) {
        switch event {
        case .scoring(let event):
            job.recorder.note(event)
            screen.show(event)
        case .note(let text): screen.note(text)
        case .updated(let outcome): screen.update(job.report(outcome, of: scoring, on: scoredOn))
        }
    }

    // MARK: Judging

    /// Writes the table and asks the rule; nil for going on.
    private mutating func judge() throws -> Ending? {
        guard !watching.once || watch.isSettled else { return nil }
        var outcome = watch.outcome
        if watching.once {
            // What is not complete now is left out, as 'ripe score' would leave it out.
            let known = Set(outcome.excluded.map(\.path))
            outcome.excluded += watch.pending.filter { !known.contains($0.path) }.map {
                ExcludedFile(path: $0.path, name: $0.name, reason: $0.reason ?? "it is still being written")
            }
        }
        let report = job.report(outcome, of: scoring, on: scoredOn)
        screen.looked(report)
        if let out { write(report, to: out) }
        let advice = stopping.rule?.advice(
            report.candidates, decidedBy: report.recommendation.decidedBy, spread: scoring.scorer.spread,
            seed: scoring.scorer.options.seed)
        if let advice { screen.judged(advice) }
        if let advice, advice.stops, let pick = report.recommendation.pick {
            try screen.finish(report, writtenTo: writingFailure == nil ? out : nil)
            try StopAction(stopping, places: watch.places, out: out).take(
                report.candidates[pick], sentence: report.recommendation.sentence, reason: advice.reason, screen)
            return .stop
        }
        guard watching.once else { return nil }
        guard !report.candidates.isEmpty else {
            throw ToolError.failure("\(watch.places.joined(separator: ", ")): no checkpoint could be scored")
        }
        try screen.finish(report, writtenTo: writingFailure == nil ? out : nil)
        return report.excluded.isEmpty ? .done : .incomplete
    }

    /// A full disk or a folder that became read-only is told once, and tried again after the next checkpoint.
    private mutating func write(_ report: ScoreReport, to folder: String) {
        guard !report.candidates.isEmpty else { return }
        do throws(FormatError) {
            try job.files(on: scoredOn).write(report, to: folder, hasViews: hasViews)
            hasViews = true
            if writingFailure != nil { screen.note("\(folder): written again") }
            writingFailure = nil
        } catch {
            if writingFailure == nil {
                screen.note("\(error); the watch goes on, and tries again after the next checkpoint")
            }
            writingFailure = "\(error)"
        }
    }

    private func interrupted() -> ToolError {
        screen.clear()
        let count = watch.outcome.candidates.count
        guard job.cache != nil, count > 0 else { return .interrupted("stopped; nothing was kept") }
        return .interrupted(
            "stopped; the scores of \(counted(count, "checkpoint")) are kept, and the same command goes on from there")
    }
}
