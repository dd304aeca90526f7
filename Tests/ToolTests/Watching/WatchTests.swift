// `ripe watch` as a command: the same table as `ripe score`, stopping, and what befalls a folder meanwhile.

import Formats
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct WatchCommand {
    private let folder: WatchFolder

    init() throws { folder = try WatchFolder() }

    @Test func onceGivesTheTableOfScore() throws {
        try folder.put(WatchFolder.names)
        let watch = try Running(folder.arguments("watch", out: "a", ["--once", "--patience", "0"])).finish()
        #expect(watch.code == 0)
        #expect(watch.errors.contains("Watching \(folder.runs)"))
        #expect(try Running(folder.arguments("score", out: "b")).finish().code == 0)
        #expect(try folder.table("a") == folder.table("b"))
        #expect(watch.output.contains("Recommendation"))
    }

    @Test func theRuleStopsWritesTheFileAndRunsTheCommand() throws {
        let running = try Running(
            folder.arguments(
                "watch", out: "a",
                [
                    "--patience", "2", "--confidence", "0.999", "--on-stop",
                    "printf '%s|%s|%s' \"$RIPE_PICK\" \"$RIPE_PICK_EPOCH\" \"$RIPE_REASON\" >'\(folder.path)/told'",
                ]))
        for name in WatchFolder.names {
            try folder.put([name])
            usleep(50_000)
        }
        let run = try running.finish()
        #expect(run.code == 3)
        let stop = try JSON(
            String(decoding: try Data(contentsOf: URL(filePath: "\(folder.runs)/STOP")), as: UTF8.self), path: "STOP",
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
        let scores = try JSON(try folder.table("a"), path: "scores", section: "file")
        #expect(scores["recommendation"]?["pick"]?["path"] == stop["pick"])
    }

    /// Killed again and again while checkpoints appear: what is finished is never done again, and the end is the same.
    @Test func killingTheWatcherAtFiftyMomentsEndsWithTheSameTable() throws {
        var waiting = WatchFolder.names
        var generator = SystemRandomNumberGenerator()
        for round in 0..<50 {
            if round % 10 == 0, !waiting.isEmpty { try folder.put([waiting.removeFirst()]) }
            let running = try Running(folder.arguments("watch", out: "a", ["--patience", "0"]))
            usleep(UInt32.random(in: 0..<400_000, using: &generator))
            running.signal(SIGKILL)
            #expect(try running.finish().code == 128 + SIGKILL)
        }
        #expect(try Running(folder.arguments("watch", out: "a", ["--once", "--patience", "0"])).finish().code == 0)
        #expect(try Running(folder.arguments("score", out: "b")).finish().code == 0)
        #expect(try folder.table("a") == folder.table("b"))
        #expect(!folder.contents.contains { $0.contains(".tmp-") && $0.hasSuffix("scores.json") })
    }

    @Test func aPartialFileIsLeftOutByOnceAndSaysSo() throws {
        try folder.put(Array(WatchFolder.names.prefix(3)))
        let whole = try Data(contentsOf: URL(filePath: "\(WatchFolder.pytorch)/\(WatchFolder.names[3])"))
        try whole.prefix(whole.count / 2).write(to: URL(filePath: "\(folder.runs)/\(WatchFolder.names[3])"))
        let run = try Running(folder.arguments("watch", out: "a", ["--once", "--patience", "0"])).finish()
        #expect(run.code == 1)
        #expect(run.output.contains("\(WatchFolder.names[3]): "))
        let excluded = try JSON(try folder.table("a"), path: "scores", section: "file")["excluded"]?.array
        #expect(excluded?.map { $0["name"]?.string } == [WatchFolder.names[3]])
    }

    @Test func twoWatchersOnOneFolderTellEachOther() throws {
        try folder.put(Array(WatchFolder.names.prefix(2)))
        let first = try Running(folder.arguments("watch", out: "a", ["--patience", "0"]))
        folder.waitUntil { folder.contents.contains("a/scores.json") }
        let second = try Running(folder.arguments("watch", out: "b", ["--once", "--patience", "0"])).finish()
        first.signal(SIGINT)
        #expect(second.code == 0)
        #expect(second.errors.contains("note: another 'ripe watch' (process "))
        let ended = try first.finish()
        #expect(ended.code == 130)
        #expect(ended.errors.contains("stopped; the scores of 2 checkpoints are kept"))
        #expect(try folder.table("a") == folder.table("b"))
    }

    @Test func aStopFileThatCannotBeWrittenIsToldAndTheCommandRunsAllTheSame() throws {
        try folder.put(WatchFolder.names)
        let run = try Running(
            folder.arguments(
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
        try folder.put(Array(WatchFolder.names.prefix(2)))
        let run = try Running(folder.arguments("watch", out: "a", ["--once", "--json"])).finish()
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
        try folder.put([WatchFolder.names[0]])
        var words = folder.arguments("watch", out: "a", ["--patience", "0"])
        words[3] = images
        let running = try Running(words)
        folder.waitUntil { folder.contents.contains("a/scores.json") }
        try FileManager.default.removeItem(atPath: images)
        try folder.put([WatchFolder.names[1]])
        folder.waitUntil { (try? folder.table("a").contains(WatchFolder.names[1])) == true }
        running.signal(SIGINT)
        let run = try running.finish(within: 60)
        #expect(run.errors.contains("stopped; the scores of 2 checkpoints are kept"))
        let again = try Running(words + ["--once"]).finish()
        #expect(again.code == 1)
        #expect(again.errors.contains("\(images): cannot open: no such file or folder"))
        #expect(folder.contents.count { $0.hasPrefix("cache-watch/") && $0.hasSuffix(".json") } == 2)
    }
}
