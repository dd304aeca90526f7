// Checkpoints that appear, grow, change and vanish while they are watched.

import FoundationEssentials
import Glibc
import Formats
import TestSupport
import Testing

@testable import Analyzer

final class CheckpointWatchTests {
    private static let pytorch = TestData.fixtures + "/checkpoints/pytorch"
    private static let names = [0, 1, 2, 3].map { "model_state_dict_epoch_\($0).pt" }.filter {
        FileManager.default.fileExists(atPath: "\(pytorch)/\($0)")
    }

    private let folder: TemporaryFolder
    private var runs: String { folder.path + "/runs" }

    init() throws {
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/runs", withIntermediateDirectories: true)
    }

    private func run() throws -> SequenceRun {
        let images = WaveImages(imageCount: 8, imageShape: ImageShape(channels: 1, height: 32, width: 32))
        var options = ScoringOptions.ripe
        options.draws = 1
        let views = try JitteredViews(of: images, scope: options.jitterScope, seed: options.seed, draws: 1)
        var run = SequenceRun(scorer: try Scorer(source: views, options: options), targetHash: "waves")
        run.cache = ScoreCache(folder: folder.path + "/cache")
        return run
    }

    private func watch(settling: Duration = .zero) throws -> CheckpointWatch {
        CheckpointWatch([runs], run: try run(), settling: settling)
    }

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(filePath: "\(Self.pytorch)/\(name)"))
    }

    private func put(_ name: String, _ data: Data) throws { try data.write(to: URL(filePath: "\(runs)/\(name)")) }

    private final class Log {
        var scored: [String] = []
        var notes: [String] = []

        func take(_ event: CheckpointWatch.Event) {
            switch event {
            case .scoring(.finished(let candidate, _)): scored.append(candidate.name)
            case .note(let text): notes.append(text)
            default: break
            }
        }
    }

    @Test func eachCheckpointIsScoredOnceAndTheTableIsThatOfOneRun() throws {
        var watch = try watch()
        let log = Log()
        for name in Self.names.reversed() {
            try put(name, try bytes(name))
            _ = try watch.look(onEvent: log.take)
            _ = try watch.look(onEvent: log.take)
        }
        #expect(log.scored == Self.names.reversed())
        let run = try run()
        let reports = [watch.outcome, try run.run(try CheckpointSequence.find([runs]))].map {
            ScoreReport($0, scorer: run.scorer, rule: .guarded, preset: .ripe, target: .object([])).json.text()
        }
        #expect(reports[0] == reports[1])
    }

    @Test func aFileWrittenInAHundredPiecesIsScoredOnceAndCorrectly() throws {
        let name = Self.names[1]
        let whole = try bytes(name)
        var watch = try watch()
        let log = Log()
        let file = "\(runs)/\(name)"
        let handle = try #require(fopen(file, "w"))
        defer { fclose(handle) }
        for piece in 0..<100 {
            let part = [UInt8](whole[whole.count * piece / 100..<whole.count * (piece + 1) / 100])
            #expect(fwrite(part, 1, part.count, handle) == part.count)
            fflush(handle)
            _ = try watch.look(onEvent: log.take)
            #expect(log.scored.isEmpty == (piece < 99))
        }
        #expect(log.scored == [name])
        let alone = try run().score(CheckpointFile(path: "\(Self.pytorch)/\(name)", name: name))
        guard case .scored(let expected) = alone else {
            Issue.record("the fixture itself cannot be scored")
            return
        }
        #expect(watch.outcome.candidates.map(\.score) == [expected.score])
        #expect(watch.outcome.excluded.isEmpty)
    }

    @Test func aYoungFileIsWaitedForUnlessItWasRenamedIntoPlace() throws {
        var watch = try watch(settling: .seconds(1000))
        try put(Self.names[1], try bytes(Self.names[1]))
        #expect(try watch.look() == false)
        #expect(watch.pending.map(\.name) == [Self.names[1]])
        #expect(watch.pending.map(\.reason) == [nil])
        #expect(try watch.look(renamed: ["\(runs)/\(Self.names[1])"]))
        #expect(watch.outcome.candidates.map(\.name) == [Self.names[1]])
    }

    @Test func anotherCheckpointOfTheSameNameReplacesTheFirst() throws {
        var watch = try watch()
        try put("last.pt", try bytes(Self.names[1]))
        _ = try watch.look()
        let first = watch.outcome.candidates[0].contentHash
        try put("new.tmp", try bytes(Self.names[2]))
        try #require(rename("\(runs)/new.tmp", "\(runs)/last.pt") == 0)
        #expect(try watch.look())
        #expect(watch.outcome.candidates.count == 1)
        #expect(watch.outcome.candidates[0].contentHash != first)
    }

    @Test func aDeletedCheckpointLeavesTheTable() throws {
        var watch = try watch()
        let log = Log()
        for name in Self.names.prefix(2) { try put(name, try bytes(name)) }
        _ = try watch.look(onEvent: log.take)
        try FileManager.default.removeItem(atPath: "\(runs)/\(Self.names[0])")
        #expect(try watch.look(onEvent: log.take))
        #expect(watch.outcome.candidates.map(\.name) == [Self.names[1]])
        #expect(log.notes == ["\(runs)/\(Self.names[0]) is gone and no longer considered"])
    }

    @Test func aFolderThatVanishesIsWaitedForAndItsScoresAreKept() throws {
        var watch = try watch()
        let log = Log()
        try put(Self.names[1], try bytes(Self.names[1]))
        _ = try watch.look(onEvent: log.take)
        try FileManager.default.removeItem(atPath: runs)
        for _ in 0..<3 { #expect(try watch.look(onEvent: log.take) == false) }
        #expect(watch.outcome.candidates.map(\.name) == [Self.names[1]])
        #expect(log.notes == ["\(runs): not there; waiting for it, and keeping what is scored"])
        try FileManager.default.createDirectory(atPath: runs, withIntermediateDirectories: true)
        try put(Self.names[1], try bytes(Self.names[1]))
        try put(Self.names[2], try bytes(Self.names[2]))
        #expect(try watch.look(onEvent: log.take))
        #expect(log.notes.last == "\(runs): there again")
        #expect(watch.outcome.candidates.map(\.name) == Array(Self.names[1...2]))
    }

    @Test func aFileThatChangesWhileItIsScoredIsNotKept() throws {
        try put(Self.names[1], try bytes(Self.names[1]))
        let path = "\(runs)/\(Self.names[1])"
        let changed = try bytes(Self.names[2])
        let run = try run()
        let outcome = try run.score(
            CheckpointFile(path: path, name: "a"),
            onEvent: { event in
                // Replaced, not rewritten: the mapped bytes stay what they were.
                guard case .progress = event else { return }
                try? changed.write(to: URL(filePath: path), options: .atomic)
            })
        guard case .excluded(let file) = outcome else {
            Issue.record("scored although it changed")
            return
        }
        #expect(file.reason == "it was changed while it was scored; score it again when it is complete")
        #expect(!FileManager.default.fileExists(atPath: folder.path + "/cache"))
    }

    @Test func anEmptyFolderIsWaitedFor() throws {
        var watch = try watch()
        #expect(try watch.look() == false)
        #expect(watch.outcome.candidates.isEmpty)
        #expect(watch.isSettled)
    }
}
