// `--graph`: checkpoints bound to an ONNX export, as a user runs it.

import Formats
import FoundationEssentials
import TestSupport
import Testing

@Suite struct GraphTests {
    private let folder: TemporaryFolder
    private let models = TestData.fixtures + "/models/onnx_"

    init() throws { folder = try TemporaryFolder() }

    @Test func featuresAreThoseOfTheNetworkInTheGraph() throws {
        let golden = try NumPy.readArchive(TestData.fixtures + "/golden/onnx.npz")
        let input = try #require(golden.first { $0.name == "input" }).array
        let images = TensorView(floats: try #require(input.floats()), shape: input.shape)
        try NumPy.write(images, to: folder.path + "/x.npy")
        let run = try ripe(
            "features", models + "other.safetensors", "--graph", models + "dynamo_names.onnx", "--input",
            folder.path + "/x.npy", "--out", folder.path + "/f.npz")
        #expect(run.errors == "" && run.code == 0)
        let found = try #require(try NumPy.readArchive(folder.path + "/f.npz").first { $0.name == "level_3" }).array
        let expected = try #require(golden.first { $0.name == "other/level_3" }).array
        let pairs = zip(try #require(found.floats()), try #require(expected.floats()))
        #expect(found.shape == expected.shape && pairs.allSatisfy { abs($0 - $1) < 1e-4 })
    }

    @Test func aFoldedGraphIsRefusedWithTheSettingsThatKeepNames() throws {
        let run = try ripe(
            "features", models + "other.safetensors", "--graph", models + "script_13.onnx", "--input", "x.npy", "--out",
            "f.npz")
        #expect(run.code == 1)
        let inspected = try ripe(
            "inspect", models + "other.safetensors", "--graph", models + "script_13.onnx", "--json")
        #expect(
            inspected.output.contains(
                "export the graph again with torch.onnx.export(…, dynamo=True, optimize=False), or with dynamo=False, "
                    + "do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE"))
    }

    @Test func aGraphThatIsNoneIsToldBeforeAnythingIsRead() throws {
        let none = try ripe("inspect", models + "other.safetensors", "--graph", "/none.onnx")
        #expect(none.code == 64)
        #expect(
            none.errors
                == "ripe: --graph: /none.onnx: cannot open: No such file or directory (see 'ripe help inspect')\n")
        let both = try ripe(
            "inspect", models + "other.safetensors", "--graph", models + "dynamo.onnx", "--arch", "resnet50")
        #expect(both.code == 64)
        #expect(both.errors == "ripe: --graph and --arch cannot go together (see 'ripe help inspect')\n")
    }

    @Test func scoresAreKeptByTheContentOfTheGraph() throws {
        let count = 2 * 4 * 3 * 32 * 32
        var values: [Float] = []
        for index in 0..<count { values.append(Float((index * 7919) % 2003) / 1001.5 - 1) }
        try FileManager.default.createDirectory(atPath: folder.path + "/runs", withIntermediateDirectories: false)
        let views = TensorView(floats: values, shape: [2, 4, 3, 32, 32])
        try NumPy.write(views, to: folder.path + "/v.npy")
        func score(_ graph: String, _ out: String) throws -> Finished {
            try ripe(
                "score", models + "other.safetensors", "--graph", models + graph, "--views", folder.path + "/v.npy",
                "--out", folder.path + "/" + out, "--cache", folder.path + "/cache")
        }
        let first = try score("dynamo_names.onnx", "a")
        #expect(first.code == 0, "\(first.errors)")
        let kept = folder.contents.count { $0.hasPrefix("cache/") && $0.hasSuffix(".json") }
        #expect(try score("script_names.onnx", "b").code == 0)
        #expect(folder.contents.count { $0.hasPrefix("cache/") && $0.hasSuffix(".json") } == 2 * kept)
        let hash = try ContentHash(file: models + "dynamo_names.onnx").hexadecimal
        let report = try String(
            decoding: Data(contentsOf: URL(filePath: folder.path + "/a/scores.json")), as: UTF8.self)
        #expect(report.contains("onnx_dynamo_names.onnx (content \(hash))"))
        // A graph that lies among the checkpoints is none of them.
        for name in ["other.safetensors", "dynamo_names.onnx"] {
            try FileManager.default.copyItem(atPath: models + name, toPath: "\(folder.path)/runs/\(name)")
        }
        let runs = try ripe(
            "score", folder.path + "/runs", "--graph", folder.path + "/runs/dynamo_names.onnx", "--views",
            folder.path + "/v.npy", "--json")
        #expect(runs.code == 0 && !runs.output.contains("\"name\": \"dynamo_names.onnx\""))
    }
}
