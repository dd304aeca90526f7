// `ripe report`, and the report that other commands write at their end.

import Formats
import FoundationEssentials
import TestSupport
import Testing

@Suite struct ReportCommand {
    private let folder: TemporaryFolder
    private let out: String

    init() throws {
        folder = try TemporaryFolder()
        out = folder.path + "/out"
    }

    private func score(_ more: String...) throws -> Finished {
        try Running(
            [
                "score", TestData.fixtures + "/checkpoints/lightning", "--target", TestData.fixtures + "/target",
                "--image-size", "32", "--draws", "1", "--no-cache", "--out", out,
            ] + more
        ).finish()
    }

    private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(filePath: "\(out)/\(name)")) }

    private func json(_ name: String) throws -> JSON {
        try JSON(Bytes(mapping: "\(out)/\(name)"), path: name, section: "content")
    }

    @Test func scoringLeavesAPageThatTheCommandMakesAgainWhereverItIsWanted() throws {
        let run = try score()
        #expect(run.code == 0, "\(run.errors)")
        let (page, numbers) = (try bytes("report.html"), try bytes("report.json"))
        let text = String(decoding: page, as: UTF8.self)
        for part in [
            "id=\"recommendation\"", "id=\"curve\"", "id=\"samples\"", "brain_00", "ripe finetune ", "oneDNN",
        ] {
            #expect(text.contains(part), "\(part)")
        }
        #expect(text.contains("epoch=5-step=426.ckpt"))
        let views = folder.contents.filter { $0.hasPrefix("out/views/") }
        #expect(views.count == 12 && views.allSatisfy { $0.hasSuffix(".png") })
        let again = try ripe("report", out)
        #expect(again.code == 0 && again.errors == "")
        #expect(again.output == "Written: \(out)/report.html (open it in a browser)\n")
        #expect(try bytes("report.html") == page && bytes("report.json") == numbers)
        #expect(try ripe("report", out, "--json").output == String(decoding: numbers, as: UTF8.self))
        let place = folder.path + "/elsewhere.html"
        let elsewhere = try ripe("report", out, "--out", place)
        #expect(elsewhere.code == 0 && elsewhere.output == "Written: \(place) (open it in a browser)\n")
        #expect(try Data(contentsOf: URL(filePath: place)) == page)
        #expect(folder.contents.contains("elsewhere.json"))
        try Data("{".utf8).write(to: URL(filePath: out + "/metrics.json"))
        let damaged = try ripe("report", out)
        #expect(
            damaged.code == 0 && damaged.errors.hasPrefix("ripe: metrics.json is left out: content at byte 1"),
            "\(damaged.errors)")
    }

    @Test func theRecordTellsTheCommandAndWhatItTook() throws {
        let run = try score("--threads", "1")
        #expect(run.code == 0, "\(run.errors)")
        let record = try #require(try json("run.json")["commands"]?.array?.first)
        let command = (record["command"]?.array ?? []).compactMap(\.string)
        #expect(command.dropFirst().first == "score" && command.suffix(2) == ["--threads", "1"])
        #expect(record["threads"]?.int == 1)
        #expect(record["checkpointsScored"]?.int == 3 && record["checkpointsFromCache"]?.int == 0)
        #expect((record["wallSeconds"]?.double ?? 0) > 0 && (record["peakMemoryBytes"]?.int ?? 0) > 1_000_000)
        let times = ["started", "ended"].compactMap { record[$0]?.string }
        #expect(times.count == 2 && times.allSatisfy { $0.hasSuffix("Z") } && times[0] <= times[1])
        // Nothing of it makes the scores differ.
        let scores = try bytes("scores.json")
        #expect(try score("--threads", "2").code == 0)
        #expect(try bytes("scores.json") == scores)
        #expect(try json("run.json")["commands"]?.array?.count == 1)
    }

    @Test func whatHasNoResultsIsRefused() throws {
        let run = try ripe("report", folder.path)
        #expect(run.code == 1 && run.output == "")
        #expect(
            run.errors
                == "ripe: \(folder.path): no scores.json, metrics.json or history.csv; name the --out folder of 'ripe score', "
                + "'ripe run' or 'ripe finetune'\n")
        #expect(try ripe("report", folder.path + "/none").code == 1)
        #expect(try ripe("report", out, "--out", "page.pdf").code == 64)
    }

    @Test func aWatchWritesItToo() throws {
        let run = try ripe(
            "watch", TestData.fixtures + "/checkpoints/lightning", "--target", TestData.fixtures + "/target",
            "--image-size", "32", "--draws", "1", "--no-cache", "--once", "--settle", "0", "--patience", "0", "--out",
            out)
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("Written to \(out): scores.json, scores.csv, scores.svg, report.html"))
        #expect(String(decoding: try bytes("report.html"), as: UTF8.self).contains("id=\"samples\""))
        #expect(try json("run.json")["commands"]?.array?.first?["checkpointsScored"]?.int == 3)
    }
}
