// A checkpoint written by torch.save: the zip container of PyTorch 1.6 and later, or the older stream.

/// An open PyTorch checkpoint. Nothing in it was run: see ``CheckpointMetadata/foreignCalls``.
struct PyTorchCheckpoint: CheckpointReader {
    let path: String
    let format: String
    let tensors: [TensorInfo]
    let otherTensors: [TensorInfo]
    let metadata: CheckpointMetadata
    private let records: [String: PyTorchTensor]
    private let otherRecords: [String: PyTorchTensor]
    private let storages: PyTorchStorages
    private let isBigEndian: Bool

    /// Interprets a parsed pickle over its storages.
    ///
    /// - Parameters:
    ///   - section: what errors call the pickle.
    ///   - beside: what a writer of this module left beside the pickle.
    ///   - warnings: remarks about the container.
    /// - Throws: ``FormatError`` with `.invalid` when a tensor of the model looks outside its storage or the storage is
    ///   missing or of another size.
    init(
        path: String, format: String, section: String, graph: PickleGraph, storages: PyTorchStorages,
        isBigEndian: Bool, beside: Bytes? = nil, warnings: [String] = []
    ) throws(FormatError) {
        let tree = PyTorchTree(graph: graph, path: path, section: section)
        let wrapper = PyTorchWrapper(tree)
        var reader = PyTorchMetadataReader(tree)
        var metadata = reader.read(wrapper)
        metadata.warnings = warnings
        let model = try PyTorchModel(tree, wrapper, storages: storages)
        model.describe(in: &metadata)
        metadata.foreignCalls = graph.foreignCalls()
        for call in metadata.foreignCalls where call.isDangerous {
            metadata.warnings.append(
                call.arguments.isEmpty
                    ? "this file names \(call.name), which is not part of a checkpoint; it was not run"
                    : "this file tries to run \(call.name)(\(call.arguments)); it was not run")
        }
        self.path = path
        self.format = format
        self.storages = storages
        self.isBigEndian = isBigEndian
        tensors = model.tensors
        otherTensors = model.otherTensors
        records = model.records
        otherRecords = model.otherRecords
        func scalar(_ isEpoch: Bool) -> Int? {
            guard let tensor = reader.scalarTensor(isEpoch: isEpoch, in: wrapper),
                (try? PyTorchModel.check(tensor, name: "", in: storages, path: path)) != nil,
                let storage = try? storages.bytes(of: tensor.storage),
                let value = tensor.view(in: storage, isBigEndian: isBigEndian)?.floats()?.first
            else { return nil }
            return Int(exactly: value)
        }
        if let beside { try metadata.take(portable: beside, path: path, section: CheckpointDraft.metadataEntry) }
        metadata.epoch = metadata.epoch ?? scalar(true)
        metadata.step = metadata.step ?? scalar(false)
        self.metadata = metadata
    }

    func tensor(_ name: String) throws(FormatError) -> TensorView {
        guard let record = records[name] ?? otherRecords[name] else {
            throw FormatError(path, .missingTensor(name: name, available: tensors.count))
        }
        // Sizes were checked on opening; the archive checks again what it hands out.
        guard let storage = try storages.bytes(of: record.storage), storage.count == record.storageByteCount,
            let view = record.view(in: storage, isBigEndian: isBigEndian)
        else {
            throw FormatError(
                path,
                .invalid(section: "tensor '\(name)'", expected: "its storage '\(record.storage)'", found: "none"))
        }
        return view
    }
}
