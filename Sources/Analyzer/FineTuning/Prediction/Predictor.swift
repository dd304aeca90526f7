// Runs a trained network on images and brings what it says back to the images' own frames.

public import Engine
import Formats

/// A trained network ready to segment images, prepared as in training.
///
/// Every image of a case is segmented, those too that training left out as empty: what is nearly empty may hold the end of
/// a structure, and a volume's measures count every slice. Only images whose pixels all have one value are background
/// without asking the network: there is nothing to see in them, and it was trained on nothing like them.
///
///     let predictor = try Predictor(SegmentationModel(reading: "model.safetensors"), threads: 2)
///     let results = try predictor.evaluate(target)           // in the source's own frame
///     let dice = try predictor.quickDice(target)             // in the network's frame, for every epoch
///     let report = try PredictionJob(["scans/"], predictor, out: "predicted").run()
///
/// One predictor serves one thread at a time. What it says depends neither on the number of threads nor on which images
/// share a batch.
public final class Predictor {
    /// What the model says of itself.
    public let card: SegmentationCard
    /// How images are prepared.
    public let preparation: ModelPreparation
    /// Images that go through the network together.
    public let batchSize: Int
    /// Threads of the network and of the work on images.
    public let threads: Int
    /// What the user should know, one sentence each.
    public let notes: [String]
    let plan: InferencePlan
    /// For grey images, and for those of as many channels as the model's.
    private let grayInput: NetworkInput
    private let input: NetworkInput

    /// Channels of the logits: one for two classes unless the model has a softmax.
    public var logitChannels: Int { card.design.logitChannels }

    /// Prepares a network, such as one that is being trained.
    ///
    /// - Parameters:
    ///   - parameters: the weights; read once, so a network that has learned more needs a new predictor.
    /// - Throws: ``AnalyzerError/engine(_:)`` for networks that cannot be built or run, and for cards that do not say how
    ///   images are prepared; ``AnalyzerError/channels(source:network:)``; ``AnalyzerError/option(name:value:expected:)``.
    public init(
        _ card: SegmentationCard, parameters: any ParameterSource, batchSize: Int = 8, threads: Int
    ) throws(AnalyzerError) {
        guard (1...4096).contains(batchSize) else {
            throw .option(name: "--batch", value: "\(batchSize)", expected: "1 to 4096")
        }
        self.card = card
        preparation = try ModelPreparation(card)
        self.batchSize = batchSize
        self.threads = max(1, threads)
        let size = Size2(preparation.image.height, preparation.image.width)
        let channels = card.encoder.inputChannels
        guard preparation.imageChannels == 1 || preparation.imageChannels == channels else {
            throw .channels(source: preparation.imageChannels, network: channels)
        }
        func input(_ count: Int) throws(AnalyzerError) -> NetworkInput {
            try NetworkInput(
                ImageShape(channels: count, height: size.height, width: size.width), channels: channels,
                normalization: card.normalization)
        }
        grayInput = try input(1)
        self.input = try input(preparation.imageChannels)
        do throws(EngineError) {
            let network = try card.network()
            notes = Self.notes(network, size: size)
            plan = try InferencePlan(
                network.graph(for: size), parameters: parameters,
                input: [batchSize, channels, size.height, size.width], threads: max(1, threads))
        } catch { throw .engine(error) }
        let found = plan.levels.map { [$0.channels, $0.height, $0.width] }
        guard found == [[card.design.logitChannels, size.height, size.width]] else {
            throw .engine(
                .shape(
                    operation: "logits", expected: "\(card.design.logitChannels)×\(size.height)×\(size.width)",
                    found: "\(found)"))
        }
    }

    /// Prepares a saved model.
    public convenience init(
        _ model: SegmentationModel, batchSize: Int = 8, threads: Int
    ) throws(AnalyzerError) {
        try self.init(model.card, parameters: model.parameters, batchSize: batchSize, threads: threads)
    }

    private static func notes(_ network: SegmentationNetwork, size: Size2) -> [String] {
        let padded = network.paddedSize(of: size)
        guard padded != size else { return [] }
        return [
            "images of \(size.height)×\(size.width) are padded with zeros to \(padded.height)×\(padded.width), multiples "
                + "of \(network.stride) as the encoder needs, and cut again"
        ]
    }

    /// The logits of prepared images, n × channels × h × w, n at most ``batchSize``.
    ///
    /// - Parameter images: C×h×w in 0…1 each.
    /// - Throws: ``AnalyzerError/engine(_:)``.
    func logits(of images: [[Float]]) throws(AnalyzerError) -> [Float] {
        let plane = preparation.image.height * preparation.image.width
        let size = input.count
        let (input, grayInput, threads) = (input, grayInput, threads)
        let values = [Float](unsafeUninitializedCapacity: images.count * size) { buffer, count in
            buffer.initialize(repeating: 0)
            parallelFor(images.count, threads: threads) { row in
                images[row].withUnsafeBufferPointer { image in
                    (image.count == plane ? grayInput : input).write(
                        image, to: UnsafeMutableBufferPointer(rebasing: buffer[row * size..<(row + 1) * size]))
                }
            }
            count = images.count * size
        }
        do throws(EngineError) { return try plan.features(of: values)[0].values } catch { throw .engine(error) }
    }
}
