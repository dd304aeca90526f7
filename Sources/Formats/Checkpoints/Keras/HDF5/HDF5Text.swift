// Text attributes: fixed-length strings (h5py 2, split attributes), variable-length ones (h5py 3), single or in arrays.

import CHDF5

/// The text of one attribute.
struct HDF5Text: Sendable, Hashable {
    /// One string for each element; empty for an attribute without elements, whatever its type.
    let strings: [String]
    /// Whether the attribute is one value, not an array.
    let isScalar: Bool
}

/// The most attributes of one object: libhdf5 decodes all of them to open one. 4 MB of layer names fit in 64.
private let mostAttributes = 128

/// Reads the text attributes of an object; attributes of other types are passed over, unless they have no elements
/// (Keras writes an empty `weight_names` as float64).
func hdf5Texts(
    of object: borrowing HDF5Handle, path: String, name: String
) throws(FormatError) -> [String: HDF5Text] {
    let count = CHDF5_attributeCount(object.id)
    try checkHDF5(path, "H5Aget_num_attrs('\(name)')", count)
    guard count <= mostAttributes else {
        throw FormatError(
            path,
            .limitExceeded(
                what: "HDF5 object '\(name)': its attribute count", claimed: "\(count)", limit: "\(mostAttributes)"))
    }
    var texts: [String: HDF5Text] = [:]
    for index in 0..<max(0, Int(count)) {
        let attribute = try HDF5Handle(path, "H5Aopen_by_idx('\(name)')") {
            CHDF5_openAttribute(object.id, hsize_t(index))
        }
        let length = H5Aget_name(attribute.id, 0, nil)
        try checkHDF5(path, "H5Aget_name('\(name)')", length)
        var nameBytes = [CChar](repeating: 0, count: length + 1)
        try checkHDF5(path, "H5Aget_name('\(name)')", H5Aget_name(attribute.id, nameBytes.count, &nameBytes))
        let key = String(decoding: nameBytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if let text = try hdf5Text(attribute, path: path, name: key) { texts[key] = text }
    }
    return texts
}

private func hdf5Text(
    _ attribute: borrowing HDF5Handle, path: String, name: String
) throws(FormatError) -> HDF5Text? {
    let type = try HDF5Handle(path, "H5Aget_type('\(name)')") { H5Aget_type(attribute.id) }
    let space = try HDF5Handle(path, "H5Aget_space('\(name)')") { H5Aget_space(attribute.id) }
    let count = H5Sget_simple_extent_npoints(space.id)
    let rank = H5Sget_simple_extent_ndims(space.id)
    try checkHDF5(path, "H5Sget_simple_extent_npoints('\(name)')", min(count, hssize_t(rank)))
    guard count > 0 else { return HDF5Text(strings: [], isScalar: false) }
    guard H5Tget_class(type.id) == H5T_STRING else { return nil }
    let isVariable = H5Tis_variable_str(type.id)
    try checkHDF5(path, "H5Tis_variable_str('\(name)')", isVariable)
    // The sizes were checked against the object header and the text heap by HDF5Check.
    let strings =
        isVariable > 0
        ? try variableStrings(attribute, type: type, space: space, count: Int(count), path: path, name: name)
        : try fixedStrings(attribute, type: type, count: Int(count), path: path, name: name)
    return HDF5Text(strings: strings, isScalar: rank == 0)
}

private func variableStrings(
    _ attribute: borrowing HDF5Handle, type: borrowing HDF5Handle, space: borrowing HDF5Handle, count: Int,
    path: String, name: String
) throws(FormatError) -> [String] {
    var pointers = [UnsafeMutablePointer<CChar>?](repeating: nil, count: count)
    try checkHDF5(path, "H5Aread('\(name)')", H5Aread(attribute.id, type.id, &pointers))
    defer { H5Dvlen_reclaim(type.id, space.id, hid_t(H5P_DEFAULT), &pointers) }
    return pointers.map { pointer in pointer.map { String(cString: $0) } ?? "" }
}

private func fixedStrings(
    _ attribute: borrowing HDF5Handle, type: borrowing HDF5Handle, count: Int, path: String, name: String
) throws(FormatError) -> [String] {
    let size = H5Tget_size(type.id)
    let (byteCount, overflow) = size.multipliedReportingOverflow(by: count)
    guard size > 0, !overflow else { return [] }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    try checkHDF5(path, "H5Aread('\(name)')", H5Aread(attribute.id, type.id, &bytes))
    let pad: UInt8 = H5Tget_strpad(type.id) == H5T_STR_SPACEPAD ? 0x20 : 0
    return stride(from: 0, to: byteCount, by: size).map { start in
        var text = bytes[start..<start + size]
        if pad == 0, let end = text.firstIndex(of: 0) { text = text[..<end] }
        while text.last == pad { text.removeLast() }
        return String(decoding: text, as: UTF8.self)
    }
}
