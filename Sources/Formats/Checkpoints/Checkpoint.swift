// The door to every checkpoint format: the protocol that readers fulfil and the function that finds the reader.

/// An open checkpoint: its tensors by name, read on demand.
public protocol CheckpointReader: Sendable {
    /// The file or index file that was opened.
    var path: String { get }
    /// The container, such as "PyTorch zip" or "safetensors".
    var format: String { get }
    /// The model's tensors in the file's own order, after the wrapper was opened and prefixes stripped.
    var tensors: [TensorInfo] { get }
    /// Tensors that are no part of the model (optimizer state and the like), under the keys that lead to them; ``tensor(_:)``
    /// reads them too.
    var otherTensors: [TensorInfo] { get }
    /// What else the file says.
    var metadata: CheckpointMetadata { get }

    /// Reads one tensor's values, without a copy where the file allows it.
    ///
    /// - Throws: ``FormatError`` with `.missingTensor`, `.truncated` or `.invalid`.
    func tensor(_ name: String) throws(FormatError) -> TensorView
}

extension CheckpointReader {
    /// None, for formats that hold only a model.
    public var otherTensors: [TensorInfo] { [] }
}

/// What a checkpoint holds besides its model's tensors.
public struct CheckpointMetadata: Sendable {
    /// The epoch found inside the file, if any.
    public var epoch: Int?
    /// The optimizer step found inside the file, if any.
    public var step: Int?
    /// The program that wrote the file, such as "PyTorch Lightning 2.6.6" or "Keras 3.15.1".
    public var writer: String?
    /// Keys that lead from the file's root to the weights, outermost first; empty for a plain state_dict.
    public var wrapper: [String] = []
    /// The prefix taken off every tensor name, such as "module."; empty for none.
    public var strippedPrefix = ""
    /// Other plain values of the file (version, hyper-parameters), as text, in file order.
    public var entries: [(key: String, value: String)] = []
    /// Tensors that are not part of the model (optimizer state and the like).
    public var otherTensorCount = 0
    /// The bytes of those tensors.
    public var otherTensorBytes = 0
    /// Bytes of storage in the file that no tensor looks at.
    public var unusedBytes = 0
    /// The network description that Keras keeps beside the weights (`config.json` or `model_config`), as JSON text.
    public var kerasConfig: String?
    /// Where the Keras file that these tensors once came from kept them, by full name and in that file's order; see
    /// ``DraftTensor/kerasPlace``.
    var kerasPlaces: [(name: String, place: String)] = []
    /// Tensor names that stand for another name's values (tied weights dropped by the writer): alias to kept name.
    public var aliases: [String: String] = [:]
    /// Calls in a pickle that the reader did not make, one entry for each distinct callable.
    public var foreignCalls: [ForeignCall] = []
    /// Remarks that a user should see.
    public var warnings: [String] = []

    /// Empty metadata.
    public init() {}

    /// A callable that a pickle names and that is not part of the tensor vocabulary.
    public struct ForeignCall: Sendable, Hashable {
        /// The dotted name, such as `os.system`.
        public var name: String
        /// The arguments as written in the file, shortened.
        public var arguments: String
        /// Whether running it could do harm (process, file or code execution).
        public var isDangerous: Bool

        /// Describes a call.
        public init(name: String, arguments: String, isDangerous: Bool) {
            self.name = name
            self.arguments = arguments
            self.isDangerous = isDangerous
        }
    }
}
