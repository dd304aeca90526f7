// The parts of the report: certainty in words, shades, numbers, records, sample views.

import Formats
import FoundationEssentials
import Testing

@testable import Analyzer

struct ReportPartsTests {
    private func section(_ means: [Double], noise: Double, rule: PickRule = .guarded) -> RecommendationSection {
        let candidates = Synthetic.sequence(means, noise: noise, seed: 3)
        let report = ScoreReport(
            candidates: candidates, excluded: [], recommendation: Synthetic.recommend(candidates, rule: rule),
            warnings: [], options: .ripe, preset: nil, target: .object(["images": .integer(100)]))
        return RecommendationSection(scores: ReportedScores(report), model: nil)
    }

    @Test func aTieIsCalledATie() {
        let (verdict, text) = section([0.3, 0.3, 0.3, 0.3], noise: 0.05).certainty
        #expect(verdict == "The scores cannot tell")
        #expect(text.contains("All 4 checkpoints lie within the noise of each other (95 % confidence"))
        #expect(text.contains("a default, not a finding"))
    }

    @Test func aRuleThatDoesNotTestIsNotCalledSure() {
        let (verdict, text) = section([0.30, 0.40, 0.301], noise: 0.05, rule: .best).certainty
        #expect(verdict == "Not shown to be better than the last checkpoint", "\(text)")
        #expect(text.contains("these images do not decide"))
    }

    @Test func theLastAndLowestIsSaidToBeBoth() {
        let (verdict, text) = section([0.5, 0.4, 0.3], noise: 0.01).certainty
        #expect(verdict == "The last one also scores lowest")
        #expect(text.hasSuffix("No other checkpoint comes near."))
    }

    @Test func theCaveatStandsOnEveryReport() {
        #expect(section([0.5, 0.4, 0.3], noise: 0.01).caveat.contains("100 images alone, resampled 400 times"))
    }

    @Test(arguments: [
        ("a/b_c-1.pt", "a/b_c-1.pt"), ("a b", "'a b'"), ("it's", "'it'\\''s'"), ("$(x)", "'$(x)'"), ("", "''"),
        ("--out", "--out"), ("é", "'é'"), ("epoch=1-step=2.ckpt", "epoch=1-step=2.ckpt"), ("~", "'~'"),
    ])
    func pathsInCommandsAreQuotedForShells(word: String, quoted: String) {
        #expect(RecommendationSection.quoted(word) == quoted)
    }

    @Test func shadesRunFromTheHighestToTheLowestOfTheConsidered() {
        let scores = ReportedScores(ReportFolder.report())
        let map = HeatMaps(scores).maps[0]
        #expect(map.isDeciding && map.levels == [4, 5])
        // Untrained, then .40, .30 and .42.
        #expect(map.cells[0][0].shade == nil && map.cells[0][0].value == 0.25)
        #expect(map.cells[2][0].shade == 8 && map.cells[3][0].shade == 0)
        #expect((1...3).contains(map.cells[1][0].shade ?? -1))
    }

    @Test(
        arguments: [
            (1234.5678, 2, "1,234.57"), (-0.10259, 2, "−0.10"), (-0.0001, 2, "0.00"), (0.1, 4, "0.1000"), (7, 0, "7"),
            (.infinity, 2, "–"), (1e300, 2, "1e+300"),
        ] as [(Double, Int, String)])
    func numbersHaveTheirDecimals(value: Double, decimals: Int, text: String) {
        #expect(ReportNumbers.fixed(value, decimals) == text)
    }

