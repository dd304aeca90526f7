// What a conversion did, for a person and for scripts.

import Formats

/// One file's conversion, done, planned or failed.
struct ConversionOutcome {
    let input: String, output: String
    /// The formats in words, from and to.
    var formats = ("", "")
    var conversion: Conversion?
    var written: WrittenCheckpoint?
    var verification: Verification?
    var isDry = false
    var sourceTensors = 0
    /// Why there is no output.
    var failure: String?

    init(input: String, output: String, failure: String? = nil) {
        self.input = input
        self.output = output
        self.failure = failure
    }

    /// What reading the output again showed.
    struct Verification {
        /// Tensors compared, bit by bit.
        let tensors: Int
        /// What differs, if anything.
        var fault: String?
        /// The networks' outputs, where both are known.
        var outputs: Outputs?

        struct Outputs {
            let networks: [String]
            let differences: [Double]

            init(_ comparison: NetworkComparison) {
                networks = comparison.networks
                differences = comparison.differences
            }
        }
    }

    /// What went wrong, if anything.
    var problem: String? { failure ?? verification?.fault }

    // MARK: For a person

    /// Everything about one file.
    func lines(for terminal: Terminal) -> [String] {
        guard let conversion else { return [] }
        var facts = FactList()
        facts.add("format", "\(formats.0) → \(formats.1)")
        let count = conversion.draft.tensors.count
        let of = count == sourceTensors ? "" : " (the source has \(grouped(sourceTensors)))"
        facts.add("tensors", "\(grouped(count))\(of), \(byteSize(conversion.draft.byteCount))")
        facts.add("network", conversion.translation, style: .green)
        for note in conversion.notes { facts.add("note", note) }
        if let written {
            if !written.tied.isEmpty { facts.add("tied", Self.tied(written.tied)) }
            facts.add("kept beside", Self.list(keptKeys(written)))
            facts.add("not kept", Self.list(written.droppedMetadata), style: .yellow)
        }
        for warning in conversion.warnings + (written?.remarks ?? []) { facts.add("warning", warning, style: .yellow) }
        addVerification(to: &facts)
        let head =
            isDry
            ? "\(input) → \(output) (dry run: nothing was written)"
            : "\(input) → \(written.map(Self.place) ?? output)"
        var lines = [terminal.styled(head, .bold)] + facts.lines(for: terminal)
        if isDry { lines += [""] + table(conversion.draft).lines(for: terminal, indent: 2) }
        return lines
    }

    private static func place(_ written: WrittenCheckpoint) -> String {
        let rest = written.paths.count > 1 ? " and \(counted(written.paths.count - 1, "shard"))" : ""
        return "\(written.paths[0])\(rest), \(byteSize(written.byteCount))"
    }

    private func keptKeys(_ written: WrittenCheckpoint) -> [String] {
        let keys = conversion?.draft.metadata.map(\.key) ?? []
        let config = conversion?.draft.kerasConfig == nil ? [] : ["the network description"]
        return (keys + config).filter { !written.droppedMetadata.contains($0) }
    }

    private static func list(_ keys: [String]) -> String? {
        guard !keys.isEmpty else { return nil }
        let shown = keys.prefix(8).joined(separator: ", ")
        return keys.count > 8 ? "\(shown) and \(keys.count - 8) more" : shown
    }

    private static func tied(_ ties: [(name: String, kept: String)]) -> String {
        let shown = ties.prefix(3).map { "\($0.name) = \($0.kept)" }.joined(separator: ", ")
        return "\(shown)\(ties.count > 3 ? " and \(ties.count - 3) more" : ""), stored once"
    }

