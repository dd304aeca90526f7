// The published networks of inverted residual blocks.

import Formats

extension Architectures {
    /// EfficientNets, MobileNets.
    static let invertedResiduals: [Model] =
        efficientNets + efficientNetV2s
        + [
            model("mobilenet_v2", "MobileNetV2", family: "mobilenetv2", mobileNetV2),
            model("mobilenet_v3_small", "MobileNetV3-Small", family: "mobilenetv3", mobileNetV3Small),
            model("mobilenet_v3_large", "MobileNetV3-Large", family: "mobilenetv3", mobileNetV3Large),
        ]

    private static func model(
        _ name: String, _ title: String, family: String, _ sizes: InvertedResidualConfiguration
    ) -> Model {
        Model(name: name, title: title, families: [family], configuration: .invertedResidual(sizes))
    }

    /// The nearest multiple of 8, but never 10 % less (the rule of all these networks).
    private static func rounded(_ channels: Double) -> Int {
        let nearest = max(8, (Int(channels) + 4) / 8 * 8)
        return Double(nearest) < 0.9 * channels ? nearest + 8 : nearest
    }

    // MARK: EfficientNet

    /// Widths and depths grow by these factors from B0 to B7 (Tan and Le 2019, section 4).
    private static let efficientNets: [Model] = [
        (1.0, 1.0), (1.0, 1.1), (1.1, 1.2), (1.2, 1.4), (1.4, 1.8), (1.6, 2.2), (1.8, 2.6), (2.0, 3.1),
    ].enumerated().map { number, factors in
        let (width, depth) = factors
        let stages: [MobileStage] = [
            MobileStage(1, 3, 1, 16, 1), MobileStage(6, 3, 2, 24, 2), MobileStage(6, 5, 2, 40, 2),
            MobileStage(6, 3, 2, 80, 3), MobileStage(6, 5, 1, 112, 3), MobileStage(6, 5, 2, 192, 4),
            MobileStage(6, 3, 1, 320, 1),
        ].map { stage in
            var stage = stage
            stage.output = rounded(width * Double(stage.output))
            stage.count = Int((depth * Double(stage.count)).rounded(.up))
            return stage
        }
        return model(
            "efficientnet_b\(number)", "EfficientNet-B\(number)", family: "efficientnet",
            efficientNet(stem: rounded(32 * width), stages))
    }

    private static let efficientNetV2s: [Model] = [
        (
            "s", 24,
            [
                MobileStage(fused: 1, 1, 24, 2), MobileStage(fused: 4, 2, 48, 4), MobileStage(fused: 4, 2, 64, 4),
                MobileStage(4, 3, 2, 128, 6), MobileStage(6, 3, 1, 160, 9), MobileStage(6, 3, 2, 256, 15),
            ]
        ),
        (
            "m", 24,
            [
                MobileStage(fused: 1, 1, 24, 3), MobileStage(fused: 4, 2, 48, 5), MobileStage(fused: 4, 2, 80, 5),
                MobileStage(4, 3, 2, 160, 7), MobileStage(6, 3, 1, 176, 14), MobileStage(6, 3, 2, 304, 18),
                MobileStage(6, 3, 1, 512, 5),
            ]
        ),
        (
            "l", 32,
            [
                MobileStage(fused: 1, 1, 32, 4), MobileStage(fused: 4, 2, 64, 7), MobileStage(fused: 4, 2, 96, 7),
                MobileStage(4, 3, 2, 192, 10), MobileStage(6, 3, 1, 224, 19), MobileStage(6, 3, 2, 384, 25),
                MobileStage(6, 3, 1, 640, 7),
            ]
        ),
    ].map { name, stem, stages in
        model(
            "efficientnet_v2_\(name)", "EfficientNetV2-\(name.uppercased())", family: "efficientnet",
            efficientNet(stem: stem, stages))
    }

    private static func efficientNet(stem: Int, _ stages: [MobileStage]) -> InvertedResidualConfiguration {
        var width = stem
        return InvertedResidualConfiguration(
            stem: stem, stemActivation: .silu,
            stages: stages.map { stage in
                (0..<stage.count).map { number in
                    defer { width = stage.output }
                    return stage.block(number, input: width)
                }
            })
    }

    // MARK: MobileNet

