// The encoder that is fine-tuned: what its checkpoint holds, and the weights to start from.

import Analyzer
import Engine
import Formats

/// A recognised encoder with its weights.
struct FineTuneEncoder {
    let checkpoint: ChosenCheckpoint
    let recognition: Recognition
    let reader: any CheckpointReader
    /// A fingerprint of the file, so that a run is only continued with the same weights.
    let contentHash: String
    private let graph: Graph
    private let storedShapes: [String: Shape]
    private let sources: [String: Parameter]

    init(_ checkpoint: ChosenCheckpoint, hints: ArchitectureHints) throws {
        self.checkpoint = checkpoint
        reader = try Checkpoint.open(checkpoint.path)
        recognition = try Features.recognize(reader, hints: hints)
        contentHash = try ContentHash(file: checkpoint.path).hexadecimal
        (graph, storedShapes, sources) = SegmentationCard.encoder(of: recognition, tensors: reader.tensors)
    }

    /// What a model on this encoder says of itself.
    func card(_ settings: FineTuneSettings, scheme: LabelScheme, preparation: ModelPreparation) throws
        -> SegmentationCard
    {
        SegmentationCard(
            design: SegmentationDesign(
                kind: settings.network, classes: scheme.classCount, decoderChannels: settings.decoderChannels,
                dropPathRate: settings.dropPathRate, isSoftmax: settings.isSoftmax),
            encoder: graph, encoderTitle: recognition.architecture, storedShapes: storedShapes,
            normalization: recognition.normalization, classNames: scheme.names, classValues: scheme.values,
            imageSize: Size2(preparation.image.height, preparation.image.width), preparation: try preparation.text())
    }

    /// The weights to start from: the checkpoint's for the encoder unless from scratch, initial ones for the decoder.
    func initialWeights(_ settings: FineTuneSettings) -> any ParameterSource {
        let initial = InitialParameters(settings.network, seed: settings.seed)
        guard !settings.startsFromScratch else { return initial }
        return PretrainedParameters(
            encoder: CheckpointParameters(recognition, reader: reader), initial: initial, sources: sources)
    }

    /// The network in one line.
    var title: String {
        ([recognition.architecture] + recognition.facts.map { "\($0.key) \($0.value)" }).joined(separator: "; ")
    }
}
