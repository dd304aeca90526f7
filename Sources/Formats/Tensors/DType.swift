// The element types that checkpoint formats store, under the names the field uses.

/// A tensor's element type.
public enum DType: String, Sendable, Hashable, CaseIterable {
    case bool, uint8, int8, uint16, int16, uint32, int32, uint64, int64
    case float16, bfloat16, float32, float64
    case complex32, complex64, complex128
    case float8E4M3FN = "float8_e4m3fn"
    case float8E5M2 = "float8_e5m2"
    case float8E4M3FNUZ = "float8_e4m3fnuz"
    case float8E5M2FNUZ = "float8_e5m2fnuz"
    case float8E8M0 = "float8_e8m0fnu"
    case float8E4M3 = "float8_e4m3"
    case float4 = "float4_e2m1"
    case float6E2M3 = "float6_e2m3"
    case float6E3M2 = "float6_e3m2"

    /// Bits of one element; sub-byte types are packed.
    public var bitWidth: Int {
        switch self {
        case .float4: 4
        case .float6E2M3, .float6E3M2: 6
        case .bool, .uint8, .int8, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0,
            .float8E4M3:
            8
        case .uint16, .int16, .float16, .bfloat16: 16
        case .uint32, .int32, .float32, .complex32: 32
        case .uint64, .int64, .float64, .complex64: 64
        case .complex128: 128
        }
    }

    /// Whether an element is a real floating-point number.
    public var isFloatingPoint: Bool {
        switch self {
        case .float16, .bfloat16, .float32, .float64, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ,
            .float8E5M2FNUZ, .float8E8M0, .float8E4M3, .float4, .float6E2M3, .float6E3M2:
            true
        default: false
        }
    }

    /// Whether an element is an integer (bool is not).
    public var isInteger: Bool {
        switch self {
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64: true
        default: false
        }
    }

    /// Bytes that `count` packed elements take, rounded up; nil when the product overflows.
    public func byteCount(of count: Int) -> Int? {
        let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
        return overflow || count < 0 ? nil : bits / 8 + (bits % 8 == 0 ? 0 : 1)
    }
}

extension DType: CustomStringConvertible {
    /// The name PyTorch and NumPy use, such as `float32`.
    public var description: String { rawValue }
}
