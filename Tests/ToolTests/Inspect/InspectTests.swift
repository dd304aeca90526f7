// `ripe inspect` on real files, word for word.

import FoundationEssentials
import Formats
import TestSupport
import Testing

@Suite struct InspectCommand {
    private func inspect(_ fixture: String, _ more: String...) throws -> Finished {
        try Running(["inspect", fixture] + more, in: TestData.fixtures).finish()
    }

    private func json(_ fixture: String) throws -> JSON {
        let run = try inspect(fixture, "--json")
        #expect(run.errors == "")
        return try JSON(run.output, path: fixture, section: "output")
    }

    @Test func aLightningCheckpointIsToldWithItsNetworkAndItsPlaceInTraining() throws {
        let run = try inspect("checkpoints/lightning/epoch=0-step=71.ckpt")
        let head = run.output.split(separator: "\n", omittingEmptySubsequences: false).prefix(7)
        #expect(
            head.joined(separator: "\n") == """
                checkpoints/lightning/epoch=0-step=71.ckpt
                  PyTorch zip, written by PyTorch Lightning 2.5.0, 3.6 MB
                  weights under                     state_dict
                  in the file                       epoch 0, step 71
                  in its name                       epoch 0, step 71
                  tensors                           74 tensors, 298,916 values, 1.2 MB
                  network                           U-Net encoder of MedSegPretrainImageNet, channels 8-16-32-64-128
                """)
        #expect(
            run.output.contains(
                "  model.layers.0.first_block.weight                               float32  8×3×3×3      contiguous      864\n"
            ))
        #expect(
            run.output.contains("  beside them                       132 tensors of optimizer or other state, 2.4 MB\n")
        )
    }

    @Test func aLoneShardIsShownAsOneAndClaimsNeitherEpochNorNetwork() throws {
        let folder = try TemporaryFolder()
        let tensor = Array(#"{"conv1.weight":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#.utf8)
        let path = try folder.file(
            "model-00001-of-00002.safetensors", [UInt8(tensor.count), 0, 0, 0, 0, 0, 0, 0] + tensor + [0, 0, 128, 63])
        let run = try ripe("inspect", path)
        #expect(run.code == 0)
        #expect(
            run.output == """
                \(path)
                  safetensors, \(tensor.count + 12) B
                  part     this is shard 1 of 2, a part of a checkpoint; its index model.safetensors.index.json is missing beside it
                  tensors  1 tensor, 1 values, 4 B

                  tensor        type     shape  layout      bytes
                  conv1.weight  float32  1      contiguous      4

                """)
        let json = try JSON(ripe("inspect", path, "--json").output, path: path, section: "output")
        #expect(json["nameEpoch"] == nil)
        #expect(json["shard"]?["count"] == .integer(2))
        #expect(json["shard"]?["hasIndex"] == .bool(false))
    }

    @Test func aHostilePickleIsShownAndNotRun() throws {
        let folder = try TemporaryFolder()
        let run = try ripe("inspect", "\(TestData.fixtures)/formats/evil.pt", in: folder.path)
        #expect(run.code == 0)
        #expect(
            run.output.contains(
                #"  warning  this file tries to run posix.system("echo pwned > ./victim/PWNED_by_tst"); it was not run"#
            ))
        #expect(run.output.contains("  w       float32  1      contiguous      4\n"))
        #expect(folder.contents == [])
        let call = try json("formats/evil.pt")["foreignCalls"]?.array?.first
        #expect(call?["name"] == .string("posix.system"))
        #expect(call?["isDangerous"] == .bool(true))
    }

    @Test func sharedAndStridedTensorsAreCountedOnce() throws {
        let report = try json("formats/legacy_views.pt")
        let tensors = report["tensors"]?.array ?? []
        let bytes = tensors.reduce(0) { $0 + ($1["bytes"]?.int ?? 0) }
        #expect(report["tensorBytes"]?.int == bytes)
        #expect((report["sharedBytes"]?.int ?? 0) > 0)
        #expect(tensors.contains { $0["isShared"] == .bool(true) })
        #expect(tensors.contains { $0["strides"] != nil })
    }

    @Test func aVolumeIsToldWithGeometryAndHistogram() throws {
        let run = try inspect("target/labelsTr/brain_002.nii.gz")
        #expect(
            run.output == """
                target/labelsTr/brain_002.nii.gz
                  NIfTI-1, gzip, 11.8 kB
                  voxels      181×217×8 of uint8
                  spacing     1 × 1 × 1 mm
                  axes point  RAS (sform)
                  affine      [1 0 0 -90] [0 1 0 -125] [0 0 1 -11]
                  values      0 to 2, mean 0.50479, deviation 0.54035, 1 % 0, median 0, 99 % 2

                  value    count   share
                      0  162,201  51.6 %  ████████████████████████
                      1  145,417  46.3 %  █████████████████████▌
                      2    6,598   2.1 %  █

                """)
        let report = try json("target/imagesTr/brain_002_0000.nii.gz")
        #expect(report["schema"] == .string("ripe.inspect/1"))
        #expect(report["kind"] == .string("volume"))
        #expect(report["shape"] == .array([.number("181"), .number("217"), .number("8")]))
        #expect(report["axisCodes"] == .string("RAS"))
        #expect(report["histogram"]?.array?.count == 16)
    }

    @Test(arguments: [
        ("checkpoints/pytorch/model_state_dict_epoch_3.pt", "PyTorch zip"),
        ("checkpoints/keras/model_epoch_05.keras", "Keras 3 archive"),
        ("checkpoints/keras-forms/model_epoch_05.weights.h5", "Keras 3 weights"),
        ("formats/a.safetensors", "safetensors"), ("formats/leg.pth", "PyTorch legacy stream"),
        ("formats/a.npz", "NumPy archive"),
    ])
    func everyFormatIsNamed(fixture: String, format: String) throws {
        let report = try json(fixture)
        #expect(report["kind"] == .string("checkpoint"))
        #expect(report["format"] == .string(format))
        #expect(report["tensorCount"]?.int == report["tensors"]?.array?.count)
    }
}
