// `ripe convert` and `ripe diff` as a user runs them.

import Formats
import FoundationEssentials
import TestSupport
import Testing

@Suite struct ConvertCommand {
    private let checkpoints = TestData.fixtures + "/checkpoints"
    private let models = TestData.fixtures + "/models"

    @Test func aLightningCheckpointIsUnwrappedAndSaidSo() throws {
        let folder = try TemporaryFolder()
        let source = checkpoints + "/lightning/epoch=5-step=426.ckpt"
        let run = try ripe("convert", source, folder.path + "/out.safetensors", "--verify")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.contains("taken out of its wrapper: 'state_dict'"))
        #expect(run.output.contains("read back, identical"))
        #expect(run.output.contains("levels of a 224×224 input are equal"))
        #expect(folder.contents == ["out.safetensors"])
        let reader = try Checkpoint.open(folder.path + "/out.safetensors")
        #expect(reader.metadata.epoch == 5 && reader.metadata.step == 426)
        #expect(try ripe("diff", source, folder.path + "/out.safetensors").code == 0)
    }

    @Test(arguments: ["safetensors", "pt", "npz", "h5", "keras-h5", "weights.h5"])
    func everyFormatTurnsIntoEveryOtherAndBackUnchanged(first: String) throws {
        let folder = try TemporaryFolder()
        let source = models + "/efficientnet_timm.safetensors"
        let endings = ["keras-h5": "legacy.h5"]
        for second in ["safetensors", "pt", "npz", "h5", "keras-h5", "weights.h5"] where second != first {
            let one = folder.path + "/one." + (endings[first] ?? first)
            let two = folder.path + "/two." + (endings[second] ?? second)
            let back = folder.path + "/back.safetensors"
            #expect(try ripe("convert", source, one, "--to", first, "--overwrite").code == 0)
            #expect(try ripe("convert", one, two, "--to", second, "--overwrite", "--verify").code == 0)
            #expect(try ripe("convert", two, back, "--overwrite").code == 0)
            let diff = try ripe("diff", source, back)
            #expect(diff.code == 0, "\(first) \(second): \(diff.output)")
            #expect(diff.output.hasPrefix("equal: "))
        }
    }

    @Test func aFolderIsConvertedAsASequence() throws {
        let folder = try TemporaryFolder()
        let run = try ripe("convert", checkpoints + "/pytorch", folder.path + "/out", "--to", "h5")
        #expect(run.code == 0, "\(run.errors)")
        #expect(run.output.hasSuffix("5 of 5 checkpoints converted\n"))
        let order = run.output.split(separator: "\n").compactMap { line in
            line.split(separator: " ").first { $0.hasSuffix(".pt") }?.split(separator: "/").last.map(String.init)
        }
        #expect(order == [0, 1, 3, 5, 8].map { "model_state_dict_epoch_\($0).pt" })
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path + "/out").count == 5)
        let again = try ripe("convert", checkpoints + "/pytorch", folder.path + "/out", "--to", "h5")
        #expect(again.code == 1)
        #expect(again.output.hasSuffix("0 of 5 checkpoints converted\n"))
        #expect(again.errors.contains("it exists; give --overwrite to replace it"))
    }

    @Test func whatExistsIsReplacedOnlyOnRequest() throws {
        let folder = try TemporaryFolder()
        let out = try folder.file("out.npz", [1, 2, 3])
        let source = models + "/convnext_timm.safetensors"
        let refused = try ripe("convert", source, out)
        #expect(refused.code == 1)
        #expect(refused.errors == "ripe: \(out): cannot write: it exists; give --overwrite to replace it\n")
        #expect(try Data(contentsOf: URL(filePath: out)).count == 3)
        #expect(try ripe("convert", source, out, "--overwrite").code == 0)
        #expect(try Checkpoint.open(out).tensors.count > 20)
        // Onto itself, too.
        #expect(try ripe("convert", out, out, "--overwrite", "--dtype", "f16").code == 0)
        #expect(try Checkpoint.open(out).tensors[0].dtype == .float16)
    }

    @Test func aDryRunListsTensorsAndWritesNothing() throws {
        let folder = try TemporaryFolder()
        let run = try ripe(
            "convert", models + "/convnext_torchvision.safetensors", folder.path + "/a.pt", "--dialect", "timm",
            "--dry-run")
        #expect(run.code == 0)
        #expect(run.output.contains("stages.0.blocks.0.mlp.fc1.weight"))
        #expect(run.output.contains("(dry run: nothing was written)"))
        #expect(folder.contents == [])
    }

    @Test func translatedNetworksComputeTheSame() throws {
        let folder = try TemporaryFolder()
        for (name, dialect) in [
            ("convnext_torchvision", "timm"), ("convnext_timm", "torchvision"), ("swin_torchvision", "timm"),
            ("efficientnet_timm", "torchvision"), ("efficientnet_torchvision", "timm"),
        ] {
            let out = folder.path + "/\(name).pt"
            let run = try ripe(
                "convert", models + "/\(name).safetensors", out, "--dialect", dialect, "--verify", "--json")
            #expect(run.code == 0, "\(name): \(run.errors)")
            let json = try JSON(run.output, path: "stdout", section: "json")
            let differences = json["files"]?.array?.first?["verification"]?["outputDifferences"]?.array ?? []
            #expect(!differences.isEmpty, "\(name)")
            #expect(differences.allSatisfy { $0.double ?? 1 < 1e-5 }, "\(name): \(run.output)")
        }
    }

    @Test(arguments: [
        "efficientnet_torchvision.safetensors", "efficientnet_timm.safetensors", "convnext_timm.safetensors",
        "convnext_torchvision.safetensors", "resnet_basic.pt", "resnext.safetensors",
    ])
    func kerasArchivesOfPyTorchNetworksComputeTheSame(name: String) throws {
        let folder = try TemporaryFolder()
        let run = try ripe(
            "convert", "\(models)/\(name)", folder.path + "/out.keras", "--dialect", "keras", "--dtype", "f32",
            "--verify",
            "--json")
        #expect(run.code == 0, "\(run.errors)")
        let json = try JSON(run.output, path: "stdout", section: "json")
        let differences = json["files"]?.array?.first?["verification"]?["outputDifferences"]?.array ?? []
        #expect(differences.count >= 4)
        // Sums in another order: 1e-5 of the root mean square at most (GoldenFeatureTests allow 1e-4).
        #expect(differences.allSatisfy { $0.double ?? 1 < 2e-5 }, "\(differences)")
    }

    @Test func anArchiveThatCannotBeDescribedSaysWhatToDo() throws {
        let folder = try TemporaryFolder()
        let source = models + "/vgg.safetensors"
        let run = try ripe("convert", source, folder.path + "/out.keras", "--dialect", "keras")
        #expect(run.code == 1)
        #expect(
            run.errors
                == "ripe: \(source): a .keras archive of this VGG, 10 layers, whose sizes or head keras.applications' form "
                + "does not have, is not supported; try --drop-head, or --to weights.h5, which needs no description\n")
        #expect(try ripe("convert", source, folder.path + "/out.keras", "--dialect", "keras", "--drop-head").code == 0)
    }

    @Test func wrongUsageIsToldBeforeAnythingIsRead() throws {
        let noFormat = try ripe("convert", models + "/convnext_timm.safetensors", "/tmp/x.xyz")
        #expect(noFormat.code == 64)
        #expect(
            noFormat.errors
                == "ripe: /tmp/x.xyz: its ending is no checkpoint format's; say with --to which one to write\n")
        let dialect = try ripe("convert", "a.pt", "b.pt", "--dialect", "caffe")
        #expect(dialect.code == 64)
        #expect(dialect.errors.contains("expected torchvision, timm, keras, smp, seed"))
        #expect(try ripe("convert", "a.pt", "b.pt", "--shard-size", "2XB").code == 64)
    }

    @Test func fullDisksAndLockedFoldersLeaveNothing() throws {
        let folder = try TemporaryFolder()
        let source = checkpoints + "/pytorch/model_state_dict_epoch_8.pt"
        for ending in ["safetensors", "pt", "npz", "h5", "weights.h5"] {
            let run = try ripe("convert", source, "\(folder.path)/a.\(ending)", wrapper: "ulimit -f 200; exec \"$@\"")
            #expect(run.code == 1, "\(ending)")
            #expect(run.errors.contains("cannot write: File too large; make room there"), "\(ending): \(run.errors)")
            #expect(folder.contents == [], "\(ending)")
        }
        let nowhere = try ripe("convert", source, "/proc/a.safetensors")
        #expect(nowhere.code == 1)
        #expect(nowhere.errors.hasPrefix("ripe: /proc/a.safetensors: cannot create: "))
    }

    @Test func diffNamesWhatDiffersAndExitsByIt() throws {
        let folder = try TemporaryFolder()
        let source = models + "/swin_torchvision.safetensors"
        let changed = folder.path + "/changed.safetensors"
        let floats = folder.path + "/floats.safetensors"
        #expect(try ripe("convert", source, floats, "--only", "!*index").code == 0)
        let reader = try Checkpoint.open(floats)
        let bytes = try safetensorsBytes(of: reader) { name, values in
            if name == "features.0.0.bias" { values[1] += 0.5 }
        }
        try Data(bytes).write(to: URL(filePath: changed))
        let run = try ripe("diff", floats, changed)
        #expect(run.code == 1)
        #expect(run.output.contains("features.0.0.bias"))
        #expect(run.output.contains("different: "))
        #expect(try ripe("diff", floats, changed, "--tolerance", "0.6").code == 0)
        let half = folder.path + "/half.pt"
        #expect(try ripe("convert", source, half, "--dtype", "bf16").code == 0)
        #expect(try ripe("diff", source, half).code == 1)
        #expect(try ripe("diff", source, half, "--tolerance", "0.004").code == 0)
        // Across dialects.
        let other = folder.path + "/other.pt"
        #expect(try ripe("convert", source, other, "--dialect", "timm").code == 0)
        let across = try ripe("diff", source, other)
        #expect(across.code == 0, "\(across.output)")
        #expect(across.output.contains("was translated to torchvision's"))
    }
}
