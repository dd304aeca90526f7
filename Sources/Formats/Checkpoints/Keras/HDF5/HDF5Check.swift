// The gate before libhdf5. Its 1.10 series decodes object headers, symbol tables and heaps with trust in the counts
// and lengths they state: of 20,000 copies of a small file with 1 to 4 damaged bytes, 54 crashed it while it opened
// objects, and about 0.4 % of the copies of real Keras files crashed it while it read an attribute's text. So every
// structure that it is about to decode is walked here first, with bounds. What passes, libhdf5 reads and is the
// authority on; what it protects with checksums of its own (B-trees and fractal heaps of the newer format) it checks
// itself. Tensor values never pass through libhdf5's decoders: see HDF5Values.swift.

/// Checks the objects of one file before libhdf5 opens them.
struct HDF5Check {
    let path: String
    let bytes: Bytes
    let superblock: HDF5Superblock
    var globalHeaps: HDF5GlobalHeaps
    /// Addresses of objects that passed.
    private var passed: Set<UInt64> = []

    /// Reads the superblock and checks what libhdf5 decodes while it opens the file.
    init(path: String, bytes: Bytes) throws(FormatError) {
        self.path = path
        self.bytes = bytes
        superblock = try HDF5Superblock(path: path, bytes: bytes)
        globalHeaps = HDF5GlobalHeaps(path: path, bytes: bytes, base: superblock.base)
        try checkObject(at: superblock.rootAddress, name: "/")
        if superblock.extensionAddress != HDF5Cursor.undefined {
            try checkObject(at: superblock.extensionAddress, name: "superblock extension")
        }
    }

    /// Checks an object's header and all that its messages lead to.
    ///
    /// - Throws: ``FormatError`` with `.invalid`, `.truncated` or `.unsupported`.
    mutating func checkObject(at address: UInt64, name: String) throws(FormatError) {
        guard !passed.contains(address) else { return }
        let messages = try objectMessages(at: address, section: "object '\(name)'")
        try checkMessages(messages, name: name)
        passed.insert(address)
    }

    /// One message of an object header.
    struct Message {
        let kind: Int
        let body: HDF5Cursor
    }

    /// The messages of an object header in all of its blocks (HDF5 File Format Specification 3.0, section IV.A.1).
    private func objectMessages(at address: UInt64, section: String) throws(FormatError) -> [Message] {
        let start = hdf5Offset(address, base: superblock.base, in: bytes)
        var head = try HDF5Cursor(
            bytes, path: path, section: section, start: start, length: min(64, max(16, bytes.count - start)))
        let isVersion2 = bytes.slice(start, 4)?.starts(with: Array("OHDR".utf8)) ?? false
        return isVersion2 ? try messagesVersion2(&head) : try messagesVersion1(&head)
    }

    private func messagesVersion1(_ head: inout HDF5Cursor) throws(FormatError) -> [Message] {
        let version = try head.integer(UInt8.self)
        guard version == 1 else { throw head.damaged("an object header", "version \(version)") }
        try head.skip(7)
        let size = try head.integer(UInt32.self)
        try head.skip(4)
        var messages: [Message] = []
        var blocks = [(start: head.position, length: size)]
        var next = 0
        while next < blocks.count {
            var block = try HDF5Cursor(
                bytes, path: path, section: head.section, start: blocks[next].start, length: blocks[next].length)
            next += 1
            while block.remaining > 0 {
                let kind = try block.integer(UInt16.self)
                let length = try block.integer(UInt16.self)
                let flags = try block.integer(UInt8.self)
                try block.skip(3)
                let message = Message(kind: kind, body: try block.part(length))
                try checkFlags(flags, of: message)
                if kind == 0x10 { try follow(message, into: &blocks) }
                messages.append(message)
            }
        }
        return messages
    }

    private func messagesVersion2(_ head: inout HDF5Cursor) throws(FormatError) -> [Message] {
        try head.signature("OHDR")
        let version = try head.integer(UInt8.self)
        guard version == 2 else { throw head.damaged("object header version 2", "\(version)") }
        let flags = try head.integer(UInt8.self)
        try head.skip(flags & 0x20 == 0 ? 0 : 16)
        try head.skip(flags & 0x10 == 0 ? 0 : 4)
        guard let size = Int(exactly: try head.integer(byteCount: 1 << (flags & 3))) else {
            throw head.damaged("a block within the file", "a size beyond 2⁶³")
        }
        let messageHeadSize = flags & 4 == 0 ? 4 : 6
        var messages: [Message] = []
        // Each block is followed by its checksum, which libhdf5 verifies.
        var blocks = [(start: head.position, length: size)]
        var next = 0
        while next < blocks.count {
            var block = try HDF5Cursor(
                bytes, path: path, section: head.section, start: blocks[next].start, length: blocks[next].length)
            if next > 0 { try block.signature("OCHK") }
            let checksumSize = next > 0 ? 4 : 0
            next += 1
            while block.remaining - checksumSize >= messageHeadSize {
                let kind = try block.integer(UInt8.self)
                let length = try block.integer(UInt16.self)
                let messageFlags = try block.integer(UInt8.self)
                try block.skip(messageHeadSize - 4)
                let message = Message(kind: kind, body: try block.part(length))
                try checkFlags(messageFlags, of: message)
                if kind == 0x10 { try follow(message, into: &blocks) }
                messages.append(message)
            }
        }
        return messages
    }

    private func checkFlags(_ flags: Int, of message: Message) throws(FormatError) {
        // Bit 1: the message is only a pointer to one elsewhere (a committed type or the shared message heap).
        guard flags & 2 == 0 || message.kind == 0 else { throw message.body.unsupported("shared messages") }
    }

    /// Adds the block that a continuation message names.
    private func follow(
        _ message: Message, into blocks: inout [(start: Int, length: Int)]
    ) throws(FormatError) {
        var body = message.body
        let start = hdf5Offset(try body.address(), base: superblock.base, in: bytes)
        let length = try body.integer(UInt64.self)
        guard blocks.count < 1024, length > 0, !blocks.contains(where: { $0.start == start }) else {
            throw body.damaged("a new block of messages", "\(length) bytes at \(start)")
        }
        blocks.append((start, length))
    }
}
