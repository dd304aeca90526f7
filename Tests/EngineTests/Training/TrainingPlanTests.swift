// Memory of training plans: known beforehand, kept to a limit by computing again, shared by batches of several sizes.

import Formats
import Testing

@testable import Engine

/// A small network with everything that computing again must not do twice: statistics, dropped branches, pooling.
private func network(_ kind: SegmentationKind) throws -> Graph {
    let encoder: Graph
    switch kind {
    case .swinUNet:
        let stages = (0..<4).map {
            SwinConfiguration.Stage(blocks: 2, channels: 8 << $0, heads: 1 << $0, hidden: 16 << $0)
        }
        encoder = SwinConfiguration(stages: stages).graph()
    case .unet: encoder = UNetEncoderConfiguration(stem: 8, channels: [8, 16, 24]).graph()
    case .attentionUNet, .smpUNet:
        encoder = DeepResNetConfiguration(
            stem: 8, blocks: [1, 2, 1, 1], channels: [16, 32, 32, 64], stochasticDepthRate: 0.3
        ).graph()
    }
    let channels = kind == .unet ? [16, 8] : [32, 16, 16, 8, 8]
    let design = SegmentationDesign(
        kind: kind, classes: 3, decoderChannels: kind == .swinUNet ? nil : channels)
    let network = try SegmentationNetwork(design, encoder: encoder)
    return network.graph(for: Size2(64))
}

private let input: Shape = [2, 3, 64, 64]
private let limits = [0.0, 0.4, 0.999]

/// A training step's results, by parameter name.
private func step(_ graph: Graph, options: TrainingOptions) throws -> (plan: TrainingPlan, results: [String: [Float]]) {
    let parameters = try TrainingParameters(RandomParameters(seed: 3)) { _ in true }
    let plan = try TrainingPlan(
        graph, output: graph.levels[0], parameters: parameters, input: input, options: options)
    try plan.setDropPaths(kept: plan.dropPaths.indices.map { [$0 % 2 == 0, $0 % 3 != 0] })
    var results: [String: [Float]] = [:]
    for round in 0..<2 {
        let logits = try plan.forward(GradientCheck.pattern(input.elementCount, step: 7919 + round))
        try plan.backward(GradientCheck.pattern(logits.count, step: 6007 - round))
        results["logits of round \(round)"] = logits
    }
    for name in graph.parameters.map(\.name) {
        results[name] = try parameters.gradient(of: name)
        results["value of \(name)"] = try parameters.values(of: name)
    }
    return (plan, results)
}

@Suite struct TrainingPlanTests {
    @Test(arguments: SegmentationKind.allCases)
    func computingAgainFitsTheLimitAndChangesNoBit(kind: SegmentationKind) throws {
        let graph = try network(kind)
        let (plain, expected) = try step(graph, options: TrainingOptions(threads: 2, optimizerBuffers: 1))
        #expect(plain.memoryUse.recomputedLayers == 0)
        let most = plain.memoryUse.total(optimizerBuffers: 1)
        let least = try #require(Self.least(graph))
        #expect(least < most)
        var recomputed: [Int] = []
        for share in limits {
            let limit = least + Int(Double(most - least) * share)
            let (plan, found) = try step(
                graph, options: TrainingOptions(threads: 2, memoryLimit: limit, optimizerBuffers: 1))
            #expect(plan.memoryUse.total(optimizerBuffers: 1) <= limit)
            #expect(plan.memoryUse.recomputedLayers > 0)
            #expect(plan.memoryUse.recomputedWork > 0 && plan.memoryUse.recomputedWork < 1)
            recomputed.append(plan.memoryUse.recomputedLayers)
            for (name, values) in expected { #expect(found[name] == values, "\(name)") }
        }
        #expect(recomputed == recomputed.sorted(by: >))
    }

    /// What the refusal of an impossible limit says is needed.
    private static func least(_ graph: Graph) -> Int? {
        do throws(EngineError) {
            _ = try TrainingPlan.estimate(
                graph, output: graph.levels[0], input: input,
                options: TrainingOptions(threads: 2, memoryLimit: 1, optimizerBuffers: 1), isTrained: { _ in true })
        } catch {
            if case .memory(let needed, limit: 1) = error { return needed }
        }
        return nil
    }

    @Test func theRefusalSaysHowMuchIsNeededAndWhatWouldHelp() throws {
        let error = EngineError.memory(needed: 3_000_000_001, limit: 1_000_000)
        #expect(
            error.description
                == "training needs at least 3001 MB of memory, more than the 1 MB allowed; "
                + "take smaller batches or images, freeze the encoder, or allow more")
    }

