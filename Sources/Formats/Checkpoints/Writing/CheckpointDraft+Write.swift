// Writing a draft in any format: one door, so that callers need not know the writers.

/// How a checkpoint is written.
public struct WritingOptions: Sendable {
    /// safetensors only: the most bytes of tensors in one file; more are split into shards with an index.
    public var shardByteCount: Int?

    /// One file.
    public init() {}
}

/// What writing a checkpoint gave.
public struct WrittenCheckpoint: Sendable {
    /// The files, the one to open first; an index before its shards.
    public var paths: [String]
    /// Their bytes.
    public var byteCount: Int
    /// Keys of the draft's metadata that the format has no place for.
    public var droppedMetadata: [String] = []
    /// What the user should know about the file, such as that Keras will not find all of it.
    public var remarks: [String] = []
    /// Names that share another's values in the file (tied weights), with the name that holds them.
    public var tied: [(name: String, kept: String)] = []

    init(paths: [String], byteCount: Int) {
        self.paths = paths
        self.byteCount = byteCount
    }
}

extension CheckpointDraft {
    /// Writes the draft; the file appears under its name once it is complete, and the same draft gives the same bytes.
    ///
    /// - Throws: ``FormatError`` with `.unsupported` for a tensor whose type or name the format cannot hold,
    ///   `.invalid` for names that occur twice or collide, `.system` when the file cannot be written, and whatever
    ///   reading a tensor throws. Nothing is left behind then.
    public func write(
        to path: String, as format: CheckpointFormat, options: WritingOptions = WritingOptions()
    ) throws(FormatError) -> WrittenCheckpoint {
        try checkNames(path: path)
        switch format {
        case .safetensors: return try writeSafetensors(to: path, options: options)
        case .pytorch: return try writePyTorch(to: path)
        case .npz: return try writeNPZ(to: path)
        case .hdf5: return try writeHDF5(to: path)
        case .kerasLegacy: return try writeKerasLegacy(to: path)
        case .kerasWeights: return try writeKerasWeights(to: path)
        case .kerasArchive: return try writeKerasArchive(to: path)
        }
    }

    /// Names are what every format finds tensors by.
    private func checkNames(path: String) throws(FormatError) {
        var seen = Set<String>(minimumCapacity: tensors.count)
        for tensor in tensors where !seen.insert(tensor.name).inserted {
            throw FormatError(
                path,
                .invalid(
                    section: "tensors to write", expected: "distinct names", found: "'\(printable(tensor.name))' twice")
            )
        }
    }
}

extension DraftTensor {
    /// Reads the values and checks that they are what was promised: headers are written first.
    func values(path: String) throws(FormatError) -> TensorView {
        let view = try read()
        guard view.dtype == dtype, view.shape == shape else {
            throw FormatError(
                path,
                .invalid(
                    section: "tensor '\(printable(name))'", expected: "\(dtype) \(shape)",
                    found: "\(view.dtype) \(view.shape) when it was read"))
        }
        return view
    }

    /// The error for a type that a format does not have.
    func unsupportedType(_ format: CheckpointFormat, path: String) -> FormatError {
        FormatError(
            path,
            .unsupported(
                feature: "tensor '\(printable(name))' of type \(dtype) in \(format.title)",
                advice: "name another format, leave it out with --only, or change floats with --dtype f32"))
    }
}
