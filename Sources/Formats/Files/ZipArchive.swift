// Reading zip archives (PKWARE APPNOTE 6.3) out of mapped memory: PyTorch, Keras and NumPy all use them. The central
// directory alone says what there is; local headers are consulted only to find where a member's data begins, because
// PyTorch leaves their sizes and checksums empty and NumPy fills them with a marker.

import Synchronization

/// An open zip archive whose members are lent from the mapped file.
///
/// Names are keys, never paths: nothing is ever extracted to disk, so a name such as `../x` does no harm.
public struct ZipArchive: Sendable {
    /// The file, as the user named it.
    public let path: String
    /// The members in the order of the central directory.
    public let members: [Member]
    /// What the writer remarked about the whole archive.
    let comment: Bytes
    private let bytes: Bytes
    private let indices: [String: Int]
    private let verified: VerifiedMembers
    /// False when every checksum in the archive is zero, which is how `torch.serialization.set_crc32_options(False)`
    /// writes it: there is nothing to verify then.
    private let hasChecksums: Bool

    /// One entry of the central directory.
    public struct Member: Sendable {
        /// The name with `/` between folders.
        public let name: String
        /// How the data is stored: 0 as it is, 8 deflated.
        public let method: UInt16
        /// The data's size in the archive.
        public let compressedSize: Int
        /// The data's size once inflated.
        public let size: Int
        /// The CRC-32 of the inflated data.
        public let checksum: UInt32
        let index: Int
        let headerOffset: Int
        let nameByteCount: Int
        /// Where the next member's header or the central directory begins: this member must end before.
        var limit: Int
        let isEncrypted: Bool
        /// What the writer remarked about the member.
        let comment: Bytes

        /// Whether the data lies in the archive as it is, and is lent without a copy.
        public var isStored: Bool { method == 0 }
    }

    /// Opens an archive by memory map.
    ///
    /// - Throws: see ``init(path:bytes:)``; `.system` when the file cannot be read.
    public init(_ path: String) throws(FormatError) {
        try self.init(path: path, bytes: Bytes(mapping: path))
    }

    /// Reads the central directory of an archive.
    ///
    /// - Throws: ``FormatError`` with `.invalid` when there is no central directory (the file is cut short), when two
    ///   members share a name or overlap, or when a field is impossible; `.unsupported` for archives of several disks.
    public init(path: String, bytes: Bytes) throws(FormatError) {
        self.path = path
        self.bytes = bytes
        let directory = try ZipDirectory(path: path, bytes: bytes)
        members = try directory.members()
        comment = directory.comment
        var indices = [String: Int](minimumCapacity: members.count)
        for member in members {
            guard indices.updateValue(member.index, forKey: member.name) == nil else {
                throw FormatError(
                    path,
                    .invalid(section: "zip directory", expected: "distinct names", found: "'\(member.name)' twice"))
            }
        }
        self.indices = indices
        verified = VerifiedMembers()
        hasChecksums = members.contains { $0.checksum != 0 }
    }

    /// The member of that name.
    public subscript(name: String) -> Member? { indices[name].map { members[$0] } }

    /// The contents of a member: a slice of the map when stored, else inflated.
    ///
    /// The checksum is verified the first time a member is read. For stored members that costs one pass over the data,
    /// which the reader is about to make anyway; libdeflate runs it at memory speed (10 GB/s and more, 10 ms for a
    /// ResNet-50) and the pass doubles as read-ahead. PyTorch itself does not check, and would load damaged weights
    /// without a word.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for a wrong checksum, size or local header, `.truncated`,
    ///   `.limitExceeded` for a zip bomb, `.unsupported` for encryption and other compression methods.
    public func contents(of member: Member) throws(FormatError) -> Bytes {
        let stored = try storedBytes(of: member)
        let contents =
            member.isStored
            ? stored : try Inflate.raw(stored, size: member.size, path: path, section: "zip member '\(member.name)'")
        guard hasChecksums, !verified.contains(member.index) else { return contents }
        let found = Inflate.crc32(contents)
        guard found == member.checksum else {
            throw FormatError(
                path,
                .invalid(
                    section: "zip member '\(member.name)'", offset: member.headerOffset,
                    expected: "checksum \(hexadecimal(member.checksum))",
                    found: "\(hexadecimal(found)): the data is damaged; copy or download the file again"))
        }
        // Inflated bytes are made anew each time, so only stored ones stay verified.
        if member.isStored { verified.insert(member.index) }
        return contents
    }

    /// The contents of the member of that name; nil when there is none.
    public func contents(named name: String) throws(FormatError) -> Bytes? {
        guard let member = self[name] else { return nil }
        return try contents(of: member)
    }

    /// About the first `count` bytes of a member, unverified: enough to read a header without touching the rest.
    func prefix(of member: Member, count: Int) throws(FormatError) -> Bytes {
        let stored = try storedBytes(of: member)
        let prefix =
            member.isStored
            ? stored.slice(0, min(count, stored.count)) : Inflate.prefix(stored, count: min(count, member.size))
        if let prefix { return prefix }
        return try contents(of: member)
    }

    /// A member's bytes as they lie in the archive, without a look at their checksum.
    func storedBytes(of member: Member) throws(FormatError) -> Bytes {
        let section = "zip member '\(member.name)'"
        guard !member.isEncrypted else {
            throw FormatError(
                path, .unsupported(feature: "\(section): encryption", advice: "save it without a password"))
        }
        guard member.method == 0 || member.method == 8 else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "\(section): compression method \(member.method)", advice: "save it stored or deflated"))
        }
        let offset = member.headerOffset
        guard let signature = bytes.littleEndian(at: offset, as: UInt32.self),
            let nameLength = bytes.littleEndian(at: offset + 26, as: UInt16.self),
            let extraLength = bytes.littleEndian(at: offset + 28, as: UInt16.self)
        else {
            throw FormatError(
                path, .truncated(section: section, offset: offset, expected: 30, found: max(0, bytes.count - offset)))
        }
        let name = bytes.slice(offset + 30, Int(nameLength)).map(ZipDirectory.text)
        guard signature == 0x0403_4B50, name == member.name else {
            throw FormatError(
                path,
                .invalid(section: section, offset: offset, expected: "its local header", found: "something else"))
        }
        let start = offset + 30 + Int(nameLength) + Int(extraLength)
        let available = max(0, member.limit - start)
        guard member.compressedSize <= available, let data = bytes.slice(start, member.compressedSize) else {
            throw FormatError(
                path,
                .truncated(section: section, offset: start, expected: member.compressedSize, found: available))
        }
        return data
    }
}

/// Which stored members have passed their checksum; shared by copies of an archive and safe to use from any thread.
private final class VerifiedMembers: Sendable {
    private let indices = Mutex<Set<Int>>([])

    func contains(_ index: Int) -> Bool { indices.withLock { $0.contains(index) } }

    func insert(_ index: Int) { indices.withLock { _ = $0.insert(index) } }
}
