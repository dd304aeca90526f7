// The reader that all of Keras' HDF5 forms share. The forms differ in how they name weights; see KerasLegacyNames.swift
// and KerasStoreNames.swift.

/// An open Keras checkpoint, or a plain HDF5 file.
struct KerasCheckpoint: CheckpointReader {
    /// The file that was opened.
    let path: String
    /// Such as "Keras 3 archive".
    let format: String
    /// The model's variables; see ``KerasVariableTable`` for their places in the network.
    let tensors: [TensorInfo]
    /// The optimizer's variables and the like, by their paths.
    let otherTensors: [TensorInfo]
    /// What else the file says.
    let metadata: CheckpointMetadata
    /// How the file names its weights.
    let naming: Naming
    /// Each tensor's values.
    private let entries: [String: Entry]
    private let sources: [Source]

    /// How a file names its weights.
    enum Naming: Sendable {
        /// Groups by layer name with lists of weight names.
        case legacy([KerasLegacyLayer])
        /// Groups by class and number with numbered variables.
        case store(KerasStore)
        /// No convention that we know.
        case plain
    }

    /// Whether the places of the tensors mean something to Keras.
    var hasPlaces: Bool { if case .plain = naming { false } else { true } }

    /// One HDF5 file that holds values.
    struct Source: Sendable {
        let path: String
        let bytes: Bytes
        /// The archive's stored member that the bytes are; its checksum is due before the first values are read, and not
        /// when the file is only listed.
        var member: (archive: ZipArchive, entry: ZipArchive.Member)?

        /// Verifies the member's checksum, once.
        func verify() throws(FormatError) {
            if let (archive, entry) = member { _ = try archive.contents(of: entry) }
        }
    }

    /// A named variable and where it is.
    struct Entry: Sendable {
        let name: String
        let dataSet: HDF5DataSet
        /// Its file's place in the list of sources.
        var source = 0
    }

    init(
        path: String, format: String, entries: [Entry], others: [Entry] = [], sources: [Source], naming: Naming,
        metadata: CheckpointMetadata
    ) {
        self.path = path
        self.format = format
        self.sources = sources
        self.naming = naming
        self.metadata = metadata
        // Two weights that would share a name go by their full paths instead.
        var counts: [String: Int] = [:]
        for entry in entries + others { counts[entry.name, default: 0] += 1 }
        func named(_ entry: Entry) -> Entry {
            counts[entry.name] == 1
                ? entry : Entry(name: entry.dataSet.name, dataSet: entry.dataSet, source: entry.source)
        }
        let (own, foreign) = (entries.map(named), others.map(named))
        tensors = own.map(\.info)
        otherTensors = foreign.map(\.info)
        self.entries = Dictionary((own + foreign).map { ($0.name, $0) }) { first, _ in first }
    }

    /// Reads one variable; contiguous ones are lent from the map without a copy.
    ///
    /// - Throws: ``FormatError`` with `.missingTensor`, `.truncated`, `.limitExceeded`, `.unsupported` or `.invalid`.
    func tensor(_ name: String) throws(FormatError) -> TensorView {
        guard let entry = entries[name] else {
            throw FormatError(path, .missingTensor(name: name, available: tensors.count))
        }
        let source = sources[entry.source]
        try source.verify()
        return try entry.dataSet.values(in: source.bytes, path: source.path)
    }
}

extension KerasCheckpoint {
    /// The checkpoint with its tensors in the order of its configuration's layers, and under the names that only the
    /// configuration tells; itself, with a remark, when the two do not fit together.
    func namedByConfiguration() -> KerasCheckpoint {
        var metadata = metadata
        var named: [Entry] = []
        do throws(FormatError) {
            let table = try KerasVariableTable(self)
            for layer in table.layers {
                for variable in layer.variables {
                    guard let entry = entries[variable.tensor] else { continue }
                    let name = entry.dataSet.tensorName ?? (layer.path + [variable.role]).joined(separator: "/")
                    named.append(Entry(name: name, dataSet: entry.dataSet, source: entry.source))
                }
            }
            named += table.unassigned.compactMap { entries[$0] }
        } catch {
            metadata.warnings.append("the configuration does not fit the weights: \(error.reason)")
            named = tensors.compactMap { entries[$0.name] }
        }
        return KerasCheckpoint(
            path: path, format: format, entries: named, others: otherTensors.compactMap { entries[$0.name] },
            sources: sources, naming: naming, metadata: metadata)
    }
}

extension KerasCheckpoint.Entry {
    /// A data set that is no part of the model, by its path.
    init(other dataSet: HDF5DataSet, source: Int = 0) {
        self.init(name: dataSet.tensorName ?? dataSet.name, dataSet: dataSet, source: source)
    }

    /// What the listing says; `storage.key` is the path of the data set.
    var info: TensorInfo {
        TensorInfo(
            name: name, dtype: dataSet.element.dtype, shape: dataSet.shape,
            storage: TensorInfo.Storage(
                key: dataSet.storageName, byteOffset: 0, byteCount: dataSet.byteCount ?? 0))
    }
}

extension CheckpointMetadata {
    /// Counts a data set that is no part of the model.
    mutating func countOther(_ dataSet: HDF5DataSet) {
        otherTensorCount += 1
        otherTensorBytes += dataSet.byteCount ?? 0
    }

    /// Takes an optimizer's step from its counter, the first scalar integer that `entries` offer.
    mutating func takeStep(
        from counters: [HDF5DataSet], in bytes: Bytes, path: String
    ) throws(FormatError) {
        for counter in counters where counter.shape.elementCount == 1 && counter.element.dtype.isInteger {
            guard case .contiguous = counter.storage else { continue }
            let view = try counter.values(in: bytes, path: path)
            let value = view.bytes.array.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            if let found = Int(exactly: value) { step = found }
            return
        }
    }
}