    private static let mobileNetV2: InvertedResidualConfiguration = {
        let stages = [
            MobileStage(1, 3, 1, 16, 1), MobileStage(6, 3, 2, 24, 2), MobileStage(6, 3, 2, 32, 3),
            MobileStage(6, 3, 2, 64, 4), MobileStage(6, 3, 1, 96, 3), MobileStage(6, 3, 2, 160, 3),
            MobileStage(6, 3, 1, 320, 1),
        ]
        var sizes = efficientNet(stem: 32, stages)
        sizes.setActivations(InvertedResidualKind.mobileNetV2)
        for stage in sizes.stages.indices {
            for block in sizes.stages[stage].indices { sizes.stages[stage][block].squeezed = nil }
        }
        return sizes
    }()

    /// Kernel, inner and output channels, whether it squeezes, stride (Howard et al. 2019, tables 1 and 2).
    private typealias Row = (kernel: Int, inner: Int, output: Int, squeezes: Bool, stride: Int)

    private static let mobileNetV3Large = mobileNetV3(
        [
            [(3, 16, 16, false, 1)], [(3, 64, 24, false, 2), (3, 72, 24, false, 1)],
            [(5, 72, 40, true, 2), (5, 120, 40, true, 1), (5, 120, 40, true, 1)],
            [(3, 240, 80, false, 2), (3, 200, 80, false, 1), (3, 184, 80, false, 1), (3, 184, 80, false, 1)],
            [(3, 480, 112, true, 1), (3, 672, 112, true, 1)],
            [(5, 672, 160, true, 2), (5, 960, 160, true, 1), (5, 960, 160, true, 1)],
        ], last: 960)
    private static let mobileNetV3Small = mobileNetV3(
        [
            [(3, 16, 16, true, 2)], [(3, 72, 24, false, 2), (3, 88, 24, false, 1)],
            [(5, 96, 40, true, 2), (5, 240, 40, true, 1), (5, 240, 40, true, 1)],
            [(5, 120, 48, true, 1), (5, 144, 48, true, 1)],
            [(5, 288, 96, true, 2), (5, 576, 96, true, 1), (5, 576, 96, true, 1)],
        ], last: 576)

    private static func mobileNetV3(_ rows: [[Row]], last: Int) -> InvertedResidualConfiguration {
        var width = 16
        var stages = rows.enumerated().map { stage, rows in
            rows.map { row in
                defer { width = row.output }
                return InvertedResidualConfiguration.Block(
                    kind: stage == 0 ? .separable : .inverted, input: width, inner: row.inner, output: row.output,
                    kernel: row.kernel, stride: row.stride,
                    squeezed: row.squeezes ? rounded(Double(row.inner) / 4) : nil,
                    activation: .hardSwish)
            }
        }
        stages.append([
            InvertedResidualConfiguration.Block(
                kind: .plain, input: width, inner: last, output: last, kernel: 1, stride: 1, squeezed: nil,
                activation: .hardSwish)
        ])
        var sizes = InvertedResidualConfiguration(stem: 16, stemActivation: .hardSwish, stages: stages)
        sizes.setActivations(.mobileNetV3)
        return sizes
    }
}

/// A row of the papers' tables: expansion, kernel, stride of the first block, output channels, blocks.
private struct MobileStage {
    let expansion: Int, kernel: Int, stride: Int
    var output: Int, count: Int
    var isFused = false

    init(_ expansion: Int, _ kernel: Int, _ stride: Int, _ output: Int, _ count: Int) {
        (self.expansion, self.kernel, self.stride) = (expansion, kernel, stride)
        (self.output, self.count) = (output, count)
    }

    init(fused expansion: Int, _ stride: Int, _ output: Int, _ count: Int) {
        self.init(expansion, 3, stride, output, count)
        isFused = true
    }

    func block(_ number: Int, input: Int) -> InvertedResidualConfiguration.Block {
        let isPlain = expansion == 1
        return InvertedResidualConfiguration.Block(
            kind: isFused ? (isPlain ? .plain : .fused) : isPlain ? .separable : .inverted, input: input,
            inner: isFused && isPlain ? output : input * expansion, output: output, kernel: kernel,
            stride: number == 0 ? stride : 1, squeezed: isFused ? nil : max(1, input / 4), activation: .silu)
    }
}

extension InvertedResidualConfiguration {
    /// Sets what a kind of network applies in each stage.
    fileprivate mutating func setActivations(_ kind: InvertedResidualKind) {
        stemActivation = kind.stemActivation
        squeezeActivation = kind.squeezeActivation
        gate = kind.gate
        for stage in stages.indices {
            for block in stages[stage].indices {
                stages[stage][block].activation = kind.activation(stage, stages.count)
            }
        }
    }

    /// Whether both differ at most in input channels, epsilon, padding and the head's convolution.
    func hasSameSizes(as other: InvertedResidualConfiguration) -> Bool {
        stem == other.stem && stages == other.stages && stemActivation == other.stemActivation
    }
}
