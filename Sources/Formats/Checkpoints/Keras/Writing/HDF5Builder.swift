// Building an HDF5 file's structures with libhdf5, in memory: groups, data sets without values, links and attributes.

import CHDF5

/// Carries out an ``HDF5Plan``; used alone under the library's lock.
struct HDF5Builder {
    let path: String

    /// The bytes of the file without values, and the addresses of the data sets' object headers, links left out.
    func build(_ plan: HDF5Plan) throws(FormatError) -> (image: [UInt8], headers: [UInt64]) {
        let access = try list(CHDF5_fileAccessClass())
        try checkHDF5(path, "H5Pset_fapl_core", H5Pset_fapl_core(access.id, 1 << 20, false))
        try checkHDF5(
            path, "H5Pset_libver_bounds", H5Pset_libver_bounds(access.id, H5F_LIBVER_EARLIEST, H5F_LIBVER_V18))
        // The core driver keeps the file in memory, under a name that it never opens.
        let file = try HDF5Handle(path, "H5Fcreate") {
            H5Fcreate("/dev/null/image", CHDF5_accessTruncate(), hid_t(H5P_DEFAULT), access.id)
        }
        var groups: Set<String> = [""]
        for (name, attributes) in plan.groups {
            try makeGroups(HDF5Plan.ancestors(of: name) + [name], known: &groups, in: file)
            let group = try HDF5Handle(path, "H5Oopen('\(name)')") {
                H5Oopen(file.id, name.isEmpty ? "/" : name, hid_t(H5P_DEFAULT))
            }
            for attribute in attributes { try write(attribute, to: group) }
        }
        var headers: [UInt64] = []
        for dataSet in plan.dataSets {
            try makeGroups(HDF5Plan.ancestors(of: dataSet.path), known: &groups, in: file)
            if let holder = dataSet.holder {
                let links = try linkList(for: dataSet.path)
                try checkHDF5(
                    path, "H5Lcreate_hard('\(dataSet.path)')",
                    H5Lcreate_hard(file.id, holder, file.id, dataSet.path, links.id, hid_t(H5P_DEFAULT)))
            } else {
                headers.append(try make(dataSet, in: file))
            }
        }
        return (try image(of: file), headers)
    }

    private func image(of file: borrowing HDF5Handle) throws(FormatError) -> [UInt8] {
        try checkHDF5(path, "H5Fflush", H5Fflush(file.id, H5F_SCOPE_GLOBAL))
        let size = H5Fget_file_image(file.id, nil, 0)
        try checkHDF5(path, "H5Fget_file_image", size)
        var image = [UInt8](repeating: 0, count: size)
        try checkHDF5(path, "H5Fget_file_image", H5Fget_file_image(file.id, &image, size))
        return image
    }

    private func list(_ kind: hid_t) throws(FormatError) -> HDF5Handle {
        try HDF5Handle(path, "H5Pcreate") { H5Pcreate(kind) }
    }

    /// How to make a group or data set: without times, for the same input is to give the same bytes.
    private func timelessList(_ kind: hid_t) throws(FormatError) -> HDF5Handle {
        let list = try list(kind)
        try checkHDF5(path, "H5Pset_obj_track_times", H5Pset_obj_track_times(list.id, false))
        return list
    }

    private func linkList(for name: String) throws(FormatError) -> HDF5Handle {
        let list = try list(CHDF5_linkCreateClass())
        try setEncoding(of: name, in: list)
        return list
    }

    /// Names beyond ASCII are marked as UTF-8.
    private func setEncoding(of name: String, in list: borrowing HDF5Handle) throws(FormatError) {
        guard !name.utf8.allSatisfy({ $0 < 0x80 }) else { return }
        try checkHDF5(path, "H5Pset_char_encoding", H5Pset_char_encoding(list.id, H5T_CSET_UTF8))
    }

    private func makeGroups(
        _ names: [String], known: inout Set<String>, in file: borrowing HDF5Handle
    ) throws(FormatError) {
        for name in names where known.insert(name).inserted {
            let creation = try timelessList(CHDF5_groupCreateClass())
            let links = try linkList(for: name)
            _ = try HDF5Handle(path, "H5Gcreate2('\(name)')") {
                H5Gcreate2(file.id, name, links.id, creation.id, hid_t(H5P_DEFAULT))
            }
        }
    }

