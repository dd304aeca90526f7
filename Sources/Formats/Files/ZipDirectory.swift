// The end record and central directory of a zip archive, with their zip64 forms (APPNOTE 4.3.12 to 4.3.16).

/// Where the central directory lies, checked against the file.
struct ZipDirectory {
    private let path: String
    private let bytes: Bytes
    private let offset: Int
    private let byteCount: Int
    private let memberCount: Int
    /// What the archive's writer remarked about it as a whole.
    let comment: Bytes

    /// Finds and checks the end record.
    init(path: String, bytes: Bytes) throws(FormatError) {
        self.path = path
        self.bytes = bytes
        let end = try Self.endRecordOffset(in: bytes, path: path)
        let fields = try Self.endRecord(at: end, in: bytes, path: path)
        // Each entry takes at least 46 bytes, so a wild count is refused before memory is reserved for it.
        guard fields.offset <= end, fields.byteCount <= end - fields.offset, fields.memberCount <= fields.byteCount / 46
        else {
            throw FormatError(
                path,
                .invalid(
                    section: "zip end record", offset: end,
                    expected: "a directory of \(fields.memberCount) members before it",
                    found: "\(fields.byteCount) bytes at \(fields.offset): the file is cut short or damaged"))
        }
        comment = bytes.slice(end + 22, Int(bytes.littleEndian(at: end + 20, as: UInt16.self) ?? 0)) ?? bytes
        offset = fields.offset
        byteCount = fields.byteCount
        memberCount = fields.memberCount
    }

    /// Reads every entry; members are checked not to overlap.
    func members() throws(FormatError) -> [ZipArchive.Member] {
        var members: [ZipArchive.Member] = []
        members.reserveCapacity(memberCount)
        var position = offset
        for index in 0..<memberCount {
            let (member, size) = try entry(at: position, index: index)
            members.append(member)
            position += size
        }
        try setLimits(of: &members)
        return members
    }

    /// Gives each member the place where it must end, and refuses those that cannot end there.
    private func setLimits(of members: inout [ZipArchive.Member]) throws(FormatError) {
        var limit = offset
        for index in members.indices.sorted(by: { members[$0].headerOffset > members[$1].headerOffset }) {
            let member = members[index]
            // 30 bytes of local header and the name come before the data; all terms are below 2⁶⁰.
            let end = member.headerOffset + 30 + member.nameByteCount + member.compressedSize
            guard end <= limit else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "zip member '\(member.name)'", offset: member.headerOffset,
                        expected: "at most \(max(0, limit - member.headerOffset)) bytes before the next part",
                        found: "\(end - member.headerOffset): members overlap"))
            }
            members[index].limit = limit
            limit = member.headerOffset
        }
    }

    /// One entry and its size.
    private func entry(at position: Int, index: Int) throws(FormatError) -> (ZipArchive.Member, size: Int) {
        guard position <= offset + byteCount, let fixed = bytes.slice(position, 46),
            let nameLength = fixed.littleEndian(at: 28, as: UInt16.self),
            let extraLength = fixed.littleEndian(at: 30, as: UInt16.self),
            let commentLength = fixed.littleEndian(at: 32, as: UInt16.self),
            let name = bytes.slice(position + 46, Int(nameLength)),
            let extra = bytes.slice(position + 46 + Int(nameLength), Int(extraLength)),
            position + 46 + Int(nameLength) + Int(extraLength) + Int(commentLength) <= offset + byteCount,
            let comment = bytes.slice(position + 46 + Int(nameLength) + Int(extraLength), Int(commentLength))
        else {
            throw FormatError(
                path,
                .truncated(
                    section: "zip directory entry \(index)", offset: position, expected: 46,
                    found: max(0, offset + byteCount - position)))
        }
        guard fixed.starts(with: [0x50, 0x4B, 1, 2]) else { throw invalidEntry(position, "signature", "PK 01 02") }
        guard !name.withUnsafeBytes({ $0.contains(0) }) else { throw invalidEntry(position, "name", "no NUL in it") }
        guard let sizes = Self.sizes(fixed: fixed, extra: extra) else {
            throw invalidEntry(position, "sizes", "64-bit sizes in a zip64 field")
        }
        let flags = fixed.littleEndian(at: 8, as: UInt16.self) ?? 0
        let method = fixed.littleEndian(at: 10, as: UInt16.self) ?? 0
        guard method != 0 || sizes.compressed == sizes.inflated else {
            throw invalidEntry(position, "sizes", "equal sizes of a stored member")
        }
        let member = ZipArchive.Member(
            name: Self.text(name), method: method, compressedSize: sizes.compressed, size: sizes.inflated,
            checksum: fixed.littleEndian(at: 16, as: UInt32.self) ?? 0, index: index, headerOffset: sizes.headerOffset,
            nameByteCount: name.count, limit: 0, isEncrypted: flags & 1 != 0, comment: comment)
        return (member, 46 + Int(nameLength) + Int(extraLength) + Int(commentLength))
    }

    private func invalidEntry(_ position: Int, _ field: String, _ expected: String) -> FormatError {
        FormatError(
            path,
            .invalid(
                section: "zip directory entry's \(field)", offset: position, expected: expected, found: "something else"
            ))
    }

    /// Sizes and place of a member; 32-bit fields that are all ones are in the zip64 extra field, in this order.
    private static func sizes(
        fixed: Bytes, extra: Bytes
    ) -> (inflated: Int, compressed: Int, headerOffset: Int)? {
        var values: [Int] = []
        var wide = zip64Field(in: extra)
        for offset in [24, 20, 42] {
            guard let narrow = fixed.littleEndian(at: offset, as: UInt32.self) else { return nil }
            guard narrow == .max else {
                values.append(Int(narrow))
                continue
            }
            guard let value = wide?.littleEndian(at: 0, as: UInt64.self), value < 1 << 60 else { return nil }
            values.append(Int(value))
            wide = wide.flatMap { $0.slice(8, $0.count - 8) }
        }
        return (values[0], values[1], values[2])
    }

    /// The body of the extra field with id 1.
    private static func zip64Field(in extra: Bytes) -> Bytes? {
        var position = 0
        while let id = extra.littleEndian(at: position, as: UInt16.self),
            let size = extra.littleEndian(at: position + 2, as: UInt16.self)
        {
            if id == 1 { return extra.slice(position + 4, Int(size)) }
            position += 4 + Int(size)
        }
        return nil
    }

    /// A name: UTF-8, or one character a byte in archives of older programs.
    static func text(_ bytes: Bytes) -> String {
        bytes.utf8 ?? String(String.UnicodeScalarView(bytes.array.map { Unicode.Scalar($0) }))
    }
}

