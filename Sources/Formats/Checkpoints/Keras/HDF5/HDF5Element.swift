// HDF5 element types to ours. h5py writes bool as an enumeration, complex numbers as a compound, and Keras writes
// bfloat16 as opaque pairs of bytes with an attribute `dtype`.

import CHDF5

/// The type of a data set's elements.
struct HDF5Element: Sendable, Hashable {
    let dtype: DType
    /// Bytes of one element.
    let size: Int
    let isBigEndian: Bool

    /// Bytes that are swapped together in big-endian data: the parts of a complex number are swapped one by one.
    var swapWidth: Int {
        switch dtype {
        case .complex32, .complex64, .complex128: size / 2
        default: size
        }
    }

    /// A type, or why it is none that we read.
    enum Description {
        case element(HDF5Element)
        case other(String)
    }

    /// Classifies the type of an open data set.
    static func describe(
        _ type: borrowing HDF5Handle, of dataSet: borrowing HDF5Handle, path: String, name: String
    ) throws(FormatError) -> Description {
        switch H5Tget_class(type.id) {
        case H5T_INTEGER: return number(integer(type))
        case H5T_FLOAT: return number(float(type))
        case H5T_ENUM:
            let base = try HDF5Handle(path, "H5Tget_super('\(name)')") { H5Tget_super(type.id) }
            return number(isBool(type) ? HDF5Element(dtype: .bool, size: 1, isBigEndian: false) : integer(base))
        case H5T_OPAQUE:
            let label = try hdf5Texts(of: dataSet, path: path, name: name)["dtype"]?.strings.first
            let size = H5Tget_size(type.id)
            guard let label, let dtype = DType(rawValue: label), dtype.bitWidth == 8 * size else {
                return .other("opaque values of \(size) bytes")
            }
            return .element(HDF5Element(dtype: dtype, size: size, isBigEndian: false))
        case H5T_COMPOUND: return try complex(type, path: path, name: name)
        case H5T_STRING: return .other("text")
        default: return .other("values of a type that we do not read")
        }
    }

    private static func number(_ element: HDF5Element?) -> Description {
        element.map { .element($0) } ?? .other("numbers of an unusual format")
    }

    private static func integer(_ type: borrowing HDF5Handle) -> HDF5Element? {
        let size = H5Tget_size(type.id)
        guard H5Tget_precision(type.id) == 8 * size, H5Tget_offset(type.id) == 0 else { return nil }
        let isSigned = H5Tget_sign(type.id) == H5T_SGN_2
        let dtype: DType? =
            switch size {
            case 1: isSigned ? .int8 : .uint8
            case 2: isSigned ? .int16 : .uint16
            case 4: isSigned ? .int32 : .uint32
            case 8: isSigned ? .int64 : .uint64
            default: nil
            }
        return ordered(type, dtype, size)
    }

    /// IEEE 754 binary16, 32 and 64, and bfloat16: told apart by the sizes of exponent and fraction.
    private static func float(_ type: borrowing HDF5Handle) -> HDF5Element? {
        var (sign, exponent, exponentSize, fraction, fractionSize) = (0, 0, 0, 0, 0)
        guard H5Tget_fields(type.id, &sign, &exponent, &exponentSize, &fraction, &fractionSize) >= 0 else {
            return nil
        }
        let dtype: DType
        switch (exponentSize, fractionSize) {
        case (5, 10): dtype = .float16
        case (8, 7): dtype = .bfloat16
        case (8, 23): dtype = .float32
        case (11, 52): dtype = .float64
        default: return nil
        }
        guard H5Tget_precision(type.id) == dtype.bitWidth, H5Tget_offset(type.id) == 0,
            sign == dtype.bitWidth - 1, exponent == fractionSize, fraction == 0,
            H5Tget_ebias(type.id) == 1 << (exponentSize - 1) - 1, H5Tget_norm(type.id) == H5T_NORM_IMPLIED
        else { return nil }
        return ordered(type, dtype, H5Tget_size(type.id))
    }

    private static func ordered(_ type: borrowing HDF5Handle, _ dtype: DType?, _ size: Int) -> HDF5Element? {
        guard let dtype, dtype.bitWidth == 8 * size else { return nil }
        switch H5Tget_order(type.id) {
        case H5T_ORDER_LE: return HDF5Element(dtype: dtype, size: size, isBigEndian: false)
        case H5T_ORDER_BE: return HDF5Element(dtype: dtype, size: size, isBigEndian: true)
        default: return nil
        }
    }

    /// h5py's bool: one byte, FALSE and TRUE.
    private static func isBool(_ type: borrowing HDF5Handle) -> Bool {
        guard H5Tget_size(type.id) == 1, H5Tget_nmembers(type.id) == 2 else { return false }
        return memberName(type, 0) == "FALSE" && memberName(type, 1) == "TRUE"
    }

    private static func memberName(_ type: borrowing HDF5Handle, _ index: UInt32) -> String? {
        guard let name = H5Tget_member_name(type.id, index) else { return nil }
        defer { H5free_memory(name) }
        return String(cString: name)
    }

    /// h5py's complex numbers: two equal floats named r and i.
    private static func complex(
        _ type: borrowing HDF5Handle, path: String, name: String
    ) throws(FormatError) -> Description {
        let other = Description.other("records (a compound type)")
        guard H5Tget_nmembers(type.id) == 2, memberName(type, 0) == "r", memberName(type, 1) == "i" else {
            return other
        }
        let realType = try HDF5Handle(path, "H5Tget_member_type('\(name)')") { H5Tget_member_type(type.id, 0) }
        let imaginaryType = try HDF5Handle(path, "H5Tget_member_type('\(name)')") { H5Tget_member_type(type.id, 1) }
        guard H5Tget_class(realType.id) == H5T_FLOAT, H5Tget_class(imaginaryType.id) == H5T_FLOAT,
            let part = float(realType), float(imaginaryType) == part, H5Tget_size(type.id) == 2 * part.size,
            H5Tget_member_offset(type.id, 0) == 0, H5Tget_member_offset(type.id, 1) == part.size
        else { return other }
        let dtype: DType? =
            switch part.dtype {
            case .float16: .complex32
            case .float32: .complex64
            case .float64: .complex128
            default: nil
            }
        guard let dtype else { return other }
        return .element(HDF5Element(dtype: dtype, size: 2 * part.size, isBigEndian: part.isBigEndian))
    }
}
