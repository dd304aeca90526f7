// What a data set is, without its values: type, shape, and where the values lie.

import CHDF5

/// A data set that can be a tensor.
struct HDF5DataSet: Sendable {
    /// The path from the root, without a leading slash.
    let name: String
    /// The path under which the same values were first seen (hard links share them).
    let storageName: String
    let element: HDF5Element
    let shape: Shape
    let storage: Storage
    /// The tensor's name, where the writer had to say it because the path does not.
    var tensorName: String?

    /// The attribute that holds ``tensorName``.
    static let nameAttribute = "tensor_name"

    /// Where values lie.
    enum Storage: Sendable {
        /// In one run of the file, from this byte on.
        case contiguous(offset: Int)
        /// In the object header.
        case compact
        /// In blocks, filtered or not.
        case chunked(HDF5ChunkLayout)
        /// Nowhere: every element is this fill value.
        case unwritten(fill: [UInt8])
    }

    /// Where contiguous values begin in the file.
    var offset: Int? { if case .contiguous(let offset) = storage { offset } else { nil } }

    /// A data set, or why it is none that we read.
    enum Description {
        case tensor(HDF5DataSet)
        case other(String)
    }

    /// Bytes of the values; nil when the product overflows.
    var byteCount: Int? { Shape(shape.axes + [element.size]).checkedElementCount }

    /// Asks libhdf5 about an open data set.
    static func describe(
        _ dataSet: borrowing HDF5Handle, path: String, name: String, storageName: String
    ) throws(FormatError) -> Description {
        let type = try HDF5Handle(path, "H5Dget_type('\(name)')") { H5Dget_type(dataSet.id) }
        let space = try HDF5Handle(path, "H5Dget_space('\(name)')") { H5Dget_space(dataSet.id) }
        let element: HDF5Element
        switch try HDF5Element.describe(type, of: dataSet, path: path, name: name) {
        case .element(let known): element = known
        case .other(let what): return .other(what)
        }
        guard H5Sget_simple_extent_type(space.id) != H5S_NULL else { return .other("nothing (a null dataspace)") }
        let rank = H5Sget_simple_extent_ndims(space.id)
        try checkHDF5(path, "H5Sget_simple_extent_ndims('\(name)')", rank)
        var axes = [hsize_t](repeating: 0, count: max(1, Int(rank)))
        try checkHDF5(path, "H5Sget_simple_extent_dims('\(name)')", H5Sget_simple_extent_dims(space.id, &axes, nil))
        let shape = Shape(axes.prefix(Int(rank)).map { Int(clamping: $0) })
        guard let byteCount = Shape(shape.axes + [element.size]).checkedElementCount else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "HDF5 data set '\(name)': its size", claimed: "\(shape) values", limit: "2⁶³ bytes"))
        }
        let storage = try storage(of: dataSet, type: type, byteCount: byteCount, path: path, name: name)
        var described = HDF5DataSet(
            name: name, storageName: storageName, element: element, shape: shape, storage: storage)
        let isNamed = H5Aexists(dataSet.id, nameAttribute)
        try checkHDF5(path, "H5Aexists('\(name)')", isNamed)
        if isNamed > 0 {
            described.tensorName = try hdf5Texts(of: dataSet, path: path, name: name)[nameAttribute]?.strings.first
        }
        return .tensor(described)
    }

    private static func storage(
        of dataSet: borrowing HDF5Handle, type: borrowing HDF5Handle, byteCount: Int, path: String, name: String
    ) throws(FormatError) -> Storage {
        // An offset means contiguous values that were written: no need for the properties, which cost most of the time.
        let address = H5Dget_offset(dataSet.id)
        guard address == UInt64.max else {
            guard let offset = Int(exactly: address) else {
                throw FormatError(
                    path,
                    .invalid(section: "HDF5 data set '\(name)'", expected: "an offset", found: "\(address)"))
            }
            return .contiguous(offset: offset)
        }
        _ = HDF5Library.takeErrorMessage()
        let properties = try HDF5Handle(path, "H5Dget_create_plist('\(name)')") { H5Dget_create_plist(dataSet.id) }
        try checkChunkCount(of: dataSet, properties, type: type, byteCount: byteCount, path: path, name: name)
        let stored = H5Dget_storage_size(dataSet.id)
        switch H5Pget_layout(properties.id) {
        case H5D_CONTIGUOUS: return .unwritten(fill: try hdf5FillValue(properties, type: type, path: path, name: name))
        case H5D_COMPACT:
            // H5Dread copies as much as the extent asks for, whatever the header holds.
            guard stored >= UInt64(byteCount) else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "HDF5 data set '\(name)'", expected: "\(byteCount) bytes in its header",
                        found: "\(stored)"))
            }
            return .compact
        case H5D_CHUNKED:
            return .chunked(
                try HDF5ChunkLayout(properties, type: type, storedByteCount: Int(clamping: stored), path, name))
        default:
            throw FormatError(
                path,
                .unsupported(
                    feature: "HDF5 data set '\(name)': its layout",
                    advice: "save the weights again with Keras or h5py's defaults"))
        }
    }
}

extension HDF5DataSet {
    /// Refuses more chunks than the file has bytes before libhdf5 counts them one by one: where their index is implicit, it
    /// takes their number from the claimed extent.
    fileprivate static func checkChunkCount(
        of dataSet: borrowing HDF5Handle, _ properties: borrowing HDF5Handle, type: borrowing HDF5Handle,
        byteCount: Int, path: String, name: String
    ) throws(FormatError) {
        guard H5Pget_layout(properties.id) == H5D_CHUNKED else { return }
        var axes = [hsize_t](repeating: 1, count: 33)
        let rank = H5Pget_chunk(properties.id, 33, &axes)
        try checkHDF5(path, "H5Pget_chunk('\(name)')", rank)
        let chunk = Shape(axes.prefix(Int(rank)).map { Int(clamping: $0) }).checkedElementCount ?? .max
        let elements = byteCount / max(1, H5Tget_size(type.id))
        let file = try HDF5Handle(path, "H5Iget_file_id('\(name)')") { H5Iget_file_id(dataSet.id) }
        var fileByteCount: hsize_t = 0
        try checkHDF5(path, "H5Fget_filesize('\(name)')", H5Fget_filesize(file.id, &fileByteCount))
        guard elements / max(1, chunk) <= Int(clamping: fileByteCount) else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "HDF5 data set '\(name)': the number of its chunks", claimed: "\(elements / max(1, chunk))",
                    limit: "the file's \(fileByteCount) bytes"))
        }
    }
}

/// The value of elements that were never written: what the file says, else zero.
func hdf5FillValue(
    _ properties: borrowing HDF5Handle, type: borrowing HDF5Handle, path: String, name: String
) throws(FormatError) -> [UInt8] {
    var status = H5D_FILL_VALUE_UNDEFINED
    try checkHDF5(path, "H5Pfill_value_defined('\(name)')", H5Pfill_value_defined(properties.id, &status))
    var value = [UInt8](repeating: 0, count: H5Tget_size(type.id))
    if status == H5D_FILL_VALUE_USER_DEFINED {
        try checkHDF5(path, "H5Pget_fill_value('\(name)')", H5Pget_fill_value(properties.id, type.id, &value))
    }
    return value
}