    private func addVerification(to facts: inout FactList) {
        guard let verification else { return }
        if verification.fault == nil {
            facts.add("verified", "\(counted(verification.tensors, "tensor")) read back, identical", style: .green)
        }
        guard let outputs = verification.outputs else {
            facts.add("outputs", "not compared: the network is not known to 'ripe score' on both sides")
            return
        }
        let worst = outputs.differences.max() ?? 0
        let name = Set(outputs.networks).count == 1 ? outputs.networks[0] : outputs.networks.joined(separator: " and ")
        facts.add(
            "outputs",
            "\(name): \(counted(outputs.differences.count, "level")) of a 224×224 input "
                + (worst == 0
                    ? "are equal" : "differ by at most \(significant(worst, 2)) of their root mean square"),
            style: worst < 1e-4 ? .green : .yellow)
    }

    private func table(_ draft: CheckpointDraft) -> TextTable {
        var table = TextTable([
            .init("tensor", canShrink: true), .init("type"), .init("shape"), .init("bytes", .right),
        ])
        for tensor in draft.tensors {
            table.add([tensor.name, "\(tensor.dtype)", "\(tensor.shape)", grouped(tensor.byteCount)])
        }
        return table
    }

    /// A line for each file, and what they have in common.
    static func summary(_ outcomes: [ConversionOutcome], for terminal: Terminal) -> [String] {
        var table = TextTable([
            .init("checkpoint", canShrink: true), .init("output", canShrink: true), .init("tensors", .right),
            .init("size", .right), .init("result", canShrink: true),
        ])
        var remarks: [String] = []
        for outcome in outcomes {
            let count = outcome.conversion?.draft.tensors.count
            table.add(
                [
                    outcome.input, outcome.output, count.map { grouped($0) } ?? "",
                    (outcome.written?.byteCount ?? outcome.conversion?.draft.byteCount).map { byteSize($0) } ?? "",
                    outcome.result,
                ], style: outcome.problem == nil ? nil : .red)
            for remark in outcome.remarks where !remarks.contains(remark) { remarks.append(remark) }
        }
        let done = outcomes.filter { $0.problem == nil }.count
        let verb = outcomes.first?.isDry == true ? "would be converted" : "converted"
        return table.lines(for: terminal)
            + remarks.map { "note: \(printable($0))" } + ["\(done) of \(counted(outcomes.count, "checkpoint")) \(verb)"]
    }

    private var result: String {
        if failure != nil { return "failed" }
        if isDry { return "dry run" }
        guard let verification else { return "done" }
        if verification.fault != nil { return "differs" }
        guard let worst = verification.outputs?.differences.max() else { return "identical" }
        return "identical, outputs within \(significant(worst, 2))"
    }

    private var remarks: [String] {
        let dropped = written?.droppedMetadata ?? []
        return (conversion?.notes ?? []) + (conversion?.warnings ?? [])
            + (dropped.isEmpty ? [] : ["not kept: \(dropped.joined(separator: ", "))"])
    }

    // MARK: For scripts

    /// Everything as JSON.
    var json: JSON {
        .object([
            "input": .string(input), "output": .string(written?.paths.first ?? output),
            "files": written.map { .strings($0.paths) }, "bytes": written.map { .integer($0.byteCount) },
            "format": .array([.string(formats.0), .string(formats.1)]),
            "tensors": conversion.map { .integer($0.draft.tensors.count) },
            "translation": conversion?.translation.map { .string($0) },
            "notes": conversion.map { .strings($0.notes) }, "warnings": conversion.map { .strings($0.warnings) },
            "tied": written.map { .object($0.tied.map { .init(key: $0.name, value: .string($0.kept)) }) },
            "notKept": written.map { .strings($0.droppedMetadata) },
            "verification": verification.map { verification in
                .object([
                    "tensors": .integer(verification.tensors), "isIdentical": .bool(verification.fault == nil),
                    "outputDifferences": verification.outputs.map { .array($0.differences.map(JSON.real)) },
                ])
            },
            "plan": isDry ? conversion.map { .array($0.draft.tensors.map(Self.json)) } : nil,
            "error": problem.map { .string($0) },
        ])
    }

    private static func json(_ tensor: DraftTensor) -> JSON {
        .object([
            "name": .string(tensor.name), "dtype": .string("\(tensor.dtype)"), "shape": .integers(tensor.shape.axes),
        ])
    }
}
