// Scoring a sequence of checkpoints, as `ripe score`, `ripe pick` and `ripe run` do.

import Analyzer
import Engine
import Formats

/// What is scored and how, whoever asks.
struct ScoreJob {
    let options: ScoringOptions
    let rule: PickRule
    let preset: ScoringPreset
    let hints: ArchitectureHints
    let cache: ScoreCache?
    let threads: Int
    /// Images that go through the network together.
    let batch: Int
    let recorder: RunRecorder

    /// Finds checkpoints in folders, files or patterns, so that a mistake there is told before any image is read.
    func sequence(of places: [String]) throws -> CheckpointSequence {
        try CheckpointSequence.find(places, graph: hints.graph)
    }

    /// How each checkpoint is scored.
    func run(on scoredOn: ScoredOn) throws -> SequenceRun {
        var run = SequenceRun(
            scorer: try Scorer(source: scoredOn.source, options: options), targetHash: scoredOn.fingerprint)
        run.hints = hints
        run.normalizesInput = scoredOn.normalizes
        run.batchSize = batch
        run.threads = threads
        run.cache = cache
        return run
    }

    /// Chooses among what is scored.
    func report(_ outcome: SequenceRun.Outcome, of run: SequenceRun, on scoredOn: ScoredOn) -> ScoreReport {
        ScoreReport(outcome, scorer: run.scorer, rule: rule, preset: preset, target: scoredOn.json)
    }

    /// Where the results on these images go.
    func files(on scoredOn: ScoredOn) -> ResultFiles { ResultFiles(recorder: recorder, source: scoredOn.source) }

    /// Scores everything and chooses.
    ///
    /// - Throws: ``ToolError`` when nothing can be recommended or the user stopped it.
    func report(of sequence: CheckpointSequence, on scoredOn: ScoredOn, progress: ProgressLine) throws -> ScoreReport {
        let run = try run(on: scoredOn)
        progress.remark("Scoring \(counted(sequence.files.count, "checkpoint")) on \(scoredOn.summary).")
        for note in sequence.notes + scoredOn.notes { progress.remark("  note: \(note)") }
        if let network = networkText(sequence, showsInput: scoredOn.normalizes) {
            progress.remark("  network: \(network)")
        }
        let outcome = try ScoreProgress(progress, sequence, recorder).follow(run)
        let report = report(outcome, of: run, on: scoredOn)
        guard !report.candidates.isEmpty else {
            let only = report.excluded.count == 1 ? report.excluded.first : nil
            throw ToolError.failure(only.map { "\($0.path): \($0.reason)" } ?? "no checkpoint could be scored")
        }
        return report
    }

    /// The first network that is recognised, with what was assumed of it beyond the file.
    ///
    /// - Parameter showsInput: whether to say how images are prepared for it.
    private func networkText(_ sequence: CheckpointSequence, showsInput: Bool) -> String? {
        for file in sequence.files {
            guard let reader = try? Checkpoint.open(file.path),
                let network = try? Recognizer.recognize(reader, hints: hints)
            else { continue }
            var facts = network.facts.filter { $0.key != "input" }
            if showsInput { facts.insert(.init("input", network.normalization.name), at: 0) }
            return ([network.architecture] + facts.map { "\($0.key) \($0.value)" }).joined(separator: "; ")
        }
        return nil
    }
}
