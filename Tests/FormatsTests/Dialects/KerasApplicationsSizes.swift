// The models that tests generate: keras.applications' own, and torchvision's under Keras' names.

@testable import Formats

/// Models by the name that fixtures/generate/check_keras_models.py gives them: `ResNet50`, `ResNet50_notop`, and
/// `torchvision_resnet50` with torchvision's sizes.
enum KerasApplicationsSizes {
    /// A model under the script's name.
    typealias Named = (name: String, model: KerasModelDescription)

    /// All the models, made once.
    static let models = Result { try made() }

    private static func made() throws -> [Named] {
        try resNets() + torchvisionResNets() + vggs() + torchvisionVGGs() + efficientNets() + convNeXts()
    }

    /// With a classifier for images of a fixed size and without one for any size.
    private static let heads: [(suffix: String, head: KerasHead?)] = [("", KerasHead()), ("_notop", nil)]

    /// torchvision's classifier has no softmax.
    private static let logits = KerasHead(activation: "linear")

    private static func input(_ head: KerasHead?, size: Int = 224) -> KerasInputShape {
        KerasInputShape(size: head == nil ? nil : size)
    }

    private static func resNets() throws -> [Named] {
        try [(50, [3, 4, 6, 3]), (101, [3, 4, 23, 3]), (152, [3, 8, 36, 3])].flatMap { number, depths in
            try heads.map { suffix, head in
                var sizes = KerasResNetSizes()
                sizes.name = "resnet\(number)"
                sizes.input = input(head)
                sizes.depths = depths
                sizes.head = head
                return ("ResNet\(number)\(suffix)", try KerasModels.resNet(sizes, path: "test"))
            }
        }
    }

    private static func torchvisionResNets() throws -> [Named] {
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

    private static func vggs() throws -> [Named] {
        try [(16, [2, 2, 3, 3, 3]), (19, [2, 2, 4, 4, 4])].flatMap { number, depths in
            try heads.map { suffix, head in
                var sizes = KerasVGGSizes()
                sizes.name = "vgg\(number)"
                sizes.input = input(head)
                sizes.blocks = blocks(depths)
                sizes.head = head
                return ("VGG\(number)\(suffix)", try KerasModels.vgg(sizes, path: "test"))
            }
        }
    }

    private static func torchvisionVGGs() throws -> [Named] {
        try [(11, [1, 1, 2, 2, 2], "_bn"), (13, [2, 2, 2, 2, 2], ""), (16, [2, 2, 3, 3, 3], "")].map {
            number, depths, suffix in
            var sizes = KerasVGGSizes()
            sizes.name = "vgg\(number)\(suffix)"
            sizes.blocks = blocks(depths)
            sizes.batchNormalizationEpsilon = suffix.isEmpty ? nil : 1e-5
            sizes.head = logits
            return ("torchvision_\(sizes.name)", try KerasModels.vgg(sizes, path: "test"))
        }
    }

    private static func blocks(_ depths: [Int]) -> [[Int]] {
        zip([64, 128, 256, 512, 512], depths).map { [Int](repeating: $0, count: $1) }
    }

    private static func efficientNets() throws -> [Named] {
        let dropout = [0.2, 0.2, 0.3, 0.3, 0.4, 0.4, 0.5, 0.5]
        let sides = [224, 240, 260, 300, 380, 456, 528, 600]
        var models: [Named] = try (0..<8).flatMap { variant in
            try heads.map { suffix, head in
                var sizes = efficientNet(variant)
                sizes.name = "efficientnetb\(variant)"
                sizes.input = input(head, size: sides[variant])
                sizes.dropoutRate = dropout[variant]
                sizes.head = head
                return ("EfficientNetB\(variant)\(suffix)", try KerasModels.efficientNet(sizes, path: "test"))
            }
        }
        var sizes = efficientNet(0)
        sizes.input = KerasInputShape(size: 224)
        sizes.preprocessing = .imageNet
        sizes.head = KerasHead()
        models.append(("EfficientNetB0_imagenet", try KerasModels.efficientNet(sizes, path: "test")))
        sizes.name = "efficientnet_b0"
        sizes.preprocessing = .none
        sizes.epsilon = 1e-5
        sizes.padding = .symmetric
        sizes.head = logits
        models.append(("torchvision_efficientnet_b0", try KerasModels.efficientNet(sizes, path: "test")))
        return models
    }

    /// The sizes of EfficientNet-B0 to -B7 by the rule of keras.applications (and of the paper).
    static func efficientNet(_ variant: Int) -> KerasEfficientNetSizes {
        let width = [1.0, 1.0, 1.1, 1.2, 1.4, 1.6, 1.8, 2.0][variant]
        let depth = [1.0, 1.1, 1.2, 1.4, 1.8, 2.2, 2.6, 3.1][variant]
        func rounded(_ filters: Int) -> Int {
            let exact = Double(filters) * width
            let near = max(8, Int(exact + 4) / 8 * 8)
            return Double(near) < 0.9 * exact ? near + 8 : near
        }
        let table: [(kernel: Int, repeats: Int, output: Int, expansion: Int, stride: Int)] = [
            (3, 1, 16, 1, 1), (3, 2, 24, 6, 2), (5, 2, 40, 6, 2), (3, 3, 80, 6, 2), (5, 3, 112, 6, 1),
            (5, 4, 192, 6, 2),
            (3, 1, 320, 6, 1),
        ]
        var input = rounded(32)
        let stages = table.map { stage in
            (0..<Int((depth * Double(stage.repeats)).rounded(.up))).map { index in
                let output = rounded(stage.output)
                defer { input = output }
                return KerasEfficientNetSizes.Block(
                    kernel: stage.kernel, stride: index == 0 ? stage.stride : 1, expanded: input * stage.expansion,
                    squeezed: max(1, input / 4), output: output)
            }
        }
        return KerasEfficientNetSizes(stemWidth: rounded(32), stages: stages, topWidth: rounded(1280))
    }

    private static func convNeXts() throws -> [Named] {
        let variants: [(name: String, depths: [Int], widths: [Int])] = [
            ("Tiny", [3, 3, 9, 3], [96, 192, 384, 768]), ("Small", [3, 3, 27, 3], [96, 192, 384, 768]),
            ("Base", [3, 3, 27, 3], [128, 256, 512, 1024]), ("Large", [3, 3, 27, 3], [192, 384, 768, 1536]),
        ]
        var models: [Named] = try variants.flatMap { variant in
            try heads.map { suffix, head in
                var sizes = KerasConvNeXtSizes()
                sizes.name = "convnext_\(variant.name.lowercased())"
                sizes.input = input(head)
                sizes.depths = variant.depths
                sizes.widths = variant.widths
                sizes.head = head
                return ("ConvNeXt\(variant.name)\(suffix)", try KerasModels.convNeXt(sizes, path: "test"))
            }
        }
        var sizes = KerasConvNeXtSizes()
        sizes.input = KerasInputShape(size: 224)
        sizes.includesPreprocessing = false
        sizes.head = logits
        models.append(("torchvision_convnext_tiny", try KerasModels.convNeXt(sizes, path: "test")))
        return models
    }
}
