// Mending checksums inside fuzzed files: without this every change would stop at the first of them.

@testable import Formats

/// A zip archive whose directory names the checksums that its members have.
func withZipChecksums(_ bytes: Bytes) -> Bytes {
    guard let archive = try? ZipArchive(path: "fuzz.zip", bytes: bytes) else { return bytes }
    var checksums: [UInt32] = []
    for member in archive.members {
        let stored = try? archive.storedBytes(of: member)
        let contents = stored.flatMap { stored in
            member.isStored
                ? stored : try? Inflate.raw(stored, size: member.size, path: "fuzz.zip", section: member.name)
        }
        checksums.append(contents.map { Inflate.crc32($0) } ?? member.checksum)
    }
    var mended = bytes.array
    var position =
        mended.indices.dropLast(3).lastIndex { mended[$0...].starts(with: [0x50, 0x4B, 5, 6]) }
        .flatMap { bytes.littleEndian(at: $0 + 16, as: UInt32.self) }.map { Int($0) } ?? 0
    for checksum in checksums {
        guard bytes.slice(position, 46)?.starts(with: [0x50, 0x4B, 1, 2]) == true else { break }
        mended.store(checksum, at: position + 16)
        position += [28, 30, 32].reduce(46) { $0 + Int(bytes.littleEndian(at: position + $1, as: UInt16.self) ?? 0) }
    }
    return Bytes(copying: mended)
}

/// A PNG whose chunks carry the checksums of what is in them.
func withPNGChecksums(_ bytes: Bytes) -> Bytes {
    var mended = bytes.array
    var position = 8
    while let length = bytes.bigEndian(at: position, as: UInt32.self),
        let chunk = bytes.slice(position + 4, 4 + Int(length)), position + 12 + Int(length) <= mended.count
    {
        mended.store(Inflate.crc32(chunk).byteSwapped, at: position + 8 + Int(length))
        position += 12 + Int(length)
    }
    return Bytes(copying: mended)
}

/// An HDF5 file whose newer structures (superblock, object headers, B-tree and heap headers) have right checksums, as
/// far as their sizes can be told from themselves.
func withHDF5Checksums(_ bytes: Bytes) -> Bytes {
    var mended = bytes.array
    if mended.count >= 48, mended[8] >= 2, mended[9] == 8 { mended.storeLookup3(of: 0..<44) }
    for start in mended.indices.dropLast(16) where mended[start] >= 0x42 && mended[start] <= 0x4F {
        switch mended[start..<start + 4] {
        case [0x4F, 0x48, 0x44, 0x52]:  // OHDR: flags say what fields follow and how wide the size is
            let flags = mended[start + 5]
            let width = 1 << (flags & 3)
            let fields = start + 6 + (flags & 0x20 == 0 ? 0 : 16) + (flags & 0x10 == 0 ? 0 : 4)
            guard fields + width <= mended.count else { continue }
            let size = mended[fields..<fields + width].reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            guard size < mended.count else { continue }
            mended.storeLookup3(of: start..<fields + width + Int(size))
        case [0x42, 0x54, 0x48, 0x44]: mended.storeLookup3(of: start..<start + 34)  // BTHD
        case [0x46, 0x52, 0x48, 0x50]: mended.storeLookup3(of: start..<start + 142)  // FRHP without a filter
        case [0x46, 0x41, 0x48, 0x44]: mended.storeLookup3(of: start..<start + 24)  // FAHD
        case [0x45, 0x41, 0x48, 0x44]: mended.storeLookup3(of: start..<start + 68)  // EAHD
        default: continue
        }
    }
    return Bytes(copying: mended)
}

extension [UInt8] {
    /// Writes four bytes, lowest first.
    fileprivate mutating func store(_ value: UInt32, at position: Int) {
        for index in 0..<4 { self[position + index] = UInt8(truncatingIfNeeded: value >> (8 * UInt32(index))) }
    }

    /// Writes the checksum of `range` behind it, if there is room.
    fileprivate mutating func storeLookup3(of range: Range<Int>) {
        guard range.upperBound + 4 <= count else { return }
        store(lookup3(self[range]), at: range.upperBound)
    }
}

/// Bob Jenkins' lookup3 (`hashlittle`, 2006) with the start value 0, HDF5's checksum of its structures.
func lookup3(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    var (a, b, c) = (0xDEAD_BEEF &+ UInt32(bytes.count), 0xDEAD_BEEF &+ UInt32(bytes.count), UInt32(0))
    c = a
    func rotated(_ value: UInt32, _ bits: UInt32) -> UInt32 { value << bits | value >> (32 - bits) }
    func word(_ position: Int) -> UInt32 {
        (0..<4).reduce(0) { position + $1 < bytes.endIndex ? $0 | UInt32(bytes[position + $1]) << UInt32(8 * $1) : $0 }
    }
    guard !bytes.isEmpty else { return c }
    var position = bytes.startIndex
    while bytes.endIndex - position > 12 {
        (a, b, c) = (a &+ word(position), b &+ word(position + 4), c &+ word(position + 8))
        (a, c) = ((a &- c) ^ rotated(c, 4), c &+ b)
        (b, a) = ((b &- a) ^ rotated(a, 6), a &+ c)
        (c, b) = ((c &- b) ^ rotated(b, 8), b &+ a)
        (a, c) = ((a &- c) ^ rotated(c, 16), c &+ b)
        (b, a) = ((b &- a) ^ rotated(a, 19), a &+ c)
        (c, b) = ((c &- b) ^ rotated(b, 4), b &+ a)
        position += 12
    }
    (a, b, c) = (a &+ word(position), b &+ word(position + 4), c &+ word(position + 8))
    c = (c ^ b) &- rotated(b, 14)
    a = (a ^ c) &- rotated(c, 11)
    b = (b ^ a) &- rotated(a, 25)
    c = (c ^ b) &- rotated(b, 16)
    a = (a ^ c) &- rotated(c, 4)
    b = (b ^ a) &- rotated(a, 14)
    c = (c ^ b) &- rotated(b, 24)
    return c
}
