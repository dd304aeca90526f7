// What a run takes from its images: class weights, batches, and the validation after each epoch.

import Engine
import FoundationEssentials
import Formats

extension FineTuneRun {
    /// The weights of the classes in the loss; nil for equal ones.
    var classWeights: [Float]? {
        switch settings.classWeights {
        case .none: nil
        case .automatic: data.classWeights(of: training)
        case .given(let weights): weights
        }
    }

    /// Augmented batches of the training images.
    func feed(channels: Int) -> TrainingFeed {
        TrainingFeed(
            data: data, images: training, batchSize: settings.batch, augmentation: settings.augmentation,
            seed: settings.seed, channels: channels, normalization: card.normalization, threads: threads)
    }

    /// Dice on the validation images as they are prepared for the network; nil where there are none.
    func validate(_ weights: any ParameterSource) throws(AnalyzerError) -> ClassOverlap? {
        guard !validation.isEmpty else { return nil }
        let predictor = try Predictor(card, parameters: weights, batch: settings.batch, threads: threads)
        return try predictor.overlap(on: data, images: validation)
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
