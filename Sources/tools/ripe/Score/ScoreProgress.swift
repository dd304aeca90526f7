// Shows a run while it goes on, and turns Ctrl-C into a clean end.

import Analyzer

/// Follows the events of a run.
final class ScoreProgress {
    private let line: ProgressLine
    private let sequence: CheckpointSequence
    private let recorder: RunRecorder
    private var checkpoints: Int { sequence.files.count }
    private var index = 0
    private var name = ""
    private var viewsPerCheckpoint = 0
    private var cachedCount = 0
    private var scoredCount = 0

    init(_ line: ProgressLine, _ sequence: CheckpointSequence, _ recorder: RunRecorder) {
        self.line = line
        self.sequence = sequence
        self.recorder = recorder
    }

    /// Runs and shows it.
    ///
    /// - Throws: ``ToolError/interrupted(_:)`` saying what is kept; whatever else stops the run.
    func follow(_ run: SequenceRun) throws -> SequenceRun.Outcome {
        do throws(AnalyzerError) {
            let outcome = try run.run(sequence, isCancelled: { Interrupt.isRequested }, onEvent: show)
            line.clear()
            return outcome
        } catch {
            line.clear()
            guard case .cancelled = error else { throw error }
            let kept = run.cache == nil ? 0 : scoredCount + cachedCount
            throw ToolError.interrupted(
                kept == 0
                    ? "stopped; nothing was written"
                    : "stopped; the scores of \(counted(kept, "checkpoint")) of \(checkpoints) are kept, and the same "
                        + "command goes on from there")
        }
    }

    private func show(_ event: SequenceRun.Event) {
        recorder.note(event)
        switch event {
        case .began(let file, let index, _): (self.index, name) = (index, file.name)
        case .progress(let progress):
            viewsPerCheckpoint = progress.viewCount
            line.update(
                "\(index + 1)/\(checkpoints) \(name)", done: index * viewsPerCheckpoint + progress.viewsDone,
                total: checkpoints * viewsPerCheckpoint, skipped: cachedCount * viewsPerCheckpoint, unit: "views")
        case .finished(_, isCached: true): cachedCount += 1
        case .finished(_, isCached: false): scoredCount += 1
        // The only file of a sequence is the run's failure, told at its end.
        case .excluded(let file) where sequence.files.count + sequence.excluded.count > 1:
            line.clear()
            Console.note("ripe: \(file.path): \(file.reason); it is left out")
        case .excluded: break
        case .note(let text): line.remark("note: \(text)")
        }
    }
}
