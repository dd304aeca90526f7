// Recognition from an open checkpoint: what a file says beyond names and shapes, Keras' network description, comes
// first.

public import Formats

extension Recognizer {
    /// Finds the network of an open checkpoint, binds every parameter and accounts for every tensor.
    ///
    /// A Keras file with its network description is translated from that; `--arch-option config=FILE` gives the
    /// description of a file that has none (a .keras file, a full .h5, or the JSON itself).
    ///
    /// - Throws: ``EngineError`` as ``recognize(_:metadata:hints:)`` does, and `.unsupportedLayer` when a level of a
    ///   described network needs a layer that is not run.
    public static func recognize(
        _ checkpoint: any CheckpointReader, hints: ArchitectureHints = ArchitectureHints()
    ) throws(EngineError) -> Recognition {
        let isKerasWanted = hints.architecture.map { $0.lowercased() == KerasModel.name } ?? true
        if isKerasWanted, let configuration = try kerasConfiguration(checkpoint, hints) {
            let known = KerasModel.options + ["ignore"]
            for option in hints.options.keys.sorted() where !known.contains(option) {
                throw .unknownOption(option: option, known: known)
            }
            return try KerasModel.recognize(
                checkpoint, configuration: configuration, userRules: hints.options["ignore"])
        }
        if hints.architecture?.lowercased() == KerasModel.name {
            throw .missingDescription(evidence: "\(checkpoint.tensors.count) tensors")
        }
        do throws(EngineError) {
            return try recognize(checkpoint.tensors, metadata: checkpoint.metadata, hints: hints)
        } catch {
            guard case .unrecognizedArchitecture(let evidence, _) = error, checkpoint.format.contains("Keras") else {
                throw error
            }
            throw .missingDescription(evidence: evidence)
        }
    }

    /// The description in the file, or in the file that the user names.
    private static func kerasConfiguration(
        _ checkpoint: any CheckpointReader, _ hints: ArchitectureHints
    ) throws(EngineError) -> String? {
        guard let path = hints.options["config"] else { return checkpoint.metadata.kerasConfig }
        do throws(FormatError) {
            let bytes = try Bytes(mapping: path)
            if bytes.starts(with: Array("{".utf8)), let text = bytes.utf8 { return text }
            if let configuration = try Checkpoint.open(path).metadata.kerasConfig { return configuration }
        } catch { throw .format(error) }
        throw .invalidOption(
            option: "config", value: path, expected: "a .keras file, a full .h5 or the JSON of a network description")
    }
}
