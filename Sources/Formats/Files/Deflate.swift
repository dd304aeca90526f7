// Compressing with libdeflate.

import CDeflate

/// Compression of whole buffers.
public enum Deflate {
    /// The fastest level that yields no more than zlib's fastest: 1 for scans, with their noise, where it takes half of
    /// zlib's time; 2 for label maps and other even data, where level 1 is both slower and larger.
    ///
    /// Eight pieces from all over the data tell which it is.
    static func fastLevel(for bytes: Bytes) -> Int32 {
        let size = min(bytes.count, 1 << 15)
        let pieces = (0..<8).compactMap { bytes.slice((bytes.count - size) / 7 * $0, size) }
        let compressed = pieces.reduce(0) { $0 + gzip($1, level: 1).count }
        return compressed * 8 > size * pieces.count ? 1 : 2
    }

    /// One gzip member (RFC 1952) without name or time, so that equal bytes give equal files.
    ///
    /// - Parameters:
    ///   - prefix: bytes that come before `bytes`. They are stored as they are, in blocks of their own, which spares a
    ///     copy of everything to put a header before it.
    ///   - level: 1 (fastest) to 12 (smallest); 6 balances them.
    public static func gzip(_ bytes: Bytes, after prefix: [UInt8] = [], level: Int32 = 6) -> Bytes {
        guard let compressor = libdeflate_alloc_compressor(level) else {
            preconditionFailure("libdeflate_alloc_compressor: level \(level) does not exist or memory is exhausted")
        }
        defer { libdeflate_free_compressor(compressor) }
        let head = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, level == 1 ? 4 : 0, 0xFF] + storedBlocks(prefix)
        let bound = libdeflate_deflate_compress_bound(compressor, bytes.count)
        var size = 0
        let output = Bytes(byteCount: head.count + bound + 8) { target in
            head.withUnsafeBytes { target.copyMemory(from: $0) }
            let body = bytes.withUnsafeBytes { source in
                libdeflate_deflate_compress(
                    compressor, source.baseAddress, source.count, target.baseAddress.map { $0 + head.count }, bound)
            }
            let checksum = Inflate.crc32(bytes, continuing: Inflate.crc32(Bytes(copying: prefix)))
            let count = UInt32(truncatingIfNeeded: prefix.count + bytes.count)
            let trailer = head.count + body
            target.storeBytes(of: checksum.littleEndian, toByteOffset: trailer, as: UInt32.self)
            target.storeBytes(of: count.littleEndian, toByteOffset: trailer + 4, as: UInt32.self)
            size = trailer + 8
        }
        return output.slice(0, size) ?? output
    }

    /// Deflate blocks that hold bytes as they are and are not the last (RFC 1951, section 3.2.4).
    private static func storedBlocks(_ bytes: [UInt8]) -> [UInt8] {
        stride(from: 0, to: bytes.count, by: 0xFFFF).flatMap { start in
            let block = bytes[start..<min(start + 0xFFFF, bytes.count)]
            let count = UInt16(block.count)
            var head: [UInt8] = [0]
            head.append(littleEndian: count)
            head.append(littleEndian: ~count)
            return head + block
        }
    }
}
