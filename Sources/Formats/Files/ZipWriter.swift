// Writing zip archives of stored members: NumPy's .npz and PyTorch's .pt. The same members give the same bytes: no
// dates, no random numbers.

/// The headers of an archive being written, apart from where its bytes go.
struct ZipLayout {
    /// Where the next byte goes.
    private(set) var position = 0
    private var entries: [Entry] = []

    private struct Entry {
        let name: [UInt8]
        var checksum: UInt32
        let size: Int
        let offset: Int
        let comment: [UInt8]
    }

    /// The local header that goes before `data`, padded so that the data begins at a multiple of 64 and can be mapped
    /// as any element type. The padding is an extra field of PyTorch's kind (id "FB").
    ///
    /// - Parameters:
    ///   - data: the member's pieces, one after another.
    ///   - comment: what the directory says about the member; other programs show it or pass it over.
    mutating func localHeader(name: String, data: [Bytes], comment: String = "") -> [UInt8] {
        localHeader(
            name: name, size: data.reduce(0) { $0 + $1.count },
            checksum: data.reduce(0) { Inflate.crc32($1, continuing: $0) }, comment: comment)
    }

    /// The local header of a member whose size and checksum are known, or set later by ``setChecksum(_:)``.
    mutating func localHeader(name: String, size: Int, checksum: UInt32, comment: String = "") -> [UInt8] {
        let entry = Entry(
            name: Array(name.utf8), checksum: checksum, size: size, offset: position,
            comment: Array(comment.utf8.prefix(0xFFFF)))
        entries.append(entry)
        let zip64 = entry.size >= 0xFFFF_FFFF ? Self.zip64Extra([entry.size, entry.size]) : []
        let unpadded = position + 30 + entry.name.count + zip64.count + 4
        let padding = (64 - unpadded % 64) % 64
        var header: [UInt8] = [0x50, 0x4B, 3, 4]
        header += Self.commonFields(entry, isZip64: !zip64.isEmpty)
        header.append(littleEndian: UInt16(entry.name.count))
        header.append(littleEndian: UInt16(zip64.count + 4 + padding))
        header += entry.name + zip64 + [0x46, 0x42, UInt8(padding), 0]
        header += [UInt8](repeating: 0x5A, count: padding)
        position += header.count + entry.size
        return header
    }

    /// Sets the checksum of the last member and returns where its local header has it, with the bytes to write there.
    mutating func setChecksum(_ checksum: UInt32) -> (offset: Int, bytes: [UInt8]) {
        guard let last = entries.indices.last else { return (0, []) }
        entries[last].checksum = checksum
        var bytes: [UInt8] = []
        bytes.append(littleEndian: checksum)
        return (entries[last].offset + 14, bytes)
    }

    /// The longest comment that the end record can hold, in bytes.
    static let greatestComment = 0xFFFF

    /// The central directory and end record that go after the last member.
    ///
    /// - Parameter comment: the archive's own, at most ``greatestComment`` bytes of UTF-8.
    func directory(comment: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        for entry in entries {
            var wide: [Int] = entry.size >= 0xFFFF_FFFF ? [entry.size, entry.size] : []
            if entry.offset >= 0xFFFF_FFFF { wide.append(entry.offset) }
            let extra = wide.isEmpty ? [] : Self.zip64Extra(wide)
            bytes += [0x50, 0x4B, 1, 2, 45, 0]
            bytes += Self.commonFields(entry, isZip64: !wide.isEmpty)
            bytes.append(littleEndian: UInt16(entry.name.count))
            bytes.append(littleEndian: UInt16(extra.count))
            bytes.append(littleEndian: UInt16(entry.comment.count))
            bytes += [UInt8](repeating: 0, count: 8)  // disk, attributes
            bytes.append(littleEndian: UInt32(clamping: entry.offset))
            bytes += entry.name + extra + entry.comment
        }
        return bytes + endRecords(directoryByteCount: bytes.count, comment: comment)
    }

