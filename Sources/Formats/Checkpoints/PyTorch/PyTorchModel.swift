// The model's tensors of a PyTorch checkpoint, checked against their storages, and an account of all the others.

/// Named, checked tensors.
struct PyTorchModel {
    private(set) var tensors: [TensorInfo] = []
    private(set) var records: [String: PyTorchTensor] = [:]
    /// Tensors that are no part of the model, under the keys that lead to them.
    private var others: [(name: String, tensor: PyTorchTensor)] = []
    /// Those of ``others`` that can be read, each name once and none of the model's.
    private(set) var otherTensors: [TensorInfo] = []
    private(set) var otherRecords: [String: PyTorchTensor] = [:]
    private var skipped: [String] = []
    private var innerPrefixCount = 0
    private let prefix: String
    private let alternatives: [String]
    private let storageSizes: [String: Int]

    /// Collects the tensors below the wrapper's node, and those elsewhere.
    init(_ tree: PyTorchTree, _ wrapper: PyTorchWrapper, storages: PyTorchStorages) throws(FormatError) {
        alternatives = wrapper.alternatives
        storageSizes = storages.byteCounts
        let trainingState = Self.trainingState(beside: wrapper, in: tree)
        var visited = Set(trainingState.map(\.value))
        let leaves = try tree.leaves(below: wrapper.node, visited: &visited)
        let stripped = PyTorchPrefix.strip(leaves.map(\.name))
        prefix = stripped.prefix
        innerPrefixCount = stripped.innerCount
        for (name, leaf) in zip(stripped.names, leaves) {
            switch leaf.value {
            case .unsupported(let kind): skipped.append("'\(printable(name))' is \(kind) and was skipped")
            case .tensor(let tensor) where name == "n_averaged" && !prefix.isEmpty: others.append((name, tensor))
            case .tensor(let tensor): try add(tensor, name: name, storages: storages, path: tree.path)
            }
        }
        let modelNodes = Set(leaves.map(\.node))
        visited.subtract(trainingState.map(\.value))
        let starts = [("", tree.graph.root)] + trainingState.map { ("\($0.key).", $0.value) }
        for (key, start) in starts {
            for leaf in try tree.leaves(below: start, visited: &visited, isLenient: true)
            where !modelNodes.contains(leaf.node) {
                if case .tensor(let tensor) = leaf.value { others.append((key + leaf.name, tensor)) }
            }
        }
        for (name, tensor) in others where records[name] == nil && otherRecords[name] == nil {
            guard (try? Self.check(tensor, name: name, in: storages, path: tree.path)) != nil else { continue }
            otherRecords[name] = tensor
            otherTensors.append(tensor.info(name: name))
        }
    }

    /// Containers of optimizer state and the like that lie among the weights of an unwrapped checkpoint.
    private static func trainingState(beside wrapper: PyTorchWrapper, in tree: PyTorchTree) -> [(
        key: String, value: Int
    )] {
        (tree.graph.entries(wrapper.node) ?? []).compactMap { entry in
            guard let key = tree.graph.string(entry.key), PyTorchWrapper.otherKeys.contains(key),
                tree.isContainer(entry.value)
            else { return nil }
            return (key, entry.value)
        }
    }

    private mutating func add(
        _ tensor: PyTorchTensor, name: String, storages: PyTorchStorages, path: String
    ) throws(FormatError) {
        try Self.check(tensor, name: name, in: storages, path: path)
        guard records.updateValue(tensor, forKey: name) == nil else {
            throw FormatError(
                path, .invalid(section: "state_dict", expected: "distinct names", found: "'\(name)' twice"))
        }
        tensors.append(tensor.info(name: name))
    }

    /// Checks a tensor's layout, and that its storage is there and of the size that the pickle claims.
    static func check(
        _ tensor: PyTorchTensor, name: String, in storages: PyTorchStorages, path: String
    ) throws(FormatError) {
        let section = "tensor '\(printable(name))'"
        do throws(StridedLayout.Fault) {
            try tensor.check()
        } catch {
            throw FormatError(path, .invalid(section: section, expected: error.expected, found: error.found))
        }
        guard let found = storages.byteCount(of: tensor.storage) else {
            throw FormatError(
                path,
                .invalid(
                    section: section, expected: "its storage '\(printable(tensor.storage))' in the file",
                    found: "none: the file is incomplete"))
        }
        guard found == tensor.storageByteCount else {
            throw FormatError(
                path,
                .invalid(
                    section: section,
                    expected: "\(tensor.storageByteCount ?? 0) bytes in its storage '\(printable(tensor.storage))'",
                    found: "\(found)"))
        }
    }

    /// Writes the account into the metadata.
    func describe(in metadata: inout CheckpointMetadata) {
        metadata.strippedPrefix = prefix
        metadata.otherTensorCount = others.count
        metadata.otherTensorBytes = others.reduce(0) { sum, other in
            let tensor = other.tensor
            let count = Shape(tensor.layout.sizes).checkedElementCount.flatMap { tensor.dtype.byteCount(of: $0) }
            return sum.addingReportingOverflow(count ?? 0).partialValue
        }
        metadata.unusedBytes = unusedBytes
        if innerPrefixCount > 0 {
            metadata.warnings.append("torch.compile's '_orig_mod.' was taken out of \(innerPrefixCount) names")
        }
        for key in alternatives {
            metadata.warnings.append(
                "it also holds weights under '\(printable(key))'; those under '\(metadata.wrapper.last ?? "")' were read"
            )
        }
        if tensors.isEmpty { metadata.warnings.append("it holds no tensors that can be read") }
        let shown = 20
        metadata.warnings += skipped.prefix(shown)
        if skipped.count > shown { metadata.warnings.append("\(skipped.count - shown) more tensors were skipped") }
    }

    /// Bytes of storage that no tensor looks at: what is left of slices saved with their whole storage.
    private var unusedBytes: Int {
        var ranges: [String: [Range<Int>]] = [:]
        for tensor in Array(records.values) + others.map(\.tensor) {
            guard (try? tensor.check()) != nil else { continue }
            ranges[tensor.storage, default: []].append(tensor.extent)
        }
        var unused = 0
        for (key, size) in storageSizes {
            var covered = 0
            var end = 0
            for range in (ranges[key] ?? []).sorted(by: { $0.lowerBound < $1.lowerBound }) {
                covered += max(0, range.upperBound - max(end, range.lowerBound))
                end = max(end, range.upperBound)
            }
            unused += max(0, size - covered)
        }
        return unused
    }
}
