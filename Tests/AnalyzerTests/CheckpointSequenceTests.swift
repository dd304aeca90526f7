// Finding and ordering the checkpoints of a run.

import FoundationEssentials
import TestSupport
import Testing

@testable import Analyzer

struct CheckpointSequenceTests {
    private static let pytorch = TestData.fixtures + "/checkpoints/pytorch/model_state_dict_epoch_"
    private static let lightning = TestData.fixtures + "/checkpoints/lightning/"

    @Test func aFolderIsOrderedByEpochNotByName() throws {
        let folder = try TemporaryFolder()
        for (source, epoch) in [(1, 2), (5, 10), (3, 9), (0, 0)] {
            try folder.copy("\(Self.pytorch)\(source).pt", as: "model_epoch_\(epoch).pt")
        }
        try folder.write(Array("epoch,loss\n".utf8), as: "pretraining.csv")
        try folder.write([1, 2, 3], as: "optimizer.pt")
        let sequence = try CheckpointSequence.find([folder.path])
        #expect(
            sequence.files.map(\.name)
                == ["model_epoch_0.pt", "model_epoch_2.pt", "model_epoch_9.pt", "model_epoch_10.pt"])
        #expect(sequence.files.map(\.epoch) == [0, 2, 9, 10])
        #expect(sequence.excluded.isEmpty)
    }

    @Test func metadataWinsOverNamesAndFormatsMix() throws {
        let folder = try TemporaryFolder()
        try folder.copy(Self.lightning + "epoch=5-step=426.ckpt", as: "a/epoch=1-step=2.ckpt")
        try folder.copy(Self.lightning + "epoch=0-step=71.ckpt", as: "a/last.ckpt")
        try folder.copy(Self.pytorch + "3.pt", as: "a/epoch_3.pt")
        let sequence = try CheckpointSequence.find([folder.path + "/a"])
        #expect(sequence.files.map(\.name) == ["last.ckpt", "epoch_3.pt", "epoch=1-step=2.ckpt"])
        #expect(sequence.files.map(\.epoch) == [0, 3, 5])
        #expect(sequence.files.map(\.step) == [71, nil, 426])
    }

    @Test func patternsListsAndLinksNameEachFileOnce() throws {
        let folder = try TemporaryFolder()
        for epoch in [1, 3, 5] { try folder.copy("\(Self.pytorch)\(epoch).pt", as: "epoch_\(epoch).pt") }
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/best.pt", withDestinationPath: folder.path + "/epoch_3.pt")
        let all = try CheckpointSequence.find([folder.path + "/epoch_*.pt", folder.path + "/best.pt", folder.path])
        #expect(all.files.map(\.epoch) == [1, 3, 5])
        let some = try CheckpointSequence.find([folder.path + "/epoch_[15].pt"])
        #expect(some.files.map(\.epoch) == [1, 5])
    }

    @Test func subfoldersNamedAfterStepsBelongToTheirFolder() throws {
        let folder = try TemporaryFolder()
        for step in [500, 1000] {
            try folder.copy(Self.pytorch + "1.pt", as: "checkpoint-\(step)/pytorch_model.bin")
            try folder.write([0x80, 2, 0x7D, 0x2E], as: "checkpoint-\(step)/optimizer.bin")
        }
        try folder.copy(Self.pytorch + "5.pt", as: "other/epoch_7.pt")
        let sequence = try CheckpointSequence.find([folder.path])
        #expect(
            sequence.files.map(\.name) == ["checkpoint-500/pytorch_model.bin", "checkpoint-1000/pytorch_model.bin"])
        #expect(sequence.files.map(\.step) == [500, 1000])
    }

    @Test func anEmptyFolderSendsTheSearchDeeper() throws {
        let folder = try TemporaryFolder()
        try folder.copy(Self.pytorch + "5.pt", as: "lightning_logs/version_0/checkpoints/epoch_7.pt")
        try folder.copy(Self.pytorch + "3.pt", as: "lightning_logs/version_0/checkpoints/epoch_8.pt")
        #expect(try CheckpointSequence.find([folder.path]).files.map(\.epoch) == [7, 8])
    }

    @Test func aFoldersOwnCheckpointsWinAndTheOthersAreNamed() throws {
        let folder = try TemporaryFolder()
        try folder.copy(Self.pytorch + "5.pt", as: "last.pt")
        for version in 0..<5 {
            try folder.copy(Self.pytorch + "3.pt", as: "lightning_logs/version_\(version)/checkpoints/epoch_8.pt")
        }
        try folder.write(Array("a,b\n".utf8), as: "tables/scores.csv")
        let sequence = try CheckpointSequence.find([folder.path])
        #expect(sequence.files.map(\.name) == ["last.pt"])
        #expect(
            sequence.notes == [
                "\(folder.path): only its own checkpoints are used, not those in lightning_logs/version_0/checkpoints, "
                    + "lightning_logs/version_1/checkpoints, lightning_logs/version_2/checkpoints, … 2 more; "
                    + "give a folder by itself to choose it"
            ])
    }

    @Test func filesOfSeveralRunsTakenTogetherAreNoted() throws {
        let folder = try TemporaryFolder()
        for version in 0..<2 {
            try folder.copy(Self.pytorch + "5.pt", as: "logs/version_\(version)/checkpoints/epoch_\(version).pt")
        }
        let sequence = try CheckpointSequence.find([folder.path + "/logs/"])
        #expect(sequence.files.map(\.epoch) == [0, 1])
        #expect(
            sequence.notes == [
                "\(folder.path)/logs/: the checkpoints of 2 folders are taken for one run (version_0/checkpoints, "
                    + "version_1/checkpoints); if they are several, give the folder of one"
            ])
        #expect(try CheckpointSequence.find([folder.path + "/logs/version_0"]).notes == [])
    }

    @Test func oneFolderForEachStepIsOneRun() throws {
        let folder = try TemporaryFolder()
        for step in [500, 1000] {
            try folder.copy(Self.pytorch + "5.pt", as: "out/checkpoint-\(step)/pytorch_model.bin")
            try folder.copy(Self.pytorch + "5.pt", as: "deep/checkpoint-\(step)/weights/model.bin")
        }
        try folder.copy(Self.pytorch + "3.pt", as: "out/pytorch_model.bin")
        let sequence = try CheckpointSequence.find([folder.path + "/out"])
        #expect(sequence.files.map(\.step) == [500, 1000, nil])
        #expect(sequence.notes == [])
        let deep = try CheckpointSequence.find([folder.path + "/deep"])
        #expect(deep.files.count == 2)
        #expect(deep.notes == [])
    }

    @Test func brokenFilesAreExcludedWithTheirReason() throws {
        let folder = try TemporaryFolder()
        try folder.copy(Self.pytorch + "1.pt", as: "epoch_1.pt")
        try folder.write([], as: "epoch_2.pt")
        try folder.write(Array("<!DOCTYPE html><html></html>".utf8), as: "epoch_3.pt")
        try folder.write(
            Array("version https://git-lfs.github.com/spec/v1\noid sha256:ab\nsize 9\n".utf8), as: "epoch_4.pt")
        let sequence = try CheckpointSequence.find([folder.path])
        #expect(sequence.files.map(\.epoch) == [1])
        #expect(sequence.excluded.map(\.name) == ["epoch_2.pt", "epoch_3.pt", "epoch_4.pt"])
        #expect(
            sequence.excluded[0].reason
                == "this is an empty file, not weights; the download or copy was interrupted; fetch it again")
    }

    @Test func aNamedFileThatIsNotThereIsExcludedAndAnEmptyPlaceIsAnError() throws {
        let folder = try TemporaryFolder()
        let missing = try CheckpointSequence.find([folder.path + "/gone.pt"])
        #expect(missing.excluded.map(\.reason) == ["cannot open: No such file or directory"])
        #expect(
            throws: AnalyzerError.noCheckpoints(
                place: folder.path, detail: "looked for safetensors, PyTorch, Keras, NumPy and ONNX files")
        ) { try CheckpointSequence.find([folder.path]) }
        #expect(
            throws: AnalyzerError.noCheckpoints(place: folder.path + "/*.pt", detail: "the pattern matches no file")
        ) { try CheckpointSequence.find([folder.path + "/*.pt"]) }
    }

    /// A safetensors file with one number.
    private static func safetensors(_ name: String) -> [UInt8] {
        let text = Array("{\"\(name)\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}".utf8)
        return (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + [0, 0, 128, 63]
    }

    @Test func shardsWithoutTheirIndexAreNoCheckpoints() throws {
        let folder = try TemporaryFolder()
        try folder.copy(Self.pytorch + "1.pt", as: "epoch_1.pt")
        try folder.write(Self.safetensors("a"), as: "model-00001-of-00002.safetensors")
        try folder.write(Self.safetensors("b"), as: "model-00002-of-00002.safetensors")
        let sequence = try CheckpointSequence.find([folder.path])
        #expect(sequence.files.map(\.name) == ["epoch_1.pt"])
        #expect(
            sequence.excluded.map(\.reason) == [
                "this is shard 1 of 2, a part of a checkpoint; its index model.safetensors.index.json is missing beside it",
                "this is shard 2 of 2, a part of a checkpoint; its index model.safetensors.index.json is missing beside it",
            ])
        // A pattern that leaves the index out.
        try folder.write(Array("{}".utf8), as: "model.safetensors.index.json")
        let shards = try CheckpointSequence.find([folder.path + "/*.safetensors"])
        #expect(shards.files.isEmpty)
        #expect(
            shards.excluded.first?.reason
                == "this is shard 1 of 2, a part of a checkpoint; give its index model.safetensors.index.json instead")
    }

    @Test func numberedKerasWeightsAreShardsOnlyWhenTheyShareNoTensor() throws {
        let folder = try TemporaryFolder()
        let forms = TestData.fixtures + "/checkpoints/keras-forms/model_epoch_05"
        for number in 3...4 { try folder.copy("\(forms).weights.h5", as: "epochs/model_0000\(number).weights.h5") }
        #expect(try CheckpointSequence.find([folder.path + "/epochs"]).files.map(\.epoch) == [3, 4])
        let models = TestData.fixtures + "/models/keras_"
        try folder.copy(models + "resnet.weights.h5", as: "shards/model_00000.weights.h5")
        try folder.copy(models + "nested.weights.h5", as: "shards/model_00001.weights.h5")
        let sequence = try CheckpointSequence.find([folder.path + "/shards"])
        #expect(sequence.files.isEmpty)
        #expect(
            sequence.excluded.map(\.reason)
                == (1...2).map {
                    "this is shard \($0) of 2, a part of a checkpoint; its index model.weights.json is missing beside it"
                })
    }

    @Test func shardsOfAnIndexAreOneCheckpoint() throws {
        let folder = try TemporaryFolder()
        try folder.write(Self.safetensors("a"), as: "model-00001-of-00002.safetensors")
        try folder.write(Self.safetensors("b"), as: "model-00002-of-00002.safetensors")
        let index = """
            {"metadata":{"total_size":8},"weight_map":{"a":"model-00001-of-00002.safetensors",
            "b":"model-00002-of-00002.safetensors"}}
            """
        try folder.write(Array(index.utf8), as: "model.safetensors.index.json")
        let sequence = try CheckpointSequence.find([folder.path])
        #expect(sequence.files.map(\.name) == ["model.safetensors.index.json"])
        #expect(sequence.files.first?.parts.count == 3)
    }

    @Test func numbersInNamesCountAsNumbers() {
        let names = ["e10", "e9", "e09", "a2b10", "a2b9", "", "e"]
        #expect(names.sorted(by: naturallyPrecedes) == ["", "a2b9", "a2b10", "e", "e09", "e9", "e10"])
    }

    @Test func namesGrowUntilTheyAreDistinct() {
        #expect(CheckpointSequence.distinctNames(["x/a/m.pt", "x/b/m.pt"]) == ["a/m.pt", "b/m.pt"])
        #expect(CheckpointSequence.distinctNames(["x/a.pt", "x/b.pt"]) == ["a.pt", "b.pt"])
    }
}
