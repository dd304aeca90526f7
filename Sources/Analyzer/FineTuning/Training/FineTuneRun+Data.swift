// What a run takes from its images: class weights, batches, and the validation after each epoch.

public import Engine
import Formats

extension FineTuneRun {
    /// The weights of the classes in the loss; nil for equal ones.
    public var classWeights: [Float]? {
        switch settings.classWeights {
        case .none: nil
        case .automatic: data.classWeights(of: training).map { Float($0) }
        case .given(let weights): weights
        }
    }

    /// The memory that training will take, before any of it is allocated.
    ///
    /// - Throws: ``AnalyzerError/engine(_:)`` for networks that cannot be built, and for a ``memoryLimit`` that cannot be
    ///   kept; the message has the number that could.
    public func memory() throws(AnalyzerError) -> TrainingMemory {
        // The encoder, once it joins, takes more than while it is frozen.
        let isFrozen = settings.freezing == .encoder
        do throws(EngineError) {
            let network = try card.network()
            let graph = network.graph(for: card.imageSize)
            return try TrainingPlan.estimate(
                graph, output: graph.levels[0],
                input: [settings.batch, graph.inputChannels, card.imageSize.height, card.imageSize.width],
                options: NetworkTrainer.options(
                    network, settings, freezesEncoder: isFrozen, memoryLimit: memoryLimit, threads: threads)
            ) { !(isFrozen && SegmentationNetwork.isEncoder($0.name)) }
        } catch { throw .engine(error) }
    }

    /// Augmented batches of the training images.
    func feed() throws(AnalyzerError) -> TrainingFeed {
        var options = TrainingFeedOptions()
        options.batchSize = settings.batch
        options.seed = settings.seed
        options.augmentation = settings.augmentation
        return try TrainingFeed(
            data, images: training, channels: card.encoder.inputChannels, normalization: card.normalization,
            options: options)
    }

    /// Dice on the validation images as they are prepared for the network; nil where there are none.
    func validate(_ weights: any ParameterSource) throws(AnalyzerError) -> QuickDice? {
        guard !validation.isEmpty else { return nil }
        let predictor = try Predictor(card, parameters: weights, batchSize: settings.batch, threads: threads)
        let (data, validation) = (data, validation)
        return try predictor.quickDice(
            count: validation.count, ignoreIndex: LabelScheme.ignoredIndex,
            image: { (index) throws(AnalyzerError) in try data.image(validation[index]) },
            labels: { (index) throws(AnalyzerError) in try data.labels(validation[index]) })
    }
}
