// Three seconds of real work: ResNet-50 against the machine's own matrix multiplication.

import Engine
import Formats

/// How fast networks run here.
struct SpeedTest {
    let imagesPerSecond: Double
    /// Multiply-adds of direct convolution over the time taken.
    let gigaflops: Double
    /// The rate of matrix multiplication, in GFLOP/s.
    let sgemm: Double

    /// What of the machine's rate the network reaches.
    var share: Double { sgemm > 0 ? gigaflops / sgemm : 0 }

    private static let batch = 4
    private static let time = Duration.seconds(2)

    /// Measures; takes about three seconds.
    init(threads: Int, isSilent: Bool) throws {
        let progress = ProgressLine(isSilent: isSilent)
        defer { progress.clear() }
        progress.status("measuring the speed …")
        sgemm = try MatrixBenchmark.gigaflops(threads: threads, repeats: 6)
        let graph = try Architectures.named("resnet50")
        let plan = try InferencePlan(
            graph, parameters: RandomParameters(seed: 1), input: [Self.batch, graph.inputChannels, 224, 224],
            levels: [graph.levels.count], threads: threads)
        let images = (0..<plan.input.elementCount).map { Float($0 % 251) / 250 }
        _ = try plan.features(of: images)
        var passes: [Double] = []
        let start = ContinuousClock.now
        while passes.count < 2 || ContinuousClock.now - start < Self.time {
            try Interrupt.check("stopped")
            passes.append(try ContinuousClock().measure { _ = try plan.features(of: images) }.inSeconds)
        }
        let median = passes.sorted()[passes.count / 2]
        imagesPerSecond = Double(Self.batch) / median
        gigaflops = Double(plan.floatingPointOperations) / median / 1e9
    }
}
