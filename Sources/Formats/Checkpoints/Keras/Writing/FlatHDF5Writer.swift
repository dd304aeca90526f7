// Writing plain HDF5: a data set for each tensor under its own name, in which slashes make groups and dots stay. Tied
// tensors are two links to one data set.

extension CheckpointDraft {
    /// Writes the file.
    func writeHDF5(to path: String) throws(FormatError) -> WrittenCheckpoint {
        var plan = HDF5Plan()
        var holders: [String: String] = [:]
        var tied: [(name: String, kept: String)] = []
        for tensor in tensors {
            guard tensor.dtype.isWritableInHDF5 else { throw tensor.unsupportedType(.hdf5, path: path) }
            let holder = tensor.tie.flatMap { holders[$0] }
            if let holder { tied.append((tensor.name, holder)) }
            if let tie = tensor.tie, holder == nil { holders[tie] = tensor.name }
            plan.dataSets.append(HDF5Plan.DataSet(path: tensor.name, tensor: tensor, holder: holder))
        }
        plan.add([HDF5Attribute(HDF5Attribute.layoutKey, "a data set for each tensor, under its name")], to: "")
        plan.add(HDF5Attribute.metadata(metadata + kerasEntries, reserved: []), to: "")
        try plan.check(path: path)
        let image = try HDF5Image(plan, path: path)
        try image.write(to: path)
        var written = WrittenCheckpoint(paths: [path], byteCount: image.byteCount)
        written.tied = tied
        return written
    }
}
