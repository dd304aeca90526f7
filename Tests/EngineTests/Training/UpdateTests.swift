// What optimizers promise beyond their formulas: exact resumption, untouched statistics and padding, any number of threads.

import Formats
import Testing

@testable import Engine

@Suite("Updates")
struct UpdateTests {
    private static let kinds: [OptimizerOptions] = [
        OptimizerCase.momentum, OptimizerOptions(kind: .adam, learningRate: 0.01, weightDecay: 0.1),
        OptimizerOptions(kind: .adamw, learningRate: 5e-3),
    ]

    private func run(_ optimizer: Optimizer, _ bench: UpdateBench, _ steps: Range<Int>) throws {
        for step in steps {
            try bench.setGradients(step: step)
            optimizer.step(factor: 0.5)
        }
    }

    private func bits(_ values: [Float]) -> [UInt32] { values.map(\.bitPattern) }

    @Test(arguments: kinds)
    func aRestoredOptimizerGoesOnToTheSameBits(options: OptimizerOptions) throws {
        let whole = try UpdateBench(), half = try UpdateBench(), rest = try UpdateBench()
        try run(try Optimizer(options, of: whole.parameters, threads: 2), whole, 0..<5)
        let stopped = try Optimizer(options, of: half.parameters, threads: 2)
        try run(stopped, half, 0..<2)
        let restored = try Optimizer(options, of: rest.parameters, threads: 2)
        for name in UpdateBench.names { try rest.parameters.set(name, to: try half.parameters.values(of: name)) }
        for name in stopped.stateNames { try restored.set(name, to: try stopped.values(of: name)) }
        restored.stepCounts = stopped.stepCounts
        try run(restored, rest, 2..<5)
        let (found, expected) = (bits(try rest.values()), bits(try whole.values()))
        #expect(found == expected)
    }

