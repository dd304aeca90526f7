// Scores the checkpoints of a sequence, one after the other, taking finished results from a cache.

public import Engine
import Formats

/// How the checkpoints of a run are scored: everything but the files.
public struct SequenceRun: Sendable {
    /// The views and settings.
    public var scorer: Scorer
    /// A fingerprint of the views: the images' content and their preparation.
    public var targetHash: String
    /// What the user says about the architecture.
    public var hints = ArchitectureHints()
    /// Whether each network gets its input as its family's original code prepares it; false for given views.
    public var normalizesInput = true
    /// Images a forward pass.
    public var batchSize = 8
    /// Threads for the networks and the sums.
    public var threads = 1
    /// Where finished results are kept; nil for nowhere.
    public var cache: ScoreCache?

    /// A run over the views of a scorer.
    public init(scorer: Scorer, targetHash: String) {
        self.scorer = scorer
        self.targetHash = targetHash
    }

    /// What happens during a run, for whoever shows it.
    public enum Event: Sendable {
        /// A checkpoint is about to be scored.
        case began(CheckpointFile, index: Int, of: Int)
        /// Views went through its network.
        case progress(ScoringProgress)
        /// It is scored; `isCached` when its result was taken from the cache.
        case finished(Candidate, isCached: Bool)
        /// It cannot be scored.
        case excluded(ExcludedFile)
        /// Something worth a line that does not change the result.
        case note(String)
    }

    /// What a run gives.
    public struct Outcome: Sendable {
        /// The scored checkpoints in the order of the sequence.
        public var candidates: [Candidate] = []
        /// What could not be scored, the sequence's own exclusions first.
        public var excluded: [ExcludedFile]

        /// The settings that decide: those of the network that most of the checkpoints share.
        public var decidingSettings: [ScoreSetting] {
            let lists = candidates.map { $0.score.entries.filter { $0.images != nil }.map(\.setting) }
            let counts = Dictionary(grouping: lists) { $0 }.mapValues(\.count)
            return lists.reversed().max { counts[$0, default: 0] < counts[$1, default: 0] } ?? []
        }
    }

    /// Scores every checkpoint of a sequence.
    ///
    /// A checkpoint that cannot be scored is excluded with its reason and does not stop the rest; images that cannot be read
    /// stop the run, and results stored before that stay. A cache that cannot be written is noted once.
    ///
    /// - Throws: ``AnalyzerError`` for images that cannot be read, and `.cancelled`.
    public func run(
        _ sequence: CheckpointSequence, isCancelled: () -> Bool = { false }, onEvent: (Event) -> Void = { _ in }
    ) throws(AnalyzerError) -> Outcome {
        var outcome = Outcome(excluded: sequence.excluded)
        var notes: Set<String> = []
        func tell(_ event: Event) {
            if case .note(let text) = event, !notes.insert(text).inserted { return }
            onEvent(event)
        }
        for file in sequence.excluded { onEvent(.excluded(file)) }
        for (index, file) in sequence.files.enumerated() {
            if isCancelled() { throw .cancelled }
            onEvent(.began(file, index: index, of: sequence.files.count))
            // The next file is read ahead by the kernel while this one is scored.
            let next = sequence.files.dropFirst(index + 1).first.flatMap { try? Bytes(mapping: $0.path) }
            next?.adviseWillNeed()
            switch try score(file, isCancelled: isCancelled, onEvent: tell) {
            case .scored(let candidate): outcome.candidates.append(candidate)
            case .excluded(let file): outcome.excluded.append(file)
            }
        }
        return outcome
    }

    /// What becomes of one file.
    public enum FileOutcome: Sendable {
        /// It is scored.
        case scored(Candidate)
        /// It cannot be scored.
        case excluded(ExcludedFile)
    }

    /// Scores one checkpoint, or takes its result from the cache.
    ///
    /// - Throws: as ``run(_:isCancelled:onEvent:)``.
    public func score(
        _ file: CheckpointFile, isCancelled: () -> Bool = { false }, onEvent: (Event) -> Void = { _ in }
    ) throws(AnalyzerError) -> FileOutcome {
        switch try cachedOrComputed(file, isCancelled: isCancelled, onEvent: onEvent) {
        case .success(let (candidate, isCached)):
            onEvent(.finished(candidate, isCached: isCached))
            return .scored(candidate)
        case .failure(let reason):
            let excluded = ExcludedFile(path: file.path, name: file.name, reason: reason.words)
            onEvent(.excluded(excluded))
            return .excluded(excluded)
        }
    }

