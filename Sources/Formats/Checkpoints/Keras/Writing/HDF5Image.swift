// An HDF5 file as its structures and its tensors. libhdf5 builds the structures in memory, so that neither a full disk
// nor a tensor's size is its concern; the values follow behind them, each at a multiple of 64 bytes, and the data sets
// are told where. What libhdf5 writes is in its oldest form (superblock 0), which every h5py reads.

import CHDF5

/// A file ready to be written.
struct HDF5Image {
    /// All but the values.
    private let structures: Bytes
    /// The tensors with the places of their values, in order.
    private let places: [(offset: Int, tensor: DraftTensor)]
    /// The whole file's bytes.
    let byteCount: Int

    /// Values begin at multiples of this, so that a map of the file can be used as it is.
    private static let alignment = 64

    /// Builds the structures of `plan`; the plan's names were checked.
    ///
    /// - Throws: ``FormatError`` with `.limitExceeded` for tensors of more than 32 axes or files of more than 2⁶² bytes,
    ///   `.library` for what libhdf5 refuses.
    init(_ plan: HDF5Plan, path: String) throws(FormatError) {
        var (image, headers) = try HDF5Library.withLock { () throws(FormatError) in
            try HDF5Builder(path: path).build(plan)
        }
        var places: [(offset: Int, tensor: DraftTensor)] = []
        var end = image.count
        var check = try HDF5Check(path: path, bytes: Bytes(copying: image))
        for (dataSet, header) in zip(plan.dataSets.filter { $0.holder == nil }, headers) {
            let tensor = dataSet.tensor
            guard tensor.byteCount > 0 else { continue }
            let offset = (end + Self.alignment - 1) / Self.alignment * Self.alignment
            guard tensor.byteCount < Int.max / 2 - offset else {
                throw FormatError(
                    path, .limitExceeded(what: "the file", claimed: "\(tensor.byteCount) bytes more", limit: "2⁶²"))
            }
            let field = try check.unsetAddress(ofDataAt: header, byteCount: tensor.byteCount, name: dataSet.path)
            image.replace(at: field, with: UInt64(offset))
            places.append((offset, tensor))
            end = offset + tensor.byteCount
        }
        // The end of the file in superblock 0 (HDF5 File Format Specification 3.0, section II.A).
        guard image.count > 48, image[8] == 0 else {
            throw FormatError(path, .library(call: "H5Fget_file_image", detail: "no superblock of version 0"))
        }
        image.replace(at: 40, with: UInt64(end))
        structures = Bytes(copying: image)
        self.places = places
        byteCount = end
    }

    /// Hands out the file's bytes from first to last; each tensor is read when its turn comes.
    func write(path: String, to append: (Bytes) throws(FormatError) -> Void) throws(FormatError) {
        try append(structures)
        var position = structures.count
        for (offset, tensor) in places {
            if offset > position { try append(Bytes(copying: [UInt8](repeating: 0, count: offset - position))) }
            try append(tensor.values(path: path).bytes)
            position = offset + tensor.byteCount
        }
    }

    /// Writes the file.
    func write(to path: String) throws(FormatError) {
        var file = try AtomicFile(path)
        try write(path: path) { (bytes) throws(FormatError) in try file.write(streaming: bytes) }
        try file.commit()
    }
}

extension HDF5Check {
    /// Where the object header of a contiguous data set holds the address of its values, which is not set yet.
    fileprivate mutating func unsetAddress(
        ofDataAt header: UInt64, byteCount: Int, name: String
    ) throws(FormatError) -> Int {
        let layouts = try objectMessages(at: header, section: "object '\(name)'").filter { $0.kind == 0x08 }
        guard layouts.count == 1, var body = layouts.first?.body else {
            throw FormatError(path, .library(call: "H5Dcreate2('\(name)')", detail: "no layout message"))
        }
        let version = try body.integer(UInt8.self)
        let kind = try body.integer(UInt8.self)
        let field = body.position
        guard version == 3, kind == 1, try body.address() == HDF5Cursor.undefined,
            try body.address() == UInt64(byteCount)
        else { throw FormatError(path, .library(call: "H5Dcreate2('\(name)')", detail: "another layout message")) }
        return field
    }
}

extension [UInt8] {
    /// Overwrites 8 bytes with a little-endian number.
    fileprivate mutating func replace(at offset: Int, with value: UInt64) {
        for byte in 0..<8 { self[offset + byte] = UInt8(truncatingIfNeeded: value >> (8 * byte)) }
    }
}
