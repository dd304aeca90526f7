// A data set's values. Contiguous ones are lent from the file where they lie; chunked ones are gathered. Nothing is
// allocated because a file claims it: a claim must be small, or plausible for the bytes that are there.

import CHDF5

extension HDF5DataSet {
    /// Reads the values, row-major and little-endian; without a copy when the file stores them so.
    ///
    /// - Parameters:
    ///   - bytes: the file.
    ///   - path: the file's name, for errors.
    /// - Throws: ``FormatError`` with `.limitExceeded` for too many chunks, `.unsupported` for other filters, `.invalid` or
    ///   `.truncated` for damaged chunks, `.library`.
    func values(in bytes: Bytes, path: String) throws(FormatError) -> TensorView {
        let section = "HDF5 data set '\(name)'"
        // The sizes were checked by `checkPlace` when the file was listed.
        guard let byteCount else { throw tooLarge("more than 2⁶³ bytes", path: path) }
        let stored: Bytes
        switch storage {
        case .contiguous(let offset):
            guard let slice = bytes.slice(offset, byteCount) else {
                throw FormatError(
                    path,
                    .truncated(
                        section: section, offset: offset, expected: byteCount, found: max(0, bytes.count - offset)))
            }
            stored = slice
        case .compact:
            // Lies in an object header, so it is small; HDF5Check and `describe` saw to its size.
            stored = try withDataSet(in: bytes, path: path) { (dataSet) throws(FormatError) in
                let type = try HDF5Handle(path, "H5Dget_type('\(name)')") { H5Dget_type(dataSet.id) }
                return try Bytes(byteCount: byteCount) { (output) throws(FormatError) in
                    let all = hid_t(H5S_ALL)
                    let status = H5Dread(dataSet.id, type.id, all, all, hid_t(H5P_DEFAULT), output.baseAddress)
                    try checkHDF5(path, "H5Dread('\(name)')", status)
                }
            }
        case .unwritten(let fill):
            stored = Bytes(byteCount: byteCount) { output in repeatFill(fill, into: output) }
        case .chunked(let layout):
            stored = try gather(layout, byteCount: byteCount, from: bytes, path: path, section: section)
        }
        let values = element.isBigEndian && element.swapWidth > 1 ? swapped(stored, width: element.swapWidth) : stored
        return TensorView(dtype: element.dtype, shape: shape, bytes: values)
    }

    /// Opens the file again for a data set whose values libhdf5 has to find.
    private func withDataSet<Result: Sendable>(
        in bytes: Bytes, path: String, _ body: (borrowing HDF5Handle) throws(FormatError) -> Result
    ) throws(FormatError) -> Result {
        try withHDF5File(bytes, path: path) { (file) throws(FormatError) in
            let dataSet = try HDF5Handle(path, "H5Dopen2('\(name)')") { H5Dopen2(file.id, name, hid_t(H5P_DEFAULT)) }
            return try body(dataSet)
        }
    }

    /// Refuses values that lie past the end of the file, and an extent that is large and far beyond what the stored
    /// bytes can hold. The walk calls this for every data set, so that a listing never repeats an impossible claim.
    func checkPlace(fileSize: Int, path: String) throws(FormatError) {
        guard let byteCount else { throw tooLarge("more than 2⁶³ bytes", path: path) }
        switch storage {
        case .contiguous(let offset):
            guard offset <= fileSize, byteCount <= fileSize - offset else {
                throw FormatError(
                    path,
                    .truncated(
                        section: "HDF5 data set '\(name)'", offset: offset, expected: byteCount,
                        found: max(0, fileSize - offset)))
            }
        case .compact: return
        case .unwritten: try checkPlausible(byteCount, storedByteCount: 0, path: path)
        case .chunked(let layout):
            let storedByteCount = min(layout.storedByteCount, fileSize)
            try checkPlausible(byteCount, storedByteCount: storedByteCount, path: path)
            let chunkByteCount = layout.chunkByteCount(elementSize: element.size)
            try checkPlausible(chunkByteCount, storedByteCount: storedByteCount, path: path)
        }
    }

    private func checkPlausible(_ byteCount: Int, storedByteCount: Int, path: String) throws(FormatError) {
        guard byteCount > Inflate.freeOutput, byteCount / Inflate.trustedRatio > storedByteCount else { return }
        throw tooLarge("\(byteCount) bytes from \(storedByteCount) stored", path: path)
    }