    private func endRecords(directoryByteCount: Int, comment: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        if entries.count >= 0xFFFF || position >= 0xFFFF_FFFF || directoryByteCount >= 0xFFFF_FFFF {
            bytes += [0x50, 0x4B, 6, 6]
            bytes.append(littleEndian: UInt64(44))
            bytes += [45, 0, 45, 0] + [UInt8](repeating: 0, count: 8)
            for value in [entries.count, entries.count, directoryByteCount, position] {
                bytes.append(littleEndian: UInt64(value))
            }
            bytes += [0x50, 0x4B, 6, 7, 0, 0, 0, 0]
            bytes.append(littleEndian: UInt64(position + directoryByteCount))
            bytes += [1, 0, 0, 0]
        }
        bytes += [0x50, 0x4B, 5, 6, 0, 0, 0, 0]
        bytes.append(littleEndian: UInt16(clamping: entries.count))
        bytes.append(littleEndian: UInt16(clamping: entries.count))
        bytes.append(littleEndian: UInt32(clamping: directoryByteCount))
        bytes.append(littleEndian: UInt32(clamping: position))
        bytes.append(littleEndian: UInt16(comment.count))
        return bytes + comment
    }

    /// Version to sizes, which local and central headers share: stored, UTF-8 name, 1 January 1980.
    private static func commonFields(_ entry: Entry, isZip64: Bool) -> [UInt8] {
        var bytes: [UInt8] = [isZip64 ? 45 : 20, 0, 0, 8, 0, 0, 0, 0, 0x21, 0]
        bytes.append(littleEndian: entry.checksum)
        bytes.append(littleEndian: UInt32(clamping: entry.size))
        bytes.append(littleEndian: UInt32(clamping: entry.size))
        return bytes
    }

    private static func zip64Extra(_ values: [Int]) -> [UInt8] {
        var bytes: [UInt8] = [1, 0, UInt8(values.count * 8), 0]
        for value in values { bytes.append(littleEndian: UInt64(value)) }
        return bytes
    }
}

/// A zip archive that appears under its name once it is complete.
struct ZipWriter: ~Copyable {
    private let path: String
    private var file: AtomicFile
    private var layout = ZipLayout()

    /// Creates the archive.
    init(_ path: String) throws(FormatError) {
        self.path = path
        file = try AtomicFile(path)
    }

    /// Adds a stored member that consists of `data`, piece after piece.
    ///
    /// - Throws: ``FormatError`` with `.unsupported` for a name that would lead out of a folder, `.limitExceeded`.
    mutating func add(_ name: String, _ data: [Bytes], comment: String = "") throws(FormatError) {
        try checkName(name)
        try file.write(layout.localHeader(name: name, data: data, comment: comment))
        for piece in data { try file.write(streaming: piece) }
    }

    /// Adds a stored member of `byteCount` bytes that `write` hands over piece by piece; they are read once only.
    mutating func add(
        _ name: String, byteCount: Int, write: ((Bytes) throws(FormatError) -> Void) throws(FormatError) -> Void
    ) throws(FormatError) {
        try checkName(name)
        try file.write(layout.localHeader(name: name, size: byteCount, checksum: 0))
        var checksum: UInt32 = 0
        try write { (piece) throws(FormatError) in
            checksum = Inflate.crc32(piece, continuing: checksum)
            try file.write(streaming: piece)
        }
        let (offset, bytes) = layout.setChecksum(checksum)
        try file.overwrite(at: offset, with: bytes)
    }

    private func checkName(_ name: String) throws(FormatError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard !name.utf8.contains(0), !parts.contains(".."), parts.first != "" else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "'\(printable(name))' as the name of a member of a zip archive",
                    advice: "rename it with --rename, or choose safetensors"))
        }
        guard name.utf8.count <= 0xFFFF else {
            throw FormatError(
                path,
                .limitExceeded(what: "a member's name", claimed: "\(name.utf8.count) bytes", limit: "65535"))
        }
    }

    /// Writes the directory, gives the file its name and says how many bytes it has.
    @discardableResult
    consuming func commit(comment: [UInt8] = []) throws(FormatError) -> Int {
        try file.write(layout.directory(comment: comment))
        let byteCount = file.byteCount
        try file.commit()
        return byteCount
    }
}

extension [UInt8] {
    /// Appends an integer's bytes, lowest first.
    mutating func append(littleEndian value: some FixedWidthInteger) {
        Swift.withUnsafeBytes(of: value.littleEndian) { append(contentsOf: $0) }
    }
}
