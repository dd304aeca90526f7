// Recognition from an open checkpoint: what a file says beyond names and shapes, such as Keras' network description,
// comes first.

public import Formats

extension Recognizer {
    /// Finds the network of an open checkpoint, binds every parameter and accounts for every tensor.
    ///
    /// - Throws: ``EngineError`` as ``recognize(_:metadata:hints:)`` does.
    public static func recognize(
        _ checkpoint: any CheckpointReader, hints: ArchitectureHints = ArchitectureHints()
    ) throws(EngineError) -> Recognition {
        try recognize(checkpoint.tensors, metadata: checkpoint.metadata, hints: hints)
    }
}
