// `ripe score` and `ripe pick` as commands: what they print, write, keep and leave behind.

import FoundationEssentials
import Formats
import Glibc
import TestSupport
import Testing

/// The numbers of a `scores.json` that tests compare.
private struct Scores: Decodable, Equatable {
    struct Checkpoint: Decodable, Equatable {
        struct Entry: Decodable, Equatable {
            let loss: String, distance: String, pooling: String, negatives: String
            let margin: Double?
            let level: Int, n: Int
            let value: Double, standardError: Double
        }
        let path: String, name: String, architecture: String, contentHash: String
        let epoch: Int?, step: Int?
        let untrained: Bool
        let network: [String: String]
        let scores: [Entry]
    }
    struct Excluded: Decodable, Equatable { let path: String, name: String, reason: String }
    struct Recommendation: Decodable, Equatable {
        struct File: Decodable, Equatable { let path: String }
        let rule: String, sentence: String
        let pick: File?
    }
    let schema: String
    let checkpoints: [Checkpoint]
    let excluded: [Excluded]
    let recommendation: Recommendation
}

@Suite struct ScoreCommand {
    private let folder: TemporaryFolder
    private let sequence = "\(TestData.fixtures)/checkpoints/lightning"
    private let target = "\(TestData.fixtures)/target"

    init() throws { folder = try TemporaryFolder() }

    /// Scores tiny images with few draws; results depend on neither `more` computation options.
    private func score(_ more: String..., checkpoints: String? = nil) throws -> Finished {
        try Running(
            ["score", checkpoints ?? sequence, "--target", target, "--image-size", "32", "--draws", "1"] + more
        ).finish()
    }

    private func decoded(_ run: Finished) throws -> Scores {
        try JSONDecoder().decode(Scores.self, from: Data(run.output.utf8))
    }

    @Test func theJSONHasItsSchemaAndNothingElseIsPrinted() throws {
        let run = try score("--json", "--no-cache")
        #expect(run.code == 0)
        #expect(run.errors == "")
        let scores = try decoded(run)
        #expect(scores.schema == "ripe.scores/1")
        #expect(scores.checkpoints.map(\.epoch) == [0, 0, 5])
        #expect(scores.checkpoints.map(\.step) == [0, 71, 426])
        #expect(scores.checkpoints.map(\.untrained) == [true, false, false])
        #expect(scores.checkpoints[2].name == "epoch=5-step=426.ckpt")
        #expect(scores.checkpoints[2].path == sequence + "/epoch=5-step=426.ckpt")
        #expect(scores.checkpoints[2].scores.map(\.level) == [4, 5])
        #expect(scores.checkpoints.allSatisfy { $0.scores.allSatisfy { $0.n == 64 && $0.standardError > 0 } })
        #expect(scores.checkpoints.allSatisfy { $0.network["BatchNorm epsilon"] == "1e-05" })
        #expect(scores.recommendation.rule == "guarded")
        let pick = try #require(scores.recommendation.pick)
        #expect(scores.checkpoints.dropFirst().map(\.path).contains(pick.path))
    }

    @Test func theTargetIsRecordedAsItWasAskedFor() throws {
        let run = try score("--json", "--no-cache", "--split", "test", "--channel", "0", "--keep-empty")
        let target = try JSON(run.output, path: "output", section: "output")["target"]
        #expect(target?["split"] == .string("test"))
        #expect(target?["channel"] == .integers([0]))
        #expect(target?["keepsEmptyImages"] == .bool(true))
        #expect(target?["images"] == .integer(40))
        #expect(target?["cases"] == .integer(5))
        #expect(target?["files"] == .integer(5))
    }

    @Test func neitherThreadsNorTheOrderOfFilesChangeABit() throws {
        let one = try decoded(try score("--json", "--no-cache", "--threads", "1"))
        let names = ["epoch=5-step=426.ckpt", "epoch=0-step=71.ckpt", "epoch=0-step=0.ckpt"]
        let run = try Running(
            ["score"] + names.map { "\(sequence)/\($0)" }
                + ["--target", target, "--image-size", "32", "--draws", "1", "--json", "--no-cache", "--threads", "2"]
        ).finish()
        #expect(try decoded(run) == one)
    }

    @Test func theBatchSizeChangesNoMoreThanRounding() throws {
        let eight = try decoded(try score("--json", "--no-cache"))
        let five = try decoded(try score("--json", "--no-cache", "--batch", "5"))
        #expect(five.recommendation == eight.recommendation)
        for (left, right) in zip(five.checkpoints, eight.checkpoints) {
            #expect(zip(left.scores, right.scores).allSatisfy { abs($0.value - $1.value) <= 1e-6 })
        }
    }

    @Test func aSecondRunTakesEveryScoreFromTheCache() throws {
        let cache = folder.path + "/cache"
        let first = try score("--json", "--cache", cache)
        func stamps() throws -> [String: Date] {
            var found: [String: Date] = [:]
            for name in folder.contents where name.hasSuffix(".json") {
                let facts = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/\(name)")
                found[name] = facts[.modificationDate] as? Date
            }
            return found
        }
        let kept = try stamps()
        #expect(kept.count == 3)
        let second = try score("--json", "--cache", cache)
        #expect(second.output == first.output)
        #expect(try stamps() == kept)
        // Other settings are other results.
        #expect(try score("--json", "--cache", cache, "--seed", "1").output != first.output)
        #expect(try stamps().count == 6)
    }

