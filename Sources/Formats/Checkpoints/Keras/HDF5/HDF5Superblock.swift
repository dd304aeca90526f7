// HDF5's first block: where the tree of groups begins and where the file should end (HDF5 File Format Specification
// 3.0, section II.A).

/// The facts of a superblock, versions 0 to 3.
struct HDF5Superblock: Sendable {
    static let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]

    /// What addresses in the file count from: the size of a user block, mostly 0.
    let base: Int
    /// The address of the root group's object header.
    let rootAddress: UInt64
    /// The address of the superblock extension's object header, or ``HDF5Cursor/undefined``.
    let extensionAddress: UInt64
    /// Half of the most symbols in one symbol table node.
    let groupLeafK: Int
    /// Half of the most children in one B-tree node of a group.
    let groupInternalK: Int
    /// Half of the most children in one B-tree node of chunks.
    let chunkInternalK: Int

    /// Where the superblock begins: byte 0, or 512, 1024, 2048… behind a user block; nil when this is no HDF5 file.
    static func offset(in bytes: Bytes) -> Int? {
        var offset = 0
        while let candidate = bytes.slice(offset, 8) {
            if candidate.starts(with: signature) { return offset }
            offset = offset == 0 ? 512 : offset * 2
        }
        return nil
    }

    /// Reads the superblock.
    ///
    /// - Throws: ``FormatError`` with `.unrecognized` when the file is not HDF5, `.truncated` when it ends before the
    ///   superblock says so, `.invalid` or `.unsupported`.
    init(path: String, bytes: Bytes) throws(FormatError) {
        guard let offset = Self.offset(in: bytes) else {
            throw FormatError(
                path,
                .unrecognized(
                    found: "this is \(FileKind(bytes)), not HDF5",
                    advice: "check the path, or download the file again"))
        }
        var cursor = try HDF5Cursor(
            bytes, path: path, section: "superblock", start: offset, length: min(bytes.count - offset, 112))
        try cursor.skip(8)
        let version = try cursor.integer(UInt8.self)
        switch version {
        case 0, 1:
            try cursor.skip(4)
            try Self.checkWidths(&cursor)
            try cursor.skip(1)
            groupLeafK = try cursor.integer(UInt16.self)
            groupInternalK = try cursor.integer(UInt16.self)
            try cursor.skip(4)
            chunkInternalK = version == 1 ? try cursor.integer(UInt16.self) : 32
            try cursor.skip(version == 1 ? 2 : 0)
            base = try Self.base(&cursor, offset: offset)
            try cursor.skip(8)
            try Self.checkEnd(cursor.address(), bytes: bytes, path: path)
            guard try cursor.address() == HDF5Cursor.undefined else { throw cursor.unsupported("a driver block") }
            try cursor.skip(8)
            rootAddress = try cursor.address()
            extensionAddress = HDF5Cursor.undefined
        case 2, 3:
            try Self.checkWidths(&cursor)
            try cursor.skip(1)
            (groupLeafK, groupInternalK, chunkInternalK) = (4, 16, 32)
            base = try Self.base(&cursor, offset: offset)
            extensionAddress = try cursor.address()
            try Self.checkEnd(cursor.address(), bytes: bytes, path: path)
            rootAddress = try cursor.address()
        default: throw cursor.unsupported("version \(version)")
        }
        guard groupLeafK > 0, groupInternalK > 0, chunkInternalK > 0 else {
            throw cursor.damaged("positive node sizes", "\(groupLeafK), \(groupInternalK), \(chunkInternalK)")
        }
    }

    /// Sizes of addresses and of lengths: 8 in every file that a 64-bit machine wrote.
    private static func checkWidths(_ cursor: inout HDF5Cursor) throws(FormatError) {
        let addressSize = try cursor.integer(UInt8.self)
        let lengthSize = try cursor.integer(UInt8.self)
        guard addressSize == 8, lengthSize == 8 else {
            throw cursor.unsupported("addresses of \(addressSize) and lengths of \(lengthSize) bytes")
        }
    }

    private static func base(_ cursor: inout HDF5Cursor, offset: Int) throws(FormatError) -> Int {
        let base = try cursor.address()
        guard base == UInt64(offset) else { throw cursor.damaged("base address \(offset)", "\(base)") }
        return offset
    }

    private static func checkEnd(_ end: UInt64, bytes: Bytes, path: String) throws(FormatError) {
        guard end <= UInt64(bytes.count) else {
            throw FormatError(
                path,
                .truncated(
                    section: "HDF5 file", offset: 0, expected: Int(clamping: end), found: bytes.count))
        }
    }
}
