// A whole run from files to a report: cached, resumed, with what goes wrong left aside.

import FoundationEssentials
import Formats
import TestSupport
import Testing

@testable import Analyzer

struct SequenceRunTests {
    private static let pytorch = TestData.fixtures + "/checkpoints/pytorch"

    /// Eight small images; the fixtures' networks are scored on them in a moment.
    private func run(options: ScoringOptions = .ripe, cache: String? = nil) throws -> SequenceRun {
        let images = WaveImages(imageCount: 8, imageShape: ImageShape(channels: 1, height: 32, width: 32))
        var options = options
        options.draws = 1
        let views = try JitteredViews(of: images, scope: options.jitterScope, seed: options.seed, draws: 1)
        var run = SequenceRun(scorer: try Scorer(source: views, options: options), targetHash: "waves")
        run.cache = cache.map { ScoreCache(folder: $0) }
        return run
    }

    private final class Log {
        var scored: [String] = []
        var cached: [String] = []
        var notes: [String] = []
        var views = 0

        func take(_ event: SequenceRun.Event) {
            switch event {
            case .finished(let candidate, true): cached.append(candidate.name)
            case .finished(let candidate, false): scored.append(candidate.name)
            case .note(let text): notes.append(text)
            case .progress: views += 1
            case .began, .excluded: break
            }
        }
    }

    @Test func aRerunScoresNothingAnewAndGivesTheSameReport() throws {
        let folder = try TemporaryFolder()
        let sequence = try CheckpointSequence.find([Self.pytorch])
        let run = try run(cache: folder.path + "/cache")
        let (first, second) = (Log(), Log())
        let outcome = try run.run(sequence, onEvent: first.take)
        let again = try run.run(sequence, onEvent: second.take)
        #expect(first.scored.count == 5 && first.cached.isEmpty)
        #expect(second.cached.count == 5 && second.scored.isEmpty && second.views == 0)
        #expect(outcome.candidates.map(\.hasInitialStatistics) == [true, false, false, false, false])
        let reports = [outcome, again].map {
            ScoreReport($0, scorer: run.scorer, rule: .guarded, preset: .ripe, target: .object([])).json.text()
        }
        #expect(reports[0] == reports[1])
    }