    @Test(arguments: kinds)
    func valuesAreTheSameToTheBitForAnyNumberOfThreads(options: OptimizerOptions) throws {
        let alone = try UpdateBench(), shared = try UpdateBench()
        try run(try Optimizer(options, of: alone.parameters, threads: 1), alone, 0..<3)
        try run(try Optimizer(options, of: shared.parameters, threads: 3), shared, 0..<3)
        let (found, expected) = (bits(try shared.values()), bits(try alone.values()))
        #expect(found == expected)
        #expect(
            gradientNorm(of: alone.parameters, threads: 1) == gradientNorm(of: shared.parameters, threads: 3))
    }

    @Test(arguments: kinds)
    func runningStatisticsAndPaddingAreLeftAlone(options: OptimizerOptions) throws {
        let bench = try UpdateBench()
        let names = ["encoder.norm.running_mean", "encoder.norm.running_var"]
        #expect(bench.parameters.statisticNames == names)
        #expect(bench.parameters.learnedNames.sorted() == UpdateBench.names.sorted())
        let before = try names.map { try bench.parameters.values(of: $0) }
        try run(try Optimizer(options, of: bench.parameters, threads: 2), bench, 0..<3)
        let after = try names.map { try bench.parameters.values(of: $0) }
        #expect(after == before)
        for name in UpdateBench.names {
            let learned = try bench.parameters.values(of: name).filter { $0 != 0 }.count
            let stored = bench.parameters.withMemory(of: name) { values, _ in values.filter { $0 != 0 }.count }
            #expect(stored == learned)
        }
    }

    @Test func theStateIsNamedAfterPyTorchs() throws {
        let bench = try UpdateBench()
        let adam = try Optimizer(OptimizerOptions(kind: .adam, learningRate: 0.01), of: bench.parameters, threads: 1)
        #expect(
            Set(adam.stateNames) == Set(UpdateBench.names.flatMap { ["exp_avg.\($0)", "exp_avg_sq.\($0)"] }))
        let plain = try Optimizer(
            OptimizerOptions(kind: .sgd, learningRate: 0.01, momentum: 0), of: bench.parameters, threads: 1)
        #expect(plain.stateNames.isEmpty)
        #expect(plain.byteCount == 0)
        let error = EngineError.shape(
            operation: "the optimizer's state 'momentum_buffer.x'",
            expected: "exp_avg.PARAMETER or exp_avg_sq.PARAMETER", found: "another name")
        #expect(throws: error) { try adam.values(of: "momentum_buffer.x") }
    }

    @Test func weightDecayIsPyTorchsDefaultUnlessGiven() {
        let found = OptimizerKind.allCases.map { OptimizerOptions(kind: $0, learningRate: 1).weightDecay }
        #expect(found == [0, 0, 0.01])
        #expect(OptimizerOptions(kind: .adamw, learningRate: 1, weightDecay: 0).weightDecay == 0)
    }

    @Test func numbersWithoutMeaningAreRefused() throws {
        let bench = try UpdateBench()
        func refused(
            _ kind: OptimizerKind, _ expected: String, _ found: String, _ change: (inout OptimizerOptions) -> Void
        ) {
            var options = OptimizerOptions(kind: kind, learningRate: 0.1)
            change(&options)
            let error = EngineError.shape(operation: "the optimizer", expected: expected, found: found)
            #expect(throws: error) { try Optimizer(options, of: bench.parameters, threads: 1) }
        }
        refused(.sgd, "a learning rate of at least 0", "-1.0") { $0.learningRate = -1 }
        refused(.adam, "a learning rate of at least 0", "nan") { $0.encoderLearningRate = .nan }
        refused(.adamw, "a weight decay of at least 0", "-0.1") { $0.weightDecay = -0.1 }
        refused(.sgd, "a momentum from 0 to less than 1", "1.0") { $0.momentum = 1 }
        refused(.sgd, "a momentum above 0 for Nesterov's", "0.0") {
            $0.momentum = 0
            $0.nesterov = true
        }
        refused(.adam, "a beta2 from 0 to less than 1", "1.0") { $0.beta2 = 1 }
        refused(.adamw, "an epsilon of at least 1e-30", "0.0") { $0.epsilon = 0 }
    }

    @Test func aGradientThatIsNoNumberIsNoticedAndNamed() throws {
        let bench = try UpdateBench()
        try bench.setGradients(step: 0)
        #expect(gradientNorm(of: bench.parameters, threads: 2).isFinite)
        #expect(parametersWithNonFiniteGradients(of: bench.parameters, threads: 2) == [])
        bench.parameters.withMemory(of: "encoder.norm.bias") { $1[3] = .nan }
        #expect(!gradientNorm(of: bench.parameters, threads: 2).isFinite)
        #expect(parametersWithNonFiniteGradients(of: bench.parameters, threads: 2) == ["encoder.norm.bias"])
    }

    @Test func theAverageFollowsRunningStatisticsAndIsRestoredToTheBit() throws {
        let bench = try UpdateBench()
        let average = ParameterAverage(of: bench.parameters, decay: 0.75, threads: 2)
        let mean = Parameter("encoder.norm.running_mean", [5])
        let start = try bench.parameters.values(of: mean.name)
        try bench.parameters.set(mean.name, to: [1, 2, 3, 4, 5])
        average.update()
        let expected = zip(start, [1, 2, 3, 4, 5] as [Float]).map { $0 + 0.25 * ($1 - $0) }
        let found = try average.values(of: mean).floats()
        #expect(found == expected)
        let other = ParameterAverage(of: bench.parameters, decay: 0.75, threads: 1)
        for name in average.names { try other.set(name, to: try average.values(of: name)) }
        other.updates = average.updates
        try bench.setValues(step: 1)
        average.update()
        other.update()
        for name in average.names {
            let (found, expected) = (bits(try other.values(of: name)), bits(try average.values(of: name)))
            #expect(found == expected)
        }
    }

    @Test func theAverageWarmsUpFromItsFirstUpdate() throws {
        let bench = try UpdateBench()
        let average = ParameterAverage(of: bench.parameters, decay: 0.999, warmsUp: true, threads: 1)
        let start = try bench.parameters.values(of: "decoder.conv.bias")
        try bench.setValues(step: 0)
        average.update()  // decay (1 + 0) / (10 + 0)
        let present = try bench.parameters.values(of: "decoder.conv.bias")
        let expected = zip(start, present).map { $0 + 0.9 * ($1 - $0) }
        let found = try average.values(of: "decoder.conv.bias")
        #expect(relativeDifference(found, expected) < 1e-6)
    }

    @Test func schedulesHoldTheirEndsWhateverTheStep() {
        for kind in ScheduleKind.allCases {
            for warmup in [0, 3, 50] {
                let schedule = LearningRateSchedule(kind, warmupSteps: warmup)
                let factors = (-1...40).map { schedule.factor(at: $0, of: 20) }
                #expect(factors.allSatisfy { (0...1).contains($0) })
            }
        }
        #expect(LearningRateSchedule(.poly).factor(at: 20, of: 20) == 0)
        #expect(LearningRateSchedule(.cosine).factor(at: 25, of: 20) == 0)
        #expect(LearningRateSchedule(.poly).factor(at: 0, of: 0) == 1)
        #expect(LearningRateSchedule(.step, stepFraction: 0.5, gamma: 0.5).factor(at: 10, of: 20) == 0.5)
    }
}
