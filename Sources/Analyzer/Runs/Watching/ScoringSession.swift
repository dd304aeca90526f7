// The scores of checkpoints that come one by one, for whoever cannot wait for the whole sequence.

import Formats

/// Remembers what became of each checkpoint file, and gives it back as the outcome of a sequence.
///
/// Scoring the files of a sequence one after the other gives the same table as ``SequenceRun/run(_:isCancelled:onEvent:)``
/// on all of them at once, in whatever order they came.
public struct ScoringSession: Sendable {
    /// How checkpoints are scored.
    public let run: SequenceRun
    private var results: [String: Result] = [:]

    private struct Result: Sendable {
        var signature: FileSignature?
        var outcome: SequenceRun.FileOutcome
    }

    /// A session without any scores yet.
    public init(_ run: SequenceRun) { self.run = run }

    /// Whether the file is scored, or known not to be scorable, as it is now.
    public func isSettled(_ file: CheckpointFile) -> Bool {
        guard let result = results[file.path], let signature = result.signature else { return false }
        return signature == FileSignature(of: file.parts)
    }

    /// Scores a checkpoint, or takes its result from the cache. A file that has changed since replaces what it was.
    ///
    /// - Throws: as ``SequenceRun/run(_:isCancelled:onEvent:)``.
    public mutating func score(
        _ file: CheckpointFile, isCancelled: () -> Bool = { false }, onEvent: (SequenceRun.Event) -> Void = { _ in }
    ) throws(AnalyzerError) -> SequenceRun.FileOutcome {
        // Taken before: a change during the work then makes the file unsettled, not wrongly settled.
        let signature = FileSignature(of: file.parts)
        let outcome = try run.score(file, isCancelled: isCancelled, onEvent: onEvent)
        results[file.path] = Result(signature: signature, outcome: outcome)
        return outcome
    }

    /// Forgets a file.
    public mutating func forget(_ path: String) { results[path] = nil }

    /// What is known of the files of a sequence, in its order and under its names and epochs.
    public func outcome(of sequence: CheckpointSequence) -> SequenceRun.Outcome {
        var outcome = SequenceRun.Outcome(excluded: sequence.excluded)
        for file in sequence.files {
            switch results[file.path]?.outcome {
            case .scored(var candidate):
                // More files may have told what the numbers in their names mean.
                (candidate.name, candidate.epoch, candidate.step) = (file.name, file.epoch, file.step)
                outcome.candidates.append(candidate)
            case .excluded(var excluded):
                excluded.name = file.name
                outcome.excluded.append(excluded)
            case nil: break
            }
        }
        return outcome
    }
}
