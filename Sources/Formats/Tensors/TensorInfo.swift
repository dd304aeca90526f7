// What a checkpoint says about a tensor, without its values.

/// One tensor of a checkpoint: its name, type, shape and where its bytes lie.
public struct TensorInfo: Sendable, Hashable {
    /// The name after the wrapper was opened and common prefixes were stripped.
    public var name: String
    /// The element type.
    public var dtype: DType
    /// The logical shape, as the framework would show it.
    public var shape: Shape
    /// The storage that holds the bytes; tensors with the same key share memory.
    public var storage: Storage
    /// The element strides if the tensor is not contiguous row-major in its storage, else nil.
    public var strides: [Int]?

    /// A run of bytes in the file that one or more tensors look into.
    public struct Storage: Sendable, Hashable {
        /// The storage's name in the file (zip entry, data set path, byte range).
        public var key: String
        /// Where the tensor begins in the storage, in bytes.
        public var byteOffset: Int
        /// The size of the whole storage in bytes.
        public var byteCount: Int

        /// Describes a storage.
        public init(key: String, byteOffset: Int, byteCount: Int) {
            self.key = key
            self.byteOffset = byteOffset
            self.byteCount = byteCount
        }
    }

    /// Describes a tensor.
    public init(name: String, dtype: DType, shape: Shape, storage: Storage, strides: [Int]? = nil) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
        self.storage = storage
        self.strides = strides
    }

    /// Bytes of the tensor's own values, packed row-major.
    public var byteCount: Int { dtype.byteCount(of: shape.checkedElementCount ?? 0) ?? 0 }
}
