// Compressing with ISA-L. The only calls into CISAL besides the checksum's live here.

import CISAL

/// Compression into gzip members.
public enum Deflate {
    /// How hard ISA-L tries. Its fastest levels, 0 and 1, yield more bytes than zlib's fastest.
    enum Level: Int32, CaseIterable {
        /// For label maps and other even data, where the next level is slower and its output larger.
        case even = 2
        /// For scans, with their noise.
        case noisy = 3

        /// The level whose output is smaller for eight pieces from all over the data.
        init(for bytes: Bytes) {
            let size = min(bytes.count / 8, 1 << 14)
            let pieces = (0..<8).compactMap { bytes.slice((bytes.count - size) / 7 * $0, size) }
            func compressedSize(_ level: Level) -> Int {
                pieces.reduce(0) { $0 + gzip([$1], level: level).count }
            }
            self = compressedSize(.even) <= compressedSize(.noisy) ? .even : .noisy
        }
    }

    /// One gzip member (RFC 1952) in memory, without name or time.
    public static func gzip(_ bytes: Bytes) -> Bytes { Bytes(copying: gzip([bytes], level: Level(for: bytes))) }

    private static func gzip(_ parts: [Bytes], level: Level) -> [UInt8] {
        var result: [UInt8] = []
        gzip(parts, level: level) { result += $0 }
        return result
    }

    /// Compresses bytes one part after another into one gzip member (RFC 1952), without name or time.
    ///
    /// Equal parts give equal output on one machine. On another kind of processor ISA-L may choose other matches: what
    /// is inflated is the same, the compressed bytes may differ.
    ///
    /// - Parameter sink: gets the compressed bytes, some hundred kilobytes at a time.
    static func gzip<Failure: Error>(
        _ parts: [Bytes], level: Level, to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var stream = GzipStream(level)
        let last = parts.lastIndex { $0.count > 0 }
        for (index, part) in parts.enumerated() {
            try stream.compress(part, isLast: index == last, to: sink)
        }
        if last == nil { try stream.compress(Bytes(copying: [UInt8]()), isLast: true, to: sink) }
    }
}

/// A gzip member being written: owns ISA-L's stream.
private struct GzipStream: ~Copyable {
    private let stream: OpaquePointer
    private let output = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 64)

    init(_ level: Deflate.Level) {
        guard let stream = CISAL_gzipCreate(level.rawValue) else {
            preconditionFailure("no memory for a compressor of 300 kB")
        }
        self.stream = stream
    }

    deinit {
        CISAL_gzipFree(stream)
        output.deallocate()
    }

    /// Compresses bytes, which are lent to ISA-L only meanwhile: what it needs of them later it keeps.
    mutating func compress<Failure: Error>(
        _ bytes: Bytes, isLast: Bool, to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        var offset = 0
        repeat {
            // ISA-L counts in 32 bits.
            let count = min(bytes.count - offset, 1 << 30)
            guard let piece = bytes.slice(offset, count) else { return }
            offset += count
            let isEnd = isLast && offset == bytes.count
            try piece.withUnsafeBytes { (input) throws(Failure) in
                let memory = input.bindMemory(to: UInt8.self)
                CISAL_gzipSetInput(stream, memory.baseAddress, UInt32(memory.count), isEnd ? 1 : 0)
                try drain(to: sink)
            }
        } while offset < bytes.count
    }

    private func drain<Failure: Error>(to sink: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        let memory = output.bindMemory(to: UInt8.self)
        while true {
            let count = CISAL_gzipNext(stream, memory.baseAddress, UInt32(memory.count))
            // It refuses only parameters, and these are fixed.
            precondition(count >= 0, "ISA-L refuses the compression level")
            if count > 0 { try sink(UnsafeRawBufferPointer(rebasing: output[..<Int(count)])) }
            if count < memory.count { return }
        }
    }
}
