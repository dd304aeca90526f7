// A session of libripe: target images, and the scores of the checkpoints that were handed in.

import Analyzer
import ArgumentParser
import CRipe
import Formats
import Glibc
import Synchronization

/// Why a call of libripe fails, with the status that C sees.
struct PluginFailure: Error {
    let status: ripe_status
    let message: String

    init(_ status: ripe_status, _ message: String) {
        self.status = status
        self.message = message
    }

    /// Sorts an error of the libraries or of the command line under a status.
    init(_ error: any Error) {
        switch error {
        case let failure as PluginFailure: self = failure
        case let error as AnalyzerError:
            switch error {
            case .cancelled: self.init(RIPE_CANCELLED, "cancelled")
            case .option: self.init(RIPE_USAGE, "\(error)")
            default: self.init(RIPE_FAILED, "\(error)")
            }
        case let error as ToolError: self.init(error.exitCode == 64 ? RIPE_USAGE : RIPE_FAILED, "\(error)")
        case is ValidationError: self.init(RIPE_USAGE, "\(error)")
        default: self.init(RIPE_FAILED, "\(error)")
        }
    }
}

/// What `ripe_session` stands for. Calls take turns; ``cancel()`` may come at any time.
final class PluginSession: Sendable {
    private let process = getpid()
    private let job: ScoreJob
    private let scoredOn: ScoredOn
    private let isCancelled = Atomic<Bool>(false)
    private let state: Mutex<State>

    private struct State {
        var session: ScoringSession
        /// Every file that was handed in, under its path.
        var files: [String: CheckpointFile] = [:]
        /// What was handed in and cannot be opened.
        var unreadable: [String: ExcludedFile] = [:]
    }

    /// Opens images by the options of `ripe score`.
    init(options: [String]) throws {
        let setup = try Self.setup(options)
        try setup.checkSource()
        job = setup.job(threads: setup.threads.count, program: Self.program)
        scoredOn = try setup.scoredOn(job, progress: ProgressLine(isSilent: true))
        state = Mutex(State(session: ScoringSession(try job.run(on: scoredOn))))
    }

    /// Takes views that are in memory.
    init(views first: TensorView, _ second: TensorView, options: [String]) throws {
        let setup = try Self.setup(options)
        guard setup.images.target.isEmpty, setup.views.isEmpty else {
            throw PluginFailure(RIPE_USAGE, "--target and --views belong to ripe_open; here the views are given")
        }
        try setup.checkViewsAlone()
        job = setup.job(threads: setup.threads.count, program: Self.program)
        scoredOn = try ScoredOn(views: [first, second], place: "memory")
        state = Mutex(State(session: ScoringSession(try job.run(on: scoredOn))))
    }

    /// The name of the program that uses the library; its arguments are its own affair.
    private static var program: String {
        let path = CommandLine.arguments.first ?? ""
        return "libripe in " + (path.split(separator: "/").last.map(String.init) ?? "a program")
    }

    private static func setup(_ options: [String]) throws -> ScoreSetup {
        do { return try ScoreSetup.parse(options) } catch {
            throw PluginFailure(RIPE_USAGE, ScoreSetup.message(for: error))
        }
    }

    /// Whether this is the process that opened it: after a fork, threads and locks of the other are not here.
    var isOfThisProcess: Bool { getpid() == process }

    /// Ends the running call, or the next.
    func cancel() { isCancelled.store(true, ordering: .relaxed) }

    private func isCancelledNow() -> Bool { isCancelled.load(ordering: .relaxed) }

    /// What C may call, one at a time.
    private func turn<Result>(_ body: (inout State) throws -> sending Result) throws -> sending Result {
        try state.withLock { state in
            if isCancelled.exchange(false, ordering: .relaxed) { throw PluginFailure(RIPE_CANCELLED, "cancelled") }
            defer { isCancelled.store(false, ordering: .relaxed) }
            return try body(&state)
        }
    }

    // MARK: Calls

    /// Scores a file; its entry of the table.
    func score(_ path: String) throws -> String {
        try turn { state in
            let found = try CheckpointSequence.find([path], graph: job.hints.graph)
            guard let file = found.files.first else {
                let name = path.split(separator: "/").last.map(String.init) ?? path
                let excluded =
                    found.excluded.first ?? ExcludedFile(path: path, name: name, reason: "it is no checkpoint")
                state.unreadable[path] = excluded
                throw PluginFailure(RIPE_EXCLUDED, "\(path): \(excluded.reason)")
            }
            guard found.files.count == 1 else {
                throw PluginFailure(RIPE_USAGE, "\(path): \(found.files.count) checkpoints; hand in one file at a time")
            }
            state.files[file.path] = file
            state.unreadable[path] = nil
            if !state.session.isSettled(file) {
                _ = try state.session.score(file, isCancelled: isCancelledNow)
            }
            let outcome = state.session.outcome(of: CheckpointSequence(files: [file]))
            if let excluded = outcome.excluded.first {
                throw PluginFailure(RIPE_EXCLUDED, "\(path): \(excluded.reason)")
            }
            let entries = report(state).json["checkpoints"]?.array ?? []
            guard let entry = entries.first(where: { $0["path"]?.string == file.path }) else {
                throw PluginFailure(RIPE_FAILED, "\(path): it is not in the table")
            }
            return entry.compactText
        }
    }

    /// Forgets a file.
    func forget(_ path: String) throws {
        try turn { state in
            state.files[path] = nil
            state.unreadable[path] = nil
            state.session.forget(path)
        }
    }

    /// The content of scores.json.
    func table() throws -> String { try turn { report($0).json.text() } }

    /// The recommended path and the sentence.
    func pick() throws -> (path: String, sentence: String) {
        try turn { state in
            let report = report(state)
            guard let pick = report.recommendation.pick else {
                throw PluginFailure(RIPE_FAILED, report.recommendation.sentence)
            }
            return (report.candidates[pick].path, report.recommendation.sentence)
        }
    }

    /// What a stopping rule says.
    func advice(_ rule: StoppingRule) throws -> StoppingRule.Advice {
        try turn { state in
            let report = report(state)
            let scorer = state.session.run.scorer
            return rule.advice(
                report.candidates, decidedBy: report.recommendation.decidedBy, spread: scorer.spread,
                seed: scorer.options.seed)
        }
    }

    /// Writes the table and the report into a folder.
    func write(to folder: String) throws {
        try turn { state in
            do throws(FormatError) { try job.files(on: scoredOn).write(report(state), to: folder) } catch {
                throw PluginFailure(RIPE_FAILED, "\(error)")
            }
        }
    }

    private func report(_ state: borrowing State) -> ScoreReport {
        let unreadable = state.unreadable
        var outcome = state.session.outcome(of: sequence(state.files))
        outcome.excluded += unreadable.values.sorted { $0.path < $1.path }
        return job.report(outcome, of: state.session.run, on: scoredOn)
    }

    /// All files in the order of training. Files that are gone from the disk stay, until they are forgotten.
    private func sequence(_ files: [String: CheckpointFile]) -> CheckpointSequence {
        let paths = files.keys.sorted()
        let there = paths.filter { access($0, F_OK) == 0 }
        let found = there.isEmpty ? nil : try? CheckpointSequence.find(there, graph: job.hints.graph)
        let known = Set(found?.files.map(\.path) ?? [])
        let gone = paths.filter { !known.contains($0) }.compactMap { files[$0] }
        return CheckpointSequence(sorting: (found?.files ?? []) + gone)
    }
}
