// `ripe gradients`: what the engine's reverse pass computes, for anyone to check.

import ArgumentParser
import Engine
import Formats

/// Writes the derivatives of a weighted sum of a level's values by every parameter.
struct Gradients: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Write the derivatives of a level by every parameter of the encoder.",
        discussion: """
            For given images x and weights g of the level's shape: the derivatives of Σ g·level(x) in training mode \
            (normalisations by the batch's statistics), one array for each parameter under its name, and level_N itself.
            """,
        shouldDisplay: false)

    @Argument(help: "The checkpoint.", completion: .file())
    var checkpoint: String

    @Option(help: ArgumentHelp("Images, float32, N×C×H×W.", valueName: "x.npy"))
    var input: String

    @Option(help: ArgumentHelp("Weights g, float32, of the level's shape.", valueName: "g.npy"))
    var weights: String

    @Option(help: ArgumentHelp("The file to write.", valueName: "grad.npz"))
    var out: String

    @Option(help: "The level, 1 for the shallowest. (default: the deepest)")
    var level: Int?

    @Flag(help: "Normalise by the running statistics.")
    var frozen = false

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var architecture: ArchitectureOptions

    func run() throws {
        Interrupt.install()
        let images = try InputImages(reading: input)
        let reader = try Checkpoint.open(checkpoint)
        let network = try Features.recognize(reader, hints: architecture.hints())
        let graph = network.graph
        let number = level ?? graph.levels.count
        guard graph.levels.indices.contains(number - 1) else {
            throw ToolError.failure("--level must be from 1 to \(graph.levels.count)")
        }
        let parameters = try TrainingParameters(CheckpointParameters(network, reader: reader)) { _ in true }
        let norms = graph.parameters.map(\.name)
        let plan = try TrainingPlan(
            graph, output: graph.levels[number - 1], parameters: parameters,
            input: [images.count, graph.inputChannels, images.height, images.width],
            options: TrainingOptions(threads: threads.count, frozenStatistics: frozen ? Set(norms) : []))
        let outputs = try plan.forward(images.batch(0..<images.count, channels: graph.inputChannels))
        let given = try NumPy.readArray(weights)
        guard let values = given.floats(), values.count == outputs.count else {
            throw ToolError.failure("\(weights): expected \(plan.output), found \(given.shape)")
        }
        try plan.backward(values)
        var arrays = [("level_\(number)", TensorView(floats: outputs, shape: plan.output))]
        let shapes = Dictionary(graph.parameters.map { ($0.name, $0.shape) }) { first, _ in first }
        for name in parameters.trainedNames {
            guard let gradient = try parameters.gradient(of: name), let shape = shapes[name] else { continue }
            let isStatistic = name.hasSuffix("running_mean") || name.hasSuffix("running_var")
            arrays.append(
                (name, TensorView(floats: isStatistic ? try parameters.values(of: name) : gradient, shape: shape)))
        }
        try NumPy.write(npz: arrays, to: out)
        try Console.write("\(out): \(counted(arrays.count, "array", "arrays"))")
    }
}
