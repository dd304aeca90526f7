// Compressing with libdeflate.

import CDeflate

/// Compression of whole buffers.
public enum Deflate {
    /// One gzip member (RFC 1952) without name or time, so that equal bytes give equal files.
    ///
    /// - Parameter level: 1 (fastest) to 12 (smallest); 6 balances them.
    public static func gzip(_ bytes: Bytes, level: Int32 = 6) -> Bytes {
        guard let compressor = libdeflate_alloc_compressor(level) else {
            preconditionFailure("libdeflate_alloc_compressor: level \(level) does not exist or memory is exhausted")
        }
        defer { libdeflate_free_compressor(compressor) }
        let bound = libdeflate_gzip_compress_bound(compressor, bytes.count)
        var size = 0
        let output = Bytes(byteCount: bound) { target in
            bytes.withUnsafeBytes { source in
                size = libdeflate_gzip_compress(
                    compressor, source.baseAddress, source.count, target.baseAddress, target.count)
            }
        }
        return output.slice(0, size) ?? output
    }
}
