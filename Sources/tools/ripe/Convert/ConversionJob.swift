// One file's conversion: plan, write, check.

import Engine
import Formats
import FoundationEssentials
import Synchronization

/// Converts one checkpoint.
struct ConversionJob {
    let input: String, output: String
    let options: ConversionOptions
    let writing: WritingOptions
    let isDry: Bool, replaces: Bool, verifies: Bool
    let threads: Int
    let isSilent: Bool

    /// Does the work.
    ///
    /// - Throws: ``FormatError`` when the file cannot be read, converted or written; nothing is left behind then.
    func run() throws -> ConversionOutcome {
        let reader = try Checkpoint.open(input)
        if let shard = Shard(reader) {
            throw FormatError(input, .invalid(section: "checkpoint", expected: "all of it", found: shard.explanation))
        }
        let conversion = try Conversion(reader, options: options)
        var outcome = ConversionOutcome(input: input, output: output)
        outcome.formats = (reader.format, options.format.title)
        outcome.conversion = conversion
        outcome.isDry = isDry
        outcome.sourceTensors = reader.tensors.count
        if isDry { return outcome }
        try checkOutput()
        let written = try write(conversion.draft)
        outcome.written = written
        if verifies { outcome.verification = try verify(conversion, reader, written.paths[0]) }
        return outcome
    }

    /// What exists is replaced only if the user says so.
    private func checkOutput() throws {
        guard !replaces else { return }
        for path in [output, output + ".index.json"] where FileManager.default.fileExists(atPath: path) {
            throw FormatError(path, .system(action: "write", detail: "it exists; give --overwrite to replace it"))
        }
    }

    /// Writes the draft, showing progress and heeding Ctrl-C between tensors.
    private func write(_ draft: CheckpointDraft) throws -> WrittenCheckpoint {
        let progress = ProgressLine(isSilent: isSilent)
        defer { progress.clear() }
        let total = draft.byteCount
        let counter = ByteCounter()
        let label = input.split(separator: "/").last.map(String.init) ?? input
        var watched = draft
        watched.tensors = draft.tensors.map { tensor in
            DraftTensor(
                name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, tie: tensor.tie,
                kerasPlace: tensor.kerasPlace
            ) { () throws(FormatError) in
                if Interrupt.isRequested { throw FormatError(output, .system(action: "finish", detail: "stopped")) }
                let view = try tensor.read()
                progress.update(
                    label, done: counter.add(tensor.byteCount) >> 20, total: total >> 20, unit: "MiB")
                return view
            }
        }
        do throws(FormatError) {
            return try watched.write(to: output, as: options.format, options: writing)
        } catch {
            try Interrupt.check("stopped; nothing was written to \(output)")
            throw error
        }
    }

    /// Reads the output again and compares; then runs both networks, where they are known.
    private func verify(
        _ conversion: Conversion, _ source: any CheckpointReader, _ path: String
    ) throws -> ConversionOutcome.Verification {
        let result = try Checkpoint.open(path)
        let comparison = try CheckpointComparison(
            conversion.draft.tensors, CheckpointDraft(result, includesOptimizer: options.includesOptimizer).tensors)
        let different = comparison.differences.filter { $0.outcome != .identical }
        var verification = ConversionOutcome.Verification(tensors: comparison.differences.count)
        if let first = different.first {
            verification.fault =
                "\(path): tensor '\(printable(first.name))' is not what was written (\(first.words)); "
                + "\(different.count) of \(comparison.differences.count) differ"
        }
        verification.outputs = NetworkComparison(source, result, threads: threads).map { .init($0) }
        return verification
    }
}

/// Counts bytes that several closures report.
private final class ByteCounter: Sendable {
    private let count = Atomic<Int>(0)

    /// Adds to the count and returns it.
    func add(_ bytes: Int) -> Int { count.add(bytes, ordering: .relaxed).newValue }
}
