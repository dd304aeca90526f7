// Where each field of a NIfTI header lies: one table for reading and writing, so that the two cannot disagree.

/// The kind of header in front of a volume.
public enum VolumeFormat: String, Sendable, Hashable {
    /// 348-byte header, float32 geometry, axes up to 32767.
    case nifti1 = "NIfTI-1"
    /// 540-byte header, float64 geometry, 64-bit axes.
    case nifti2 = "NIfTI-2"
    /// The 348-byte header before NIfTI, which says nothing about orientation; also SPM's.
    case analyze = "Analyze 7.5"

    /// Bytes of the header.
    public var headerSize: Int { self == .nifti2 ? 540 : 348 }
}

/// Byte offsets of the fields in one version of the header, and how wide the numbers are.
///
/// Integers are 16 bits in NIfTI-1, where `nifti2` says 32 or 64 they are that; reals are float32 and float64.
struct NIfTILayout {
    let dim: Int
    let datatype: Int
    let bitpix: Int
    let intentParameters: Int
    let intentCode: Int
    let intentName: Int
    let pixdim: Int
    let voxelOffset: Int
    let slope: Int
    let intercept: Int
    let calMax: Int
    let calMin: Int
    let sliceDuration: Int
    let timeOffset: Int
    let sliceStart: Int
    let sliceEnd: Int
    let sliceCode: Int
    let units: Int
    let dimInfo: Int
    let description: Int
    let auxFile: Int
    let qformCode: Int
    let sformCode: Int
    let quaternion: Int
    let quaternionOffset: Int
    let sformRows: Int

    /// nifti1.h, `struct nifti_1_header`.
    static let nifti1 = NIfTILayout(
        dim: 40, datatype: 70, bitpix: 72, intentParameters: 56, intentCode: 68, intentName: 328, pixdim: 76,
        voxelOffset: 108, slope: 112, intercept: 116, calMax: 124, calMin: 128, sliceDuration: 132, timeOffset: 136,
        sliceStart: 74, sliceEnd: 120, sliceCode: 122, units: 123, dimInfo: 39, description: 148, auxFile: 228,
        qformCode: 252, sformCode: 254, quaternion: 256, quaternionOffset: 268, sformRows: 280)

    /// nifti2.h, `struct nifti_2_header`.
    static let nifti2 = NIfTILayout(
        dim: 16, datatype: 12, bitpix: 14, intentParameters: 80, intentCode: 504, intentName: 508, pixdim: 104,
        voxelOffset: 168, slope: 176, intercept: 184, calMax: 192, calMin: 200, sliceDuration: 208, timeOffset: 216,
        sliceStart: 224, sliceEnd: 232, sliceCode: 496, units: 500, dimInfo: 524, description: 240, auxFile: 320,
        qformCode: 344, sformCode: 348, quaternion: 352, quaternionOffset: 376, sformRows: 400)
}

/// Reads header fields in the file's byte order. Offsets are within the header, whose size was checked.
struct NIfTIFields {
    let bytes: Bytes
    let isBigEndian: Bool
    let isVersion2: Bool

    func integer<Value: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, as type: Value.Type) -> Int {
        let value = isBigEndian ? bytes.bigEndian(at: offset, as: type) : bytes.littleEndian(at: offset, as: type)
        return Int(clamping: value ?? 0)
    }

    /// int16 in NIfTI-1, int32 in NIfTI-2: codes.
    func code(_ offset: Int) -> Int {
        isVersion2 ? integer(offset, as: Int32.self) : integer(offset, as: Int16.self)
    }

    /// int16 in NIfTI-1, int64 in NIfTI-2: sizes and slice numbers.
    func size(_ offset: Int, index: Int = 0) -> Int {
        isVersion2 ? integer(offset + index * 8, as: Int64.self) : integer(offset + index * 2, as: Int16.self)
    }

    /// float32 in NIfTI-1, float64 in NIfTI-2.
    func real(_ offset: Int, index: Int = 0) -> Double {
        if isVersion2 {
            let position = offset + index * 8
            let bits =
                isBigEndian
                ? bytes.bigEndian(at: position, as: UInt64.self) : bytes.littleEndian(at: position, as: UInt64.self)
            return Double(bitPattern: bits ?? 0)
        }
        let position = offset + index * 4
        let bits =
            isBigEndian
            ? bytes.bigEndian(at: position, as: UInt32.self) : bytes.littleEndian(at: position, as: UInt32.self)
        return Double(Float(bitPattern: bits ?? 0))
    }

    /// A fixed-width text field without its NUL padding.
    func text(_ offset: Int, width: Int) -> HeaderText {
        let field = bytes.slice(offset, width)?.array ?? []
        let end = field.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0
        return HeaderText(bytes: Array(field[..<end]))
    }
}

/// Writes header fields, little-endian.
struct NIfTIFieldWriter {
    private(set) var bytes: [UInt8]
    let isVersion2: Bool

    init(format: VolumeFormat) {
        bytes = [UInt8](repeating: 0, count: format.headerSize)
        isVersion2 = format == .nifti2
    }

    mutating func integer<Value: FixedWidthInteger>(_ value: Value, at offset: Int) {
        withUnsafeBytes(of: value.littleEndian) { field in
            for (index, byte) in field.enumerated() { bytes[offset + index] = byte }
        }
    }

    mutating func code(_ value: Int, at offset: Int) {
        if isVersion2 {
            integer(Int32(clamping: value), at: offset)
        } else {
            integer(Int16(clamping: value), at: offset)
        }
    }

    mutating func size(_ value: Int, at offset: Int, index: Int = 0) {
        if isVersion2 {
            integer(Int64(value), at: offset + index * 8)
        } else {
            integer(Int16(clamping: value), at: offset + index * 2)
        }
    }

    mutating func real(_ value: Double, at offset: Int, index: Int = 0) {
        if isVersion2 {
            integer(value.bitPattern, at: offset + index * 8)
        } else {
            integer(Float(value).bitPattern, at: offset + index * 4)
        }
    }

    mutating func text(_ text: HeaderText, at offset: Int, width: Int) {
        for (index, byte) in text.bytes.prefix(width).enumerated() { bytes[offset + index] = byte }
    }
}
