// What a command was and what it took, for run.json and the report.

import Analyzer
import Engine
import Formats
import FoundationEssentials
import Synchronization

/// Notes a command's beginning, and counts checkpoints while it runs.
final class RunRecorder: Sendable {
    private let started = Date()
    private let clock = ContinuousClock.now
    private let threads: Int
    /// What stands for the command line, where that is of no concern to the report.
    private let arguments: [String]
    private let counts = Mutex((scored: 0, known: 0))

    /// Begins now.
    init(threads: Int, arguments: [String] = CommandLine.arguments) {
        self.threads = threads
        self.arguments = arguments
    }

    /// Follows a scoring.
    func note(_ event: SequenceRun.Event) {
        guard case .finished(_, let isCached) = event else { return }
        counts.withLock { if isCached { $0.known += 1 } else { $0.scored += 1 } }
    }

    /// The record up to now.
    var record: RunRecord {
        let machine = Machine()
        var record = RunRecord(
            arguments: arguments, workingDirectory: FileManager.default.currentDirectoryPath,
            version: Ripe.version, libraries: [("oneDNN", KernelFacts.version)] + LibraryVersions.all,
            processor: machine.processor, instructionSet: KernelFacts.instructionSet, threads: threads,
            started: started.formatted(.iso8601), ended: Date().formatted(.iso8601),
            wallSeconds: (ContinuousClock.now - clock).inSeconds, processorSeconds: ProcessTime.seconds,
            peakBytes: ProcessMemory.peakByteCount)
        (record.scoredCheckpoints, record.knownCheckpoints) = counts.withLock { ($0.scored, $0.known) }
        return record
    }
}