    @Test func sharesAreNotRoundedToCertainty() {
        #expect(
            [0, 0.0004, 0.5, 0.9996, 1].map { ReportNumbers.percent($0) } == [
                "0 %", "< 0.1 %", "50.0 %", "> 99.9 %", "100 %",
            ])
        #expect([8.24, 200, 7500].map { ReportNumbers.duration($0) } == ["8.2 s", "3 min 20 s", "2 h 5 min"])
    }

    @Test func textThatAWholeCharacterEscaperWouldMissIsParted() {
        #expect(PageValue.separated("a\"b") == "a\"b")
        #expect(PageValue.separated("\"\u{301}x") == "\u{25CC}\"\u{25CC}\u{301}x")
        // A prepended mark of some scripts joins the quote from the left.
        #expect(
            !PageValue.separated("\u{111C2}\"").contains {
                $0.unicodeScalars.count > 1 && $0.unicodeScalars.contains("\"")
            })
        #expect(PageValue.separated("a\u{202E}b") == "a\\u{202e}b")
    }

    @Test func tablesAreReadBackAsTheyWereWritten() {
        let rows = [["a,b", "c\"d\"", "", "e\nf"], ["1", "2", "3", ""]]
        let text = rows.map { $0.map(CSV.field).joined(separator: ",") }.joined(separator: "\r\n")
        #expect(CSV.rows(text) == rows)
        #expect(CSV.rows("") == [] && CSV.rows("\n\n") == [])
    }

    @Test func aCheckpointFarAboveDoesNotFlattenTheCurve() {
        var candidates = ReportFolder.candidates()
        candidates[0].score.entries[0].value = 25
        let drawing = ScoreCurve(ReportedScores(ReportFolder.report(candidates)), layout: .wide).svg
        #expect(drawing.contains(">25</text>"))
        #expect(!drawing.contains(">10</text>") && drawing.contains(">0.35</text>"))
    }

    // MARK: Records

    private func record(_ command: String, _ more: String...) -> RunRecord {
        RunRecord(
            arguments: ["/bin/ripe", command] + more, workingDirectory: "/", version: "1", libraries: [("a", "2")],
            processor: "cpu", instructionSet: "AVX2", threads: 2, started: "2026-01-01T00:00:00Z",
            ended: "2026-01-01T00:00:05Z", wallSeconds: 5, processorSeconds: 9, peakBytes: 1_500_000_000)
    }

    private func commands(_ folder: String) throws -> [String] {
        let json = try JSON(Bytes(mapping: folder + "/run.json"), path: "run.json", section: "x")
        return try RunRecord.commands(of: json).map { $0["command"]?.array?[1].string ?? "" }
    }

    @Test func recordsOfOtherCommandsStayAndOneOfTheSameIsReplaced() throws {
        let folder = try TemporaryFolder()
        try record("score").write(to: folder.path)
        try record("finetune").write(to: folder.path)
        try record("score").write(to: folder.path)
        #expect(try commands(folder.path) == ["finetune", "score"])
        try record("finetune", "--resume").write(to: folder.path)
        #expect(try commands(folder.path) == ["finetune", "score", "finetune"])
        try folder.write(Array("damaged".utf8), as: "run.json")
        try record("score").write(to: folder.path)
        #expect(try commands(folder.path) == ["score"])
    }

    @Test func thePageTellsCommandVersionsTimeAndCost() throws {
        let folder = try ReportFolder()
        try ReportFolder.report().write(to: folder.path)
        let html = try RunReport.write(in: folder.path, record: record("score", "my runs")).html
        let text = MarkupCheck(html).text
        for part in [
            "ripe score &#39;my runs&#39;", "5.0 s by the clock", "9.0 s of processor time", "1.5 GB", "ripe 1, a 2",
            "hash2", "targethash",
        ] {
            #expect(text.contains(part), "\(part)")
        }
    }

    // MARK: Views

    @Test func sampleViewsAreWrittenAsTheNetworkSeesThem() throws {
        let folder = try TemporaryFolder()
        try folder.write([1], as: "views/old view1.png")
        let values = (0..<3 * 2 * 2).map { Float($0) / 12 }
        let first = TensorView(floats: values, shape: [3, 1, 2, 2])
        let second = TensorView(floats: values.map { 1 - $0 }, shape: [3, 1, 2, 2])
        try SampleViews.write(try StoredViews(first, second), to: folder.path)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/views").sorted()
        #expect(names == (1...3).flatMap { n in (1...2).map { "\(n) image \(n) view\($0).png" } })
        let image = try PNGImage(reading: folder.path + "/views/2 image 2 view1.png")
        #expect(image.samples.bytes.withUnsafeBytes { Array($0) } == [85, 106, 128, 149])
    }

    @Test func largeColourImagesAreAveragedDown() throws {
        let shape = ImageShape(channels: 3, height: 300, width: 600)
        let values = (0..<shape.count).map { Float($0 / (300 * 600)) / 2 }
        let image = try SampleViews.picture(values, shape, 0...1)
        #expect((image.height, image.width, image.channelCount) == (100, 200, 3))
        #expect(image.samples.bytes.withUnsafeBytes { Array($0.prefix(3)) } == [0, 128, 255])
    }
}
