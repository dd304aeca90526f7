// What a run takes from its images: class weights, batches, and the validation after each epoch.

import Engine
import FoundationEssentials
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

extension Duration {
    /// The span in seconds.
    var seconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }
}

/// Makes a folder, and those above it, where there is none.
func makeFolder(_ path: String) throws(AnalyzerError) {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
        throw .format(
            FormatError(path, .system(action: "make the folder", detail: "a file is in the way or it is read-only")))
    }
}

/// Removes a file that nobody needs any more; one that is not there is no mistake.
func unlinkFile(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
