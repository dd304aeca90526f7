// Writing PyTorch's zip: a plain state_dict (OrderedDict) that torch.load accepts with weights_only=True and mmap=True.
// Every storage is stored, contiguous, little-endian and begins at a multiple of 64 bytes.

extension CheckpointDraft {
    /// The folder that all entries lie in; torch.save takes it from the path, which here would make equal weights
    /// differ.
    private static let folder = "archive"

    /// Where metadata goes: an entry that torch.load passes over and this module's reader finds.
    static let metadataEntry = "extra/ripe.json"

    /// Writes the file; tied tensors share a storage, as they did in the model.
    func writePyTorch(to path: String) throws(FormatError) -> WrittenCheckpoint {
        var pickle = StateDictPickle()
        var storages: [(key: Int, tensor: DraftTensor)] = []
        var keys: [String: (key: Int, name: String)] = [:]
        var tied: [(name: String, kept: String)] = []
        for tensor in tensors {
            guard let type = PyTorchElementType(tensor.dtype) else {
                throw tensor.unsupportedType(.pytorch, path: path)
            }
            if let tie = tensor.tie, let holder = keys[tie] {
                tied.append((tensor.name, holder.name))
                pickle.add(tensor, type: type, storage: holder.key)
                continue
            }
            let key = storages.count
            storages.append((key, tensor))
            if let tie = tensor.tie { keys[tie] = (key, tensor.name) }
            pickle.add(tensor, type: type, storage: key)
        }
        var writer = try ZipWriter(path)
        func text(_ text: String) -> [Bytes] { [Bytes(copying: Array(text.utf8))] }
        try writer.add("\(Self.folder)/data.pkl", [Bytes(copying: pickle.finished())])
        try writer.add("\(Self.folder)/byteorder", text("little"))
        for (key, tensor) in storages {
            try writer.add("\(Self.folder)/data/\(key)", [tensor.values(path: path).bytes])
        }
        if let metadata = metadataJSON { try writer.add("\(Self.folder)/\(Self.metadataEntry)", text(metadata.text())) }
        try writer.add("\(Self.folder)/version", text("3\n"))
        var written = WrittenCheckpoint(paths: [path], byteCount: try writer.commit())
        written.tied = tied
        return written
    }
}

/// How PyTorch pickles an element type: by a storage class of its own, or as raw bytes with a dtype beside it.
enum PyTorchElementType {
    case storage(String)
    case untyped(dtype: String)

    init?(_ dtype: DType) {
        switch dtype {
        case .float64: self = .storage("DoubleStorage")
        case .float32: self = .storage("FloatStorage")
        case .float16: self = .storage("HalfStorage")
        case .bfloat16: self = .storage("BFloat16Storage")
        case .int64: self = .storage("LongStorage")
        case .int32: self = .storage("IntStorage")
        case .int16: self = .storage("ShortStorage")
        case .int8: self = .storage("CharStorage")
        case .uint8: self = .storage("ByteStorage")
        case .bool: self = .storage("BoolStorage")
        case .complex64: self = .storage("ComplexFloatStorage")
        case .complex128: self = .storage("ComplexDoubleStorage")
        case .uint16, .uint32, .uint64, .complex32, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ,
            .float8E8M0:
            self = .untyped(dtype: dtype.rawValue)
        // The IEEE-like E4M3 and packed sub-byte types have no counterpart of the same shape.
        case .float8E4M3, .float4, .float6E2M3, .float6E3M2: return nil
        }
    }
}

/// The pickle (protocol 2) of an OrderedDict of tensors, in the opcodes that torch.save itself uses.
struct StateDictPickle {
    private var bytes: [UInt8] = [0x80, 2]
    private var isEmpty = true

    /// Starts `OrderedDict()`, which the items are set into.
    init() {
        global("collections", "OrderedDict")
        bytes += [0x29, 0x52]  // EMPTY_TUPLE, REDUCE
    }

    /// Adds a contiguous tensor that begins its storage.
    mutating func add(_ tensor: DraftTensor, type: PyTorchElementType, storage: Int) {
        if isEmpty { bytes.append(0x28) }  // MARK
        isEmpty = false
        text(tensor.name)
        switch type {
        case .storage: global("torch._utils", "_rebuild_tensor_v2")
        case .untyped: global("torch._utils", "_rebuild_tensor_v3")
        }
        bytes.append(0x28)
        persistentStorage(storage, type: type, tensor: tensor)
        integer(0)
        integers(tensor.shape.axes)
        integers(tensor.shape.rowMajorStrides)
        bytes.append(0x89)  // requires_grad: NEWFALSE
        global("collections", "OrderedDict")
        bytes += [0x29, 0x52]  // no backward hooks
        if case .untyped(let dtype) = type { global("torch", dtype) }
        bytes += [0x74, 0x52]  // TUPLE, REDUCE
    }

    /// `("storage", class, key, "cpu", count)`, which BINPERSID hands to the loader.
    private mutating func persistentStorage(_ key: Int, type: PyTorchElementType, tensor: DraftTensor) {
        bytes.append(0x28)
        text("storage")
        switch type {
        case .storage(let name): global("torch", name)
        case .untyped: global("torch.storage", "UntypedStorage")
        }
        text("\(key)")
        text("cpu")
        if case .untyped = type { integer(tensor.byteCount) } else { integer(tensor.shape.elementCount) }
        bytes += [0x74, 0x51]
    }

    /// Ends the pickle.
    consuming func finished() -> [UInt8] {
        if !isEmpty { bytes.append(0x75) }  // SETITEMS
        bytes.append(0x2E)
        return bytes
    }

    private mutating func global(_ module: String, _ name: String) {
        bytes.append(0x63)
        bytes += Array("\(module)\n\(name)\n".utf8)
    }

    private mutating func text(_ text: String) {
        bytes.append(0x58)
        bytes.append(littleEndian: UInt32(clamping: text.utf8.count))
        bytes += Array(text.utf8)
    }

    private mutating func integers(_ values: [Int]) {
        bytes.append(0x28)
        for value in values { integer(value) }
        bytes.append(0x74)
    }

    /// BININT1, BININT2, BININT or LONG1, whichever is the shortest that holds the value.
    private mutating func integer(_ value: Int) {
        switch value {
        case 0..<256: bytes += [0x4B, UInt8(value)]
        case 256..<65536:
            bytes.append(0x4D)
            bytes.append(littleEndian: UInt16(value))
        case 65536...Int(Int32.max):
            bytes.append(0x4A)
            bytes.append(littleEndian: Int32(value))
        default:
            bytes += [0x8A, 8]
            bytes.append(littleEndian: Int64(value))
        }
    }
}
