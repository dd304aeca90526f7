// metrics.json, the table of cases, the terminal's table.

import Formats
import Testing

@testable import Analyzer

@Suite struct MetricsReportTests {
    private func report() throws -> MetricsReport {
        let settings = try MetricSettings(classes: ["background", "brain", "grey, deep"])
        var test = MetricAccumulator(settings)
        try test.addImage("p1", .labels([1, 1, 0, 0, 2, 2]), truth: [1, 1, 1, 1, 2, 2], height: 2, width: 3)
        try test.addImage("p2", .labels([1, 0, 0, 0, 0, 0]), truth: [0, 1, 0, 0, 0, 0], height: 2, width: 3)
        return MetricsReport(test: test.results, validation: nil, facts: [.init(key: "epoch", value: 3)])
    }

    @Test func jsonHoldsPooledAndPerCaseValues() throws {
        let json = try report().json
        #expect(json["schema"]?.string == "ripe.metrics/1")
        #expect(json["epoch"]?.int == 3)
        #expect(json["classes"] == .strings(["brain", "grey, deep"]))
        #expect(json["backgroundInMeans"]?.bool == false)
        #expect(json["validation"] == nil)
        let test = try #require(json["test"])
        #expect(close(test["dice"]?["perClass"]?.array?[0].double, 4.0 / 8))
        #expect(close(test["dice"]?["mean"]?.double, 0.75))
        #expect(close(test["diceByCase"]?["mean"]?.double, (1 / 3.0 + 1) / 2))
        #expect(test["diceByCase"]?["undefined"] == .integers([0, 1]))
        let cases = try #require(test["diceByCase"]?["cases"]?.array)
        #expect(cases.map { $0["case"]?.string } == ["p1", "p2"])
        #expect(cases[1]["perClass"] == .array([.real(0), .null]))
        #expect(test["hausdorff95"] == nil)
        #expect(test["hausdorff95ByCase"]?["cases"]?.array?[1]["mean"]?.double == 1)
        #expect(test["rocAUC"]?["mean"] == .null)
        #expect(test["distanceUnit"]?.string == "px")
        #expect(test["confusion"]?.array?.count == 3)
        #expect(try JSON(json.text(), path: "metrics.json", section: "report") == json)
    }

    @Test func everyMeasureHasItsKeys() throws {
        let test = try #require(try report().json["test"])
        for metric in SegmentationMetric.allCases {
            #expect((test[metric.rawValue] != nil) == (metric.family != .distance))
            #expect(test[metric.rawValue + "ByCase"] != nil && test[metric.rawValue + "ByImage"] != nil)
        }
    }

    @Test func tableOfCasesHasARowForEachClass() throws {
        let lines = try report().caseTable.split(separator: "\n")
        #expect(lines.count == 5)
        #expect(lines[0].hasPrefix("set,case,class,dice,jaccard,mcc,"))
        #expect(lines[1].hasPrefix("test,p1,brain,0.6666666666666666,0.5,"))
        #expect(lines[2].hasPrefix("test,p1,\"grey, deep\",1.0,1.0,1.0,"))
        #expect(lines[4].hasPrefix("test,p2,\"grey, deep\",,,,,1.0,"))
        #expect(lines[3].hasSuffix(",1.0,1.0,1.0,px,1,1"))
    }

    @Test func terminalTableIsAligned() throws {
        let table = MetricsTable(try #require(try report().sets.first).results)
        let lines = table.lines
        #expect(table.header == ["", "mean", "brain", "grey, deep", "by image", "by case"])
        #expect(lines[1] == "Dice                           0.7500  0.5000      1.0000    0.6667   0.6667")
        #expect(lines[11] == "Hausdorff 95 (px)                   –    1.00        0.00      0.50     0.50")
        #expect(Set(lines[...13].map(\.count)).count == 1)
        #expect(lines[15] == "No distance where a class is absent: grey, deep in 1 of 2 cases.")
    }
}
