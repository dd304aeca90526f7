// `ripe bench train`: how fast a network is trained on this machine, and how much memory that takes.

import ArgumentParser
import Engine
import Formats

extension Bench {
    /// Times training steps with random weights and images.
    struct Train: ParsableCommand, RunsNetworks {
        static let configuration = CommandConfiguration(
            abstract: "Time training steps with random weights.",
            discussion: """
                A step is a forward pass, the loss's gradient, the backward pass and an update by SGD with momentum. \
                peakMegabytes is the most memory the process held.
                """)

        @Option(help: "The encoder: \(Architectures.names.joined(separator: ", ")).")
        var arch = "resnet50"

        @Option(
            help: "A segmentation network on it: \(allWords(SegmentationKind.self)). (default: the encoder alone)",
            transform: { try word($0, SegmentationKind.self) })
        var network: SegmentationKind?

        @Option(help: "Classes of the segmentation network.")
        var classes = 2

        @Option(help: "Channels of its decoder, deepest first.", transform: { try integers($0) })
        var decoderChannels: [Int]?

        @Option(help: "Height and width of the square images.")
        var imageSize = 224

        @Option(help: "Images in a batch.")
        var batch = 8

        @Option(help: ArgumentHelp("Use no more memory than this for training, in megabytes.", valueName: "MB"))
        var memory: Int?

        @Option(help: "Timed steps; the median counts.")
        var runs = 5

        @OptionGroup var threads: ThreadOptions

        @Flag(help: "Print JSON and nothing else.")
        var json = false

        @Flag(help: ArgumentHelp("List the slowest layers.", visibility: .hidden))
        var profile = false

        func validate() throws {
            guard (8...4096).contains(imageSize) else { throw ValidationError("--image-size must be from 8 to 4096") }
            guard (1...1024).contains(batch) else { throw ValidationError("--batch must be from 1 to 1024") }
            guard (1...1000).contains(runs) else { throw ValidationError("--runs must be from 1 to 1000") }
            guard memory.map({ (1...1 << 30).contains($0) }) ?? true else {
                throw ValidationError("--memory must be from 1 to \(1 << 30)")
            }
            guard (2...255).contains(classes) else { throw ValidationError("--classes must be from 2 to 255") }
        }

        func run() throws {
            Interrupt.install()
            let (graph, values) = try subject()
            let parameters = try TrainingParameters(values) { _ in true }
            let plan = try TrainingPlan(
                graph, output: graph.levels[graph.levels.count - 1], parameters: parameters,
                input: [batch, graph.inputChannels, imageSize, imageSize],
                options: TrainingOptions(
                    threads: threads.count, memoryLimit: memory.map { $0 * 1_000_000 }, optimizerBuffers: 1))
            let seconds = try stepTimes(of: plan)
            if profile { return try listLayers(of: plan) }
            let middle = seconds.count / 2
            try report(
                plan, median: seconds.map(\.wall).sorted()[middle],
                processor: seconds.map(\.processor).sorted()[middle])
        }

        /// The graph to train and its initial weights.
        private func subject() throws -> (Graph, any ParameterSource) {
            let encoder = try Architectures.named(arch)
            guard let network else { return (encoder, RandomParameters(seed: 1)) }
            let design = SegmentationDesign(kind: network, classes: classes, decoderChannels: decoderChannels)
            let whole = try SegmentationNetwork(design, encoder: encoder.pruned())
            return (whole.graph(for: Size2(imageSize)), InitialParameters(network, seed: 1))
        }

