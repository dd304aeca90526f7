// What `ripe inspect` says of a checkpoint.

import Engine
import Formats

/// A checkpoint's contents, its network and anything suspicious, as text or JSON.
struct CheckpointReport {
    let reader: any CheckpointReader
    let fileBytes: Int
    let network: Result<Recognition, EngineError>
    let storage: StorageUse
    /// Which part of a checkpoint it is, if only a part.
    let shard: Shard?
    /// What the name says of its place in training; of a shard, only what is said in words.
    let name: CheckpointName

    init(_ reader: any CheckpointReader, fileBytes: Int, hints: ArchitectureHints = ArchitectureHints()) {
        self.reader = reader
        self.fileBytes = fileBytes
        storage = StorageUse(reader.tensors)
        shard = Shard(reader)
        name = CheckpointName(reader.path)
        do throws(EngineError) {
            network = .success(try Recognizer.recognize(reader, hints: hints))
        } catch {
            network = .failure(error)
        }
    }

    private var metadata: CheckpointMetadata { reader.metadata }
    private var parameterCount: Int { reader.tensors.reduce(0) { $0 &+ ($1.shape.checkedElementCount ?? 0) } }

    /// The report for a person.
    func lines(for terminal: Terminal) -> [String] {
        let writer = metadata.writer.map { ", written by \($0)" } ?? ""
        var lines = [terminal.styled(reader.path, .bold)]
        lines += ["  \(reader.format)\(writer), \(byteSize(fileBytes))"]
        lines += facts().lines(for: terminal)
        guard !reader.tensors.isEmpty else { return lines }
        lines += [""] + tensorTable().lines(for: terminal, indent: 2)
        return lines
    }

    private func facts() -> FactList {
        var facts = FactList()
        let prefix = metadata.strippedPrefix
        facts.add(
            "weights under",
            [metadata.wrapper.joined(separator: " → "), prefix.isEmpty ? "" : "prefix '\(prefix)' taken off the names"]
                .filter { !$0.isEmpty }.joined(separator: ", "))
        facts.add("part", shard?.explanation, style: .yellow)
        facts.add("in the file", position(epoch: metadata.epoch, step: metadata.step))
        facts.add("in its name", position(epoch: name.epoch, step: name.step))
        facts.add("tensors", tensorSummary)
        addNetwork(to: &facts)
        if metadata.otherTensorCount > 0 {
            facts.add(
                "beside them",
                "\(counted(metadata.otherTensorCount, "tensor")) of optimizer or other state, \(byteSize(metadata.otherTensorBytes))"
            )
        }
        let said = ["epoch", "global_step"]
        for entry in metadata.entries.filter({ !said.contains($0.key) }).prefix(20) {
            facts.add(entry.key, shortened(entry.value, to: 160))
        }
        for (alias, kept) in metadata.aliases.sorted(by: { $0.key < $1.key }) {
            facts.add("same tensor", "\(alias) = \(kept)")
        }
        for call in metadata.foreignCalls where !call.isDangerous {
            facts.add("also names", "\(call.name)(\(call.arguments)), which was not run")
        }
        // The reader warns of each dangerous call.
        let isHostile = metadata.foreignCalls.contains(where: \.isDangerous)
        for warning in metadata.warnings { facts.add("warning", warning, style: isHostile ? .red : .yellow) }
        return facts
    }

    /// Such as "epoch 0, step 71"; nil when neither is known.
    private func position(epoch: Int?, step: Int?) -> String? {
        let parts = [epoch.map { "epoch \($0)" }, step.map { "step \($0)" }].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: ", ")
    }

    private var tensorSummary: String {
        var parts = [
            counted(reader.tensors.count, "tensor"), "\(grouped(parameterCount)) values", byteSize(storage.tensorBytes),
        ]
        if storage.sharedBytes > 0 { parts.append("\(byteSize(storage.sharedBytes)) of them shared") }
        if metadata.unusedBytes > 0 { parts.append("\(byteSize(metadata.unusedBytes)) of storage used by none") }
        return parts.joined(separator: ", ")
    }

    private func addNetwork(to facts: inout FactList) {
        switch network {
        case .success(let network):
            facts.add("network", network.architecture, style: .green)
            facts.add("because", network.evidence)
            facts.add("input", "\(network.expectedInputChannels) channels, \(network.normalization.name)")
            for fact in network.facts { facts.add(fact.key, fact.value) }
            let reasons = Dictionary(grouping: network.ignored, by: \.reason).sorted { $0.key < $1.key }
            let ignored = reasons.map { "\($1.count) (\($0))" }.joined(separator: ", ")
            facts.add("not needed", ignored.isEmpty ? nil : "\(counted(network.ignored.count, "tensor")): \(ignored)")
        case .failure(let error):
            let isTold = reader.tensors.isEmpty || shard != nil
            facts.add("network", isTold ? nil : "\(error)", style: .yellow)
        }
    }

    private func tensorTable() -> TextTable {
        var table = TextTable([
            .init("tensor", canShrink: true), .init("type"), .init("shape"), .init("layout", canShrink: true),
            .init("bytes", .right),
        ])
        for tensor in reader.tensors {
            let shared = storage.sharingNames.contains(tensor.name) ? ", shared" : ""
            table.add([
                tensor.name, "\(tensor.dtype)", "\(tensor.shape)", tensor.layout + shared, grouped(tensor.byteCount),
            ])
        }
        return table
    }
}
