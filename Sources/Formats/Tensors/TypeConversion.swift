// Floating-point values from one stored type to another, rounded once, to nearest even (IEEE 754).

extension TensorView {
    /// The values as another floating-point type.
    ///
    /// Values too large for the type become infinite, as NumPy and PyTorch have it; NaN stays NaN.
    ///
    /// - Parameter path: the file, for errors.
    /// - Throws: ``FormatError`` with `.unsupported` when either type is not float16, bfloat16, float32 or float64, or an
    ///   8-bit float to be widened.
    func converted(to target: DType, path: String) throws(FormatError) -> TensorView {
        if dtype == target { return self }
        let result: Bytes?
        switch target {
        case .float32: result = floats().map { Bytes(copying: $0) }
        case .bfloat16:
            result = bits {
                bfloat16Bits($0)
            } wide: {
                bfloat16Bits($0)
            }
        #if !(os(macOS) && arch(x86_64))
            case .float16:
                result = bits {
                    Float16($0).bitPattern
                } wide: {
                    Float16($0).bitPattern
                }
        #endif
        case .float64: result = floats().map { Bytes(copying: $0.map { Double($0) }) }
        default: result = nil
        }
        guard let result, dtype.isFloatingPoint else {
            throw FormatError(
                path, .unsupported(feature: "turning \(dtype) into \(target)", advice: "leave --dtype out"))
        }
        return TensorView(dtype: target, shape: shape, bytes: result)
    }

    /// 16-bit codes of the values; float64 is rounded once, not by way of float32.
    private func bits(_ narrow: (Float) -> UInt16, wide: (Double) -> UInt16) -> Bytes? {
        guard dtype == .float64 else { return floats().map { Bytes(copying: $0.map(narrow)) } }
        return bytes.withUnsafeBytes { raw in
            Bytes(
                copying: (0..<shape.elementCount).map {
                    wide(raw.loadUnaligned(fromByteOffset: $0 * 8, as: Double.self))
                })
        }
    }
}

/// The upper half of a float32, rounded to nearest even.
private func bfloat16Bits(_ value: Float) -> UInt16 {
    guard !value.isNaN else { return UInt16(value.bitPattern >> 16) | 0x40 }
    let bits = value.bitPattern
    // Past the greatest number the sum carries into the exponent: infinity, as it should.
    return UInt16(truncatingIfNeeded: (bits + 0x7FFF + (bits >> 16 & 1)) >> 16)
}

/// The nearest bfloat16 of a float64: rounded to float32 towards odd first, so that the second rounding sees all bits.
private func bfloat16Bits(_ value: Double) -> UInt16 {
    let nearest = Float(value)
    guard nearest.isFinite, Double(nearest) != value else { return bfloat16Bits(nearest) }
    let towardsZero = abs(Double(nearest)) > abs(value) ? Float(bitPattern: nearest.bitPattern - 1) : nearest
    return bfloat16Bits(Float(bitPattern: towardsZero.bitPattern | 1))
}
