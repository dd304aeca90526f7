// Large deflate streams are inflated by whichever of two libraries proves faster on their first half megabyte.

import CDeflate
import CISAL

/// What came of inflating a stream.
struct InflateOutcome {
    enum Verdict { case done, outputFull, damaged }

    let verdict: Verdict
    /// Bytes of input up to the end of the stream.
    var consumed = 0
    /// Bytes of output.
    var produced = 0
}

extension Inflate {
    /// Outputs from this size on are worth a trial, which costs them one part in a hundred.
    static let trialFrom = 64 << 20

    /// Inflates a raw deflate stream with libdeflate or, when there is room for a large output, perhaps with ISA-L: which
    /// is faster depends on the data, by up to a fifth either way. The output is the same.
    static func fastest(
        _ bytes: Bytes, into output: UnsafeMutableRawBufferPointer, path: String
    ) throws(FormatError) -> InflateOutcome {
        guard output.count >= trialFrom, let stream = ISALStream() else {
            return try deflate(bytes, into: output, path: path)
        }
        let beginning = UnsafeMutableRawBufferPointer(rebasing: output[..<(1 << 19)])
        let warmUp = try deflate(bytes, into: beginning, path: path)
        guard warmUp.verdict == .outputFull else { return warmUp }
        let clock = ContinuousClock()
        let start = clock.now
        _ = try deflate(bytes, into: beginning, path: path)
        let middle = clock.now
        // The last, for it goes on from here if it wins, and a stopped libdeflate leaves rubbish at the end.
        guard stream.inflate(bytes, into: beginning).verdict == .outputFull,
            middle.duration(to: clock.now) < start.duration(to: middle)
        else { return try deflate(bytes, into: output, path: path) }
        return stream.inflate(bytes, into: output)
    }
}

/// ISA-L's state of a raw deflate stream.
struct ISALStream: ~Copyable {
    private let state: OpaquePointer

    init?() {
        guard let state = CISAL_inflateCreate() else { return nil }
        self.state = state
    }

    deinit { CISAL_inflateFree(state) }

    /// Inflates on from where the last call stopped, into the same memory, of which there may now be more.
    borrowing func inflate(_ bytes: Bytes, into output: UnsafeMutableRawBufferPointer) -> InflateOutcome {
        var (taken, made) = (0, 0)
        let verdict = bytes.withUnsafeBytes { input in
            CISAL_inflateNext(
                state, input.baseAddress?.assumingMemoryBound(to: UInt8.self), input.count,
                output.baseAddress?.assumingMemoryBound(to: UInt8.self), output.count, &taken, &made)
        }
        return switch verdict {
        case CISAL_done: InflateOutcome(verdict: .done, consumed: taken, produced: made)
        case CISAL_full: InflateOutcome(verdict: .outputFull)
        default: InflateOutcome(verdict: .damaged)
        }
    }
}
