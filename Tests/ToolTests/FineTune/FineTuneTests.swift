// `ripe finetune` as a user runs it, on a small task.

import Formats
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct FineTuneTests {
    private let target: SquaresTarget

    init() throws { target = try SquaresTarget() }

    @Test func aRunLeavesModelHistoryMeasuresAndPictures() throws {
        let run = try ripe(target.arguments())
        #expect(run.code == 0, "\(run.errors)")
        let files = try FileManager.default.contentsOfDirectory(atPath: target.out).sorted()
        #expect(
            files == [
                "cases.csv", "history.csv", "metrics.json", "model.safetensors", "model_last.safetensors", "overlays",
                "report.html", "report.json", "run.json", "state",
            ])
        #expect(try target.column("epoch") == [1, 2, 3] && target.column("step") == [4, 8, 12])
        let losses = try target.column("loss")
        #expect(losses[2] < losses[0], "\(losses)")
        let metrics = try JSON(Bytes(mapping: target.out + "/metrics.json"), path: "metrics", section: "file")
        #expect(metrics["schema"]?.string == "ripe.metrics/1" && metrics["classes"]?.array == ["foreground"])
        #expect(metrics["test"]?["imageCount"]?.int == 4 && metrics["test"]?["caseCount"]?.int == 2)
        let pooled = try #require(metrics["test"]?["dice"]?["mean"]?.double)
        let byCase = try #require(metrics["test"]?["diceByCase"]?["cases"]?.array)
        #expect(pooled > 0 && pooled <= 1 && byCase.count == 2, "\(pooled)")
        #expect(metrics["runs"]?.array?.first?["bestEpoch"]?.int == 3)
        // The plan comes before the first epoch, measures and places at the end.
        let order = ["Images to learn from", "Images to judge by", "memory", "epoch    loss", "Test images", "Written"]
        let places = order.map { run.output.firstRange(of: $0)?.lowerBound }
        #expect(!places.contains(nil) && places.compactMap(\.self) == places.compactMap(\.self).sorted())
        #expect(run.output.contains("beside"), "the test folder was found by itself")
        #expect(try FileManager.default.contentsOfDirectory(atPath: target.out + "/overlays").count == 4)
    }

    @Test func theSameSeedGivesTheSameBitsAndAnotherSeedOthers() throws {
        let (one, two, three) = (target.out + "1", target.out + "2", target.out + "3")
        #expect(try ripe(target.arguments(out: one, "--epochs", "1")).code == 0)
        #expect(try ripe(target.arguments(out: two, "--epochs", "1")).code == 0)
        #expect(try ripe(target.arguments(out: three, "--epochs", "1", "--seed", "6")).code == 0)
        let model = "model.safetensors"
        #expect(try target.bytes(model, in: one) == target.bytes(model, in: two))
        #expect(try target.bytes(model, in: one) != target.bytes(model, in: three))
    }

    @Test(arguments: ["encoder", "2-epochs"]) func aFrozenEncoderKeepsItsWeightsAndStatistics(freeze: String) throws {
        #expect(try ripe(target.arguments("--freeze", freeze)).code == 0)
        let before = try Checkpoint.open(SquaresTarget.checkpoint)
        let after = try Checkpoint.open(target.out + "/model_last.safetensors")
        var changed: [String] = []
        for info in before.tensors where info.dtype == .float32 && info.name.hasPrefix("layers.0.") {
            let name = "encoder." + info.name.dropFirst("layers.0.".count)
            if try before.tensor(info.name).floats() != after.tensor(name).floats() { changed.append(name) }
        }
        #expect(changed.isEmpty == (freeze == "encoder"), "\(changed)")
    }

    @Test func aResultIsPredictedWithAndConverted() throws {
        #expect(try ripe(target.arguments("--network", "smp-unet")).code == 0)
        let masks = target.folder.path + "/masks"
        let run = try ripe(
            "predict", target.out + "/model.safetensors", target.test + "/images", "--out", masks, "--threads", "1")
        #expect(run.code == 0, "\(run.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: masks).filter { $0.hasSuffix(".png") }.count == 4)
        let converted = try ripe("convert", target.out + "/model.safetensors", target.out + "/model.pt", "--verify")
        #expect(converted.code == 0, "\(converted.errors)")
    }

    @Test func testImagesThatAreTrainedOnAreTold() throws {
        let target = try SquaresTarget()
        let run = try ripe(target.arguments("--test", target.train, "--epochs", "1"))
        #expect(run.code == 0)
        #expect((run.output + run.errors).contains("16 of 16 files are also in the training data, byte for byte"))
    }

    @Test func foldsMeasureEveryCaseByANetworkThatNeverSawIt() throws {
        let run = try ripe(target.arguments("--folds", "2", "--epochs", "1"))
        #expect(run.code == 0, "\(run.errors)")
        let metrics = try JSON(Bytes(mapping: target.out + "/metrics.json"), path: "metrics", section: "file")
        #expect(metrics["validation"]?["caseCount"]?.int == 8 && metrics["runs"]?.array?.count == 2)
        #expect(metrics["runs"]?.array?.map { $0["trainingImages"]?.int } == [8, 8])
        for fold in 1...2 {
            #expect(FileManager.default.fileExists(atPath: "\(target.out)/fold_\(fold)/model.safetensors"))
        }
    }

    @Test func theReportShowsEveryFoldAndTheNetworkFromRandomWeights() throws {
        let run = try ripe(target.arguments("--folds", "2", "--epochs", "2", "--baseline"))
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("Against random weights"))
        let page = String(decoding: try target.bytes("report.html"), as: UTF8.self)
        let parts = [
            "Fold 1", "Fold 2", "validation images (8 cases); the same network from random weights: 0.",
            ", the same network from random weights",
        ]
        for part in parts { #expect(page.contains(part), "\(part)") }
        let numbers = try JSON(Bytes(mapping: target.out + "/report.json"), path: "report", section: "file")
        let scratch = try JSON(Bytes(mapping: target.out + "/baseline/metrics.json"), path: "metrics", section: "file")
        #expect(scratch["runs"]?.array?.count == 2 && scratch["validation"]?["caseCount"]?.int == 8)
        #expect(numbers["baseline"] != nil)
    }

    @Test func theBestEpochOnTheValidationCasesIsKept() throws {
        #expect(try ripe(target.arguments("--validation", "0.25")).code == 0)
        let dice = try target.column("validationDice")
        let best = try #require(dice.max())
        let metrics = try JSON(Bytes(mapping: target.out + "/metrics.json"), path: "metrics", section: "file")
        #expect(metrics["runs"]?.array?.first?["bestEpoch"]?.int == dice.firstIndex(of: best).map { $0 + 1 })
        // Nothing is resized here, so the measures of the kept model are those that chose it.
        let measured = try #require(metrics["validation"]?["dice"]?["mean"]?.double)
        #expect(abs(measured - best) < 1e-9 && metrics["validation"]?["caseCount"]?.int == 2)
    }

    @Test func accumulatedBatchesTakeOneStep() throws {
        #expect(
            try ripe(target.arguments("--batch", "2", "--accumulate", "3", "--ema", "0.9", "--clip", "1")).code == 0)
        // Eight batches of two are three steps: of three, three and two.
        #expect(try target.column("step") == [3, 6, 9])
    }
}
