// `ripe gradients`: what the engine's reverse pass computes, for anyone to check.

import Analyzer
import ArgumentParser
import Engine
import Formats

/// Writes the derivatives of a weighted sum of a level's values by every parameter.
struct Gradients: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Write the derivatives of a level by every parameter of the encoder.",
        discussion: """
            For given images x and weights g of the level's shape: the derivatives of Σ g·level(x) in training mode \
            (normalisations by the batch's statistics), one array for each parameter under its name, and level_N itself. \
            With --network and --model, \
            the initial weights of a segmentation network are written instead; such a file is a checkpoint here, too.
            """,
        shouldDisplay: false)

    @Argument(help: "The checkpoint.", completion: .file())
    var checkpoint: String

    @Option(help: ArgumentHelp("Images, float32, N×C×H×W.", valueName: "x.npy"))
    var input: String

    @Option(help: ArgumentHelp("Weights g, float32, of the level's shape.", valueName: "g.npy"))
    var weights: String?

    @Option(help: ArgumentHelp("The file to write.", valueName: "grad.npz"))
    var out: String?

    @Option(help: "The level, 1 for the shallowest. (default: the deepest)")
    var level: Int?

    @Flag(help: "Normalise by the running statistics.")
    var frozen = false

    @Option(help: "A segmentation network on the encoder.", transform: { try word($0, SegmentationKind.self) })
    var network: SegmentationKind?

    @Option(help: "Its classes.")
    var classes = 2

    @Option(help: "Its decoder's channels.", transform: { try integers($0) })
    var decoderChannels: [Int]?

    @Option(help: "Its rate of stochastic depth.")
    var dropPath: Float?

    @Option(help: ArgumentHelp("Which images keep which branches, float32 branches×N.", valueName: "kept.npy"))
    var kept: String?

    @Option(help: ArgumentHelp("Where its initial weights go.", valueName: "model.safetensors"))
    var model: String?

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var architecture: ArchitectureOptions

    func run() throws {
        Interrupt.install()
        let images = try InputImages(reading: input)
        let reader = try Checkpoint.open(checkpoint)
        if network == nil, let saved = try? SegmentationModel(reader) {
            let graph = saved.network.graph(for: Size2(images.height, images.width))
            let parameters = try TrainingParameters(saved.parameters) { _ in true }
            return try write(graph, output: graph.levels[0], name: "logits", parameters: parameters, images: images)
        }
        let recognition = try Features.recognize(reader, hints: architecture.hints())
        let values = CheckpointParameters(recognition, reader: reader)
        guard let network else {
            let graph = recognition.graph
            let number = level ?? graph.levels.count
            guard graph.levels.indices.contains(number - 1) else {
                throw ToolError.failure("--level must be from 1 to \(graph.levels.count)")
            }
            let parameters = try TrainingParameters(values) { _ in true }
            return try write(
                graph, output: graph.levels[number - 1], name: "level_\(number)", parameters: parameters, images: images
            )
        }
        let encoder = SegmentationCard.encoder(of: recognition, tensors: reader.tensors)
        let card = SegmentationCard(
            design: SegmentationDesign(
                kind: network, classes: classes, decoderChannels: decoderChannels, dropPathRate: dropPath),
            encoder: encoder.graph, encoderTitle: recognition.architecture, storedShapes: encoder.storedShapes,
            normalization: recognition.normalization, classNames: (0..<classes).map { "class \($0)" },
            classValues: (0..<classes).map { Int32($0) }, imageSize: Size2(images.height, images.width),
            preparation: try preparation(images))
        let pretrained = PretrainedParameters(
            encoder: values, initial: InitialParameters(network, seed: 1), sources: encoder.sources)
        if let model { return try SegmentationModel.write(card, values: pretrained, batches: 0, to: model) }
        let graph = try card.network().graph(for: Size2(images.height, images.width))
        let parameters = try TrainingParameters(pretrained) { _ in true }
        try write(graph, output: graph.levels[0], name: "logits", parameters: parameters, images: images)
    }

    /// How images of this size are prepared by default, so that `ripe predict` runs the model.
    private func preparation(_ images: InputImages) throws -> String {
        var options = TargetOptions()
        (options.preparation.height, options.preparation.width) = (images.height, images.width)
        return try ModelPreparation(options, imageChannels: images.channels == 1 ? 1 : 3).text()
    }

    private func write(
        _ graph: Graph, output: Graph.NodeID, name: String, parameters: TrainingParameters, images: InputImages
    ) throws {
        let norms = graph.parameters.map(\.name)
        let plan = try TrainingPlan(
            graph, output: output, parameters: parameters,
            input: [images.count, graph.inputChannels, images.height, images.width],
            options: TrainingOptions(threads: threads.count, frozenStatistics: frozen ? Set(norms) : []))
        if let kept {
            let rows = try NumPy.readArray(kept).floats() ?? []
            try plan.setDropPaths(
                kept: plan.dropPaths.indices.map { path in
                    (0..<images.count).map {
                        path * images.count + $0 < rows.count && rows[path * images.count + $0] > 0
                    }
                })
        }
        let outputs = try plan.forward(images.batch(0..<images.count, channels: graph.inputChannels))
        guard let weights, let out else { throw ToolError.usage("--weights and --out are needed") }
        let given = try NumPy.readArray(weights)
        guard let values = given.floats(), values.count == outputs.count else {
            throw ToolError.failure("\(weights): expected \(plan.output), found \(given.shape)")
        }
        try plan.backward(values)
        var arrays = [(name, TensorView(floats: outputs, shape: plan.output))]
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
