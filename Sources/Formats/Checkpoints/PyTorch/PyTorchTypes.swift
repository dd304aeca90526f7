// PyTorch's names for element types and storages (torch/storage.py, torch/serialization.py).

/// The type that a dtype global such as `torch.float32` or `torch.bfloat16` names.
func torchDType(named name: String) -> DType? {
    switch name {
    case "double": .float64
    case "float": .float32
    case "half": .float16
    case "long": .int64
    case "int": .int32
    case "short": .int16
    case "cfloat": .complex64
    case "cdouble": .complex128
    case "chalf": .complex32
    case "float4_e2m1", "float6_e2m3", "float6_e3m2", "float8_e4m3": nil
    default: DType(rawValue: name)
    }
}

/// What a storage class says about its elements.
enum PyTorchStorageKind: Hashable, Sendable {
    /// Elements of one type; the storage's size counts them.
    case typed(DType)
    /// Raw bytes; the tensor's constructor names the type.
    case untyped
    /// Quantized or packed elements, by class name.
    case unsupported(String)

    /// The kind of a class such as `torch.FloatStorage`, `torch.cuda.HalfStorage` or `torch.storage.UntypedStorage`.
    init?(className: String) {
        guard className.hasPrefix("torch."), className.hasSuffix("Storage"), let dot = className.lastIndex(of: ".")
        else { return nil }
        let last = className[className.index(after: dot)...]
        switch last.dropLast(7) {
        case "Double": self = .typed(.float64)
        case "Float": self = .typed(.float32)
        case "Half": self = .typed(.float16)
        case "BFloat16": self = .typed(.bfloat16)
        case "Long": self = .typed(.int64)
        case "Int": self = .typed(.int32)
        case "Short": self = .typed(.int16)
        case "Char": self = .typed(.int8)
        case "Byte": self = .typed(.uint8)
        case "Bool": self = .typed(.bool)
        case "ComplexFloat": self = .typed(.complex64)
        case "ComplexDouble": self = .typed(.complex128)
        case "Untyped", "_Untyped", "Typed", "_Typed": self = .untyped
        default: self = .unsupported(String(last))
        }
    }

    /// Bytes of one counted element, where they are known.
    var elementByteCount: Int? {
        switch self {
        case .typed(let dtype): dtype.bitWidth / 8
        case .untyped: 1
        case .unsupported("QInt8Storage"), .unsupported("QUInt8Storage"): 1
        case .unsupported("QInt32Storage"): 4
        case .unsupported: nil
        }
    }
}
