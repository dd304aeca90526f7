// Scores the checkpoints of a folder as pretraining writes them.

import Formats

/// Looks at places again and again, and scores each checkpoint once it is complete.
///
/// One ``look(renamed:isCancelled:onEvent:)`` scores everything that is complete and new, in the order of training.
/// Partial files are waited for. Nothing but the score cache outlives the process: a watch that was killed starts anew and
/// takes from there what is finished.
public struct CheckpointWatch: Sendable {
    /// What is watched: folders, files or patterns.
    public let places: [String]
    private let graph: String?
    private var session: ScoringSession
    private var completion: CheckpointCompletion
    private var seen: [String: FileSignature?] = [:]
    private var sequence = CheckpointSequence(files: [])
    private var isPlaceGone = false
    private var told: Set<String> = []

    /// Files that look like checkpoints and are not complete yet.
    public private(set) var pending: [Pending] = []

    /// A file that is waited for.
    public struct Pending: Sendable, Hashable {
        /// Where it is.
        public var path: String
        /// What tells it apart.
        public var name: String
        /// Why it cannot be read; nil while it is merely young.
        public var reason: String?
        /// Whether it has not changed for so long that nobody seems to be writing it.
        public var isStuck: Bool
    }

    /// What happens during a look, for whoever shows it.
    public enum Event: Sendable {
        /// The scoring of a checkpoint goes on.
        case scoring(SequenceRun.Event)
        /// A checkpoint is through; with everything that is known now.
        case updated(SequenceRun.Outcome)
        /// Something worth a line.
        case note(String)
    }

    /// An unreadable file that has kept still for so long is told of, and counts as left out.
    private static let patience: Duration = .seconds(30)

    /// A watch that has not looked yet.
    ///
    /// - Parameters:
    ///   - graph: a file that describes the network of all, and is no checkpoint itself.
    ///   - settling: how long a file must keep still before it counts as complete.
    public init(_ places: [String], graph: String? = nil, run: SequenceRun, settling: Duration = .seconds(2)) {
        self.places = places
        self.graph = graph
        session = ScoringSession(run)
        completion = CheckpointCompletion(settling: settling)
    }

    /// What is known: scored checkpoints, and files that are left out because they are scored and cannot be, or are stuck.
    public var outcome: SequenceRun.Outcome {
        let waited = Set(pending.filter { !$0.isStuck }.map(\.path))
        return session.outcome(
            of: CheckpointSequence(
                files: sequence.files, excluded: sequence.excluded.filter { !waited.contains($0.path) },
                notes: sequence.notes))
    }

    /// Whether the last look left nothing that may be complete soon.
    public var isSettled: Bool { pending.allSatisfy { $0.reason != nil } }

    /// Looks once, and scores what is complete and new.
    ///
    /// - Parameter renamed: files known to have been renamed into place since the last look.
    /// - Returns: whether a checkpoint was scored, replaced or lost.
    /// - Throws: as ``SequenceRun/run(_:isCancelled:onEvent:)``; a place that is gone is waited for.
    public mutating func look(
        renamed: Set<String> = [], isCancelled: () -> Bool = { false }, onEvent: (Event) -> Void = { _ in }
    ) throws(AnalyzerError) -> Bool {
        let now = ContinuousClock.now
        guard hasChanged() || !pending.isEmpty else { return false }
        let before = Set(sequence.files.map(\.path))
        guard find(onEvent) else { return false }
        var changed = lost(from: before, onEvent)
        pending = sequence.excluded.compactMap { wait(for: $0, now: now, onEvent) }
        for (index, file) in sequence.files.enumerated() where !session.isSettled(file) {
            if isCancelled() { throw .cancelled }
            let state = completion.look(
                at: file.path, parts: file.parts, now: now, wasRenamed: renamed.contains(file.path))
            guard state == .complete else {
                pending.append(waiting(file.path, file.name, state, now: now, onEvent))
                continue
            }
            onEvent(.scoring(.began(file, index: index, of: sequence.files.count)))
            _ = try session.score(file, isCancelled: isCancelled, onEvent: { onEvent(.scoring($0)) })
            changed = true
            onEvent(.updated(outcome))
        }
        return changed
    }

    // MARK: Finding

    /// The folders in which checkpoints are, or may appear.
    public var folders: Set<String> {
        var folders: Set<String> = []
        for place in places where TargetFolder.isFolder(place) {
            folders.insert(place)
            folders.formUnion(TargetFolder.subfolders(of: place))
        }
        for path in sequence.files.flatMap(\.parts) + sequence.excluded.map(\.path) {
            folders.insert(Self.folder(of: path))
        }
        return folders
    }

    /// Whether anything in the places is new, changed or gone since the last look.
    private mutating func hasChanged() -> Bool {
        let files = sequence.files.flatMap(\.parts) + sequence.excluded.map(\.path)
        let watched = folders.union(places).union(files)
        let found = Dictionary(uniqueKeysWithValues: watched.map { ($0, FileSignature(of: [$0])) })
        // A pattern's folder is only known once it has matched something.
        let isPattern = places.contains { !TargetFolder.exists($0) }
        defer { seen = found }
        return isPattern || found != seen
    }

    private static func folder(of path: String) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        return parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
    }

    /// Finds the sequence anew; false when there is none, which may change.
    private mutating func find(_ onEvent: (Event) -> Void) -> Bool {
        let there = places.filter { TargetFolder.exists($0) || $0.contains { "*?[".contains($0) } }
        let place = places.joined(separator: ", ")
        guard !there.isEmpty else {
            if !isPlaceGone { onEvent(.note("\(place): not there; waiting for it, and keeping what is scored")) }
            isPlaceGone = true
            return false
        }
        do throws(AnalyzerError) {
            sequence = try CheckpointSequence.find(there, graph: graph)
        } catch .noCheckpoints {
            sequence = CheckpointSequence(files: [])
        } catch {
            if !isPlaceGone { onEvent(.note("\(error); waiting for it, and keeping what is scored")) }
            isPlaceGone = true
            return false
        }
        if isPlaceGone { onEvent(.note("\(place): there again")) }
        isPlaceGone = false
        return true
    }

    private mutating func lost(from before: Set<String>, _ onEvent: (Event) -> Void) -> Bool {
        let gone = before.subtracting(sequence.files.map(\.path)).subtracting(sequence.excluded.map(\.path))
        for path in gone.sorted(by: naturallyPrecedes) {
            session.forget(path)
            onEvent(.note("\(path) is gone and no longer considered"))
        }
        return !gone.isEmpty
    }

    // MARK: Waiting

    private mutating func wait(
        for file: ExcludedFile, now: ContinuousClock.Instant, _ onEvent: (Event) -> Void
    ) -> Pending? {
        // A shard of a checkpoint is complete or not by its index.
        guard Shard(file.path) == nil else { return nil }
        let state = completion.look(at: file.path, parts: [file.path], now: now)
        if case .complete = state { return nil }
        return waiting(file.path, file.name, state, now: now, onEvent)
    }

    private mutating func waiting(
        _ path: String, _ name: String, _ state: CheckpointCompletion.State, now: ContinuousClock.Instant,
        _ onEvent: (Event) -> Void
    ) -> Pending {
        guard case .unreadable(let reason) = state else {
            return Pending(path: path, name: name, reason: nil, isStuck: false)
        }
        let isStuck = completion.stillness(of: path, now: now) >= Self.patience
        if isStuck, told.insert("\(path): \(reason)").inserted {
            onEvent(.note("\(path): \(reason); it has not changed for a while and is left out until it does"))
        }
        return Pending(path: path, name: name, reason: reason, isStuck: isStuck)
    }
}
