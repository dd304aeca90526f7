// The four segmentation networks, small, in training mode: logits, running statistics and every parameter's gradient
// against PyTorch's autograd in float64 (fixtures/generate/gradients_golden.py).

import Formats
import FoundationEssentials
import TestSupport
import Testing

@testable import Engine

/// What fixtures/training/gradients.json says of one network.
private struct GoldenNetwork: Decodable {
    let input: [Int], outputs: Int, decoderChannels: [Int]?
    /// Shapes of the encoder's tensors by name.
    let encoder: [String: [Int]]
    /// Which images keep which branch.
    let kept: [[Bool]]
    /// An array's values, or its norm and four sums with drawn signs.
    let arrays: [String: [Double]]

    static func named(_ name: String) throws -> GoldenNetwork {
        let data = try Data(contentsOf: URL(filePath: TestData.fixtures + "/training/gradients.json"))
        return try #require(try JSONDecoder().decode([String: GoldenNetwork].self, from: data)[name])
    }
}

/// The weights that the script drew: see `values` there.
private struct DrawnParameters: ParameterSource {
    static let seed: UInt64 = 5
    let names: Set<String>

    static func uniform(_ name: String, _ count: Int) -> [Double] {
        var numbers = NamedRandom(seed: seed, name: name)
        return (0..<count).map { _ in Double(numbers.uniform()) }
    }

    func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        let shape = parameter.shape
        let stem = parameter.name.prefix(upTo: parameter.name.lastIndex(of: ".") ?? parameter.name.startIndex)
        let kind = parameter.name.dropFirst(stem.count + 1)
        let isBatchNorm = names.contains("\(stem).running_mean")
        let draw: (Double) -> Double
        switch kind {
        case "running_var": draw = { 0.5 + $0 }
        case "weight" where isBatchNorm: draw = { 0.4 + 0.1 * $0 }
        case "bias" where isBatchNorm:
            draw = { ($0 < 0.75 ? 1 : -1) * (2 + 0.1 * ($0 * 1024).truncatingRemainder(dividingBy: 1)) }
        case "weight" where shape.rank == 1: draw = { 1 + 0.1 * (2 * $0 - 1) }
        case "relative_position_bias_table": draw = { 0.1 * (2 * $0 - 1) }
        default:
            let fanIn = shape.axes.dropFirst().reduce(1, *)
            let bound = (3 / Double(fanIn)).squareRoot()
            draw = shape.rank == 1 ? { 0.1 * (2 * $0 - 1) } : { (2 * $0 - 1) * bound }
        }
        return TensorView(
            floats: Self.uniform(parameter.name, shape.elementCount).map { Float(draw($0)) }, shape: shape)
    }
}

@Suite struct NetworkGradientTests {
    @Test(arguments: SegmentationKind.allCases)
    func everyGradientAgreesWithPyTorch(kind: SegmentationKind) throws {
        let golden = try GoldenNetwork.named(kind.rawValue)
        let (graph, plan) = try Self.plan(kind, golden)
        let count = golden.input.reduce(1, *)
        let logits = try plan.forward(DrawnParameters.uniform("images", count).map { Float($0) })
        try plan.backward(DrawnParameters.uniform("weights", logits.count).map { Float(2 * $0 - 1) })
        var found = ["logits": logits]
        for parameter in graph.parameters {
            let isStatistic = parameter.name.contains(".running_")
            found[parameter.name] =
                isStatistic
                ? try plan.parameters.values(of: parameter.name)
                : try #require(try plan.parameters.gradient(of: parameter.name))
        }
        #expect(Set(found.keys) == Set(golden.arrays.keys))
        for (name, expected) in golden.arrays {
            let error = try Self.error(name, try #require(found[name]), golden)
            #expect(error < 1e-4, "\(name), of norm \(expected.first ?? 0)")
        }
    }

    private static func plan(_ kind: SegmentationKind, _ golden: GoldenNetwork) throws -> (Graph, TrainingPlan) {
        let tensors = golden.encoder.sorted { $0.key < $1.key }.map { TensorInfo.float($0.key, Shape($0.value)) }
        var hints = ArchitectureHints()
        if kind == .attentionUNet { hints.options["stochastic_depth_rate"] = "0.3" }
        let recognition = try Recognizer.recognize(tensors, hints: hints)
        let encoder = SegmentationCard.encoder(of: recognition, tensors: tensors)
        let design = SegmentationDesign(
            kind: kind, classes: max(2, golden.outputs), decoderChannels: golden.decoderChannels)
        let network = try SegmentationNetwork(
            design, encoder: encoder.graph, storedShapes: encoder.storedShapes)
        let graph = network.graph(for: Size2(golden.input[2], golden.input[3]))
        let names = Set(graph.parameters.map(\.name))
        let plan = try TrainingPlan(
            graph, output: graph.levels[0], parameters: TrainingParameters(DrawnParameters(names: names)) { _ in true },
            input: Shape(golden.input), options: TrainingOptions(threads: 2))
        try plan.setDropPaths(kept: golden.kept)
        return (graph, plan)
    }

    /// The (estimated) norm of the difference over the norm of what was expected. What is zero but for rounding, such as
    /// a bias before a normalisation, is measured against its layer's weight.
    private static func error(_ name: String, _ values: [Float], _ golden: GoldenNetwork) throws -> Double {
        let expected = try #require(golden.arrays[name])
        let isWhole = values.count <= 8
        let differences =
            isWhole
            ? zip(values, expected).map { Double($0) - $1 }
            : (0..<4).map { index in
                let signs = DrawnParameters.uniform("\(name).signs\(index)", values.count)
                return zip(values, signs).reduce(0) { $0 + ($1.1 < 0.5 ? -1 : 1) * Double($1.0) } - expected[1 + index]
            }
        #expect(expected.count == (isWhole ? values.count : 5))
        let squares = differences.reduce(0) { $0 + $1 * $1 }
        func norm(_ name: String) -> Double {
            guard let numbers = golden.arrays[name], let first = numbers.first else { return 0 }
            return numbers.count == 5 ? first : numbers.reduce(0) { $0 + $1 * $1 }.squareRoot()
        }
        var scale = isWhole ? expected.reduce(0) { $0 + $1 * $1 }.squareRoot() : expected[0]
        if name.hasSuffix(".bias") {
            let weight = norm(String(name.dropLast("bias".count)) + "weight")
            if scale < 1e-3 * weight || name.hasSuffix("qkv.bias") { scale = max(scale, weight) }
        }
        return (isWhole ? squares : squares / 4).squareRoot() / max(scale, 1e-30)
    }
}
