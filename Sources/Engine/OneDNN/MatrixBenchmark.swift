// The machine's own matrix-multiplication rate, the yardstick for forward passes.

import COneDNN
import Formats

/// Measures how fast this machine multiplies float32 matrices.
public enum MatrixBenchmark {
    /// The best rate of several square multiplications, in GFLOP/s (2·n³ operations each).
    ///
    /// - Parameters:
    ///   - threads: how many threads oneDNN's SGEMM may use.
    ///   - size: rows and columns; 2048 is large enough to reach the plateau and takes about 0.05 s on two cores.
    /// - Throws: ``EngineError`` with `.library` if oneDNN refuses.
    public static func gigaflops(threads: Int, size: Int = 2048, repeats: Int = 12) throws(EngineError) -> Double {
        CDNN_set_threads(Int32(threads))
        let a = AlignedBuffer((0..<size * size).map { Float($0 % 17) * 0.01 })
        let b = AlignedBuffer((0..<size * size).map { Float($0 % 13) * 0.01 })
        let c = AlignedBuffer(byteCount: size * size * MemoryLayout<Float>.stride)
        let n = Int64(size)
        let clock = ContinuousClock()
        var best = Duration.seconds(1_000_000)
        for _ in 0..<repeats {
            var status: Int32 = 0
            let elapsed = clock.measure { status = CDNN_sgemm(n, n, n, a.floats(), b.floats(), c.floats()) }
            try check(status, "dnnl_sgemm")
            best = min(best, elapsed)
        }
        return 2 * Double(size) * Double(size) * Double(size) / best.inSeconds * 1e-9
    }
}
