// Small random members of every family: recognised from their files, run in plain loops and in the fast plan, and
// compared with the features that PyTorch computed (fixtures/generate/architectures_golden.py and families_golden.py).

import Engine
import Formats
import TestSupport
import Testing

/// A file of fixtures/models and what recognition must find in it.
struct GoldenModel: CustomTestStringConvertible, Sendable {
    let file: String
    let family: String
    let sizes: [String]
    var channels = 3
    var options: [String: String] = [:]
    /// The name of its vectors, if not the file's.
    var vectors: String?
    var testDescription: String { name }
    var name: String { vectors ?? String(file.prefix { $0 != "." }) }

    static let all: [GoldenModel] = [
        GoldenModel(file: "resnet_basic.pt", family: "resnet", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "resnet_bottleneck_moco.pt", family: "resnet", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "resnext.safetensors", family: "resnet", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "resnet_d.safetensors", family: "resnet", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "vgg.safetensors", family: "vgg", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "vgg_bn.pt", family: "vgg", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "swin_torchvision.safetensors", family: "swin", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "swin_timm.safetensors", family: "swin-timm", sizes: ["64x64", "68x52"]),
        GoldenModel(file: "swin_original.pt", family: "swin-timm", sizes: ["64x64", "68x52"]),
        GoldenModel(
            file: "deepresnet_dropping.pt", family: "deepresnet", sizes: ["64x64", "65x50"],
            options: ["stochastic_depth_rate": "0.2"]),
        GoldenModel(
            file: "deepresnet_basic.safetensors", family: "deepresnet", sizes: ["64x64", "65x50"], channels: 1),
        GoldenModel(file: "unet_encoder.pt", family: "unet-encoder", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "swin_paper.pt", family: "seed-swin", sizes: ["64x64"]),
        GoldenModel(file: "convnext_torchvision.safetensors", family: "convnext", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "convnext_timm.safetensors", family: "convnext", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "convnext_original.safetensors", family: "convnext", sizes: ["64x64"]),
        GoldenModel(file: "efficientnet_timm.safetensors", family: "efficientnet", sizes: ["64x64", "65x50"]),
        GoldenModel(
            file: "efficientnet_timm.safetensors", family: "efficientnet", sizes: ["64x64", "65x50"],
            options: ["padding": "tf"], vectors: "efficientnet_timm_tf"),
        GoldenModel(file: "efficientnet_v2_timm.safetensors", family: "efficientnet", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "efficientnet_torchvision.safetensors", family: "efficientnet", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "efficientnet_lukemelas.safetensors", family: "efficientnet", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "mobilenet_v2_torchvision.safetensors", family: "mobilenetv2", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "mobilenet_v3_torchvision.safetensors", family: "mobilenetv3", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "mobilenet_v3_timm.safetensors", family: "mobilenetv3", sizes: ["64x64", "65x50"]),
        GoldenModel(file: "densenet.safetensors", family: "densenet", sizes: ["64x64", "65x50"]),
        GoldenModel(
            file: "vit_timm.safetensors", family: "vit", sizes: ["64x64", "68x52"], options: ["heads": "2"]),
        GoldenModel(file: "vit_torchvision.safetensors", family: "vit", sizes: ["64x64"]),
    ]

    /// Recognises the file.
    func open() throws -> (Recognition, CheckpointParameters) {
        let reader = try Checkpoint.open(TestData.fixtures + "/models/" + file)
        let recognition = try Recognizer.recognize(reader, hints: ArchitectureHints(options: options))
        return (recognition, CheckpointParameters(recognition, reader: reader))
    }
}

@Suite("Features of small models")
struct GoldenFeatureTests {
    private let golden: GoldenArchive

    init() throws {
        golden = try GoldenArchive(
            TestData.fixtures + "/golden/architectures.npz", TestData.fixtures + "/golden/families.npz")
    }

    /// The input of a size, its first channels.
    private func input(_ size: String, channels: Int) throws -> ReferenceMap {
        let full = try #require(try golden.map("input/\(size)"))
        var shape = full.shape
        shape[1] = channels
        return ReferenceMap(shape: shape, values: Array(full.values.prefix(shape.elementCount)))
    }

    /// The largest difference of a level from PyTorch's samples of it, in units of the level's RMS.
    private func difference(_ key: String, _ shape: Shape, _ values: [Float]) throws -> Double {
        let expectedShape = try #require(golden.tensor("\(key)/shape")?.floats()).map { Int($0) }
        #expect(shape == Shape(expectedShape))
        let step = Int(try #require(golden.tensor("\(key)/step")?.floats()?.first))
        let rms = Double(try #require(golden.tensor("\(key)/rms")?.floats()?.first))
        let sample = try #require(golden.tensor("\(key)/sample")?.floats())
        let found = stride(from: 0, to: values.count, by: step).map { values[$0] }
        try #require(found.count == sample.count)
        return zip(found, sample).map { abs(Double($0) - Double($1)) / rms }.max() ?? .infinity
    }

    @Test(arguments: GoldenModel.all)
    func everyTensorIsBoundOrIgnored(model: GoldenModel) throws {
        let reader = try Checkpoint.open(TestData.fixtures + "/models/" + model.file)
        let (found, _) = try model.open()
        #expect(found.family == model.family)
        #expect(found.expectedInputChannels == model.channels)
        let accounted = found.bindings.map { $0.tensor } + found.ignored.map { $0.name }
        #expect(accounted.sorted() == reader.tensors.map { $0.name }.sorted())
    }

    @Test(arguments: GoldenModel.all)
    func plainLoopsAgreeWithPyTorch(model: GoldenModel) throws {
        let (found, parameters) = try model.open()
        let interpreter = ReferenceInterpreter(found.graph, parameters: parameters)
        for size in model.sizes {
            let levels = try interpreter.levels(of: input(size, channels: model.channels))
            #expect(!levels.isEmpty)
            for (index, level) in levels.enumerated() {
                let key = "\(model.name)/\(size)/level_\(index + 1)"
                #expect(try difference(key, level.shape, level.values) < 2e-5, "\(key)")
            }
            #expect(golden.tensor("\(model.name)/\(size)/level_\(levels.count + 1)/shape") == nil)
        }
    }

    @Test(arguments: GoldenModel.all)
    func theFastPlanAgreesWithPyTorch(model: GoldenModel) throws {
        let (found, parameters) = try model.open()
        for size in model.sizes {
            let input = try input(size, channels: model.channels)
            let plan = try InferencePlan(found.graph, parameters: parameters, input: input.shape, threads: 1)
            for level in try plan.features(of: input.values) {
                let key = "\(model.name)/\(size)/level_\(level.level)"
                #expect(try difference(key, level.shape, level.values) < 1e-4, "\(key)")
            }
        }
    }
}
