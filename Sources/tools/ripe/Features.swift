// `ripe features`: what the engine computes, for anyone to use or check.

import Analyzer
import ArgumentParser
import Engine
import Formats

/// Writes an encoder's feature maps.
struct Features: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Write the encoder's feature maps for given images.",
        discussion: """
            The images go into the network exactly as they are: resize and normalise them as the network expects \
            ('ripe inspect' says how). One array level_1, level_2, … for each level, N×C×h×w in float32, shallow to deep; \
            token networks are written as maps too.
            """)

    @Argument(help: "The checkpoint.", completion: .file())
    var checkpoint: String

    @Option(
        help: ArgumentHelp(
            "Images, float32, N×C×H×W (or N×H×W: repeated to the channels the network takes).", valueName: "x.npy"))
    var input: String

    @Option(help: ArgumentHelp("The file to write.", valueName: "f.npz"))
    var out: String

    @Option(
        parsing: .unconditional,
        help: "Levels to compute: all, or numbers such as 1,4 (from the shallowest) or -1 (the deepest).",
        transform: LevelSelection.init(argument:))
    var level = LevelSelection.all

    @Option(help: "Images that go through together.")
    var batch = 8

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var architecture: ArchitectureOptions

    func validate() throws {
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must be from 1 to 4096") }
    }

    func run() throws {
        Interrupt.install()
        let images = try InputImages(reading: input)
        let reader = try Checkpoint.open(checkpoint)
        let network = try Self.recognize(reader, hints: architecture.hints())
        let channels = network.graph.inputChannels
        guard images.channels == channels || images.channels == 1 else {
            throw ToolError.failure(
                "\(input): images with \(images.channels) channels, but \(checkpoint) takes \(channels)")
        }
        let levels = try level.resolved(levelCount: network.graph.levels.count)
        let size = min(batch, images.count)
        let plan: InferencePlan
        do throws(EngineError) {
            plan = try InferencePlan(
                network.graph, parameters: CheckpointParameters(network, reader: reader),
                input: [size, channels, images.height, images.width], levels: levels, threads: threads.count)
        } catch {
            throw ToolError.about(checkpoint, error)
        }
        let features = try features(of: images, channels: channels, plan: plan)
        try NumPy.write(npz: zip(levels, features).map { ("level_\($0)", $1) }, to: out)
        try Console.write("\(out): " + zip(levels, features).map { "level_\($0) \($1.shape)" }.joined(separator: ", "))
    }

    /// The network in a checkpoint, with the file's name in the error.
    static func recognize(_ reader: any CheckpointReader, hints: ArchitectureHints) throws -> Recognition {
        do throws(EngineError) {
            return try Recognizer.recognize(reader, hints: hints)
        } catch {
            throw ToolError.about(reader.path, error)
        }
    }

    /// Every level of every image, one array a level.
    private func features(of images: InputImages, channels: Int, plan: InferencePlan) throws -> [TensorView] {
        let progress = ProgressLine()
        defer { progress.clear() }
        var values = [[Float]](repeating: [], count: plan.levels.count)
        for start in stride(from: 0, to: images.count, by: plan.input[0]) {
            try Interrupt.check("stopped; nothing was written")
            let rows = start..<min(images.count, start + plan.input[0])
            for (index, level) in try plan.features(of: images.batch(rows, channels: channels)).enumerated() {
                values[index] += level.values
            }
            progress.update("features", done: rows.upperBound, total: images.count, unit: "images")
        }
        return zip(plan.levels, values).map { level, values in
            TensorView(floats: values, shape: [images.count, level.channels, level.height, level.width])
        }
    }
}
