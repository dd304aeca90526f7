// The gate before libhdf5. Its 1.10 series decodes object headers, symbol tables and heaps with trust in the counts
// and lengths they state: of 20,000 copies of a small file with 1 to 4 damaged bytes, 54 crashed it while it opened
// objects, and about 0.4 % of the copies of real Keras files crashed it while it read an attribute's text. So every
// structure that it is about to decode is walked here first, with bounds; checksums, where there are any, it verifies
// itself. What passes, libhdf5 reads and is the authority on. Tensor values never pass through libhdf5's decoders: see HDF5Values.swift.

/// Checks the objects of one file before libhdf5 opens them.
struct HDF5Check {
    let path: String
    let bytes: Bytes
    let superblock: HDF5Superblock
    var globalHeaps: HDF5GlobalHeaps
    /// Addresses of objects that passed.
    private var passed: Set<UInt64> = []
    /// Messages, tree nodes, links and free blocks looked at so far. Structures may share parts, so that a small file
    /// can describe endless work.
    private var steps = 0

    /// The most parts of structures in one file: some seconds of work. ResNet-50 has about 20,000.
    static let mostSteps = 4_000_000

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

    /// Counts work against ``mostSteps``.
    mutating func spend(_ count: Int) throws(FormatError) {
        steps += count
        guard steps <= Self.mostSteps else {
            throw FormatError(
                path, .limitExceeded(what: "HDF5 structure: its parts", claimed: "more", limit: "\(Self.mostSteps)"))
        }
    }

    /// The messages of an object header in all of its blocks (HDF5 File Format Specification 3.0, section IV.A.1).
    mutating func objectMessages(at address: UInt64, section: String) throws(FormatError) -> [Message] {
        let start = hdf5Offset(address, base: superblock.base, in: bytes)
        var head = try HDF5Cursor(
            bytes, path: path, section: section, start: start, length: min(64, max(16, bytes.count - start)))
        if bytes.slice(start, 4)?.starts(with: Array("OHDR".utf8)) ?? false {
            try head.skip(4)
            let version = try head.integer(UInt8.self)
            guard version == 2 else { throw head.damaged("object header version 2", "\(version)") }
            let flags = try head.integer(UInt8.self)
            try head.skip((flags & 0x20 == 0 ? 0 : 16) + (flags & 0x10 == 0 ? 0 : 4))
            let size = Int(clamping: try head.integer(byteCount: 1 << (flags & 3)))
            return try messages(inBlock: head.position, size, .new(hasOrder: flags & 4 != 0), section)
        }
        let version = try head.integer(UInt8.self)
        guard version == 1 else { throw head.damaged("an object header", "version \(version)") }
        try head.skip(7)
        let size = try head.integer(UInt32.self)
        try head.skip(4)
        return try messages(inBlock: head.position, size, .old, section)
    }

    /// How messages are laid out.
    private enum HeaderForm: Equatable {
        /// Version 1: blocks are full to the last byte.
        case old
        /// Version 2: blocks after the first have a signature; each ends with a checksum, which libhdf5 verifies, and
        /// may have a gap too small for a message before it.
        case new(hasOrder: Bool)
    }

    private mutating func messages(
        inBlock start: Int, _ length: Int, _ form: HeaderForm, _ section: String
    ) throws(FormatError) -> [Message] {
        var messages: [Message] = []
        var blocks = [(start: start, length: length)]
        var next = 0
        while next < blocks.count {
            var block = try HDF5Cursor(
                bytes, path: path, section: section, start: blocks[next].start, length: blocks[next].length)
            let isContinuation = next > 0 && form != .old
            if isContinuation { try block.signature("OCHK") }
            let end = isContinuation ? 4 : 0
            let leastSize = form == .old ? 1 : form == .new(hasOrder: true) ? 6 : 4
            next += 1
            while block.remaining - end >= leastSize {
                try spend(1)
                let kind = form == .old ? try block.integer(UInt16.self) : try block.integer(UInt8.self)
                let length = try block.integer(UInt16.self)
                let flags = try block.integer(UInt8.self)
                try block.skip(form == .old ? 3 : leastSize - 4)
                let message = Message(kind: kind, body: try block.part(length))
                try checkFlags(flags, of: message)
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
