// Optimizers, schedules, clipping, accumulation and averaging against PyTorch (fixtures/generate/training_golden.py).

import Formats
import TestSupport
import Testing

@testable import Engine

/// A network of two convolutions and a normalisation with values and gradients that Python and the tests draw alike.
struct UpdateBench {
    static let names = [
        "encoder.conv.weight", "encoder.conv.bias", "encoder.norm.weight", "encoder.norm.bias", "decoder.conv.weight",
        "decoder.conv.bias",
    ]
    let parameters: TrainingParameters
    private let shapes: [String: Shape]
    private let buffers: ParameterBuffers

    init() throws {
        var graph = Graph(inputChannels: 3)
        let first = graph.convolution(
            0, "encoder.conv", kernel: [5, 3, 3, 3], padding: .fixed(Padding(1)), hasBias: true)
        let norm = graph.batchNorm(first, "encoder.norm", channels: 5, epsilon: 1e-5)
        let output = graph.convolution(norm, "decoder.conv", kernel: [4, 5, 1, 1], hasBias: true)
        parameters = try TrainingParameters(Drawn(kind: "value")) { _ in true }
        _ = try TrainingPlan(
            graph, output: output, parameters: parameters, input: [1, 3, 4, 4], options: TrainingOptions(threads: 1))
        shapes = Dictionary(uniqueKeysWithValues: graph.parameters.map { ($0.name, $0.shape) })
        buffers = ParameterBuffers(of: parameters)
    }

