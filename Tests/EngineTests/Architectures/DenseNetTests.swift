// DenseNets under the names of three code bases.

import Formats
import Testing

@testable import Engine

@Suite("DenseNet")
struct DenseNetTests {
    @Test(arguments: [
        (
            DenseNetNaming.torchvision, "DenseNet-121 (torchvision/timm)",
            "features.denseblock1.denselayer1.norm1.weight"
        ),
        (.dotted, "DenseNet-121 (torchvision/timm)", "features.denseblock1.denselayer1.norm.1.weight"),
        (.timmFeatures, "DenseNet-121 (timm features)", "features_denseblock1.denselayer1.norm1.weight"),
    ])
    func everyNamingIsRecognised(naming: DenseNetNaming, title: String, name: String) throws {
        let graph = try Architectures.named("densenet121")
        for prefix in ["", "model.encoder."] {
            let found = try Recognizer.recognize(
                graph.parameters.map { .float(prefix + naming.tensor($0.name), $0.shape) }
                    + [.float(prefix + "classifier.weight", [5, 1024])])
            #expect(found.architecture == title)
            #expect(found.prefix == prefix)
            #expect(found.graph.nodes == graph.nodes)
            #expect(found.bindings[5].tensor == prefix + name)
            #expect(found.ignored.map { $0.reason } == ["classification head"])
        }
    }

    @Test func publishedSizesAreThosePublished() throws {
        // Parameters and running statistics of timm's features_only models.
        for (name, count) in [
            ("densenet121", 7_037_504), ("densenet161", 26_691_936), ("densenet169", 12_642_880),
            ("densenet201", 18_321_984),
        ] {
            let parameters = try Architectures.named(name).parameters
            #expect(parameters.reduce(0) { $0 + $1.shape.elementCount } == count, "\(name)")
        }
    }

    @Test func levelsAreTheBlocksBeforeTheirTransitions() throws {
        let graph = try Architectures.named("densenet161")
        let shapes = try graph.outputShapes(input: [1, 3, 225, 190])
        #expect(
            graph.levels.map { shapes[$0] } == [
                [1, 96, 113, 95], [1, 384, 57, 48], [1, 768, 28, 24], [1, 2112, 14, 12], [1, 2208, 7, 6],
            ])
    }

    @Test func changedNetworksAreRefusedByTheirTensors() throws {
        var tensors = try Architectures.named("densenet121").tensors()
        tensors.removeAll { $0.name == "features.norm5.bias" }
        let place = try #require(tensors.firstIndex { $0.name == "features.denseblock2.denselayer3.conv1.weight" })
        tensors[place].shape = [64, 192, 1, 1]
        let error = #expect(throws: EngineError.self) { try Recognizer.recognize(tensors) }
        #expect(
            error?.description.hasPrefix(
                "the tensors do not fit DenseNet-121 (torchvision/timm): 1 missing (features.norm5.bias), 1 of another "
                    + "shape (features.denseblock2.denselayer3.conv1.weight is 64×192×1×1, not 128×192×1×1); ") == true)
    }
}
