// Checks of a group with many links: messages in a fractal heap, found through a version 2 B-tree (HDF5 File Format
// Specification 3.0, sections III.G and IV.A.2.c). libhdf5 1.10 sizes its tables by the heap's header, and decodes each
// link as it decodes those in an object header.

/// A fractal heap of links whose header and blocks were checked.
struct HDF5LinkHeap {
    /// libhdf5 makes the heaps of links always of this form: four blocks a row, the first two rows of 512 bytes, then
    /// twice as large in each row; rows up to 64 KiB hold links, later ones blocks of blocks.
    private static let width = 4, firstSize = 512, greatestSize = 65536, bits = 32
    private static let directRows = 9, offsetWidth = 4

    private let section: String
    private let address: UInt64
    /// Blocks that hold links: where in the heap's own space, where in the file, how long.
    private var blocks: [(offset: Int, start: Int, count: Int)] = []

    /// Bytes before the links in a block: signature, version, the heap's address, the block's offset, a checksum.
    private static let overhead = 4 + 1 + 8 + offsetWidth + 4

    init(_ check: inout HDF5Check, at address: UInt64, section: String) throws(FormatError) {
        self.section = section
        self.address = address
        var head = try check.cursor(at: address, length: 146, section: section)
        try head.signature("FRHP")
        let version = try head.integer(UInt8.self)
        let identifierLength = try head.integer(UInt16.self)
        let filterLength = try head.integer(UInt16.self)
        guard filterLength == 0 else { throw head.unsupported("compressed links") }
        let flags = try head.integer(UInt8.self)
        guard flags & 2 != 0 else { throw head.unsupported("link heaps without checksums") }
        let greatestObject = try head.integer(UInt32.self)
        try head.skip(8)
        let huge = try head.address()
        try head.skip(64)
        let otherCounts = (try head.integer(UInt64.self), try head.integer(UInt64.self))
        guard huge == HDF5Cursor.undefined, otherCounts == (0, 0) else {
            throw head.unsupported("links of uncommon size")
        }
        let form = [
            version, identifierLength, try head.integer(UInt16.self), try head.integer(UInt64.self),
            try head.integer(UInt64.self), try head.integer(UInt16.self), try head.integer(UInt16.self),
        ]
        guard form == [0, 7, Self.width, Self.firstSize, Self.greatestSize, Self.bits, 1],
            greatestObject == 4096
        else { throw head.damaged("a heap of links as libhdf5 makes it", "numbers \(form)") }
        let root = try head.address()
        let rows = try head.integer(UInt16.self)
        guard rows <= Self.bits - 10 else { throw head.damaged("at most \(Self.bits - 10) rows", "\(rows)") }
        guard root != HDF5Cursor.undefined else { return }
        if rows == 0 {
            try addBlock(&check, at: root, offset: 0, count: Self.firstSize)
        } else {
            try addRows(&check, at: root, rows: rows, offset: 0)
        }
        blocks.sort { $0.offset < $1.offset }
    }

    /// Checks what every block begins with.
    private func checkHead(
        _ block: inout HDF5Cursor, signature: String, offset: Int
    ) throws(FormatError) {
        try block.signature(signature)
        let version = try block.integer(UInt8.self)
        let owner = try block.address()
        let place = try block.integer(byteCount: Self.offsetWidth)
        guard version == 0, owner == address, place == offset else {
            throw block.damaged("block \(offset) of the heap at \(address)", "block \(place) of one at \(owner)")
        }
    }

    private mutating func addBlock(
        _ check: inout HDF5Check, at place: UInt64, offset: Int, count: Int
    ) throws(FormatError) {
        var block = try check.cursor(at: place, length: count, section: section)
        let start = block.position
        try checkHead(&block, signature: "FHDB", offset: offset)
        blocks.append((offset, start, count))
    }

    /// A block of blocks. Those of later rows are blocks of blocks themselves, with fewer rows.
    private mutating func addRows(
        _ check: inout HDF5Check, at place: UInt64, rows: Int, offset: Int
    ) throws(FormatError) {
        try check.spend(1 + rows * Self.width)
        let length = Self.overhead + 8 * rows * Self.width
        var block = try check.cursor(at: place, length: length, section: section)
        try checkHead(&block, signature: "FHIB", offset: offset)
        var offset = offset
        for row in 0..<rows {
            let count = Self.firstSize << max(0, row - 1)
            for _ in 0..<Self.width {
                let child = try block.address()
                if child != HDF5Cursor.undefined {
                    if row < Self.directRows {
                        try addBlock(&check, at: child, offset: offset, count: count)
                    } else {
                        try addRows(&check, at: child, rows: row - 2, offset: offset)
                    }
                }
                offset += count
            }
        }
    }

    /// The link that an identifier of seven bytes names: a byte for the kind, the offset, the length.
    func link(_ identifier: inout HDF5Cursor, in check: HDF5Check) throws(FormatError) -> HDF5Cursor {
        let kind = try identifier.integer(UInt8.self)
        guard kind == 0 else { throw identifier.unsupported("links of uncommon size") }
        let offset = Int(clamping: try identifier.integer(byteCount: Self.offsetWidth))
        let length = try identifier.integer(UInt16.self)
        let next = blocks.partitioningIndex { $0.offset > offset }
        guard next > 0, length > 0, offset - blocks[next - 1].offset >= Self.overhead,
            offset - blocks[next - 1].offset <= blocks[next - 1].count - length
        else { throw identifier.damaged("a link within the heap's blocks", "\(length) bytes at \(offset)") }
        let block = blocks[next - 1]
        return try HDF5Cursor(
            check.bytes, path: check.path, section: section, start: block.start + offset - block.offset, length: length)
    }
}

extension HDF5Check {
    /// Checks where a group's links are kept when they are many.
    mutating func checkLinkInfo(_ body: inout HDF5Cursor) throws(FormatError) {
        try body.skip(1)
        let flags = try body.integer(UInt8.self)
        try body.skip(flags & 1 == 0 ? 0 : 8)
        let heapAddress = try body.address()
        let names = try body.address()
        let order = flags & 2 == 0 ? HDF5Cursor.undefined : try body.address()
        guard heapAddress != HDF5Cursor.undefined else { return }
        let section = body.section
        let heap = try HDF5LinkHeap(&self, at: heapAddress, section: section)
        // A record is the name's hash or the place in the order of creation, then the identifier.
        for (address, kind, keySize) in [(names, 5, 4), (order, 6, 8)] where address != HDF5Cursor.undefined {
            let tree = HDF5NewTree(kind: kind, recordSize: keySize + 7, nodeSize: 512)
            try tree.walk(&self, at: address, section: section) { (check, record) throws(FormatError) in
                try record.skip(keySize)
                var link = try heap.link(&record, in: check)
                try check.checkLink(&link)
            }
        }
    }

    /// A cursor over a structure at an address.
    func cursor(at address: UInt64, length: Int, section: String) throws(FormatError) -> HDF5Cursor {
        try HDF5Cursor(
            bytes, path: path, section: section, start: hdf5Offset(address, base: superblock.base, in: bytes),
            length: length)
    }
}

extension [(offset: Int, start: Int, count: Int)] {
    /// The first index whose element is past a place, in a sorted array.
    fileprivate func partitioningIndex(_ isPast: (Element) -> Bool) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if isPast(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
