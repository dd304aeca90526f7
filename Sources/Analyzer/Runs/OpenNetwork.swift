// From a checkpoint file to a network ready to run, or to the reason why not.

import Engine
import Formats

/// Why a checkpoint is left out of a run, in words.
struct ExclusionReason: Error {
    let words: String

    init(_ words: String) { self.words = words }

    init(_ error: EngineError, _ path: String) {
        if case .format(let error) = error { self.init(error, path) } else { self.init("\(error)") }
    }

    /// Without the path, which stands beside it everywhere.
    init(_ error: FormatError, _ path: String) { self.init(error.path == path ? "\(error.reason)" : "\(error)") }
}

/// A checkpoint whose network is known; its values are not yet read.
struct RecognizedNetwork {
    let reader: any CheckpointReader
    let recognition: Recognition

    init(_ path: String, hints: ArchitectureHints) throws(ExclusionReason) {
        do throws(FormatError) { reader = try Checkpoint.open(path) } catch { throw ExclusionReason(error, path) }
        do throws(EngineError) { recognition = try Recognizer.recognize(reader, hints: hints) } catch {
            throw ExclusionReason(error, path)
        }
    }
}

/// A network read from a checkpoint and planned for the levels that are scored.
struct OpenNetwork {
    let recognition: Recognition
    let plan: InferencePlan
    let hasInitialStatistics: Bool?

    init(
        _ network: RecognizedNetwork, options: ScoringOptions, image: ImageShape, batchSize: Int, threads: Int
    ) throws(ExclusionReason) {
        recognition = network.recognition
        let graph = recognition.graph
        let settings: [ScoreSetting]
        do throws(AnalyzerError) { settings = try options.grid.settings(levelCount: graph.levels.count) } catch {
            throw ExclusionReason("\(error)")
        }
        let parameters = CheckpointParameters(recognition, reader: network.reader)
        do throws(EngineError) {
            plan = try InferencePlan(
                graph, parameters: parameters, input: [batchSize, graph.inputChannels, image.height, image.width],
                levels: Set(settings.map(\.level)).sorted(), threads: threads)
            hasInitialStatistics = try graph.hasInitialStatistics(parameters)
        } catch { throw ExclusionReason(error, network.reader.path) }
    }
}
