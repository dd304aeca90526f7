// Our element types in HDF5, as h5py and Keras write them: bool as an enumeration, complex numbers as a compound, and
// what HDF5 has no numbers for as opaque bytes beside an attribute `dtype`.

import CHDF5

extension DType {
    /// Whether HDF5 files keep the type as opaque bytes whose attribute `dtype` says what they are.
    var isOpaqueInHDF5: Bool {
        switch self {
        case .bfloat16, .complex32, .float8E4M3FN, .float8E5M2, .float8E4M3FNUZ, .float8E5M2FNUZ, .float8E8M0,
            .float8E4M3:
            true
        default: false
        }
    }

    /// Whether the type fills whole bytes, so that HDF5 can hold it.
    var isWritableInHDF5: Bool { bitWidth % 8 == 0 }

    /// The type as libhdf5 knows it, under an identifier of its own.
    func hdf5Type(path: String) throws(FormatError) -> HDF5Handle {
        if isOpaqueInHDF5 {
            return try HDF5Handle(path, "H5Tcreate(opaque)") { H5Tcreate(H5T_OPAQUE, bitWidth / 8) }
        }
        switch self {
        case .float16: return try Self.hdf5Half(path: path)
        case .complex64: return try Self.hdf5Complex(CHDF5_float32(), size: 4, path: path)
        case .complex128: return try Self.hdf5Complex(CHDF5_float64(), size: 8, path: path)
        case .bool: return try Self.hdf5Bool(path: path)
        case .float32: return try HDF5Handle(path, "H5Tcopy") { H5Tcopy(CHDF5_float32()) }
        case .float64: return try HDF5Handle(path, "H5Tcopy") { H5Tcopy(CHDF5_float64()) }
        default:
            let isSigned: Int32 = [.int8, .int16, .int32, .int64].contains(self) ? 1 : 0
            let base = CHDF5_integer(Int32(bitWidth / 8), isSigned)
            return try HDF5Handle(path, "H5Tcopy") { H5Tcopy(base) }
        }
    }

    /// IEEE 754 binary16, which HDF5 has under a name only since 1.14.4.
    private static func hdf5Half(path: String) throws(FormatError) -> HDF5Handle {
        let type = try HDF5Handle(path, "H5Tcopy") { H5Tcopy(CHDF5_float32()) }
        try checkHDF5(path, "H5Tset_fields", H5Tset_fields(type.id, 15, 10, 5, 0, 10))
        try checkHDF5(path, "H5Tset_size", H5Tset_size(type.id, 2))
        try checkHDF5(path, "H5Tset_ebias", H5Tset_ebias(type.id, 15))
        return type
    }

    private static func hdf5Complex(_ part: hid_t, size: Int, path: String) throws(FormatError) -> HDF5Handle {
        let type = try HDF5Handle(path, "H5Tcreate(compound)") { H5Tcreate(H5T_COMPOUND, 2 * size) }
        try checkHDF5(path, "H5Tinsert", H5Tinsert(type.id, "r", 0, part))
        try checkHDF5(path, "H5Tinsert", H5Tinsert(type.id, "i", size, part))
        return type
    }

    private static func hdf5Bool(path: String) throws(FormatError) -> HDF5Handle {
        let base = CHDF5_integer(1, 1)
        let type = try HDF5Handle(path, "H5Tenum_create") { H5Tenum_create(base) }
        for (name, value) in [("FALSE", Int8(0)), ("TRUE", 1)] {
            var value = value
            try checkHDF5(path, "H5Tenum_insert", H5Tenum_insert(type.id, name, &value))
        }
        return type
    }
}