    /// Makes a data set without values and returns where its header lies.
    private func make(_ dataSet: HDF5Plan.DataSet, in file: borrowing HDF5Handle) throws(FormatError) -> UInt64 {
        let (name, tensor) = (dataSet.path, dataSet.tensor)
        guard tensor.shape.rank <= H5S_MAX_RANK else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "the rank of tensor '\(printable(tensor.name))'", claimed: "\(tensor.shape.rank)",
                    limit: "HDF5's \(H5S_MAX_RANK)"))
        }
        let axes = tensor.shape.axes.map { hsize_t($0) }
        let space = try HDF5Handle(path, "H5Screate('\(name)')") {
            axes.isEmpty ? H5Screate(H5S_SCALAR) : H5Screate_simple(Int32(axes.count), axes, nil)
        }
        let type = try tensor.dtype.hdf5Type(path: path)
        let creation = try timelessList(CHDF5_dataSetCreateClass())
        try checkHDF5(path, "H5Pset_layout", H5Pset_layout(creation.id, H5D_CONTIGUOUS))
        let links = try linkList(for: name)
        let object = try HDF5Handle(path, "H5Dcreate2('\(name)')") {
            H5Dcreate2(file.id, name, type.id, space.id, links.id, creation.id, hid_t(H5P_DEFAULT))
        }
        if tensor.dtype.isOpaqueInHDF5 { try write(HDF5Attribute("dtype", tensor.dtype.rawValue), to: object) }
        for attribute in dataSet.attributes { try write(attribute, to: object) }
        let address = CHDF5_objectAddress(object.id)
        guard address != UInt64.max else {
            throw FormatError(
                path, .library(call: "H5Oget_info('\(name)')", detail: HDF5Library.takeErrorMessage()))
        }
        return address
    }

    private func write(_ attribute: HDF5Attribute, to object: borrowing HDF5Handle) throws(FormatError) {
        switch attribute.value {
        case .text(let text): try write(text, as: attribute.name, to: object)
        case .texts(let texts): try write(texts, as: attribute.name, to: object)
        }
    }

    private func make(
        _ name: String, _ type: hid_t, _ space: borrowing HDF5Handle, in object: borrowing HDF5Handle
    ) throws(FormatError) -> HDF5Handle {
        let creation = try list(CHDF5_attributeCreateClass())
        try setEncoding(of: name, in: creation)
        return try HDF5Handle(path, "H5Acreate2('\(name)')") {
            H5Acreate2(object.id, name, type, space.id, creation.id, hid_t(H5P_DEFAULT))
        }
    }

    /// One text as h5py writes a `str`: of variable length, which lies outside the object header and may be long.
    private func write(_ text: String, as name: String, to object: borrowing HDF5Handle) throws(FormatError) {
        let type = try HDF5Handle(path, "H5Tcopy") { H5Tcopy(CHDF5_cString()) }
        try checkHDF5(path, "H5Tset_size", H5Tset_size(type.id, CHDF5_variableLength()))
        try checkHDF5(path, "H5Tset_cset", H5Tset_cset(type.id, H5T_CSET_UTF8))
        let space = try HDF5Handle(path, "H5Screate") { H5Screate(H5S_SCALAR) }
        let attribute = try make(name, type.id, space, in: object)
        let status = text.withCString { start in
            withUnsafePointer(to: start) { H5Awrite(attribute.id, type.id, $0) }
        }
        try checkHDF5(path, "H5Awrite('\(name)')", status)
    }

    /// A list as Keras writes one: texts of equal length, padded with NUL; without elements, float64.
    private func write(_ texts: [String], as name: String, to object: borrowing HDF5Handle) throws(FormatError) {
        let space = try HDF5Handle(path, "H5Screate_simple") { H5Screate_simple(1, [hsize_t(texts.count)], nil) }
        guard !texts.isEmpty else {
            _ = try make(name, CHDF5_float64(), space, in: object)
            return
        }
        let width = max(1, texts.map(\.utf8.count).max() ?? 1)
        let type = try HDF5Handle(path, "H5Tcopy") { H5Tcopy(CHDF5_cString()) }
        try checkHDF5(path, "H5Tset_size", H5Tset_size(type.id, width))
        try checkHDF5(path, "H5Tset_strpad", H5Tset_strpad(type.id, H5T_STR_NULLPAD))
        let attribute = try make(name, type.id, space, in: object)
        let bytes = texts.flatMap { Array($0.utf8) + [UInt8](repeating: 0, count: width - $0.utf8.count) }
        try checkHDF5(path, "H5Awrite('\(name)')", H5Awrite(attribute.id, type.id, bytes))
    }
}
