// Epochs and steps in file names.

import Testing

@testable import Formats

@Suite struct CheckpointNameTests {
    @Test(
        arguments: [
            ("epoch=3-step=1408.ckpt", 3, 1408), ("runs/a/epoch=0-step=0.ckpt", 0, 0),
            ("epoch=3-step=1408-v1.ckpt", 3, 1408), ("epoch=07-val_loss=0.12.ckpt", 7, nil),
            ("model_state_dict_epoch_20.pt", 20, nil), ("resnet50_epoch_20.pt", 20, nil), ("ckpt-0005.pt", 5, nil),
            ("00012.pth", 12, nil), ("00012", 12, nil), ("model_epoch_05.weights.h5", 5, nil),
            ("model_epoch_05_weights_keras2_names.h5", 5, nil), ("checkpoint-1500", nil, 1500),
            ("runs/checkpoint-1500/model.safetensors", nil, 1500), ("checkpoint-799.pth", 799, nil),
            ("model-v2-e17.pth", 17, nil), ("iter_160000.pth", nil, 160_000), ("step-10k.pt", nil, 10_000),
            ("moco_v3_resnet50_300ep.pth.tar", 300, nil), ("modelEpoch20.h5", 20, nil), ("Epoch 4.keras", 4, nil),
            ("global_step_500.bin", nil, 500), ("epoch_3/weights.pt", 3, nil), ("model_12.safetensors", 12, nil),
        ] as [(String, Int?, Int?)])
    func namesThatTell(path: String, epoch: Int?, step: Int?) {
        let name = CheckpointName(path)
        #expect(name.epoch == epoch)
        #expect(name.step == step)
    }

    @Test(arguments: [
        "last.ckpt", "last-v1.ckpt", "best.pth", "resnet50.pt", "resnet50-0676ba61.pth",
        "deeplabv3_resnet101-586e9e4e.pth",
        "swin_tiny_patch4_window7_224.pth", "model_3d.pt", "unet64.h5", "checkpoint_final.pth", "", "/",
        "run_7/last.ckpt",
        "epoch_99999999999999999999.pt", "model-00001-of-00002.safetensors", "pytorch_model-00002-of-00002.bin",
        "model_00000.weights.h5", "runs/model-00001-of-00002.safetensors",
    ])
    func namesThatDoNotTell(path: String) {
        #expect(CheckpointName(path) == CheckpointName(""))
    }

    @Test(
        arguments: [
            ("checkpoint-1500/model-00001-of-00002.safetensors", nil, 1500),
            ("epoch_3-00001-of-00002.safetensors", 3, nil), ("epoch_00004.weights.h5", 4, nil),
            ("epoch-3-of-10.pt", 3, nil),
        ] as [(String, Int?, Int?)])
    func shardNumbersHideNoOtherNumber(path: String, epoch: Int?, step: Int?) {
        #expect(CheckpointName(path).epoch == epoch)
        #expect(CheckpointName(path).step == step)
    }

    @Test func shardsNeverDifferByEpoch() {
        let shards = (1...2).map { "model-0000\($0)-of-00002.safetensors" }
        #expect(CheckpointName.sequence(shards).map(\.epoch) == [nil, nil])
        // Numbered weights that are no shards are epochs when there are several.
        #expect(CheckpointName.sequence((4...5).map { "model_0000\($0).weights.h5" }).map(\.epoch) == [4, 5])
    }

    @Test func aShardNamesItsPlaceAndItsIndex() throws {
        let shard = try #require(Shard("/none/pytorch_model-00001-of-00002.bin"))
        #expect(shard.number == 1 && shard.count == 2)
        #expect(shard.index == "/none/pytorch_model.bin.index.json")
        #expect(
            shard.explanation
                == "this is shard 1 of 2, a part of a checkpoint; its index pytorch_model.bin.index.json is missing beside it"
        )
        #expect(Shard("model-00001-of-00001.safetensors") == nil)
        #expect(Shard("model-1-of-2.safetensors") == nil)
        #expect(Shard("model.safetensors") == nil)
    }

    @Test func inASequenceTheNumberThatVariesIsTheEpoch() {
        let names = CheckpointName.sequence(["a/unet64_2.pt", "a/unet64_10.pt", "a/unet64_1.pt"])
        #expect(names.map(\.epoch) == [2, 10, 1])
        // Two numbers vary, or a name differs in words: nothing is guessed.
        #expect(CheckpointName.sequence(["a_1_2.pt", "a_3_4.pt"]).map(\.epoch) == [nil, nil])
        #expect(CheckpointName.sequence(["resnet18.pt", "vgg16.pt"]).map(\.epoch) == [nil, nil])
    }
}