    /// Puts the gradients of a step in their places.
    func setGradients(step: Int) throws {
        for name in Self.names {
            let drawn = Drawn.values("gradient \(step)", name, try #require(shapes[name]))
            try buffers.set(name, to: drawn.map { abs($0) < 0.125 ? 0 : $0 })
            copy(name) { values, gradient, buffer in gradient.update(from: buffer, count: values.count) }
        }
    }

    /// Replaces the values by what is drawn for a step.
    func setValues(step: Int) throws {
        for name in Self.names {
            try parameters.set(name, to: Drawn.values("gradient \(step)", name, try #require(shapes[name])))
        }
    }

    private func copy(
        _ name: String,
        _ body: (
            UnsafeMutableBufferPointer<Float>, UnsafeMutablePointer<Float>, UnsafePointer<Float>
        ) -> Void
    ) {
        buffers.withMemory(of: name) { buffer in
            parameters.withMemory(of: name) { values, gradient in
                if let to = gradient.baseAddress, let from = buffer.baseAddress { body(values, to, from) }
            }
        }
    }

    /// All learned values, in a fixed order.
    func values() throws -> [Float] { try Self.names.flatMap { try parameters.values(of: $0) } }

    /// Numbers by name.
    struct Drawn: ParameterSource {
        let kind: String

        static func values(_ kind: String, _ name: String, _ shape: Shape) -> [Float] {
            var numbers = NamedRandom(seed: 2, name: "\(kind) \(name)")
            return (0..<shape.elementCount).map { _ in numbers.uniform() * 2 - 1 }
        }

        func values(of parameter: Parameter) throws(EngineError) -> TensorView {
            TensorView(floats: Self.values(kind, parameter.name, parameter.shape), shape: parameter.shape)
        }
    }
}

/// An optimizer that PyTorch has run for five steps.
struct OptimizerCase: CustomTestStringConvertible, Sendable {
    let name: String
    let options: OptimizerOptions
    var testDescription: String { name }

    static let momentum = OptimizerOptions(kind: .sgd, learningRate: 0.05, weightDecay: 1e-4)

    static let all: [OptimizerCase] = [
        OptimizerCase(name: "sgd", options: OptimizerOptions(kind: .sgd, learningRate: 0.05, momentum: 0)),
        OptimizerCase(
            name: "sgd decay", options: OptimizerOptions(kind: .sgd, learningRate: 0.05, momentum: 0, weightDecay: 0.01)
        ),
        OptimizerCase(name: "sgd momentum", options: momentum),
        OptimizerCase(
            name: "sgd nesterov",
            options: OptimizerOptions(kind: .sgd, learningRate: 0.05, nesterov: true, weightDecay: 0.01)),
        OptimizerCase(name: "adam", options: OptimizerOptions(kind: .adam, learningRate: 0.01)),
        OptimizerCase(
            name: "adam decay", options: OptimizerOptions(kind: .adam, learningRate: 0.01, weightDecay: 0.1)),
        OptimizerCase(name: "adamw", options: OptimizerOptions(kind: .adamw, learningRate: 5e-3)),
        OptimizerCase(
            name: "adamw other",
            options: OptimizerOptions(
                kind: .adamw, learningRate: 5e-3, weightDecay: 0.2, beta1: 0.4, beta2: 0.95, epsilon: 1e-4)),
        OptimizerCase(
            name: "two rates",
            options: OptimizerOptions(kind: .adamw, learningRate: 5e-3, encoderLearningRate: 1e-3)),
    ]
}

@Suite("Updates against PyTorch")
struct UpdateGoldenTests {
    private let golden: GoldenArchive

    init() throws { golden = try GoldenArchive(TestData.fixtures + "/training/updates.npz") }

    private func expected(_ name: String) throws -> [Float] { try #require(golden.tensor(name)?.floats()) }

    @Test(arguments: OptimizerCase.all)
    func fiveStepsGivePyTorchsValuesAndState(_ item: OptimizerCase) throws {
        let bench = try UpdateBench()
        let optimizer = try Optimizer(item.options, of: bench.parameters, threads: 2)
        for step in 0..<5 {
            try bench.setGradients(step: step)
            optimizer.step()
        }
        let (values, expected) = (try bench.values(), try expected(item.name))
        #expect(relativeDifference(values, expected) < 1e-6)
        for state in ["momentum_buffer", "exp_avg", "exp_avg_sq"] {
            guard let expected = golden.tensor("\(item.name)/\(state)")?.floats() else { continue }
            let found = try UpdateBench.names.flatMap { try optimizer.values(of: "\(state).\($0)") }
            #expect(relativeDifference(found, expected) < 1e-6)
        }
    }

    @Test func aScheduleScalesTheLearningRateAsPyTorchs() throws {
        let bench = try UpdateBench()
        let optimizer = try Optimizer(OptimizerCase.momentum, of: bench.parameters, threads: 2)
        for step in 0..<5 {
            try bench.setGradients(step: step)
            optimizer.step(factor: LearningRateSchedule(.poly).factor(at: step, of: 5))
        }
        let (values, expected) = (try bench.values(), try expected("poly"))
        #expect(relativeDifference(values, expected) < 1e-6)
    }

    @Test(arguments: [("clipped", 3), ("not clipped", 100)] as [(String, Float)])
    func clippingIsPyTorchs(name: String, limit: Float) throws {
        let bench = try UpdateBench()
        let optimizer = try Optimizer(OptimizerCase.momentum, of: bench.parameters, threads: 2)
        var norms: [Float] = []
        for step in 0..<5 {
            try bench.setGradients(step: step)
            let norm = gradientNorm(of: bench.parameters, threads: 2)
            norms.append(Float(norm))
            optimizer.step(gradientScale: clippingFactor(norm: norm, limit: limit))
        }
        if name == "clipped" {
            let expected = try expected("clipped/norms")
            #expect(relativeDifference(norms, expected) < 1e-6)
        }
        let (values, expected) = (try bench.values(), try expected(name))
        #expect(relativeDifference(values, expected) < 1e-6)
    }

    @Test func accumulatedGradientsAreThoseOfTheMeanLoss() throws {
        let bench = try UpdateBench()
        let optimizer = try Optimizer(OptimizerCase.momentum, of: bench.parameters, threads: 2)
        let accumulator = GradientAccumulator(of: bench.parameters, threads: 2)
        for step in 0..<5 {
            for part in 0..<3 {
                try bench.setGradients(step: 3 * step + part)
                accumulator.add()
            }
            #expect(accumulator.count == 3)
            accumulator.finish()
            optimizer.step()
        }
        let (values, expected) = (try bench.values(), try expected("accumulated"))
        #expect(relativeDifference(values, expected) < 1e-6)
    }

    @Test func theAverageIsPyTorchs() throws {
        let bench = try UpdateBench()
        let average = ParameterAverage(of: bench.parameters, decay: 0.9, threads: 2)
        for step in 0..<5 {
            try bench.setValues(step: step)
            average.update()
        }
        let found = try UpdateBench.names.flatMap { try average.values(of: $0) }
        let expected = try expected("average")
        #expect(relativeDifference(found, expected) < 1e-6)
    }

    @Test(arguments: ScheduleKind.allCases, [0, 4])
    func schedulesArePyTorchs(kind: ScheduleKind, warmup: Int) throws {
        let expected = try expected("schedule \(kind.rawValue)" + (warmup > 0 ? " warm-up" : ""))
        let schedule = LearningRateSchedule(kind, warmupSteps: warmup)
        let found = (0..<20).map { schedule.factor(at: $0, of: 20) }
        for (a, b) in zip(found, expected) { #expect(abs(a - b) < 1e-6) }
    }
}
