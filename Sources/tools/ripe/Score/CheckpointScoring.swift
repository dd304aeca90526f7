// Scores one checkpoint: opens it, builds its network for the views' size, and runs the scorer.

import Analyzer
import Engine
import Formats

/// What scoring a checkpoint needs besides the checkpoint.
struct CheckpointScoring {
    let scorer: Scorer
    let hints: ArchitectureHints
    /// Whether the network's usual normalisation is applied after the jitter; never for views that were given.
    let normalizes: Bool
    let batch: Int
    let threads: Int

    /// A scored checkpoint.
    struct Result {
        let network: Recognition
        let hasInitialStatistics: Bool?
        let score: CheckpointScore
    }

    /// Why a checkpoint is left out while the others go on.
    struct Exclusion: Error {
        let reason: String
    }

    /// Scores a checkpoint.
    ///
    /// - Throws: ``Exclusion`` when something is wrong with the checkpoint; ``AnalyzerError`` when the run cannot go on: the
    ///   images cannot be read, or the user stopped it.
    func score(_ reader: any CheckpointReader, progress: (ScoringProgress) -> Void) throws -> Result {
        let network: Recognition
        let plan: InferencePlan
        let hasInitialStatistics: Bool?
        do throws(EngineError) {
            network = try Recognizer.recognize(reader, hints: hints)
            let parameters = CheckpointParameters(network, reader: reader)
            hasInitialStatistics = try network.graph.hasInitialStatistics(parameters)
            plan = try self.plan(network, parameters)
        } catch {
            throw Exclusion(reason: Self.reason(error, path: reader.path))
        }
        do throws(AnalyzerError) {
            let score = try scorer.score(
                PlanEncoder(plan, hasTokenLevels: network.graph.hasTokenLevels),
                levelCount: network.graph.levels.count, batchSize: batch, threads: threads,
                normalization: normalizes ? network.normalization : .unit,
                isCancelled: { Interrupt.isRequested }, progress: progress)
            return Result(network: network, hasInitialStatistics: hasInitialStatistics, score: score)
        } catch {
            switch error {
            case .engine(let error): throw Exclusion(reason: Self.reason(error, path: reader.path))
            case .channels, .level, .features: throw Exclusion(reason: "\(error)")
            default: throw error
            }
        }
    }

    /// The network compiled for the levels that the settings ask for, and no more.
    private func plan(_ network: Recognition, _ parameters: CheckpointParameters) throws(EngineError) -> InferencePlan {
        let shape = scorer.source.imageShape
        // Levels that are not there are refused by the scorer, in its own words.
        let settings = try? scorer.options.grid.settings(levelCount: network.graph.levels.count)
        let levels = Set((settings ?? []).map(\.level)).sorted()
        return try InferencePlan(
            network.graph, parameters: parameters,
            input: [batch, network.graph.inputChannels, shape.height, shape.width],
            levels: levels.isEmpty ? [1] : levels, threads: threads)
    }

    /// The error without the path, which stands beside it in every report.
    private static func reason(_ error: EngineError, path: String) -> String {
        if case .format(let error) = error, error.path == path { return "\(error.reason)" }
        return "\(error)"
    }
}
