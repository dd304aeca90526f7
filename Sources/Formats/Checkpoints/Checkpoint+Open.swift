// Finding the reader for a checkpoint by its content.

/// The door to every checkpoint format.
public enum Checkpoint {
    /// Opens a checkpoint: safetensors, PyTorch, Keras, NumPy, ONNX, or the index of a sharded one.
    ///
    /// The file is mapped and its tables are read; values are read when asked for.
    ///
    /// - Throws: ``FormatError``; for a file that is no checkpoint, `.unrecognized` says what it is and what to do.
    public static func open(_ path: String) throws(FormatError) -> any CheckpointReader {
        try open(path: path, bytes: Bytes(mapping: path))
    }

    /// Opens a checkpoint whose bytes are at hand; only an index looks for other files.
    static func open(path: String, bytes: Bytes) throws(FormatError) -> any CheckpointReader {
        let kind = FileKind(bytes)
        switch kind {
        case .safetensors: return try SafetensorsCheckpoint(path: path, bytes: bytes)
        case .pytorchZip, .kerasArchive, .npz, .zip: return try openArchive(path: path, bytes: bytes)
        case .pytorchLegacy: return try PyTorchCheckpoint(path: path, legacy: bytes)
        case .hdf5: return try openKerasHDF5(path: path, bytes: bytes)
        case .npy: return try NumPyCheckpoint(path: path, npy: bytes)
        case .onnx: return try ONNXCheckpoint(path: path, bytes: bytes)
        case .shardIndex: return try openSharded(path: path, bytes: bytes)
        case .pickle: throw barePickle(path: path, bytes: bytes)
        default: throw FormatError(path, .unrecognized(found: "this is \(kind), not weights", advice: advice(kind)))
        }
    }

    private static func openArchive(path: String, bytes: Bytes) throws(FormatError) -> any CheckpointReader {
        let archive = try ZipArchive(path: path, bytes: bytes)
        if let pickle = PyTorchCheckpoint.pickleName(in: archive) {
            return try PyTorchCheckpoint(path: path, archive: archive, pickle: pickle)
        }
        switch FileKind(bytes) {
        case .kerasArchive: return try openKerasArchive(path: path, archive: archive)
        case .npz: return try NumPyCheckpoint(path: path, archive: archive)
        default:
            let names = archive.members.prefix(3).map { printable($0.name) }.joined(separator: ", ")
            throw FormatError(
                path,
                .unrecognized(
                    found: "this is a zip archive of \(archive.members.count) members (\(names)…), not weights",
                    advice: "unpack it and give the checkpoint inside"))
        }
    }

    /// An index whose shards are Keras weights or safetensors and PyTorch files.
    private static func openSharded(path: String, bytes: Bytes) throws(FormatError) -> any CheckpointReader {
        let index = try ShardIndex(path: path, bytes: bytes)
        return index.isKeras ? try openKerasSharded(path: path, bytes: bytes) : try ShardedCheckpoint(index)
    }

    /// What to say about a pickle that torch.save did not write: its names, never its content.
    private static func barePickle(path: String, bytes: Bytes) -> FormatError {
        let graph = try? PickleMachine.parse(bytes, path: path, section: "pickle")
        let names = graph?.globals.prefix(5).map { printable($0) } ?? []
        let list = names.isEmpty ? "" : " (it names \(names.joined(separator: ", ")))"
        return FormatError(
            path,
            .unsupported(
                feature: "a Python pickle that torch.save did not write\(list)",
                advice: "load it where you trust it and save its tensors with torch.save or safetensors"))
    }

    /// What to do about a file that is no checkpoint.
    private static func advice(_ kind: FileKind) -> String {
        if let advice = kind.lossAdvice { return advice }
        return switch kind {
        case .json: "give the weights themselves; if this came from a download, it failed"
        case .nifti1, .nifti2, .png: "give it as a target image instead"
        case .gzip: "unpack it first"
        case .other("a tar archive"):
            "unpack it; if torch.save wrote it before 0.1.10, load and save it again in PyTorch"
        case .other: "give a checkpoint: safetensors, PyTorch, Keras, NumPy or ONNX"
        default: "if the file is complete, convert it to safetensors where it was made"
        }
    }
}
