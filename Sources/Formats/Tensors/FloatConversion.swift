// Stored element types to float32: half, bfloat16 and 8-bit floats (OCP MX specification 1.0, and the FNUZ
// variants of Noune et al. 2022), integers and bool.

/// Converts `count` packed little-endian elements to float32, or nil for complex and sub-byte types.
func convertedToFloats(_ bytes: Bytes, dtype: DType, count: Int) -> [Float]? {
    func map<Stored: BitwiseCopyable>(_ type: Stored.Type, _ convert: (Stored) -> Float) -> [Float] {
        bytes.withUnsafeBytes { raw in
            [Float](unsafeUninitializedCapacity: count) { output, written in
                for index in 0..<count {
                    let stored = raw.loadUnaligned(
                        fromByteOffset: index * MemoryLayout<Stored>.size, as: Stored.self)
                    output[index] = convert(stored)
                }
                written = count
            }
        }
    }
    switch dtype {
    case .float32: return map(Float.self) { $0 }
    case .float64: return map(Double.self) { Float($0) }
    case .float16: return map(UInt16.self, floatFromHalf)
    case .bfloat16: return map(UInt16.self) { Float(bitPattern: UInt32($0) << 16) }
    case .bool: return map(UInt8.self) { $0 == 0 ? 0 : 1 }
    case .uint8: return map(UInt8.self) { Float($0) }
    case .int8: return map(Int8.self) { Float($0) }
    case .uint16: return map(UInt16.self) { Float($0) }
    case .int16: return map(Int16.self) { Float($0) }
    case .uint32: return map(UInt32.self) { Float($0) }
    case .int32: return map(Int32.self) { Float($0) }
    case .uint64: return map(UInt64.self) { Float($0) }
    case .int64: return map(Int64.self) { Float($0) }
    case .float8E4M3FN: return map(UInt8.self) { floatFromE4M3($0, bias: 7, isUnsignedZero: false) }
    case .float8E4M3: return map(UInt8.self, floatFromE4M3WithInfinity)
    case .float8E5M2: return map(UInt8.self) { floatFromHalf(UInt16($0) << 8) }
    case .float8E4M3FNUZ: return map(UInt8.self) { floatFromE4M3($0, bias: 8, isUnsignedZero: true) }
    case .float8E5M2FNUZ: return map(UInt8.self, floatFromE5M2FNUZ)
    case .float8E8M0:
        return map(UInt8.self) { $0 == 0xFF ? .nan : Float(sign: .plus, exponent: Int($0) - 127, significand: 1) }
    case .complex32, .complex64, .complex128, .float4, .float6E2M3, .float6E3M2: return nil
    }
}

/// IEEE 754 binary16 to binary32; exact.
@inlinable
public func floatFromHalf(_ half: UInt16) -> Float {
    let sign = UInt32(half & 0x8000) << 16
    let exponent = UInt32(half >> 10) & 0x1F
    let fraction = UInt32(half) & 0x3FF
    switch exponent {
    case 0:
        // Subnormal: fraction · 2⁻²⁴ is exact in binary32.
        let magnitude = Float(fraction) * 0x1p-24
        return sign == 0 ? magnitude : -magnitude
    case 0x1F: return Float(bitPattern: sign | 0x7F80_0000 | fraction << 13)
    default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
}

/// Four exponent and three fraction bits; `isUnsignedZero` is the FNUZ form, whose only NaN is 0x80.
private func floatFromE4M3(_ code: UInt8, bias: Int, isUnsignedZero: Bool) -> Float {
    if isUnsignedZero ? code == 0x80 : code & 0x7F == 0x7F { return .nan }
    return smallFloat(code, exponentBits: 4, bias: bias)
}

/// The IEEE-like E4M3 (bias 7, with infinities) that safetensors calls F8_E4M3 only in its FN form; kept for NumPy's
/// ml_dtypes arrays.
private func floatFromE4M3WithInfinity(_ code: UInt8) -> Float {
    guard (code >> 3) & 0xF == 0xF else { return smallFloat(code, exponentBits: 4, bias: 7) }
    guard code & 7 == 0 else { return .nan }
    return code & 0x80 == 0 ? .infinity : -.infinity
}

private func floatFromE5M2FNUZ(_ code: UInt8) -> Float {
    code == 0x80 ? .nan : smallFloat(code, exponentBits: 5, bias: 16)
}

/// Sign, exponent, fraction with subnormals and no special values.
private func smallFloat(_ code: UInt8, exponentBits: Int, bias: Int) -> Float {
    let fractionBits = 7 - exponentBits
    let exponent = Int(code & 0x7F) >> fractionBits
    let fraction = Float(Int(code) & (1 << fractionBits - 1)) / Float(1 << fractionBits)
    let magnitude =
        exponent == 0
        ? Float(sign: .plus, exponent: 1 - bias, significand: fraction)
        : Float(sign: .plus, exponent: exponent - bias, significand: 1 + fraction)
    return code & 0x80 == 0 ? magnitude : -magnitude
}
