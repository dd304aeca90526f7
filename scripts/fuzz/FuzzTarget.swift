// The fuzz targets' entry point: libFuzzer hands over bytes, the environment names the reader that gets them.

import Formats
import FoundationEssentials
import Glibc

/// Bytes in, everything read that can be read. Errors are thrown away: only crashes, hangs and wild memory count.
typealias FuzzTarget = @Sendable (Bytes) throws -> Void

/// The target that RIPE_FUZZ_TARGET names.
private let chosenTarget = fuzzTargets[ProcessInfo.processInfo.environment["RIPE_FUZZ_TARGET"] ?? ""]

/// Called by libFuzzer before anything else: without a target the names of all are printed, and that is all.
@_cdecl("LLVMFuzzerInitialize")
func fuzzInitialize(_ count: UnsafeMutableRawPointer?, _ arguments: UnsafeMutableRawPointer?) -> CInt {
    guard chosenTarget == nil else { return 0 }
    print("RIPE_FUZZ_TARGET must be one of: \(fuzzTargets.keys.sorted().joined(separator: " "))")
    exit(64)
}

/// Called by libFuzzer for every input.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzzOneInput(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    // Memory of its own, so that AddressSanitizer sees a read past the end.
    try? chosenTarget?(Bytes(copying: Array(UnsafeBufferPointer(start: data, count: count))))
    return 0
}
