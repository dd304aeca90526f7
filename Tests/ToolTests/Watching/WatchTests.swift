// `ripe watch` as a command: the same table as `ripe score`, stopping, and what befalls a folder meanwhile.

import Formats
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct WatchCommand {
    private static let pytorch = TestData.fixtures + "/checkpoints/pytorch"
    private static let names = [0, 1, 3, 5, 8].map { "model_state_dict_epoch_\($0).pt" }
    private let folder: TemporaryFolder
    private var runs: String { folder.path + "/runs" }

    init() throws {
        folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/runs", withIntermediateDirectories: true)
    }

    private func arguments(_ command: String, out: String, _ more: [String] = []) -> [String] {
        [
            command, runs, "--target", TestData.fixtures + "/target", "--image-size", "32", "--draws", "1", "--cache",
            folder.path + "/cache-\(command)", "--out", "\(folder.path)/\(out)", "--threads", "1",
        ] + (command == "watch" ? ["--settle", "0.2", "--poll", "0.3"] : []) + more
    }

    private func put(_ names: [String]) throws {
        for name in names {
            try FileManager.default.copyItem(atPath: "\(Self.pytorch)/\(name)", toPath: "\(runs)/.\(name)")
            try #require(rename("\(runs)/.\(name)", "\(runs)/\(name)") == 0)
        }
    }

    private func table(_ out: String) throws -> String {
        String(decoding: try Data(contentsOf: URL(filePath: "\(folder.path)/\(out)/scores.json")), as: UTF8.self)
    }

    @Test func onceGivesTheTableOfScore() throws {
        try put(Self.names)
        let watch = try Running(arguments("watch", out: "a", ["--once", "--patience", "0"])).finish()
        #expect(watch.code == 0)
        #expect(watch.errors.contains("Watching \(runs)"))
        #expect(try Running(arguments("score", out: "b")).finish().code == 0)
        #expect(try table("a") == table("b"))
        #expect(watch.output.contains("Recommendation"))
    }

    @Test func theRuleStopsWritesTheFileAndRunsTheCommand() throws {
        let running = try Running(
            arguments(
                "watch", out: "a",
                [
                    "--patience", "2", "--confidence", "0.999", "--on-stop",
                    "printf '%s|%s|%s' \"$RIPE_PICK\" \"$RIPE_PICK_EPOCH\" \"$RIPE_REASON\" >'\(folder.path)/told'",
                ]))
        for name in Self.names {
            try put([name])
            usleep(50_000)
        }
        let run = try running.finish()
        #expect(run.code == 3)
        let stop = try JSON(
            String(decoding: try Data(contentsOf: URL(filePath: "\(runs)/STOP")), as: UTF8.self), path: "STOP",
            section: "file")
        #expect(stop["schema"] == .string("ripe.stop/1"))
        let reason = try #require(stop["reason"]?.string)
        #expect(run.errors.contains("Stop: \(reason)."))
        let told = String(
            decoding: try Data(contentsOf: URL(filePath: folder.path + "/told")), as: UTF8.self
        ).split(separator: "|", omittingEmptySubsequences: false)
        #expect(told.count == 3)
        #expect(told.first.map { String($0) } == stop["pick"]?.string)
        #expect(told.last.map { String($0) } == reason)
        let scores = try JSON(try table("a"), path: "scores", section: "file")
        #expect(scores["recommendation"]?["pick"]?["path"] == stop["pick"])
    }

    /// Killed again and again while checkpoints appear: what is finished is never done again, and the end is the same.
    @Test func killingTheWatcherAtFiftyMomentsEndsWithTheSameTable() throws {
        var waiting = Self.names
        var generator = SystemRandomNumberGenerator()
        for round in 0..<50 {
            if round % 10 == 0, !waiting.isEmpty { try put([waiting.removeFirst()]) }
            let running = try Running(arguments("watch", out: "a", ["--patience", "0"]))
            usleep(UInt32.random(in: 0..<400_000, using: &generator))
            running.signal(SIGKILL)
            #expect(try running.finish().code == 128 + SIGKILL)
        }
        #expect(try Running(arguments("watch", out: "a", ["--once", "--patience", "0"])).finish().code == 0)
        #expect(try Running(arguments("score", out: "b")).finish().code == 0)
        #expect(try table("a") == table("b"))
        #expect(!folder.contents.contains { $0.contains(".tmp-") && $0.hasSuffix("scores.json") })
    }

    @Test func aPartialFileIsLeftOutByOnceAndSaysSo() throws {
        try put(Array(Self.names.prefix(3)))
        let whole = try Data(contentsOf: URL(filePath: "\(Self.pytorch)/\(Self.names[3])"))
        try whole.prefix(whole.count / 2).write(to: URL(filePath: "\(runs)/\(Self.names[3])"))
        let run = try Running(arguments("watch", out: "a", ["--once", "--patience", "0"])).finish()
        #expect(run.code == 1)
        #expect(run.output.contains("\(Self.names[3]): "))
        let excluded = try JSON(try table("a"), path: "scores", section: "file")["excluded"]?.array
        #expect(excluded?.map { $0["name"]?.string } == [Self.names[3]])
    }

    @Test func twoWatchersOnOneFolderTellEachOther() throws {
        try put(Array(Self.names.prefix(2)))
        let first = try Running(arguments("watch", out: "a", ["--patience", "0"]))
        waitUntil { folder.contents.contains("a/scores.json") }
        let second = try Running(arguments("watch", out: "b", ["--once", "--patience", "0"])).finish()
        first.signal(SIGINT)
        #expect(second.code == 0)
        #expect(second.errors.contains("note: another 'ripe watch' (process "))
        let ended = try first.finish()
        #expect(ended.code == 130)
        #expect(ended.errors.contains("stopped; the scores of 2 checkpoints are kept"))
        #expect(try table("a") == table("b"))
    }

    @Test func aStopFileThatCannotBeWrittenIsToldAndTheCommandRunsAllTheSame() throws {
        try put(Self.names)
        let run = try Running(
            arguments(
                "watch", out: "a",
                [
                    "--once", "--patience", "1", "--confidence", "0.9999999", "--stop-file", "/proc/none/STOP",
                    "--on-stop", "touch '\(folder.path)/told'; exit 7",
                ])
        ).finish()
        guard run.code == 3 else { return }
        #expect(run.errors.contains("the STOP file could not be written: /proc/none/STOP"))
        #expect(run.errors.contains("the command of --on-stop ended with code 7"))
        #expect(folder.contents.contains("told"))
    }

    @Test func jsonIsOneObjectALine() throws {
        try put(Array(Self.names.prefix(2)))
        let run = try Running(arguments("watch", out: "a", ["--once", "--json"])).finish()
        #expect(run.code == 0)
        #expect(run.errors == "")
        let events = try run.output.split(separator: "\n").map { line in
            try JSON(String(line), path: "output", section: "line")["event"]?.string
        }
        #expect(events == ["scored", "scored", "judged", "table"])
    }

    @Test func aTargetThatDisappearsDoesNoHarmWhileItsImagesAreKeptAndIsNamedAfterwards() throws {
        let images = folder.path + "/images"
        try FileManager.default.copyItem(atPath: TestData.fixtures + "/target", toPath: images)
        try put([Self.names[0]])
        var words = arguments("watch", out: "a", ["--patience", "0"])
        words[3] = images
        let running = try Running(words)
        waitUntil { folder.contents.contains("a/scores.json") }
        try FileManager.default.removeItem(atPath: images)
        try put([Self.names[1]])
        waitUntil { (try? table("a").contains(Self.names[1])) == true }
        running.signal(SIGINT)
        let run = try running.finish(within: 60)
        #expect(run.errors.contains("stopped; the scores of 2 checkpoints are kept"))
        let again = try Running(words + ["--once"]).finish()
        #expect(again.code == 1)
        #expect(again.errors.contains("\(images): cannot open: no such file or folder"))
        #expect(folder.contents.count { $0.hasPrefix("cache-watch/") && $0.hasSuffix(".json") } == 2)
    }

    private func waitUntil(_ isSo: () -> Bool) {
        let deadline = ContinuousClock.now + .seconds(60)
        while !isSo(), ContinuousClock.now < deadline { usleep(20_000) }
    }
}
