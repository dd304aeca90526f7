// A folder of results for the tests of the report.

import Formats
import FoundationEssentials

@testable import Analyzer

/// Files as the commands leave them, of made-up numbers.
struct ReportFolder: ~Copyable {
    let folder: TemporaryFolder
    var path: String { folder.path }

    init() throws { folder = try TemporaryFolder() }

    static func candidates(hostile: String = "a.pt") -> [Candidate] {
        var found = Synthetic.sequence([0.40, 0.30, 0.42], noise: 0.02, seed: 1)
        let low = [[Double]](repeating: [Double](repeating: 0.25, count: 100), count: 2)
        found.insert(Synthetic.candidate(epoch: 0, values: low, name: hostile), at: 0)
        for index in found.indices { found[index].contentHash = "hash\(index)" }
        return found
    }

    static func report(
        _ candidates: [Candidate] = candidates(), excluded: [ExcludedFile] = [], warnings: [ScoreWarning] = [],
        target: String = "images"
    ) -> ScoreReport {
        ScoreReport(
            candidates: candidates, excluded: excluded, recommendation: Synthetic.recommend(candidates),
            warnings: warnings, options: .ripe, preset: .ripe,
            target: .object([
                "path": .string(target), "images": .integer(100), "contentHash": .string("targethash"),
            ]))
    }

    func write(_ text: String, as name: String) throws { try folder.write(Array(text.utf8), as: name) }

    /// history.csv and metrics.json.
    func addTraining() throws {
        try write(Self.history, as: "history.csv")
        try write(Self.metrics, as: "metrics.json")
    }

    /// A picture of 4×3 grey pixels.
    func addPicture(_ name: String) throws {
        let pixels = (0..<12).map { UInt8($0 * 20) }
        let image = try PNGImage(
            samples: TensorView(dtype: .uint8, shape: [3, 4, 1], bytes: Bytes(copying: pixels)))
        try folder.write(image.encoded().withUnsafeBytes { Array($0) }, as: name)
    }

    static let history = #"""
        epoch,step,loss,trainDice,"trainDice_a,""b""",validationDice,learningRate,seconds
        1,6,1.5,0.25,0.25,,0.001,2.5
        2,12,1.25,0.5,0.5,0.4375,0.0005,2.5

        """#

    static let metrics = """
        {"schema": "ripe.metrics/1", "checkpoint": "model_epoch_2.pt", "checkpointHash": "hash2",
         "settings": {"network": "unet"}, "runs": [{"model": "out/model.safetensors", "epochs": 2}],
         "classes": ["liver", "tumour"],
         "test": {"caseCount": 2, "imageCount": 9, "distanceUnit": "mm",
          "dice": {"mean": 0.8125, "perClass": [0.875, 0.75]},
          "diceByCase": {"mean": 0.78125, "perClass": [0.85, null],
           "cases": [{"case": "case_7", "mean": 0.6875, "perClass": [0.6875, null]}]},
          "hausdorff95ByCase": {"mean": 4.5, "perClass": [3.25, 5.75]}}}
        """
}
