// Losses and their gradients against PyTorch in float64 (fixtures/generate/training_golden.py).

import Formats
import TestSupport
import Testing

@testable import Engine

/// A batch that Python and the tests draw alike.
struct LossBatch {
    let shape: Shape
    let logits: [Float]
    let labels: [UInt8]

    init(_ shape: Shape, scale: Float, hasIgnored: Bool = true) {
        let name = shape.axes.map(String.init).joined(separator: "x")
        let pixels = shape[0] * shape[2] * shape[3]
        let classes = Float(max(2, shape[1]))
        logits = Self.uniform("logits " + name, shape.elementCount).map { ($0 * 2 - 1) * scale }
        let values = Self.uniform("labels " + name, pixels).map { UInt8($0 * classes) }
        let chances = Self.uniform("ignored " + name, pixels)
        labels = zip(values, chances).map { hasIgnored && $1 < 0.125 ? 255 : $0 }
        self.shape = shape
    }

    private static func uniform(_ name: String, _ count: Int) -> [Float] {
        var numbers = NamedRandom(seed: 1, name: name)
        return (0..<count).map { _ in numbers.uniform() }
    }

    var classes: Int { max(2, shape[1]) }
}

/// A loss that PyTorch has computed.
struct LossCase: CustomTestStringConvertible, Sendable {
    let name: String
    let shape: Shape
    let options: LossOptions
    var scale: Float = 4
    var hasIgnored = true
    var testDescription: String { name }

    init(
        _ name: String, _ shape: Shape, _ terms: [LossTerm], weights: [Float]? = nil, scale: Float = 4,
        hasIgnored: Bool = true, _ change: (inout LossOptions) -> Void = { _ in }
    ) {
        var options = LossOptions(terms: terms, classWeights: weights)
        change(&options)
        (self.name, self.shape, self.options) = (name, shape, options)
        (self.scale, self.hasIgnored) = (scale, hasIgnored)
    }

    private static let small: Shape = [2, 3, 9, 31], large: Shape = [3, 3, 47, 45]
    private static let one: Shape = [2, 1, 9, 31], oneLarge: Shape = [1, 1, 50, 45]

    static let all: [LossCase] = [
        LossCase("dice", small, [.dice]),
        LossCase("dice large", large, [.dice]),
        LossCase("dice all pixels", small, [.dice], hasIgnored: false),
        LossCase("dice by image", large, [.dice]) { $0.diceIsOverBatch = false },
        LossCase("ce", small, [.crossEntropy]),
        LossCase("ce weighted", large, [.crossEntropy], weights: [1, 1, 4]),
        LossCase("ce sharp", [2, 3, 16, 16], [.crossEntropy], scale: 64),
        LossCase("bce", small, [.binaryCrossEntropy]),
        LossCase("bce weighted", small, [.binaryCrossEntropy], weights: [1, 1, 4]),
        LossCase("focal", small, [.focal]),
        LossCase("focal weighted", small, [.focal], weights: [1, 2, 4]) { $0.focalGamma = 1.5 },
        LossCase("focal sharp", [2, 3, 16, 16], [.focal], scale: 64),
        LossCase("dice+ce weighted", small, [.dice, .crossEntropy], weights: [1, 1, 4]),
        LossCase("dice+ce nnunet", small, [.dice, .crossEntropy]) { $0 = .nnUNet },
        LossCase("everything", large, [.dice, .crossEntropy, .binaryCrossEntropy, .focal], weights: [1, 2, 4]),
        LossCase("two channels", [2, 2, 9, 31], [.dice, .crossEntropy], weights: [1, 4]),
        LossCase("many channels", [2, 20, 5, 7], [.dice, .crossEntropy, .focal]),
        LossCase("one channel dice", one, [.dice]),
        LossCase("one channel dice foreground", oneLarge, [.dice]) { $0.diceIncludesBackground = false },
        LossCase("one channel dice by image nnunet", one, [.dice]) {
            $0.diceIncludesBackground = false
            $0.diceSquaresProbabilities = false
            $0.diceIsOverBatch = false
        },
        LossCase("one channel ce weighted", one, [.crossEntropy], weights: [1, 4]),
        LossCase("one channel bce weighted", one, [.binaryCrossEntropy], weights: [1, 4]),
        LossCase("one channel bce sharp", [2, 1, 16, 16], [.binaryCrossEntropy], scale: 64),
        LossCase("one channel focal weighted", one, [.focal], weights: [1, 4]),
        LossCase(
            "one channel everything", oneLarge, [.dice, .crossEntropy, .binaryCrossEntropy, .focal], weights: [1, 4]
        ) { $0.focalGamma = 3 },
    ]
}

@Suite("Losses against PyTorch")
struct LossGoldenTests {
    private let golden: GoldenArchive

    init() throws { golden = try GoldenArchive(TestData.fixtures + "/training/losses.npz") }

    /// Tolerances are a few roundings of float32: relative for the value, in units of the gradient's RMS for its elements
    /// (the largest of which are ten times that).
    @Test(arguments: LossCase.all)
    func valueAndGradientAgreeWithPyTorch(_ item: LossCase) throws {
        let expected = try #require(golden.doubles(item.name))
        let batch = LossBatch(item.shape, scale: item.scale, hasIgnored: item.hasIgnored)
        let loss = try SegmentationLoss(
            item.options, classes: batch.classes, logitChannels: item.shape[1], threads: 2)
        var gradient: [Float] = []
        let value = try loss(batch.logits, labels: batch.labels, shape: batch.shape, gradient: &gradient)
        #expect(abs(value.total / expected[0] - 1) < 1e-6)
        let magnitude = gradient.reduce(0.0) { $0 + abs(Double($1)) }
        #expect(abs(magnitude / expected[1] - 1) < 1e-6)
        let stride = max(7, gradient.count / 120 | 1)
        let samples = Swift.stride(from: 0, to: gradient.count, by: stride).map { gradient[$0] }
        #expect(relativeDifference(samples, expected[2...].map { Float($0) }) < 2e-6)
        #expect(value.pixels == batch.labels.filter { $0 != 255 }.count)
    }

    @Test func everyCommittedLossIsCompared() {
        #expect(Set(golden.names) == Set(LossCase.all.map(\.name)))
    }
}

extension GoldenArchive {
    /// A float64 array.
    func doubles(_ name: String) -> [Double]? {
        guard let tensor = tensor(name), tensor.dtype == .float64 else { return nil }
        return tensor.bytes.withUnsafeBytes { raw in
            (0..<tensor.shape.elementCount).map { raw.loadUnaligned(fromByteOffset: 8 * $0, as: Double.self) }
        }
    }
}
