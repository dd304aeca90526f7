// The report of a folder: what it says, and what it makes of hostile, damaged and missing files.

import Formats
import FoundationEssentials
import Testing

@testable import Analyzer

struct RunReportTests {
    @Test func thePageSaysWhatToDoAndHowSureItIsWithEveryNumberOfTheScores() throws {
        let folder = try ReportFolder()
        let scores = ReportFolder.report()
        try scores.write(to: folder.path)
        let page = try RunReport(folder.path)
        let check = MarkupCheck(page.html)
        #expect(check.problems == [])
        for id in ["main", "recommendation", "curve", "checkpoints", "rules", "heat-map", "provenance", "hashes"] {
            #expect(check.identifiers.contains(id), "\(id)")
        }
        #expect(page.html.contains("<html lang=\"en\">"))
        #expect(check.text.contains("Use epoch 2 (model_epoch_2.pt)"))
        #expect(check.text.contains("By this score, better than the last checkpoint."))
        #expect(check.text.contains("not a promise"))
        #expect(check.text.contains("ripe finetune model_epoch_2.pt --target images --out finetuned"))
        for candidate in scores.candidates {
            #expect(check.text.contains(candidate.epoch.map { "epoch \($0)" } ?? "?"))
            for entry in candidate.score.entries {
                #expect(check.text.contains(ReportNumbers.fixed(entry.value, 4)))
            }
        }
        #expect(check.text.contains("not considered: untrained: epoch 0"))
        // Wide and narrow.
        #expect(check.elements["svg"] == 2)
        #expect(check.elements["script"] == nil)
        #expect(
            !page.html.contains("http://")
                || !page.html.replacing("http://www.w3.org/2000/svg", with: "").contains("http"))
    }

    @Test func theJSONHoldsTheSameNumbersAsTheScores() throws {
        let folder = try ReportFolder()
        let scores = ReportFolder.report()
        try scores.write(to: folder.path)
        try folder.addTraining()
        let report = try RunReport(folder.path).json
        #expect(report["schema"]?.string == "ripe.report/1")
        for key in ["recommendation", "checkpoints", "warnings", "settings", "target"] {
            #expect(report[key]?.compactText == scores.json[key]?.compactText, "\(key)")
        }
        let map = try #require(report["heatMaps"]?.array?.first)
        #expect(map["levels"] == .integers([4, 5]) && map["decides"] == .bool(true))
        #expect(map["values"]?.array?[1].array?[0].double == scores.candidates[1].score.entries[0].value)
        #expect(report["metrics"]?["test"]?["dice"]?["mean"]?.double == 0.8125)
        #expect(report["histories"]?.array?[0]["validationDice"]?.compactText == "[null,0.4375]")
    }

    @Test func namesFromFilesCannotBecomeMarkup() throws {
        let folder = try ReportFolder()
        // A combining mark behind a quote or bracket hides it from escapers that look at whole characters.
        let hostile =
            "\"\u{301} onload=\"alert(1)<\u{338}script>'\u{200D}<script>alert(1)</script>\u{202E}&amp;{{title}}.pt"
        let excluded = [ExcludedFile(path: hostile, name: hostile, reason: hostile)]
        let warnings = [ScoreWarning(kind: .fewImages, isSerious: true, message: hostile, checkpoints: [])]
        try ReportFolder.report(
            ReportFolder.candidates(hostile: hostile), excluded: excluded, warnings: warnings, target: hostile
        ).write(to: folder.path)
        try folder.write(
            ReportFolder.metrics.replacing("liver", with: "<b title='\\\"\u{301}'>"), as: "metrics.json")
        try folder.addPicture("overlays/\"\u{301}<img src=x>.png")
        try folder.addPicture("views/1 <script> view1.png")
        let page = try RunReport(folder.path).html
        let check = MarkupCheck(page)
        #expect(check.problems == [])
        #expect(check.elements["script"] == nil && check.elements["b"] == nil)
        #expect(page.contains("{{title}}.pt"))
        // The overlay and the view.
        #expect(check.elements["img"] == 2)
        // Drawings escape for themselves.
        let drawing = MarkupCheck(
            ScoreCurve(ReportedScores(ReportFolder.report(ReportFolder.candidates(hostile: hostile)))).svg)
        #expect(drawing.problems == [] && drawing.elements["script"] == nil)
    }

    @Test func partsThatAreMissingAreLeftOut() throws {
        let folder = try ReportFolder()
        try ReportFolder.report().write(to: folder.path)
        let found = MarkupCheck(try RunReport(folder.path).html).identifiers
        for id in ["warnings", "excluded", "samples", "learning-curves", "metrics", "overlays", "notes"] {
            #expect(!found.contains(id), "\(id)")
        }
        let trained = try ReportFolder()
        try trained.addTraining()
        let check = MarkupCheck(try RunReport(trained.path).html)
        #expect(check.problems == [])
        #expect(!check.identifiers.contains("curve") && !check.identifiers.contains("rules"))
        #expect(check.identifiers.contains("learning-curves") && check.identifiers.contains("metrics"))
        #expect(check.text.contains("Mean Dice 0.813 on the test images (2 cases)."))
        #expect(check.text.contains("ripe predict out/model.safetensors IMAGES --out masks"))
    }

    @Test func measuresCurvesAndPicturesOfAFineTuningAreShown() throws {
        let folder = try ReportFolder()
        try ReportFolder.report().write(to: folder.path)
        try folder.addTraining()
        for name in ["overlays/case_7.png", "views/1 brain image.png", "views/1 brain view1.png"] {
            try folder.addPicture(name)
        }
        let page = try RunReport(folder.path)
        let check = MarkupCheck(page.html)
        #expect(check.problems == [] && page.notes == [])
        for text in ["tumour", "0.8125", "0.8750", "5.75", "Hausdorff 95 (mm)", "case_7", "first view", "0.4375"] {
            #expect(check.text.contains(text), "\(text)")
        }
        #expect(check.elements["img"] == 3)
        #expect(page.html.contains("width=\"4\" height=\"3\""))
        #expect(page.html.contains("src=\"data:image/png;base64,iVBOR"))
    }

    @Test func aNetworkOfAnotherCheckpointThanTheRecommendedIsTold() throws {
        let folder = try ReportFolder()
        try ReportFolder.report().write(to: folder.path)
        try folder.write(ReportFolder.metrics.replacing("hash2", with: "hash3"), as: "metrics.json")
        #expect(try RunReport(folder.path).html.contains("is not the checkpoint recommended above"))
    }

    @Test(arguments: [
        ("metrics.json", "{\"schema\": \"ripe.metrics/1\", "), ("metrics.json", "[]"), ("metrics.json", ""),
        ("history.csv", "epoch,loss\n1\n"), ("history.csv", "a,b\n1,2\n"), ("run.json", "{\"schema\": 3}"),
        ("overlays/a.png", "no picture"), ("views/a view1.png", ""), ("baseline/metrics.json", "null"),
    ])
    func aDamagedFileIsLeftOutWithANote(name: String, content: String) throws {
        let folder = try ReportFolder()
        try ReportFolder.report().write(to: folder.path)
        try folder.write(content, as: name)
        let report = try RunReport(folder.path)
        #expect(report.notes.count == 1 && report.notes[0].hasPrefix("\(name) is left out: "), "\(report.notes)")
        let check = MarkupCheck(report.html)
        #expect(check.problems == [] && check.identifiers.contains("notes") && check.identifiers.contains("curve"))
    }

    @Test func scoresOfAnyShapeAreReadWithoutACrash() throws {
        let base = ReportFolder.report().json
        let text = base.compactText
        // Every member's value replaced in turn by something else.
        for wrong in ["null", "[]", "-1", "\"x\"", "1e999", "{}"] {
            for member in base.members ?? [] where member.key != "schema" && member.key != "checkpoints" {
                let changed = text.replacing(member.value.compactText, with: wrong)
                let scores = try ReportedScores(try JSON(changed, path: "scores.json", section: "x"))
                #expect(ScoreCurve(scores, layout: .narrow).svg.hasSuffix("</svg>\n"))
                _ = RecommendationSection(scores: scores, model: nil).page
                _ = HeatMaps(scores).page
            }
        }
        for wrong in ["{}", "[]", "{\"schema\":\"ripe.scores/1\"}", "{\"schema\":\"ripe.scores/1\",\"checkpoints\":3}"]
        {
            #expect(throws: FormatError.self) {
                try ReportedScores(try JSON(wrong, path: "scores.json", section: "x"))
            }
        }
        let empty = try JSON(
            "{\"schema\":\"ripe.scores/1\",\"checkpoints\":[null,3,{\"scores\":[{\"level\":9e9}]}]}", path: "",
            section: "x")
        #expect(try ReportedScores(empty).checkpoints.count == 3)
    }

    @Test func aFolderWithoutResultsIsRefusedWithWhatWouldDo() throws {
        let folder = try ReportFolder()
        let advice = "name the --out folder of 'ripe score', 'ripe run' or 'ripe finetune'"
        #expect(
            throws: FormatError(
                folder.path,
                .unrecognized(found: "no scores.json, metrics.json or history.csv", advice: advice))
        ) { try RunReport(folder.path) }
    }

    @Test func theSameFolderGivesTheSameBytes() throws {
        let folder = try ReportFolder()
        try ReportFolder.report().write(to: folder.path)
        try folder.addTraining()
        let first = try RunReport.write(in: folder.path)
        let second = try RunReport.write(in: folder.path, page: folder.path + "/other.html")
        #expect(first.html == second.html && first.json == second.json)
        #expect(
            try Data(contentsOf: URL(filePath: folder.path + "/other.json"))
                == Data(contentsOf: URL(filePath: folder.path + "/report.json")))
    }

    @Test func nothingToChooseMakesAPageToo() throws {
        let folder = try ReportFolder()
        try ReportFolder.report([]).write(to: folder.path)
        let check = MarkupCheck(try RunReport(folder.path).html)
        #expect(check.problems == [])
        #expect(check.text.contains("No recommendation") && check.text.contains("No choice."))
    }
}
