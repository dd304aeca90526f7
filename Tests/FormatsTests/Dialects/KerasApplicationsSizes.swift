// The models that tests generate: keras.applications' own, and torchvision's under Keras' names.

@testable import Formats

/// Models by the name that fixtures/generate/check_keras_models.py gives them: `ResNet50`, `ResNet50_notop`, and
/// `torchvision_resnet50` with torchvision's sizes.
enum KerasApplicationsSizes {
    /// All the models.
    static func all() throws -> [(name: String, model: KerasModelDescription)] {
        try resNets() + torchvisionResNets()
    }

    /// With a classifier for 224×224 images and without one for any size.
    private static let heads: [(suffix: String, size: Int?, head: KerasHead?)] = [
        ("", 224, KerasHead()), ("_notop", nil, nil),
    ]

    /// torchvision's classifier has no softmax.
    private static let logits = KerasHead(activation: "linear")

    private static func resNets() throws -> [(name: String, model: KerasModelDescription)] {
        try [(50, [3, 4, 6, 3]), (101, [3, 4, 23, 3]), (152, [3, 8, 36, 3])].flatMap { number, depths in
            try heads.map { head in
                var sizes = KerasResNetSizes()
                sizes.name = "resnet\(number)"
                sizes.input = KerasInputShape(size: head.size)
                sizes.depths = depths
                sizes.head = head.head
                return ("ResNet\(number)\(head.suffix)", try KerasModels.resNet(sizes, path: "test"))
            }
        }
    }

    private static func torchvisionResNets() throws -> [(name: String, model: KerasModelDescription)] {
        var sizes = KerasResNetSizes()
        sizes.input = KerasInputShape(size: 224)
        sizes.stridesFirst = false
        sizes.epsilon = 1e-5
        sizes.hasBias = false
        sizes.head = logits
        var models = [("torchvision_resnet50", try KerasModels.resNet(sizes, path: "test"))]
        sizes.innerWidths = [128, 256, 512, 1024]
        sizes.name = "wide_resnet50_2"
        models.append(("torchvision_wide_resnet50_2", try KerasModels.resNet(sizes, path: "test")))
        sizes.groups = 32
        sizes.name = "resnext50_32x4d"
        models.append(("torchvision_resnext50_32x4d", try KerasModels.resNet(sizes, path: "test")))
        sizes.groups = 1
        sizes.block = .basic
        sizes.innerWidths = [64, 128, 256, 512]
        sizes.outerWidths = sizes.innerWidths
        for (number, depths) in [(18, [2, 2, 2, 2]), (34, [3, 4, 6, 3])] {
            sizes.name = "resnet\(number)"
            sizes.depths = depths
            models.append(("torchvision_resnet\(number)", try KerasModels.resNet(sizes, path: "test")))
        }
        return models
    }
}