extension ZipDirectory {
    private typealias EndRecord = (memberCount: Int, byteCount: Int, offset: Int)

    /// Searches the last 64 KiB (the longest comment) backwards for the end record.
    private static func endRecordOffset(in bytes: Bytes, path: String) throws(FormatError) -> Int {
        let first = max(0, bytes.count - 22 - 0xFFFF)
        for offset in stride(from: bytes.count - 22, through: first, by: -1)
        where bytes.littleEndian(at: offset, as: UInt32.self) == 0x0605_4B50 {
            guard let comment = bytes.littleEndian(at: offset + 20, as: UInt16.self),
                Int(comment) <= bytes.count - offset - 22
            else { continue }
            return offset
        }
        throw FormatError(
            path,
            .invalid(
                section: "zip archive", expected: "a directory at its end",
                found: "none in \(bytes.count) bytes: the file is cut short; download or copy it again"))
    }

    /// The end record's fields, from its zip64 form when there is one.
    private static func endRecord(at end: Int, in bytes: Bytes, path: String) throws(FormatError) -> EndRecord {
        func narrow(_ offset: Int) -> UInt16 { bytes.littleEndian(at: end + offset, as: UInt16.self) ?? 0 }
        func wide(_ offset: Int) -> UInt32 { bytes.littleEndian(at: end + offset, as: UInt32.self) ?? 0 }
        guard narrow(4) == 0 || narrow(4) == .max, narrow(8) == narrow(10) else {
            throw FormatError(
                path, .unsupported(feature: "a zip archive of several disks", advice: "join its parts first"))
        }
        let short: EndRecord = (Int(narrow(10)), Int(wide(12)), Int(wide(16)))
        guard let record = try zip64Record(before: end, in: bytes, path: path) else { return short }
        // Readers differ in which record they believe, so the two must agree.
        guard short.memberCount == record.memberCount || narrow(10) == .max,
            short.byteCount == record.byteCount || wide(12) == .max,
            short.offset == record.offset || wide(16) == .max
        else {
            throw FormatError(
                path,
                .invalid(
                    section: "zip end record", offset: end, expected: "the same numbers in its zip64 form",
                    found: "others"))
        }
        return record
    }

    /// The zip64 end record that the locator just before the end record points at.
    private static func zip64Record(
        before end: Int, in bytes: Bytes, path: String
    ) throws(FormatError) -> EndRecord? {
        guard end >= 20, bytes.littleEndian(at: end - 20, as: UInt32.self) == 0x0706_4B50 else { return nil }
        guard let offset = bytes.littleEndian(at: end - 12, as: UInt64.self), offset < UInt64(end),
            bytes.littleEndian(at: Int(offset), as: UInt32.self) == 0x0606_4B50,
            let count = bytes.littleEndian(at: Int(offset) + 32, as: UInt64.self), count < 1 << 62,
            let size = bytes.littleEndian(at: Int(offset) + 40, as: UInt64.self), size < 1 << 62,
            let start = bytes.littleEndian(at: Int(offset) + 48, as: UInt64.self), start < 1 << 62
        else {
            throw FormatError(
                path,
                .invalid(
                    section: "zip64 locator", offset: end - 20, expected: "the place of the zip64 end record",
                    found: "something else: the file is cut short or damaged"))
        }
        return (Int(count), Int(size), Int(start))
    }
}
