// gzip files (RFC 1952): one or more members, optionally padded with NULs, each with its checksum and size.

extension Inflate {
    /// Inflates a whole gzip file.
    ///
    /// Members written one after another give their contents one after another; NUL padding after the last one is
    /// ignored, as `gzip` does.
    ///
    /// - Parameters:
    ///   - path: the file that errors name.
    ///   - limit: the most bytes the caller accepts, for example what the header inside promises.
    ///   - size: how many bytes will come, if the caller knows; saves enlarging (and copying) what several members yield.
    /// - Throws: ``FormatError`` with `.truncated` for a cut header or trailer, `.invalid` for damaged data, a wrong
    ///   checksum or size and for anything but NULs after the last member, `.limitExceeded` beyond `limit`.
    public static func gzip(
        _ bytes: Bytes, path: String, limit: Int, expecting size: Int = 0
    ) throws(FormatError) -> Bytes {
        let likely = likelySize(bytes, expecting: size, limit: limit)
        var output = try GrowingOutput(path: path, limit: limit, expecting: likely)
        var position = 0
        repeat {
            position = try member(of: bytes, at: position, path: path, into: &output)
        } while !isPadding(bytes, from: position)
        return output.finished
    }

    /// The first bytes of what a gzip file holds, to recognise it by; nil when it cannot be inflated at all.
    ///
    /// Damage further on goes unnoticed.
    public static func gzipPrefix(_ bytes: Bytes, count: Int = 1024) -> Bytes? {
        guard let header = try? gzipHeaderSize(bytes, at: 0, path: "") else { return nil }
        return bytes.slice(header, bytes.count - header).flatMap { prefix($0, count: count) }
    }

    /// The size in the last trailer (exact for one member under 4 GiB) or the expected one, when the input can yield it.
    private static func likelySize(_ bytes: Bytes, expecting size: Int, limit: Int) -> Int {
        guard let claimed = bytes.littleEndian(at: bytes.count - 4, as: UInt32.self) else { return 0 }
        let possible = bytes.count.multipliedReportingOverflow(by: greatestRatio)
        return min(max(Int(claimed), size), possible.overflow ? .max : possible.partialValue, limit)
    }

    /// Whether only NULs follow.
    private static func isPadding(_ bytes: Bytes, from position: Int) -> Bool {
        guard let rest = bytes.slice(position, bytes.count - position) else { return true }
        return rest.withUnsafeBytes { $0.allSatisfy { $0 == 0 } }
    }

    /// Inflates the member at `position` and returns where the next one would begin.
    private static func member(
        of bytes: Bytes, at position: Int, path: String, into output: inout GrowingOutput
    ) throws(FormatError) -> Int {
        let header = try gzipHeaderSize(bytes, at: position, path: path)
        guard let body = bytes.slice(position + header, bytes.count - position - header) else { return bytes.count }
        let start = output.count
        let consumed = try output.inflate(body, offset: position)
        let trailer = position + header + consumed
        guard let checksum = bytes.littleEndian(at: trailer, as: UInt32.self),
            let size = bytes.littleEndian(at: trailer + 4, as: UInt32.self)
        else {
            throw FormatError(
                path, .truncated(section: "gzip trailer", offset: trailer, expected: 8, found: bytes.count - trailer))
        }
        let written = output.written(from: start)
        let found = crc32(written)
        guard found == checksum, UInt32(truncatingIfNeeded: written.count) == size else {
            throw FormatError(
                path,
                .invalid(
                    section: "gzip trailer", offset: trailer,
                    expected: "checksum \(hexadecimal(checksum)) and size \(size)",
                    found: "\(hexadecimal(found)) and \(written.count): the data is damaged; copy or download it again")
            )
        }
        return trailer + 8
    }

