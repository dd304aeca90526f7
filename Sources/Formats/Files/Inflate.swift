// Inflating zip members and gzip files with libdeflate, which works on whole buffers: the output is bounded before a
// byte of it is written. The only calls into CDeflate live here.

import CDeflate
import CISAL

/// Decompression with a bound on its output.
public enum Inflate {
    /// Deflate cannot expand further than this: 258 bytes from two bits (RFC 1951), rounded up.
    static let greatestRatio = 1032

    /// Outputs up to this size are inflated whatever their ratio.
    static let freeOutput = 64 << 20

    /// Larger outputs that expand more than this are taken for a zip bomb. Weights stay under 20; only constant arrays
    /// exceed it.
    static let trustedRatio = 200

    /// The CRC-32 that zip and gzip use (ISO 3309).
    ///
    /// - Parameter start: the checksum of the bytes before these, when they come in pieces.
    public static func crc32(_ bytes: Bytes, continuing start: UInt32 = 0) -> UInt32 {
        bytes.withUnsafeBytes { raw in
            raw.withMemoryRebound(to: UInt8.self) { CISAL_crc32(start, $0.baseAddress, $0.count) }
        }
    }

    /// Inflates a raw deflate stream whose size is known.
    ///
    /// - Parameters:
    ///   - size: the exact size of the output, as the container claims it.
    ///   - section: what the error names, such as "data/3".
    /// - Throws: ``FormatError`` with `.limitExceeded` before allocating a claim that the input cannot yield or that
    ///   looks like a zip bomb, `.invalid` when the stream is damaged or yields another size.
    static func raw(_ bytes: Bytes, size: Int, path: String, section: String) throws(FormatError) -> Bytes {
        try checkClaim(size, from: bytes.count, path: path, section: section)
        return try Bytes(byteCount: size) { (output: UnsafeMutableRawBufferPointer) throws(FormatError) in
            let outcome = try deflate(bytes, into: output, path: path)
            guard outcome.verdict == .done, outcome.produced == size else {
                let found =
                    switch outcome.verdict {
                    case .done: "\(outcome.produced) bytes"
                    case .outputFull: "more than that"
                    case .damaged: "damaged deflate data"
                    }
                throw FormatError(
                    path, .invalid(section: section, expected: "\(size) bytes after inflating", found: found))
            }
        }
    }

    /// Inflates a zlib stream (RFC 1950) whose size is known, as HDF5's deflate filter writes it.
    ///
    /// - Throws: as ``raw(_:size:path:section:)``.
    static func zlib(_ bytes: Bytes, size: Int, path: String, section: String) throws(FormatError) -> Bytes {
        try checkClaim(size, from: bytes.count, path: path, section: section)
        guard let decompressor = libdeflate_alloc_decompressor() else {
            throw FormatError(path, .library(call: "libdeflate_alloc_decompressor", detail: "out of memory"))
        }
        defer { libdeflate_free_decompressor(decompressor) }
        return try Bytes(byteCount: size) { (output: UnsafeMutableRawBufferPointer) throws(FormatError) in
            // Without a place to report a smaller size, libdeflate demands this very size.
            let result = bytes.withUnsafeBytes { input in
                libdeflate_zlib_decompress(
                    decompressor, input.baseAddress, input.count, output.baseAddress, output.count, nil)
            }
            guard result == LIBDEFLATE_SUCCESS else {
                let found = result == LIBDEFLATE_BAD_DATA ? "damaged zlib data" : "another size"
                throw FormatError(
                    path, .invalid(section: section, expected: "\(size) bytes after inflating", found: found))
            }
        }
    }

    /// About the first `count` bytes of a raw deflate stream, fewer when it ends before; nil when it is damaged.
    ///
    /// libdeflate fills its buffer in order and stops at the first copy that does not fit, which is at most 258 bytes
    /// long: all before is sound. Damage further on goes unnoticed.
    static func prefix(_ bytes: Bytes, count: Int) -> Bytes? {
        guard let start = bytes.slice(0, min(bytes.count, max(count, 1 << 16))) else { return nil }
        var produced: Int?
        let buffer = try? Bytes(byteCount: count + 258) { (output: UnsafeMutableRawBufferPointer) throws(FormatError) in
            output.initializeMemory(as: UInt8.self, repeating: 0)
            let outcome = try deflate(start, into: output, path: "")
            switch outcome.verdict {
            case .done: produced = min(outcome.produced, count)
            case .outputFull: produced = count
            case .damaged: break
            }
        }
        return produced.flatMap { buffer?.slice(0, $0) }
    }

    /// Refuses an output size that the input cannot yield, or that only a zip bomb yields.
    private static func checkClaim(
        _ size: Int, from count: Int, path: String, section: String
    ) throws(FormatError) {
        let possible = count.multipliedReportingOverflow(by: greatestRatio)
        guard possible.overflow || size <= possible.partialValue else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "\(section): its inflated size", claimed: "\(size) bytes",
                    limit: "\(possible.partialValue) bytes that \(count) compressed bytes can yield"))
        }
        guard size <= freeOutput || size / trustedRatio <= count else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "\(section): its compression ratio", claimed: "\(size / max(count, 1)):1",
                    limit: "\(trustedRatio):1 (a zip bomb?); save it uncompressed if it is genuine"))
        }
    }

    /// One libdeflate call on a raw deflate stream.
    static func deflate(
        _ bytes: Bytes, into output: UnsafeMutableRawBufferPointer, path: String
    ) throws(FormatError) -> InflateOutcome {
        guard let decompressor = libdeflate_alloc_decompressor() else {
            throw FormatError(path, .library(call: "libdeflate_alloc_decompressor", detail: "out of memory"))
        }
        defer { libdeflate_free_decompressor(decompressor) }
        var consumed = 0
        var produced = 0
        let result = bytes.withUnsafeBytes { input in
            libdeflate_deflate_decompress_ex(
                decompressor, input.baseAddress, input.count, output.baseAddress, output.count, &consumed, &produced)
        }
        return switch result {
        case LIBDEFLATE_SUCCESS: InflateOutcome(verdict: .done, consumed: consumed, produced: produced)
        case LIBDEFLATE_INSUFFICIENT_SPACE: InflateOutcome(verdict: .outputFull)
        default: InflateOutcome(verdict: .damaged)
        }
    }
}