    @Test func anInterruptedRunGoesOnWhereItWas() throws {
        let folder = try TemporaryFolder()
        let sequence = try CheckpointSequence.find([Self.pytorch])
        let run = try run(cache: folder.path)
        let log = Log()
        #expect(throws: AnalyzerError.cancelled) {
            try run.run(sequence, isCancelled: { log.scored.count == 2 }, onEvent: log.take)
        }
        let resumed = Log()
        _ = try run.run(sequence, onEvent: resumed.take)
        #expect(resumed.cached == log.scored)
        #expect(resumed.scored.count == 3)
    }

    @Test func aCacheThatCannotBeWrittenIsNotedOnceAndLosesNothing() throws {
        let log = Log()
        let outcome = try run(cache: "/dev/null/cache").run(
            try CheckpointSequence.find([Self.pytorch]), onEvent: log.take)
        #expect(outcome.candidates.count == 5)
        #expect(
            log.notes == [
                "/dev/null/cache: finished scores are not kept: cannot store the result: the folder cannot be written"
            ])
    }

    @Test(arguments: ["cut", "flipped", "emptied", "another result"])
    func aDamagedResultIsScoredAnewWithANote(damage: String) throws {
        let folder = try TemporaryFolder()
        let cache = ScoreCache(folder: folder.path)
        let key = ScoreCache.key(checkpoint: "a", target: "b", options: .ripe, details: [])
        let other = ScoreCache.key(checkpoint: "c", target: "b", options: .ripe, details: [])
        let result = CachedScore(
            architecture: "x", hasInitialStatistics: nil,
            score: Synthetic.candidate(epoch: 1, values: [[.nan, 0.25], [0.1, .infinity]]).score)
        try cache.store(result, as: key)
        try cache.store(result, as: other)
        let path = folder.path + "/\(key.hexadecimal.prefix(2))/\(key.hexadecimal).json"
        var bytes = Array(try Data(contentsOf: URL(filePath: path)))
        switch damage {
        case "cut": bytes.removeLast(9)
        case "flipped": bytes[bytes.count / 2] ^= 1
        case "emptied": bytes = []
        default:
            let source = folder.path + "/\(other.hexadecimal.prefix(2))/\(other.hexadecimal).json"
            bytes = Array(try Data(contentsOf: URL(filePath: source)))
        }
        try Data(bytes).write(to: URL(filePath: path))
        let reason = damage == "another result" ? "it holds another result" : "it is cut short or changed"
        #expect(cache.lookup(key) == .damaged(path: path, reason: reason))
        try cache.store(result, as: key)
        guard case .found(let found) = cache.lookup(key) else {
            Issue.record("not found after it was stored anew")
            return
        }
        #expect(found.score.entries[0].value.isNaN)
        #expect(found.score.entries[1].images?.losses == [0.1, .infinity])
    }

    @Test func everythingThatChangesAScoreChangesItsKey() {
        var options = [ScoringOptions](repeating: .ripe, count: 7)
        options[1].seed = 1
        options[2].draws = 2
        options[3].groupSize = 16
        options[4].jitterScope = .batch
        options[5].grid.levels = .numbers([-1])
        options[6].jitterRanges.hue = -0.1...0.1
        var keys = options.map { ScoreCache.key(checkpoint: "a", target: "b", options: $0, details: ["c"]) }
        keys.append(ScoreCache.key(checkpoint: "A", target: "b", options: .ripe, details: ["c"]))
        keys.append(ScoreCache.key(checkpoint: "a", target: "B", options: .ripe, details: ["c"]))
        keys.append(ScoreCache.key(checkpoint: "a", target: "b", options: .ripe, details: ["", "c"]))
        keys.append(ScoreCache.key(checkpoint: "a", target: "b", options: .paper, details: ["c"]))
        #expect(Set(keys).count == 11)
        #expect(keys[0] == ScoreCache.key(checkpoint: "a", target: "b", options: .ripe, details: ["c"]))
    }

    /// The description may lie beside the weights, or anywhere when the user names it.
    @Test(arguments: [true, false])
    func anEditedNetworkDescriptionGivesANewScore(isNamed: Bool) throws {
        let folder = try TemporaryFolder()
        let forms = TestData.fixtures + "/checkpoints/keras-forms/model_epoch_05"
        try folder.copy("\(forms)_weights_legacy.h5", as: "run/model_epoch_05_weights.h5")
        let description = try #require(try Checkpoint.open("\(forms).h5").metadata.kerasConfig)
        let place = isNamed ? "elsewhere.json" : "run/config.json"
        try folder.write(Array(description.utf8), as: place)
        var run = try run(cache: folder.path + "/cache")
        if isNamed { run.hints.options["config"] = folder.path + "/" + place }
        let sequence = try CheckpointSequence.find([folder.path + "/run/model_epoch_05_weights.h5"])
        let logs = [Log(), Log(), Log()]
        let first = try run.run(sequence, onEvent: logs[0].take)
        if isNamed {
            try folder.write(Array(description.utf8), as: "copy.json")
            run.hints.options["config"] = folder.path + "/copy.json"
        }
        let again = try run.run(sequence, onEvent: logs[1].take)
        #expect(logs[0].scored.count == 1 && logs[1].cached.count == 1)
        #expect(again.candidates.map(\.score) == first.candidates.map(\.score))
        let edited = description.replacing(#""negative_slope": 0.0"#, with: #""negative_slope": 0.5"#)
        let isEdited = edited != description
        try #require(isEdited)
        try folder.write(Array(edited.utf8), as: isNamed ? "copy.json" : place)
        let changed = try run.run(sequence, onEvent: logs[2].take)
        #expect(logs[2].scored.count == 1 && logs[2].cached.isEmpty)
        #expect(
            changed.candidates.first?.score.entries.first?.value != first.candidates.first?.score.entries.first?.value)
    }

    @Test func aFileThatIsNoNetworkIsLeftOutAndTheRestGoesOn() throws {
        let folder = try TemporaryFolder()
        try folder.copy(Self.pytorch + "/model_state_dict_epoch_1.pt", as: "epoch_1.pt")
        try NumPy.write(
            npz: [("bias", TensorView(floats: [1, 2], shape: [2]))], to: folder.path + "/epoch_2.npz")
        try folder.copy(Self.pytorch + "/model_state_dict_epoch_3.pt", as: "epoch_3.pt")
        let outcome = try run().run(try CheckpointSequence.find([folder.path]))
        #expect(outcome.candidates.map(\.epoch) == [1, 3])
        #expect(outcome.excluded.map(\.name) == ["epoch_2.npz"])
        #expect(outcome.excluded.first?.reason.hasPrefix("architecture not recognised: ") == true)
    }

    @Test func aLevelThatTheNetworkLacksLeavesItOut() throws {
        var options = ScoringOptions.ripe
        options.grid.levels = .numbers([9])
        let outcome = try run(options: options).run(try CheckpointSequence.find([Self.pytorch]))
        #expect(outcome.candidates.isEmpty)
        #expect(
            outcome.excluded.map(\.reason)
                == [String](
                    repeating: "level 9: this network has levels 1…5 (or −5…−1 from the deepest)", count: 5))
        #expect(outcome.decidingSettings == [])
    }
}
