// `ripe run`: the whole method on the example checkpoints.

import Formats
import FoundationEssentials
import TestSupport
import Testing

@Suite struct RunTests {
    private let target: SquaresTarget

    init() throws { target = try SquaresTarget() }

    private func arguments(_ more: String...) -> [String] {
        [
            "run", TestData.fixtures + "/checkpoints/pytorch", "--target", target.train, "--image-size", "32",
            "--decoder-channels", "32,16,16,8,8", "--epochs", "2", "--batch", "4", "--threads", "1", "--cache",
            target.folder.path + "/cache", "--out", target.out,
        ] + more
    }

    @Test func theRecommendedCheckpointAloneIsFineTuned() throws {
        let run = try ripe(arguments())
        #expect(run.code == 0, "\(run.errors)")
        let scores = try JSON(Bytes(mapping: target.out + "/scores.json"), path: "scores", section: "file")
        let metrics = try JSON(Bytes(mapping: target.out + "/metrics.json"), path: "metrics", section: "file")
        let pick = try #require(scores["recommendation"]?["pick"]?["path"]?.string)
        #expect(metrics["checkpoint"]?.string == pick)
        #expect(metrics["test"]?["imageCount"]?.int == 4)
        let order = ["Images to learn from", "Recommendation", "Training", "Test images", "Written"]
        let places = order.map { run.output.firstRange(of: $0)?.lowerBound }
        #expect(!places.contains(nil) && places.compactMap(\.self) == places.compactMap(\.self).sorted())
        let page = String(decoding: try target.bytes("report.html"), as: UTF8.self)
        for id in ["recommendation", "curve", "samples", "learning-curves", "metrics", "overlays", "provenance"] {
            #expect(page.contains("<section id=\"\(id)\""), "\(id)")
        }
        #expect(run.output.contains("\(target.out)/report.html"))
        // Again: finished scores are taken from the cache, the finished training is only measured.
        let again = try ripe(arguments("--resume"))
        #expect(again.code == 0 && again.output.contains("going on after epoch 2"), "\(again.errors)")
        // The same from the scores of the run.
        let other = target.out + "-tuned"
        let tuned = try ripe(
            "finetune", target.out + "/scores.json", "--target", target.train, "--image-size", "32",
            "--decoder-channels", "32,16,16,8,8", "--epochs", "2", "--batch", "4", "--threads", "1", "--out", other)
        #expect(tuned.code == 0, "\(tuned.errors)")
        #expect(try target.bytes("model.safetensors", in: other) == target.bytes("model.safetensors"))
    }

    @Test func masksAreCheckedBeforeAnythingIsScored() throws {
        let run = try ripe(arguments("--classes", "background=0,lesion=7"))
        #expect(run.code == 1 && !run.errors.contains("Scoring"))
        #expect(run.errors.contains("train_100_s000.png"), "\(run.errors)")
    }
}
