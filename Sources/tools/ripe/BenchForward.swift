// `ripe bench forward`: how fast an encoder runs here, beside the machine's own matrix multiplication.

import ArgumentParser
import Engine
import Formats

/// Measurements for users; `make bench` compares with other programs.
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measure how fast networks run and volumes are read on this machine.",
        subcommands: [Forward.self, Train.self, Feed.self, Volume.self])
}

extension Bench {
    /// Times an encoder's forward pass with random weights.
    struct Forward: ParsableCommand, RunsNetworks {
        static let configuration = CommandConfiguration(
            abstract: "Time an encoder's forward pass with random weights.",
            discussion: """
                GFLOP/s counts the multiply-adds of direct convolution over the time taken; Winograd kernels need fewer, so \
                the figure can exceed the rate of matrix multiplication (SGEMM) measured beside it.
                """)

        @Option(help: "The network: \(Architectures.names.joined(separator: ", ")).")
        var arch = "resnet50"

        @Option(help: "Height and width of the square images.")
        var imageSize = 224

        @Option(help: "Images that go through together.")
        var batch = 8

        @Option(help: "The level to compute, 1 for the shallowest. (default: the deepest)")
        var level: Int?

        @Option(help: "Timed passes; the median counts.")
        var runs = 7

        @OptionGroup var threads: ThreadOptions

        @Flag(help: "Print JSON and nothing else.")
        var json = false

        func validate() throws {
            guard (8...4096).contains(imageSize) else { throw ValidationError("--image-size must be from 8 to 4096") }
            guard (1...1024).contains(batch) else { throw ValidationError("--batch must be from 1 to 1024") }
            guard (1...1000).contains(runs) else { throw ValidationError("--runs must be from 1 to 1000") }
        }

        func run() throws {
            Interrupt.install()
            let graph = try Architectures.named(arch)
            let input = Shape([batch, graph.inputChannels, imageSize, imageSize])
            let plan = try InferencePlan(
                graph, parameters: RandomParameters(seed: 1), input: input, levels: [level ?? graph.levels.count],
                threads: threads.count)
            let seconds = try passTimes(of: plan)
            let sgemm = try MatrixBenchmark.gigaflops(threads: threads.count)
            let median = seconds.sorted()[seconds.count / 2]
            let gflops = Double(plan.floatingPointOperations) / median / 1e9
            try report(imagesPerSecond: Double(batch) / median, gflops: gflops, sgemm: sgemm)
        }

        /// The seconds of each timed pass, after two that warm up.
        private func passTimes(of plan: InferencePlan) throws -> [Double] {
            let images = (0..<plan.input.elementCount).map { Float($0 % 251) / 250 }
            let progress = ProgressLine(isSilent: json)
            defer { progress.clear() }
            var seconds: [Double] = []
            for run in 0..<(runs + 2) {
                try Interrupt.check("stopped")
                let time = try ContinuousClock().measure { _ = try plan.features(of: images) }
                if run >= 2 { seconds.append(time.inSeconds) }
                progress.update("timing \(arch)", done: run + 1, total: runs + 2, unit: "passes")
            }
            return seconds
        }

        private func report(imagesPerSecond: Double, gflops: Double, sgemm: Double) throws {
            guard !json else {
                let report = JSON.object([
                    "imagesPerSecond": .real(imagesPerSecond), "gflops": .real(gflops), "sgemmGflops": .real(sgemm),
                    "threads": .integer(threads.count),
                ])
                return try Console.write(report.text())
            }
            var facts = FactList()
            facts.add("images per second", significant(imagesPerSecond, 4))
            facts.add("GFLOP/s", "\(fixed(gflops, 0)), counted as direct convolution")
            facts.add(
                "SGEMM",
                "\(fixed(sgemm, 0)) GFLOP/s here; the network reaches \(fixed(100 * gflops / sgemm, 0)) % of it")
            facts.add("threads", "\(threads.count)")
            try Console.write(
                [
                    "\(arch), float32, \(imageSize)×\(imageSize), batch \(batch), median of \(counted(runs, "pass", "passes"))"
                ]
                    + facts.lines(for: .output))
        }
    }
}