        /// The seconds of each timed step, after two that warm up.
        private func stepTimes(of plan: TrainingPlan) throws -> [(wall: Double, processor: Double)] {
            let images = (0..<plan.input.elementCount).map { Float($0 % 251) / 250 }
            let loss = try BenchLoss(plan, classes: network == nil ? nil : classes, threads: threads.count)
            let optimizer = try Optimizer(
                OptimizerOptions(kind: .sgd, learningRate: 1e-3, weightDecay: 1e-4), of: plan.parameters,
                threads: threads.count)
            let progress = ProgressLine(isSilent: json)
            defer { progress.clear() }
            var seconds: [(wall: Double, processor: Double)] = []
            for run in 0..<(runs + 2) {
                try Interrupt.check("stopped")
                let start = ProcessTime.seconds
                let time = try ContinuousClock().measure {
                    _ = plan.images.update(fromContentsOf: images)
                    try plan.forward()
                    try loss.writeGradient(plan)
                    try plan.backward()
                    optimizer.step()
                }
                if run >= 2 { seconds.append((time.inSeconds, ProcessTime.seconds - start)) }
                progress.update("timing \(arch)", done: run + 1, total: runs + 2, unit: "steps")
            }
            return seconds
        }

        private func listLayers(of plan: TrainingPlan) throws {
            for (layer, kernel, seconds) in try plan.profile().sorted(by: { $0.seconds > $1.seconds }) {
                try Console.write("\(fixed(1000 * seconds, 2)) ms  \(layer)  \(kernel)")
            }
        }

        private func report(_ plan: TrainingPlan, median: Double, processor: Double) throws {
            let peak = Double(ProcessMemory.peakByteCount) / 1e6
            let use = plan.memoryUse
            guard !json else {
                let report = JSON.object([
                    "imagesPerSecond": .real(Double(batch) / median), "peakMegabytes": .real(peak),
                    "plannedMegabytes": .real(Double(use.total(optimizerBuffers: 1)) / 1e6),
                    "activationMegabytes": .real(Double(use.activations) / 1e6),
                    "recomputedLayers": .integer(use.recomputedLayers), "recomputedWork": .real(use.recomputedWork),
                    "processorSeconds": .real(processor), "threads": .integer(threads.count),
                ])
                return try Console.write(report.text())
            }
            var facts = FactList()
            facts.add("images per second", significant(Double(batch) / median, 4))
            facts.add(
                "seconds a step",
                "\(significant(median, 3)), \(significant(processor, 3)) of processor time on all threads together")
            facts.add(
                "peak memory",
                "\(fixed(peak, 0)) MB; planned \(fixed(Double(use.total(optimizerBuffers: 1)) / 1e6, 0)) MB, "
                    + "\(fixed(Double(use.activations) / 1e6, 0)) MB of it for feature maps")
            if use.recomputedLayers > 0 {
                facts.add(
                    "computed again",
                    "\(counted(use.recomputedLayers, "layer", "layers")), \(fixed(100 * use.recomputedWork, 0)) % of the forward pass"
                )
            }
            facts.add("threads", "\(threads.count)")
            let name = network.map { "\($0.title) on \(arch)" } ?? arch
            try Console.write(
                [
                    "\(name), float32, \(imageSize)×\(imageSize), batch \(batch), median of \(counted(runs, "step", "steps"))"
                ] + facts.lines(for: .output))
        }
    }
}

/// What is minimised: Dice and cross-entropy on made-up labels, or for an encoder alone the squares of its values.
private struct BenchLoss {
    let loss: SegmentationLoss?
    let labels: [UInt8]

    init(_ plan: TrainingPlan, classes: Int?, threads: Int) throws {
        let shape = plan.output
        loss = try classes.map {
            try SegmentationLoss(LossOptions(), classes: $0, logitChannels: shape[1], threads: threads)
        }
        labels = (0..<shape[0] * shape[2] * shape[3]).map { UInt8($0 / 97 % (classes ?? 1)) }
    }

    func writeGradient(_ plan: TrainingPlan) throws {
        guard let loss else {
            let (values, gradient) = (plan.logits, plan.logitsGradient)
            for index in values.indices { gradient[index] = 1e-6 * values[index] }
            return
        }
        _ = try labels.withUnsafeBufferPointer { labels in
            try loss.evaluate(
                logits: plan.logits, labels: labels, shape: plan.output, gradient: plan.logitsGradient)
        }
    }
}