    private func cachedOrComputed(
        _ file: CheckpointFile, isCancelled: () -> Bool, onEvent: (Event) -> Void
    ) throws(AnalyzerError) -> Result<(Candidate, isCached: Bool), ExclusionReason> {
        let signature = FileSignature(of: file.parts)
        let hash: String
        do throws(FormatError) { hash = try Self.contentHash(of: file.parts) } catch {
            return .failure(ExclusionReason(error, file.path))
        }
        let network: RecognizedNetwork
        do throws(ExclusionReason) { network = try RecognizedNetwork(file.path, hints: hints) } catch {
            return .failure(error)
        }
        let key = ScoreCache.key(
            checkpoint: hash, target: targetHash, options: scorer.options, details: details(network.recognition))
        func candidate(_ result: CachedScore) -> Candidate {
            Candidate(
                name: file.name, path: file.path, architecture: result.architecture,
                networkFacts: facts(network.recognition), epoch: file.epoch, step: file.step,
                contentHash: hash, hasInitialStatistics: result.hasInitialStatistics, score: result.score)
        }
        switch cache?.lookup(key) ?? .missing {
        case .found(let result): return .success((candidate(result), true))
        case .damaged(let path, let reason): onEvent(.note("\(path) is not used: \(reason); scoring anew"))
        case .missing: break
        }
        switch try compute(network, isCancelled: isCancelled, onEvent: onEvent) {
        case .failure(let reason): return .failure(reason)
        case .success(let result):
            // What was hashed and what was scored must be the same bytes, or the cache would hold wrong numbers for ever.
            guard signature == FileSignature(of: file.parts) else {
                return .failure(
                    ExclusionReason("it was changed while it was scored; score it again when it is complete"))
            }
            do throws(FormatError) { try cache?.store(result, as: key) } catch {
                onEvent(.note("\(cache?.folder ?? ""): finished scores are not kept: \(error.reason)"))
            }
            return .success((candidate(result), false))
        }
    }

    private func compute(
        _ recognized: RecognizedNetwork, isCancelled: () -> Bool, onEvent: (Event) -> Void
    ) throws(AnalyzerError) -> Result<CachedScore, ExclusionReason> {
        let network: OpenNetwork
        do throws(ExclusionReason) {
            network = try OpenNetwork(
                recognized, options: scorer.options, image: scorer.source.imageShape, batchSize: batchSize,
                threads: threads)
        } catch { return .failure(error) }
        do throws(AnalyzerError) {
            let score = try scorer.score(
                PlanEncoder(network.plan, hasTokenLevels: network.recognition.graph.hasTokenLevels),
                levelCount: network.recognition.graph.levels.count, batchSize: batchSize, threads: threads,
                normalization: normalizesInput ? network.recognition.normalization : .unit, isCancelled: isCancelled,
                progress: { onEvent(.progress($0)) })
            guard score.entries.contains(where: { $0.value.isFinite }) else {
                return .failure(
                    ExclusionReason(
                        "none of its scores is a number: the features are constant or not finite, so the network is dead or "
                            + "its weights overflow on these images"))
            }
            return .success(
                CachedScore(
                    architecture: network.recognition.architecture, hasInitialStatistics: network.hasInitialStatistics,
                    score: score))
        } catch {
            switch error {
            case .engine(let error): return .failure(ExclusionReason(error, recognized.reader.path))
            case .channels, .level, .features: return .failure(ExclusionReason("\(error)"))
            default: throw error
            }
        }
    }

    /// What was assumed of a network, and how the vectors of token networks were pooled, for the numbers differ by far.
    private func facts(_ recognition: Recognition) -> [Recognition.Fact] {
        guard recognition.graph.hasTokenLevels, scorer.options.grid.poolings.contains(.pooled) else {
            return recognition.facts
        }
        return recognition.facts + [Recognition.Fact(Candidate.tokenPoolingFact, scorer.options.tokenPooling.rawValue)]
    }

    /// What the scores depend on besides checkpoint, target and options: what the user says of the network, and the
    /// content of a network description that was taken from another file, wherever that is.
    private func details(_ recognition: Recognition) -> [String] {
        let options = hints.options.filter { $0.key != "config" }.sorted { $0.key < $1.key }.map {
            "\($0.key)=\($0.value)"
        }
        let defaults = hints.defaults.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }
        return [hints.architecture ?? "", options.joined(separator: ","), defaults.joined(separator: ",")]
            + [normalizesInput ? "normalized" : "as given", recognition.outsideDescription ?? ""]
    }

    /// A fingerprint of a checkpoint's files.
    private static func contentHash(of parts: [String]) throws(FormatError) -> String {
        var hashes: [String] = []
        for part in parts { hashes.append(try ContentHash(file: part).hexadecimal) }
        return hashes.count == 1 ? hashes[0] : ContentHash(hashes.joined(separator: "\n")).hexadecimal
    }
}
