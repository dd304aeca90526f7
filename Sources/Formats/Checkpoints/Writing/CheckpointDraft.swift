// What a checkpoint writer is given: tensors that are read one at a time while the file is written, and what else the
// file should say.

/// A checkpoint that is about to be written.
public struct CheckpointDraft: Sendable {
    /// The tensors in the order in which they are to stand in the file, as far as the format has an order.
    public var tensors: [DraftTensor]
    /// Plain values beside the weights (epoch, step, hyper-parameters, a safetensors file's own metadata), in order.
    public var metadata: [(key: String, value: String)]
    /// The network description for Keras' forms, as JSON text: the source's own, or one made for a known family.
    public var kerasConfig: String?

    /// A draft of the given tensors.
    public init(
        tensors: [DraftTensor], metadata: [(key: String, value: String)] = [], kerasConfig: String? = nil
    ) {
        self.tensors = tensors
        self.metadata = metadata
        self.kerasConfig = kerasConfig
    }

    /// Bytes of all values, ties counted as often as they are named.
    public var byteCount: Int { tensors.reduce(0) { $0 + $1.byteCount } }
}

/// One tensor of a ``CheckpointDraft``; its values are read when the writer comes to it.
public struct DraftTensor: Sendable {
    /// The name it gets.
    public var name: String
    /// The element type and shape that ``read`` will give.
    public var dtype: DType, shape: Shape
    /// Tensors with the same tie hold the same values (tied weights): formats that can, store them once.
    public var tie: String?
    /// Where the source kept it when that was a Keras file, such as `layers/conv2d/vars/0` or `conv1/conv1/kernel:0`;
    /// writers of the same form put it there again.
    public var kerasPlace: String?
    /// Reads the values.
    public let read: @Sendable () throws(FormatError) -> TensorView

    /// Describes a tensor.
    public init(
        name: String, dtype: DType, shape: Shape, tie: String? = nil, kerasPlace: String? = nil,
        read: @escaping @Sendable () throws(FormatError) -> TensorView
    ) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.tie = tie
        self.kerasPlace = kerasPlace
        self.read = read
    }

    /// Bytes of its values, packed row-major.
    public var byteCount: Int { dtype.byteCount(of: shape.checkedElementCount ?? 0) ?? 0 }
}

extension CheckpointDraft {
    /// The draft that writes an open checkpoint as it is: full names, types and shapes, in the reader's order.
    ///
    /// - Parameter includesOptimizer: also the tensors that are no part of the model, under the keys that lead to them.
    public init(_ reader: any CheckpointReader, includesOptimizer: Bool = false) {
        let prefix = reader.metadata.strippedPrefix
        let isKeras = (reader as? KerasCheckpoint)?.hasPlaces ?? false
        let places = reader.metadata.kerasPlaces
        let orders = Dictionary(places.enumerated().map { ($1.name, $0) }) { first, _ in first }
        let tensors = (reader.tensors + (includesOptimizer ? reader.otherTensors : [])).map { info in
            DraftTensor(
                name: prefix + info.name, dtype: info.dtype, shape: info.shape, tie: info.tie,
                kerasPlace: isKeras ? info.storage.key : orders[prefix + info.name].map { places[$0].place }
            ) { () throws(FormatError) in try reader.tensor(info.name) }
        }
        self.tensors = tensors
        // Keras matches the weights of legacy files by order, which other formats do not keep.
        if !orders.isEmpty, tensors.allSatisfy({ orders[$0.name] != nil }) {
            self.tensors.sort { (orders[$0.name] ?? 0) < (orders[$1.name] ?? 0) }
        }
        metadata = reader.metadata.portable
        kerasConfig = reader.metadata.kerasConfig
    }
}

extension TensorInfo {
    /// Equal for tensors that look at the same values in the same way; nil for tensors without values.
    var tie: String? {
        guard byteCount > 0 else { return nil }
        let layout = strides.map { "\($0)" } ?? ""
        return "\(storage.key)+\(storage.byteOffset) \(dtype) \(shape)\(layout)"
    }
}