    /// The size of a member's header, whose optional fields are skipped.
    private static func gzipHeaderSize(_ bytes: Bytes, at start: Int, path: String) throws(FormatError) -> Int {
        func cut(_ needed: Int) -> FormatError {
            FormatError(
                path,
                .truncated(section: "gzip header", offset: start, expected: needed, found: max(0, bytes.count - start)))
        }
        guard let magic = bytes.slice(start, 2) else { throw cut(10) }
        guard magic.starts(with: [0x1F, 0x8B]) else {
            let (expected, found) =
                start == 0
                ? ("1F 8B", "other bytes") : ("another member, NUL padding or the end", "junk after the data")
            throw FormatError(path, .invalid(section: "gzip member", offset: start, expected: expected, found: found))
        }
        guard let fixed = bytes.slice(start, 10) else { throw cut(10) }
        guard fixed[2] == 8 else {
            throw FormatError(
                path,
                .invalid(section: "gzip method", offset: start + 2, expected: "8 (deflate)", found: "\(fixed[2])"))
        }
        let flags = fixed[3]
        var size = 10
        if flags & 4 != 0 {
            guard let extra = bytes.littleEndian(at: start + size, as: UInt16.self) else { throw cut(size + 2) }
            size += 2 + Int(extra)
        }
        for flag: UInt8 in [8, 16] where flags & flag != 0 {  // a NUL-terminated name, then a comment
            guard let text = bytes.slice(start + size, bytes.count - start - size),
                let end = text.withUnsafeBytes({ $0.firstIndex(of: 0) })
            else { throw cut(size + 1) }
            size += end + 1
        }
        if flags & 2 != 0 { size += 2 }
        guard bytes.slice(start, size) != nil else { throw cut(size) }
        return size
    }
}

/// Eight hexadecimal digits.
func hexadecimal(_ value: UInt32) -> String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 8 - digits.count) + digits
}

/// Output whose size is not known beforehand: doubled and tried again until it fits or passes the limit.
private struct GrowingOutput {
    let path: String
    let limit: Int
    private var memory: Bytes
    private(set) var count = 0

    init(path: String, limit: Int, expecting size: Int) throws(FormatError) {
        self.path = path
        self.limit = limit
        memory = try Bytes.allocated(byteCount: max(0, size), path: path, what: "the inflated size")
    }

    var finished: Bytes { memory.slice(0, count) ?? memory }

    func written(from start: Int) -> Bytes { memory.slice(start, count - start) ?? memory }

    /// Appends the stream at the start of `body` and returns how much of `body` it took.
    mutating func inflate(_ body: Bytes, offset: Int) throws(FormatError) -> Int {
        while true {
            let outcome = try attempt(body)
            switch outcome.verdict {
            case .done:
                count += outcome.produced
                return outcome.consumed
            case .outputFull:
                try grow(for: body)
            case .damaged:
                throw FormatError(
                    path,
                    .invalid(
                        section: "gzip member", offset: offset, expected: "\(body.count) bytes of deflate data",
                        found: "damaged or cut short; copy or download it again"))
            }
        }
    }

    private func attempt(_ body: Bytes) throws(FormatError) -> InflateOutcome {
        // The memory is not yet lent to anyone: `finished` is taken after the last member.
        let memory = UnsafeMutableRawBufferPointer(mutating: memory.owner.memory)
        let free = UnsafeMutableRawBufferPointer(rebasing: memory[count...])
        // A size that is merely claimed must not take the machine's memory: most volumes expand less than eightfold.
        let likely = min(free.count, max(16 << 20, body.count * 8))
        let prefaulting = Prefaulting(UnsafeMutableRawBufferPointer(rebasing: free[..<likely]))
        let outcome = try Inflate.fastest(body, into: free, path: path)
        _ = consume prefaulting
        return outcome
    }

    private mutating func grow(for body: Bytes) throws(FormatError) {
        guard memory.count < limit else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "the inflated size", claimed: "larger than its header says",
                    limit: "\(limit) bytes; compress the volume alone again"))
        }
        let doubled = memory.count.multipliedReportingOverflow(by: 2)
        let wanted = max(doubled.overflow ? limit : doubled.partialValue, 4096, min(body.count, limit / 4) * 4)
        let larger = try Bytes.allocated(byteCount: min(limit, wanted), path: path, what: "the inflated size")
        let output = UnsafeMutableRawBufferPointer(mutating: larger.owner.memory)
        memory.withUnsafeBytes { output.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        memory = larger
    }
}