    @Test(arguments: SegmentationKind.allCases)
    func theEstimateIsWhatThePlanTakes(kind: SegmentationKind) throws {
        let graph = try network(kind)
        let isTrained: @Sendable (Parameter) -> Bool = { !SegmentationNetwork.isEncoder($0.name) }
        let least = try #require(Self.least(graph))
        for memoryLimit in [nil, least] {
            let options = TrainingOptions(threads: 2, memoryLimit: memoryLimit)
            let estimate = try TrainingPlan.estimate(
                graph, output: graph.levels[0], input: input, options: options, isTrained: isTrained)
            let parameters = try TrainingParameters(RandomParameters(seed: 1), isTrained: isTrained)
            let plan = try TrainingPlan(
                graph, output: graph.levels[0], parameters: parameters, input: input, options: options)
            #expect(plan.memoryUse == estimate)
            #expect(parameters.byteCounts.values == estimate.parameters)
            #expect(parameters.byteCounts.gradients == estimate.gradients)
            #expect(ParameterBuffers(of: parameters).byteCount >= estimate.gradients)
        }
    }

    @Test func aSmallerLastBatchSharesParametersAndMemory() throws {
        let graph = try network(.unet)
        let frozen = Set(graph.parameters.map(\.name))
        let options = TrainingOptions(threads: 2, frozenStatistics: frozen)
        let parameters = try TrainingParameters(RandomParameters(seed: 3)) { _ in true }
        let whole = try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters, input: input, options: options)
        let images = GradientCheck.pattern(input.elementCount, step: 7919)
        let all = try whole.forward(images)
        let one = try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters, input: [1, 3, 64, 64], options: options,
            sharingMemoryOf: whole)
        let weights = GradientCheck.pattern(all.count, step: 6007)
        var sums: [String: [Double]] = [:]
        for image in 0..<2 {
            let logits = try one.forward(Array(images[image * images.count / 2..<(image + 1) * images.count / 2]))
            let half = image * all.count / 2..<(image + 1) * all.count / 2
            #expect(GradientCheck.error(logits.map(Double.init), all[half].map(Double.init)) < 1e-5)
            try one.backward(Array(weights[half]))
            for name in parameters.trainedNames {
                let gradient = try #require(try parameters.gradient(of: name))
                sums[name] = zip(sums[name] ?? [Double](repeating: 0, count: gradient.count), gradient).map {
                    $0 + Double($1)
                }
            }
        }
        _ = try whole.forward(images)
        try whole.backward(weights)
        for name in parameters.trainedNames where !name.contains(".running_") {
            let gradient = try #require(try parameters.gradient(of: name))
            #expect(GradientCheck.error(gradient.map(Double.init), sums[name] ?? []) < 1e-4, "\(name)")
        }
    }

    @Test func theSameStepGivesTheSameBitsAgain() throws {
        let graph = try network(.attentionUNet)
        let first = try step(graph, options: TrainingOptions(threads: 2)).results
        let second = try step(graph, options: TrainingOptions(threads: 2)).results
        #expect(first == second)
    }

    @Test func lentMemoryGivesWhatArraysGive() throws {
        let graph = try network(.unet)
        let parameters = try TrainingParameters(RandomParameters(seed: 3)) { _ in true }
        let plan = try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters, input: input, options: TrainingOptions(threads: 2))
        let images = GradientCheck.pattern(input.elementCount, step: 7919)
        let logits = try plan.forward(images)
        try plan.backward(logits)
        let name = try #require(parameters.trainedNames.first)
        let gradient = try parameters.gradient(of: name)
        for index in plan.images.indices { plan.images[index] = images[index] }
        try plan.forward()
        #expect(Array(plan.logits) == logits)
        for index in plan.logits.indices { plan.logitsGradient[index] = plan.logits[index] }
        try plan.backward()
        #expect(try parameters.gradient(of: name) == gradient)
    }

    @Test func imagesOfAnotherSizeAreRefused() throws {
        let graph = try network(.unet)
        let parameters = try TrainingParameters(RandomParameters(seed: 3)) { _ in true }
        let plan = try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters, input: input, options: TrainingOptions(threads: 1))
        #expect(throws: EngineError.self) { try plan.forward([1, 2, 3]) }
        #expect(throws: EngineError.self) { try plan.backward([1]) }
        #expect(throws: EngineError.self) { try plan.setDropPaths(kept: [[true, true]]) }
    }

    @Test func layersThatShareWeightsAreRefusedByName() throws {
        var graph = Graph(inputChannels: 3)
        let convolution = Op.Convolution(weight: Parameter("w", [3, 3, 3, 3]), padding: .fixed(Padding(1)))
        let first = graph.add(.convolution(convolution), 0, name: "first")
        graph.levels = [graph.add(.convolution(convolution), first, name: "second")]
        let parameters = try TrainingParameters(RandomParameters(seed: 1)) { _ in true }
        do throws(EngineError) {
            _ = try TrainingPlan(
                graph, output: graph.levels[0], parameters: parameters, input: [1, 3, 8, 8],
                options: TrainingOptions(threads: 1))
            Issue.record("not refused")
        } catch {
            #expect(
                error.description
                    == "layer 'second' (a layer that shares w with another) cannot be run; "
                    + "training it is not supported; freeze the encoder")
        }
    }
}
