// The element types of NIfTI and how they map to ours.

/// What one voxel is made of.
public enum VoxelType: Sendable, Hashable {
    /// One real or complex number.
    case scalar(DType)
    /// Three bytes: red, green, blue.
    case rgb
    /// Four bytes: red, green, blue, alpha.
    case rgba

    /// The type of each stored sample.
    public var dtype: DType {
        switch self {
        case .scalar(let dtype): dtype
        case .rgb, .rgba: .uint8
        }
    }

    /// Samples in one voxel.
    public var sampleCount: Int {
        switch self {
        case .scalar: 1
        case .rgb: 3
        case .rgba: 4
        }
    }

    /// Bytes of one voxel.
    public var byteCount: Int { dtype.bitWidth / 8 * sampleCount }

    /// Bytes that are swapped together in a file of the other byte order (half of a complex number).
    var swapWidth: Int { isComplex ? dtype.bitWidth / 16 : dtype.bitWidth / 8 }

    /// Whether a voxel is a complex number.
    public var isComplex: Bool { dtype == .complex64 || dtype == .complex128 }

    /// Whether a voxel is one integer.
    public var isInteger: Bool { self == .scalar(dtype) && dtype.isInteger }

    private static let codes: [(code: Int, type: VoxelType)] = [
        (2, .scalar(.uint8)), (4, .scalar(.int16)), (8, .scalar(.int32)), (16, .scalar(.float32)),
        (32, .scalar(.complex64)), (64, .scalar(.float64)), (128, .rgb), (256, .scalar(.int8)),
        (512, .scalar(.uint16)), (768, .scalar(.uint32)), (1024, .scalar(.int64)), (1280, .scalar(.uint64)),
        (1792, .scalar(.complex128)), (2304, .rgba),
    ]

    /// The type of a NIfTI `datatype` code that we read, else nil.
    public init?(datatype code: Int) {
        guard let match = Self.codes.first(where: { $0.code == code }) else { return nil }
        self = match.type
    }

    /// The NIfTI `datatype` code, or nil for element types that NIfTI has not (bool, half and 8-bit floats).
    public var datatype: Int? { Self.codes.first { $0.type == self }?.code }

    /// Names of codes that are valid but that no program writes today.
    static let refusedNames = [1: "1-bit voxels", 1536: "128-bit float voxels", 2048: "256-bit complex voxels"]
}

extension VoxelType: CustomStringConvertible {
    /// Such as `int16` or `RGB`.
    public var description: String {
        switch self {
        case .scalar(let dtype): dtype.description
        case .rgb: "RGB"
        case .rgba: "RGBA"
        }
    }
}
