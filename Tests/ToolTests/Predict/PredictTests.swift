// `ripe predict` as a user runs it: what it prints, what it writes, and what it refuses.

import Analyzer
import Engine
import Formats
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@Suite struct PredictTests {
    private let folder: TemporaryFolder
    private var out: String { folder.path + "/out" }
    private var model: String { folder.path + "/model.safetensors" }

    init() throws { folder = try TemporaryFolder() }

    /// Writes a model that calls pixels above 50 of 100 bright.
    private func writeModel(
        height: Int = 3, width: Int = 4, values: [Int32] = [0, 1], threshold: Float = 0.5, preparation: String? = nil
    ) throws {
        var options = TargetOptions()
        options.preparation.normalization = .window(low: 0, high: 100)
        (options.preparation.height, options.preparation.width) = (height, width)
        let card = ThresholdModel.card(
            classNames: ["background", "bright"], classValues: values, size: Size2(height, width),
            preparation: try preparation ?? ModelPreparation(options, imageChannels: 1).text())
        try SegmentationModel.write(
            card, values: ThresholdModel.parameters(card, thresholds: [threshold]), batches: 0, to: model)
    }

    private func writeVolume(_ name: String, bright: Int, spacing: SIMD3<Double> = [1, 2, 5]) throws {
        let values = (0..<24).map { $0 < bright ? Int16(90 + $0 % 3) : Int16(10 + $0 % 3) }
        let affine = Affine(linear: Matrix3(diagonal: spacing), translation: [0, 0, 0])
        try FileManager.default.createDirectory(atPath: folder.path + "/in", withIntermediateDirectories: true)
        try Volume(
            voxels: TensorView(dtype: .int16, shape: [2, 3, 4], bytes: Bytes(copying: values)),
            geometry: VolumeGeometry(affine: affine)
        ).write(to: folder.path + "/in/" + name)
    }

    private func writePNG(_ name: String, _ samples: [UInt8], _ shape: Shape) throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/in", withIntermediateDirectories: true)
        try PNGImage(samples: TensorView(dtype: .uint8, shape: shape, bytes: Bytes(copying: samples)))
            .write(to: folder.path + "/in/" + name)
    }

    private func predict(_ more: String..., images: String? = nil) throws -> Finished {
        try Running(["predict", model, images ?? folder.path + "/in", "--out", out] + more).finish()
    }

    // MARK: What it prints and writes

    @Test func aTableSaysHowMuchOfEachClassThereIs() throws {
        try writeModel()
        try writeVolume("a_0000.nii.gz", bright: 6)
        try writeVolume("b.nii", bright: 13)
        let run = try predict()
        let lines = run.output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        #expect(
            lines.prefix(4) == [
                "case  images  bright    ml", "a          2       6  0.06", "b          2      13  0.13", "",
            ])
        #expect(lines[4].hasPrefix("Written to \(out): 2 label maps of 4 images in "))
        #expect(
            run.errors
                == "note: images of 3×4 are padded with zeros to 4×4, multiples of 2 as the encoder needs, and cut again\n"
        )
        #expect(run.code == 0)
        #expect(try TestData.files(in: out) == ["a.nii.gz", "b.nii.gz"])
        #expect(try Volume(reading: out + "/a.nii.gz").labels().values == (0..<24).map { $0 < 6 ? 1 : 0 })
    }

    @Test func jsonIsAllThereIs() throws {
        try writeModel(values: [0, 7])
        try writeVolume("a.nii.gz", bright: 6)
        let run = try predict("--json", "--overlay", "--probabilities")
        #expect(run.errors == "")
        let json = try JSON(run.output, path: "output", section: "JSON")
        #expect(json["schema"]?.string == "ripe.prediction/1")
        #expect(json["model"]?.string == model)
        #expect(json["classes"]?.array?[1]["value"]?.int == 7)
        let first = try #require(json["cases"]?.array?.first)
        #expect(first["output"]?.string == out + "/a.nii.gz")
        #expect(first["probabilities"]?.string == out + "/a_probabilities.nii.gz")
        #expect(first["kind"]?.string == "volume")
        #expect(first["classes"]?.array?[1]["voxels"]?.int == 6)
        #expect(first["classes"]?.array?[1]["milliliters"]?.double == 0.06)
        #expect(first["overlays"]?.array?.compactMap(\.string) == [out + "/overlays/a_s0.png"])
        #expect(json["imageCount"]?.int == 2)
        #expect(try TestData.files(in: out) == ["a.nii.gz", "a_probabilities.nii.gz", "overlays"])
        #expect(try Volume(reading: out + "/a.nii.gz").labels().counts.map(\.label) == [0, 7])
    }

    @Test func aDataSetIsPredictedByPart() throws {
        try writeModel()
        for part in ["Tr", "Ts"] {
            try writeVolume("c\(part)_0000.nii.gz", bright: 6)
            try FileManager.default.createDirectory(
                atPath: folder.path + "/set/images\(part)", withIntermediateDirectories: true)
            try FileManager.default.moveItem(
                atPath: folder.path + "/in/c\(part)_0000.nii.gz",
                toPath: folder.path + "/set/images\(part)/c\(part)_0000.nii.gz")
        }
        #expect(try predict("--split", "test", images: folder.path + "/set").code == 0)
        #expect(try TestData.files(in: out) == ["cTs.nii.gz"])
        #expect(try predict("--overwrite", images: folder.path + "/set").code == 0)
        #expect(try TestData.files(in: out) == ["cTr.nii.gz", "cTs.nii.gz"])
    }

    @Test func aCaseThatCannotBeReadIsNamedAndTheRestIsWritten() throws {
        try writeModel()
        try writeVolume("a.nii.gz", bright: 6)
        _ = try folder.file("in/b.nii.gz", Array("<!DOCTYPE html>".utf8))
        let run = try predict()
        #expect(run.code == 1)
        #expect(run.errors.contains("ripe: b: \(folder.path)/in/b.nii.gz: this is a web page"))
        #expect(run.errors.hasSuffix("; it is left out\n"))
        #expect(try TestData.files(in: out) == ["a.nii.gz"])
    }

    // MARK: What it refuses

    @Test func aFileThatIsNoModelIsNamed() throws {
        try writeVolume("a.nii.gz", bright: 6)
        let checkpoint = TestData.fixtures + "/checkpoints/pytorch/model_state_dict_epoch_5.pt"
        let run = try ripe("predict", checkpoint, folder.path + "/in", "--out", out)
        #expect(run.code == 1)
        #expect(run.errors.hasPrefix("ripe: \(checkpoint) is no model of `ripe finetune`"))
        let text = try folder.file("model.txt", Array("hello".utf8))
        let other = try ripe("predict", text, folder.path + "/in", "--out", out)
        #expect(other.code == 1)
        #expect(other.errors.hasPrefix("ripe: \(text): "))
        #expect(folder.contents.filter { $0.hasPrefix("out") } == [])
    }

    @Test func aModelThatDoesNotSayHowItsImagesWerePreparedIsRefused() throws {
        try writeModel(preparation: "")
        try writeVolume("a.nii.gz", bright: 6)
        let run = try predict()
        #expect(
            run.errors
                == "ripe: \(model): the model does not say how its images were prepared; train it with `ripe finetune`\n"
        )
        #expect(run.code == 1)
    }

    @Test func coloursAreRefusedByAModelOfGreyImages() throws {
        try writeModel()
        try writePNG("c.png", (0..<36).map { $0 * 5 }, [3, 4, 3])
        let run = try predict()
        #expect(
            run.errors.hasSuffix(
                "ripe: c: \(folder.path)/in/c.png: expected grey images, as the model was trained on, found 3 channels; "
                    + "it is left out\n"))
        #expect(run.code == 1)
        #expect(run.output == "")
    }

    @Test func anEmptyFolderIsRefused() throws {
        try writeModel()
        try FileManager.default.createDirectory(atPath: folder.path + "/in", withIntermediateDirectories: true)
        let run = try predict()
        #expect(
            run.errors.hasSuffix(
                "ripe: \(folder.path)/in: the folder is empty; give an nnU-Net, Decathlon or ACDC data set, a folder with "
                    + "images/, or NIfTI, PNG or .npy files\n"))
        #expect(run.code == 1)
        #expect(folder.contents.filter { $0.hasPrefix("out") } == [])
    }

    @Test func whatExistsIsReplacedOnlyOnDemand() throws {
        try writeModel()
        try writeVolume("a.nii.gz", bright: 6)
        #expect(try predict().code == 0)
        let before = try Data(contentsOf: URL(filePath: out + "/a.nii.gz"))
        try writeModel(threshold: 0.91)
        let refused = try predict()
        #expect(
            refused.errors.hasSuffix(
                "ripe: \(out)/a.nii.gz: cannot write: it exists; give --overwrite to replace it\n"))
        #expect(refused.code == 1)
        #expect(try Data(contentsOf: URL(filePath: out + "/a.nii.gz")) == before)
        #expect(try predict("--overwrite").code == 0)
        #expect(try Data(contentsOf: URL(filePath: out + "/a.nii.gz")) != before)
    }

    @Test func aFileInTheWayOfTheFolderIsNamed() throws {
        try writeModel()
        try writeVolume("a.nii.gz", bright: 6)
        _ = try folder.file("out", [1])
        let run = try predict()
        #expect(run.errors.hasSuffix("ripe: \(out): cannot make the folder: a file of that name is in the way\n"))
        #expect(run.code == 1)
    }

    @Test(.enabled(if: geteuid() != 0, "root may write everywhere"))
    func aFolderThatCannotBeWrittenIsNamed() throws {
        try writeModel()
        try writeVolume("a.nii.gz", bright: 6)
        try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
        try #require(chmod(out, 0o500) == 0)
        let run = try predict()
        #expect(
            run.errors.hasSuffix("ripe: \(out): cannot write: the folder cannot be written; name another\n"))
        #expect(run.code == 1)
    }

    @Test func valuesThatNoPNGHoldsAreRefusedBeforeTheWork() throws {
        try writeModel(values: [-1, 1])
        try writePNG("c.png", (0..<12).map { $0 * 20 }, [3, 4])
        let run = try predict()
        #expect(run.errors.contains("class values -1 to 1 in a PNG"))
        #expect(run.code == 1)
        #expect(folder.contents.filter { $0.hasPrefix("out") } == [])
    }

    @Test func aBatchOfNothingIsAMistake() throws {
        try writeModel()
        let run = try predict("--batch", "0")
        #expect(run.errors.hasPrefix("ripe: --batch must be from 1 to 4096"))
        #expect(run.code == 64)
    }
}
