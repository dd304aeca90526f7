// An ONNX file as a checkpoint: its weights by name, and the graph for whoever runs it.

/// An open ONNX file.
public struct ONNXCheckpoint: CheckpointReader {
    /// The file that was opened.
    public let path: String
    /// The container.
    public let format = "ONNX"
    /// The initializers and the tensors of Constant operators, the latter by the name of the operator's output; under each
    /// of their names where Identity operators give them several.
    public let tensors: [TensorInfo]
    /// Writer, operator sets and free entries.
    public let metadata: CheckpointMetadata
    /// The graph, and what else the file says.
    public let model: ONNXModel
    private let bytes: Bytes
    private let places: [String: ONNXTensor]

    /// Reads the messages; the weights stay in the file.
    ///
    /// - Throws: ``FormatError``.
    init(path: String, bytes: Bytes) throws(FormatError) {
        let model = try ONNXParser.model(path: path, bytes: bytes)
        var metadata = CheckpointMetadata()
        metadata.writer = [model.producer, model.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
        if metadata.writer == "" { metadata.writer = nil }
        let opsets = model.opsets.map { $0.domain.isEmpty ? "\($0.version)" : "\(printable($0.domain)) \($0.version)" }
        metadata.entries = [("opset", opsets.joined(separator: ", ")), ("IR version", "\(model.irVersion)")]
        metadata.entries += model.metadata.map { (printable($0.key), printable($0.value)) }
        var places: [String: ONNXTensor] = [:]
        var tensors: [TensorInfo] = []
        func add(_ tensor: ONNXTensor, name: String) {
            guard let dtype = tensor.dtype else {
                metadata.warnings.append("'\(printable(name))' is of type \(tensor.typeName) and was skipped")
                return
            }
            places[name] = tensor
            tensors.append(Self.info(tensor, name: name, dtype: dtype))
        }
        for tensor in model.graph.initializers {
            guard places[tensor.name] == nil else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "ONNX graph", expected: "one tensor of each name",
                        found: "two named '\(printable(tensor.name))'"))
            }
            add(tensor, name: tensor.name)
        }
        for node in model.graph.nodes where node.domain.isEmpty {
            guard let name = node.outputs.first, !name.isEmpty, places[name] == nil else { continue }
            if node.kind == "Constant", case .tensor(let tensor) = node.attributes["value"] {
                add(tensor, name: name)
            } else if node.kind == "Identity", let source = node.inputs.first, let tensor = places[source] {
                // Exporters store equal weights once.
                add(tensor, name: name)
            }
        }
        self.path = path
        self.bytes = bytes
        self.model = model
        self.places = places
        self.tensors = tensors
        self.metadata = metadata
    }

    private static func info(_ tensor: ONNXTensor, name: String, dtype: DType) -> TensorInfo {
        let count = dtype.byteCount(of: tensor.shape.checkedElementCount ?? 0) ?? 0
        let (key, offset): (String, Int) =
            switch tensor.content {
            case .raw(let range): ("\(range.lowerBound)..<\(range.upperBound)", 0)
            case .external(let data): ("\(data.file) \(data.offset)", 0)
            case .numbers(_, let range, _): ("\(range.lowerBound)..<\(range.upperBound)", 0)
            case .unread: ("none", 0)
            }
        return TensorInfo(
            name: name, dtype: dtype, shape: tensor.shape,
            storage: .init(key: key, byteOffset: offset, byteCount: count))
    }

    /// Reads one tensor's values, lent from the map where they are raw bytes.
    ///
    /// - Throws: ``FormatError``.
    public func tensor(_ name: String) throws(FormatError) -> TensorView {
        guard let tensor = places[name] else {
            throw FormatError(path, .missingTensor(name: name, available: tensors.count))
        }
        return try tensor.view(in: bytes, path: path)
    }

    /// The values of a tensor of the graph, as in an operator's settings.
    ///
    /// - Throws: ``FormatError``.
    public func values(of tensor: ONNXTensor) throws(FormatError) -> TensorView {
        try tensor.view(in: bytes, path: path)
    }

    /// The names of tensors that are settings of the graph rather than weights: those of Constant operators.
    public var constantNames: Set<String> {
        Set(model.graph.nodes.filter { $0.kind == "Constant" }.flatMap(\.outputs))
    }

    /// The files beside this one that hold weights, by path, in the order of their names.
    public var dataFiles: [String] {
        let files = places.values.compactMap { tensor -> String? in
            if case .external(let data) = tensor.content { data.path(besides: path) } else { nil }
        }
        return Set(files).sorted()
    }
}
