// Compares a training plan's gradients with central differences of the plain loops, which compute in double precision.

import Engine
import Formats
import Testing

/// A small network whose gradients are checked.
struct GradientCase: CustomTestStringConvertible, Sendable {
    let name: String
    var input: Shape = [2, 3, 7, 6]
    /// Channels of the first convolution, which hands a gradient on to what is tested.
    var channels = 8
    var seed: UInt64 = 7
    /// Appends what is tested to the first convolution's output.
    let build: @Sendable (inout Graph, Graph.NodeID) -> Graph.NodeID
    var testDescription: String { name }

    init(
        _ name: String, input: Shape = [2, 3, 7, 6], channels: Int = 8, seed: UInt64 = 7,
        _ build: @escaping @Sendable (inout Graph, Graph.NodeID) -> Graph.NodeID
    ) {
        self.name = name
        self.input = input
        self.channels = channels
        self.seed = seed
        self.build = build
    }

    /// A single operation behind the first convolution.
    init(_ name: String, input: Shape = [2, 3, 7, 6], channels: Int = 8, _ op: Op) {
        self.init(name, input: input, channels: channels) { graph, stem in graph.add(op, stem, name: "op") }
    }

    /// The network; its only level is the output.
    var graph: Graph {
        var graph = Graph(inputChannels: input[1])
        let stem = graph.add(
            .convolution(
                Op.Convolution(
                    weight: Parameter("stem.weight", [channels, input[1], 3, 3]),
                    bias: Parameter("stem.bias", [channels]), padding: .fixed(Padding(1)))), 0, name: "stem")
        graph.levels = [build(&graph, stem)]
        return graph
    }
}

/// What a comparison found.
struct GradientErrors {
    /// Root of the summed squared differences over that of the expected values, by parameter, and for the output.
    var byName: [(name: String, error: Double)] = []
    var worst: (name: String, error: Double) { byName.max { $0.error < $1.error } ?? ("nothing", .infinity) }
}

/// A gradient of one loss Σ weights · output, both ways.
struct GradientCheck {
    let graph: Graph
    let input: Shape
    let seed: UInt64
    let training: ReferenceTraining
    /// How many values of each parameter are differentiated.
    var probes = 12

    func errors(threads: Int = 2) throws -> GradientErrors {
        let images = Self.pattern(input.elementCount, step: 7919)
        let values = RandomParameters(seed: seed)
        let parameters = try TrainingParameters(values) { _ in true }
        let plan = try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters, input: input,
            options: TrainingOptions(threads: threads, frozenStatistics: training.frozenStatistics))
        try plan.setDropPaths(
            kept: plan.dropPaths.map { training.keptBranches[$0.name] ?? [Bool](repeating: true, count: input[0]) })
        let output = try plan.forward(images)
        let weights = Self.pattern(output.count, step: 6007)
        try plan.backward(weights)
        let image = ReferenceMap(shape: input, values: images)
        var errors = GradientErrors()
        let expected = try reference(values, image)
        errors.byName.append(("the output", Self.error(output.map { Double($0) }, expected)))
        var found: [(name: String, found: [Double], expected: [Double])] = []
        for name in parameters.trainedNames where !isStatistic(name) {
            let gradient = try #require(try parameters.gradient(of: name))
            let indices = Self.spread(probes, over: gradient.count)
            found.append(
                (
                    name, indices.map { Double(gradient[$0]) },
                    try indices.map { try slope(values, name: name, index: $0, image, weights) }
                ))
        }
        // A gradient that is zero but for the rounding of the differences (a bias that a normalisation takes out again)
        // has no size of its own: it is measured against the others. Any other is measured against itself, however small.
        let largest = found.map { Self.length($0.expected) }.max() ?? 0
        for entry in found {
            let isNothing = Self.length(entry.expected) < 1e-7 * largest
            errors.byName.append(
                (entry.name, Self.error(entry.found, entry.expected, atLeast: isNothing ? largest : 1e-30)))
        }
        return errors
    }

    private func isStatistic(_ name: String) -> Bool { name.hasSuffix("running_mean") || name.hasSuffix("running_var") }

    private func reference(_ values: some ParameterSource, _ image: ReferenceMap) throws -> [Double] {
        let maps = try ReferenceInterpreter(graph, parameters: values, training: training).run(
            image, targets: graph.levels)
        return try #require(maps[graph.levels[0]]).exact
    }

    /// The central difference of the loss by one value of a parameter.
    private func slope(
        _ values: RandomParameters, name: String, index: Int, _ image: ReferenceMap, _ weights: [Float]
    ) throws -> Double {
        var losses: [Double] = [], places: [Double] = []
        for delta: Float in [0x1p-16, -0x1p-16] {
            let moved = MovedParameters(values: values, name: name, index: index, delta: delta)
            losses.append(zip(try reference(moved, image), weights).reduce(0) { $0 + $1.0 * Double($1.1) })
            let parameter = try #require(graph.parameters.first { $0.name == name })
            places.append(Double(try moved.floats(parameter)[index]))
        }
        return (losses[0] - losses[1]) / (places[0] - places[1])
    }

    /// Values in −1…1 that differ everywhere.
    static func pattern(_ count: Int, step: Int) -> [Float] {
        (0..<count).map { Float(($0 * step + 13) % 2003) / 1001.5 - 1 }
    }

    private static func spread(_ count: Int, over total: Int) -> [Int] {
        guard total > count else { return Array(0..<total) }
        return (0..<count).map { ($0 * (total - 1)) / (count - 1) }
    }

    static func length(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    /// The length of the difference over that of what was expected.
    static func error(_ found: [Double], _ expected: [Double], atLeast least: Double = 1e-30) -> Double {
        guard found.count == expected.count else { return .infinity }
        return length(zip(found, expected).map { $0 - $1 }) / max(length(expected), least)
    }
}

/// Parameters of which one value is moved.
private struct MovedParameters: ParameterSource {
    let values: RandomParameters
    let name: String
    let index: Int
    let delta: Float

    func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        TensorView(floats: try floats(parameter), shape: parameter.shape)
    }

    func floats(_ parameter: Parameter) throws(EngineError) -> [Float] {
        var floats = try values.values(of: parameter).floats() ?? []
        if parameter.name == name { floats[index] += delta }
        return floats
    }
}