    private func tooLarge(_ claim: String, path: String) -> FormatError {
        FormatError(
            path,
            .limitExceeded(
                what: "HDF5 data set '\(name)': its size", claimed: claim,
                limit: "\(Inflate.freeOutput) bytes or \(Inflate.trustedRatio) times what is stored"))
    }

    /// Puts all chunks in their places.
    private func gather(
        _ layout: HDF5ChunkLayout, byteCount: Int, from bytes: Bytes, path: String, section: String
    ) throws(FormatError) -> Bytes {
        let grid = try HDF5ChunkGrid(shape: shape, chunk: layout.axes, elementSize: element.size)
            .checked(path: path, section: section)
        let chunkByteCount = layout.chunkByteCount(elementSize: element.size)
        return try withDataSet(in: bytes, path: path) { (dataSet) throws(FormatError) in
            try Bytes(byteCount: byteCount) { (output: UnsafeMutableRawBufferPointer) throws(FormatError) in
                repeatFill(layout.fill, into: output)
                var missing = grid.count - (try storedChunkCount(dataSet, path: path))
                for index in 0..<grid.count {
                    let corner = grid.corner(of: index)
                    guard
                        let (stored, mask) = try storedChunk(
                            dataSet, at: corner, mayBeMissing: missing > 0, limit: bytes.count, path: path)
                    else {
                        missing -= 1
                        continue
                    }
                    let isUnfiltered = layout.leavesEdgesUnfiltered && grid.isPartial(at: corner)
                    let chunk = try layout.decode(
                        stored, mask: isUnfiltered ? UInt32.max : mask, size: chunkByteCount, path: path,
                        section: "\(section), chunk \(corner)")
                    chunk.withUnsafeBytes { grid.copy($0, at: corner, into: output) }
                }
            }
        }
    }

    /// How many chunks were ever written.
    private func storedChunkCount(_ dataSet: borrowing HDF5Handle, path: String) throws(FormatError) -> Int {
        let space = try HDF5Handle(path, "H5Dget_space('\(name)')") { H5Dget_space(dataSet.id) }
        var count: hsize_t = 0
        try checkHDF5(path, "H5Dget_num_chunks('\(name)')", H5Dget_num_chunks(dataSet.id, space.id, &count))
        return Int(clamping: count)
    }

    /// One chunk as it lies in the file; nil when it was never written, which libhdf5 reports as a failure (1.10) or as
    /// size 0.
    private func storedChunk(
        _ dataSet: borrowing HDF5Handle, at corner: [Int], mayBeMissing: Bool, limit: Int, path: String
    ) throws(FormatError) -> (Bytes, UInt32)? {
        let offset = corner.map { hsize_t($0) }
        var size: hsize_t = 0
        let status = H5Dget_chunk_storage_size(dataSet.id, offset, &size)
        if mayBeMissing, status < 0 || size == 0 {
            _ = HDF5Library.takeErrorMessage()
            return nil
        }
        try checkHDF5(path, "H5Dget_chunk_storage_size('\(name)')", status)
        guard size <= UInt64(limit) else {
            throw FormatError(
                path,
                .truncated(
                    section: "HDF5 data set '\(name)', chunk \(corner)", offset: 0, expected: Int(clamping: size),
                    found: limit))
        }
        var mask: UInt32 = 0
        let bytes = try Bytes(byteCount: Int(size)) { (output: UnsafeMutableRawBufferPointer) throws(FormatError) in
            let status = H5Dread_chunk(dataSet.id, hid_t(H5P_DEFAULT), offset, &mask, output.baseAddress)
            try checkHDF5(path, "H5Dread_chunk('\(name)')", status)
        }
        return (bytes, mask)
    }
}

/// Fills memory with copies of one element: once, then by copying what is there, twice as much each time.
private func repeatFill(_ fill: [UInt8], into output: UnsafeMutableRawBufferPointer) {
    guard fill.contains(where: { $0 != 0 }), output.count >= fill.count else {
        _ = output.initializeMemory(as: UInt8.self, repeating: 0)
        return
    }
    output.copyBytes(from: fill)
    var filled = fill.count
    while filled < output.count {
        let count = min(filled, output.count - filled)
        UnsafeMutableRawBufferPointer(rebasing: output[filled...])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: output[..<count]))
        filled += count
    }
}

/// The bytes with every group of `width` reversed.
private func swapped(_ bytes: Bytes, width: Int) -> Bytes {
    Bytes(byteCount: bytes.count) { output in
        bytes.withUnsafeBytes { input in
            for start in stride(from: 0, to: input.count - width + 1, by: width) {
                for index in 0..<width { output[start + index] = input[start + width - 1 - index] }
            }
        }
    }
}
