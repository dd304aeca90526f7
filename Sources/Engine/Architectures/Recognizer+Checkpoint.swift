// Recognition from an open checkpoint: what a file says beyond names and shapes, Keras' network description, comes
// first.

import FoundationEssentials
public import Formats

extension Recognizer {
    /// Finds the network of an open checkpoint, binds every parameter and accounts for every tensor.
    ///
    /// A Keras file with its network description is translated from that; `--arch-option config=FILE` gives the
    /// description of a file that has none (a .keras file, a full .h5, or the JSON itself). Weights whose layer names
    /// belong to no known network take the description of a `config.json`, `model.json` or `.keras` file beside them,
    /// if it fits.
    ///
    /// - Throws: ``EngineError`` as ``recognize(_:metadata:hints:)`` does, `.shard` for a part of a checkpoint, and
    ///   `.unsupportedLayer` when a level of a described network needs a layer that is not run.
    public static func recognize(
        _ checkpoint: any CheckpointReader, hints: ArchitectureHints = ArchitectureHints()
    ) throws(EngineError) -> Recognition {
        if let shard = Shard(checkpoint) { throw .shard(shard) }
        let isKerasNamed = hints.architecture?.lowercased() == KerasModel.name
        if let path = hints.options["config"] {
            guard let configuration = try kerasConfiguration(at: path) else {
                throw .invalidOption(
                    option: "config", value: path,
                    expected: "a .keras file, a full .h5 or the JSON of a network description")
            }
            return try recognize(checkpoint, describedBy: configuration, hints: hints)
        }
        if isKerasNamed || hints.architecture == nil, let configuration = checkpoint.metadata.kerasConfig {
            return try recognize(checkpoint, describedBy: configuration, hints: hints)
        }
        do throws(EngineError) {
            guard !isKerasNamed else { throw .unrecognizedArchitecture(evidence: "weights only", closest: nil) }
            return try recognize(checkpoint.tensors, metadata: checkpoint.metadata, hints: hints)
        } catch {
            guard case .unrecognizedArchitecture(let evidence, _) = error, checkpoint.format.contains("Keras") else {
                throw error
            }
            if let found = recognizeByNeighbour(checkpoint, hints: hints) { return found }
            throw .missingDescription(evidence: evidence)
        }
    }

    private static func recognize(
        _ checkpoint: any CheckpointReader, describedBy configuration: String, hints: ArchitectureHints
    ) throws(EngineError) -> Recognition {
        let known = KerasModel.options + ["ignore"]
        for option in hints.options.keys.sorted() where !known.contains(option) {
            throw .unknownOption(option: option, known: known)
        }
        return try KerasModel.recognize(
            checkpoint, configuration: configuration, userRules: hints.options["ignore"])
    }

    /// The description in a file that the user names; nil when it has none.
    private static func kerasConfiguration(at path: String) throws(EngineError) -> String? {
        do throws(FormatError) {
            let bytes = try Bytes(mapping: path)
            if bytes.starts(with: Array("{".utf8)), let text = bytes.utf8 { return text }
            return try Checkpoint.open(path).metadata.kerasConfig
        } catch { throw .format(error) }
    }

    /// Recognition by the description of a file in the same folder, the first that fits.
    private static func recognizeByNeighbour(
        _ checkpoint: any CheckpointReader, hints: ArchitectureHints
    ) -> Recognition? {
        let parts = checkpoint.path.split(separator: "/", omittingEmptySubsequences: false)
        let folder = parts.count > 1 ? parts.dropLast().joined(separator: "/") + "/" : ""
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        let descriptions = ["config.json", "model.json"].filter { files.contains($0) }
        let archives = files.filter { $0.hasSuffix(".keras") }.sorted()
        for file in descriptions + archives.prefix(1) {
            guard let configuration = try? kerasConfiguration(at: folder + file),
                var found = try? recognize(checkpoint, describedBy: configuration, hints: hints)
            else { continue }
            found.facts.insert(Recognition.Fact("network description", "that of \(file), beside it"), at: 0)
            return found
        }
        return nil
    }
}
