// `ripe bench train`: how fast a network is trained on this machine.

import ArgumentParser
import Engine
import Formats

extension Bench {
    /// Times training steps with random weights and images.
    struct Train: ParsableCommand, RunsNetworks {
        static let configuration = CommandConfiguration(
            abstract: "Time training steps (forward, backward, update) with random weights.")

        @Option(help: "The encoder: \(Architectures.names.joined(separator: ", ")).")
        var arch = "resnet50"

        @Option(help: "Height and width of the square images.")
        var imageSize = 224

        @Option(help: "Images in a batch.")
        var batch = 8

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
        }

        func run() throws {
            Interrupt.install()
            let graph = try Architectures.named(arch)
            let parameters = try TrainingParameters(RandomParameters(seed: 1)) { _ in true }
            let plan = try TrainingPlan(
                graph, output: graph.levels[graph.levels.count - 1], parameters: parameters,
                input: [batch, graph.inputChannels, imageSize, imageSize],
                options: TrainingOptions(threads: threads.count))
            let images = (0..<plan.input.elementCount).map { Float($0 % 251) / 250 }
            let gradient = (0..<plan.output.elementCount).map { Float($0 % 17) / 1e6 }
            var seconds: [Double] = []
            for run in 0..<(runs + 2) {
                try Interrupt.check("stopped")
                let time = try ContinuousClock().measure {
                    _ = try plan.forward(images)
                    try plan.backward(gradient)
                }
                if run >= 2 { seconds.append(time.inSeconds) }
            }
            let median = seconds.sorted()[seconds.count / 2]
            if profile {
                for (layer, kernel, seconds) in try plan.profile().sorted(by: { $0.seconds > $1.seconds }) {
                    try Console.write("\(fixed(1000 * seconds, 2)) ms  \(layer)  \(kernel)")
                }
            }
            try Console.write(
                JSON.object([
                    "imagesPerSecond": .real(Double(batch) / median),
                    "activationMegabytes": .real(Double(plan.activationByteCount) / 1e6),
                ]).text())
        }
    }
}