    @Test func aPersonSeesTableCurveRecommendationAndWhereTheFilesAre() throws {
        let out = folder.path + "/out"
        let run = try score("--no-cache", "--out", out)
        #expect(run.code == 0)
        for part in [
            "Scores, lower is better, cosine distance of flat features, hinge loss with margin 0.5",
            "untrained: step 0",
            "Recommendation", "--rule guarded", "without a score", "◆",
            "Written to \(out): scores.json, scores.csv, scores.svg, report.html (open it in a browser)",
        ] {
            #expect(run.output.contains(part), "\(part)")
        }
        #expect(!run.output.contains("\u{1B}"))
        #expect(
            run.errors.hasPrefix("Scoring 3 checkpoints on 64 images of 8 cases in \(target) (nnU-Net raw), as 32×32"))
        let files = ["report.html", "report.json", "run.json", "scores.csv", "scores.json", "scores.svg", "views"]
        #expect(folder.contents.filter { !$0.contains("views/") } == ["out"] + files.map { "out/\($0)" })
    }

    @Test func pickPrintsThePathAlone() throws {
        let run = try Running(
            ["pick", sequence, "--target", target, "--image-size", "32", "--draws", "1", "--no-cache"]
        ).finish()
        let scores = try decoded(try score("--json", "--no-cache"))
        #expect(run.output == (scores.recommendation.pick?.path ?? "") + "\n")
        #expect(run.errors == "")
        #expect(run.code == 0)
    }

    @Test func aDivergedCheckpointIsLeftOutByNameAndTheRestIsScored() throws {
        let source = try Checkpoint.open(sequence + "/epoch=5-step=426.ckpt")
        let sound = try safetensorsBytes(of: source) { _, _ in }
        let broken = try safetensorsBytes(of: source) { name, values in
            if name == "model.layers.0.first_block.weight" { values[3] = .nan }
        }
        let good = try folder.file("model_epoch_1.safetensors", sound)
        _ = try folder.file("model_epoch_2.safetensors", broken)
        _ = try folder.file("model_epoch_3.pt", Array("<html>".utf8))
        let run = try score("--json", "--no-cache", checkpoints: folder.path)
        #expect(run.code == 1)
        let scores = try decoded(run)
        #expect(scores.checkpoints.map(\.path) == [good])
        #expect(
            scores.excluded.map(\.reason) == [
                "this is a web page, not weights; the download failed and saved the server's answer; fetch it again",
                "tensor 'model.layers.0.first_block.weight' holds 1 NaN or infinite values; the checkpoint diverged or is "
                    + "damaged",
            ])
        #expect(
            run.errors.contains(
                "ripe: \(folder.path)/model_epoch_2.safetensors: tensor 'model.layers.0.first_block.weight' holds 1 NaN"
            ))
    }

    @Test func ctrlCLeavesOnlyWholeResultsAndTheNextRunGoesOn() throws {
        let (cache, out) = (folder.path + "/cache", folder.path + "/out")
        let arguments = [
            "score", sequence, "--target", target, "--image-size", "32", "--draws", "2", "--cache", cache, "--out", out,
        ]
        let running = try Running(arguments)
        // Once the first result is kept, the second checkpoint is under way.
        let deadline = ContinuousClock.now + .seconds(60)
        while !folder.contents.contains(where: { $0.hasSuffix(".json") }), ContinuousClock.now < deadline {
            usleep(5000)
        }
        running.signal(SIGINT)
        let run = try running.finish()
        #expect(run.code == 130)
        #expect(
            run.errors.hasSuffix(
                "ripe: stopped; the scores of 1 checkpoint of 3 are kept, and the same command goes on from there\n"))
        #expect(run.output == "")
        #expect(!folder.contents.contains { $0.contains("tmp") || $0.hasPrefix("out") })
        #expect(try Running(arguments).finish().code == 0)
        #expect(folder.contents.count { $0.hasSuffix(".json") && !$0.hasPrefix("out/") } == 3)
    }

    @Test func wrongUsageIsNamed() throws {
        func message(_ arguments: String...) throws -> String {
            let run = try Running(["score", sequence] + arguments).finish()
            #expect(run.code == 64)
            return run.errors
        }
        let help = " (see 'ripe help score')\n"
        #expect(try message() == "ripe: Give the images to score on with --target, or views with --views" + help)
        #expect(
            try message("--target", "a", "--views", "b") == "ripe: --target and --views cannot go together" + help)
        #expect(
            try message("--target", target, "--image-size", "big")
                == "ripe: --image-size 'big': expected pixels such as 224 or 224x192\n")
        #expect(
            try message("--target", "/none", "--arch", "resnet51").hasPrefix(
                "ripe: --arch: unknown architecture 'resnet51'; known: deepresnet, "))
        #expect(
            try message("--target", "/none", "--arch", "resnet50", "--arch-option", "img_size=224")
                == "ripe: --arch-option: unknown architecture option 'img_size'; known: config, epsilon, ignore, input, "
                + "prefix, stem_pool, stem_stride, stride" + help)
        #expect(
            try message("--target", target, "--split", "validation")
                == "ripe: --split 'validation': expected train, test or all; the layout nnU-Net raw has no validation images "
                + "of its own\n")
        #expect(
            try message("--target", target, "--normalize", "loud").hasPrefix(
                "ripe: --normalize 'loud': expected auto, "))
    }

    @Test func wrongInputIsNamed() throws {
        let missing = try score("--no-cache", checkpoints: folder.path + "/none")
        #expect(missing.code == 1)
        #expect(missing.errors.hasSuffix("ripe: \(folder.path)/none: cannot open: No such file or directory\n"))
        try NumPy.write(TensorView(floats: [1, 2], shape: [2]), to: folder.path + "/views.npy")
        let views = try ripe("score", sequence, "--views", folder.path + "/views.npy")
        #expect(views.code == 1)
        #expect(
            views.errors
                == "ripe: \(folder.path)/views.npy: views: expected 2×N×C×H×W (or two files of N×C×H×W), found 2\n")
        #expect(folder.contents == ["views.npy"])
    }
}
