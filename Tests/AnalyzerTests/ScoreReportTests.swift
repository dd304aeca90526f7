// The result files: their fields, their numbers, their form.

import FoundationEssentials
import Formats
import Testing

@testable import Analyzer

struct ScoreReportTests {
    private func report(_ candidates: [Candidate], excluded: [ExcludedFile] = []) -> ScoreReport {
        ScoreReport(
            candidates: candidates, excluded: excluded, recommendation: Synthetic.recommend(candidates),
            warnings: [ScoreWarning(kind: .fewImages, isSerious: true, message: "few", checkpoints: [])],
            options: .ripe, preset: .ripe, target: .object(["path": .string("images"), "images": .integer(100)]))
    }

    private func candidates() -> [Candidate] {
        var found = Synthetic.sequence([0.40, 0.30, 0.42], noise: 0.02, seed: 1)
        let low = [[Double]](repeating: [Double](repeating: 0.25, count: 100), count: 2)
        found.insert(Synthetic.candidate(epoch: 0, values: low, name: "a,\"b\" <&>.pt"), at: 0)
        found[1].architecture = "ResNet-50"
        found[1].contentHash = "abcd"
        found[3].step = 12
        found[3].score.entries[1].value = .nan
        return found
    }

    @Test func theJSONHoldsWhatTheSchemaPromises() throws {
        let excluded = [ExcludedFile(path: "x/y.pt", name: "y.pt", reason: "cut short")]
        let text = report(candidates(), excluded: excluded).json.text()
        let json = try JSON(text, path: "scores.json", section: "report")
        #expect(
            json.members?.map(\.key)
                == ["schema", "settings", "target", "checkpoints", "excluded", "recommendation", "warnings"])
        #expect(json["schema"]?.string == "ripe.scores/1")
        #expect(json["target"]?["images"]?.int == 100)
        #expect(json["settings"]?["draws"]?.int == 4)
        #expect(json["settings"]?["levels"] == .integers([-2, -1]))
        let checkpoints = try #require(json["checkpoints"]?.array)
        #expect(checkpoints.count == 4)
        #expect(checkpoints[1]["epoch"]?.int == 1)
        #expect(checkpoints[1]["step"] == .null)
        #expect(checkpoints[1]["architecture"]?.string == "ResNet-50")
        #expect(checkpoints[1]["contentHash"]?.string == "abcd")
        #expect(checkpoints[0]["untrained"]?.bool == true)
        #expect(checkpoints[0]["notConsidered"]?.string == "untrained: epoch 0")
        let score = try #require(checkpoints[1]["scores"]?.array?.first)
        #expect(
            score.members?.map(\.key)
                == ["loss", "distance", "margin", "level", "pooling", "negatives", "value", "standardError", "n"])
        #expect(score["distance"]?.string == "cosine" && score["margin"]?.double == 0.5 && score["level"]?.int == 4)
        #expect(score["value"]?.double == candidates()[1].score.entries[0].value)
        #expect(checkpoints[3]["scores"]?.array?[1]["value"] == .null)
        #expect(json["excluded"]?.array?[0]["reason"]?.string == "cut short")
        let recommendation = try #require(json["recommendation"])
        #expect(recommendation["pick"]?["epoch"]?.int == 2)
        #expect(recommendation["rules"]?["guarded"]?["name"]?.string == "model_epoch_2.pt")
        #expect(recommendation["baselines"]?["last"]?["epoch"]?.int == 2)
        #expect(recommendation["sentence"]?.string?.isEmpty == false)
        #expect(json["warnings"]?.array?[0]["kind"]?.string == "fewImages")
    }

    @Test func theTableQuotesWhatItMustAndHasALineForEachScore() {
        let lines = report(candidates()).csv.split(separator: "\n")
        #expect(lines.count == 1 + 4 * 2)
        #expect(
            lines[0]
                == "path,name,epoch,step,architecture,contentHash,loss,distance,margin,level,pooling,negatives,value,"
                + "standardError,n")
        #expect(
            lines[1] == "\"a,\"\"b\"\" <&>.pt\",\"a,\"\"b\"\" <&>.pt\",0,,,,hinge,cosine,0.5,4,flat,all,0.25,0.0,100")
    }

    @Test func theDrawingShowsEveryCheckpointAndEscapesNames() {
        let drawing = ScoreCurve(report(candidates())).svg
        #expect(drawing.hasPrefix("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 760 "))
        #expect(drawing.hasSuffix("</svg>\n"))
        #expect(drawing.contains("a,&quot;b&quot; &lt;&amp;&gt;.pt: 0.25 ± 0"))
        // Four checkpoints at level 4, three at level 5, where one score is not a number; five marks in the legend.
        #expect(drawing.split(separator: "<title>").count - 1 == 7)
        #expect(drawing.split(separator: "class=\"pick\"").count - 1 == 3)
        #expect(drawing.split(separator: "class=\"band\"").count - 1 == 3)
        #expect(!drawing.contains("nan") && !drawing.contains("inf"))
    }

    @Test func nothingScoredStillMakesAReport() throws {
        let empty = report([])
        #expect(empty.json["recommendation"]?["pick"] == .null)
        #expect(empty.csv.split(separator: "\n").count == 1)
        #expect(ScoreCurve(empty).svg.hasSuffix("</svg>\n"))
    }

    @Test func theFilesAppearCompleteAndNothingElse() throws {
        let folder = try TemporaryFolder()
        try report(candidates()).write(to: folder.path + "/out")
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out").sorted()
                == ["scores.csv", "scores.json", "scores.svg"])
        try folder.write([1], as: "file")
        let reason = FormatError.Reason.system(
            action: "make the folder", detail: "a file is in the way or it is read-only")
        #expect(throws: FormatError(folder.path + "/file", reason)) { try report([]).write(to: folder.path + "/file") }
    }
}
