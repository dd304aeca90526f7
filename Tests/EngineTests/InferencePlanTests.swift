// The oneDNN plan against the plain loops of Reference/, operation by operation and for whole networks.

import Engine
import Formats
import Testing

/// Runs a graph both ways and returns the largest difference over the reference's RMS, per level.
private func differences(_ graph: Graph, input shape: Shape, threads: Int = 2, seed: UInt64 = 7) throws -> [Double] {
    let parameters = RandomParameters(seed: seed)
    let images = pattern(shape.elementCount)
    let plan = try InferencePlan(graph, parameters: parameters, input: shape, threads: threads)
    let found = try plan.features(of: images)
    let expected = try ReferenceInterpreter(graph, parameters: parameters).levels(
        of: ReferenceMap(shape: shape, values: images))
    return zip(found, expected).map { found, expected in
        #expect(found.shape == expected.shape)
        let rms = (expected.values.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(expected.values.count))
            .squareRoot()
        let worst = zip(found.values, expected.values).reduce(0.0) { max($0, abs(Double($1.0) - Double($1.1))) }
        return worst / max(rms, 1e-30)
    }
}

/// Values in −1…1 that differ everywhere.
private func pattern(_ count: Int) -> [Float] {
    (0..<count).map { Float(($0 * 7919) % 2003) / 1001.5 - 1 }
}

/// A one-operation network, after a convolution so that the plan's own layout is used.
private func network(channels: Int = 8, _ build: (inout Graph, Graph.NodeID) -> Graph.NodeID) -> Graph {
    var graph = Graph(inputChannels: 3)
    let stem = graph.add(
        .convolution(
            Op.Convolution(weight: Parameter("stem.weight", [channels, 3, 3, 3]), padding: .fixed(Padding(1)))), 0,
        name: "stem")
    graph.levels = [build(&graph, stem)]
    return graph
}

private func convolution(
    _ name: String, _ shape: Shape, bias: Bool = false, stride: Int = 1, padding: PaddingRule = .fixed(.none),
    dilation: Int = 1, groups: Int = 1
) -> Op {
    .convolution(
        Op.Convolution(
            weight: Parameter("\(name).weight", shape), bias: bias ? Parameter("\(name).bias", [shape[0]]) : nil,
            stride: Size2(stride), padding: padding, dilation: Size2(dilation), groups: groups))
}

private func norm(_ name: String, _ channels: Int) -> Op {
    .batchNorm(
        Op.BatchNorm(
            weight: Parameter("\(name).weight", [channels]), bias: Parameter("\(name).bias", [channels]),
            mean: Parameter("\(name).running_mean", [channels]),
            variance: Parameter("\(name).running_var", [channels]), epsilon: 1e-5))
}

/// Float32 sums of a few hundred products in another order differ by about 1e-6 of the RMS; Winograd by about 1e-5.
private let tolerance = 2e-5

@Suite struct InferencePlanTests {
    @Test(arguments: [
        (3, 1, 1, 1, 1), (3, 2, 1, 1, 1), (1, 2, 0, 1, 1), (3, 1, 2, 2, 1), (5, 1, 2, 1, 1), (7, 2, 3, 1, 1),
        (3, 1, 1, 1, 8),
    ])
    func convolutionAgreesWithPlainLoops(kernel: Int, stride: Int, padding: Int, dilation: Int, groups: Int) throws {
        let graph = network { graph, stem in
            graph.add(
                convolution(
                    "c", [groups == 1 ? 20 : 8, 8 / groups, kernel, kernel], bias: true, stride: stride,
                    padding: .fixed(Padding(padding)), dilation: dilation, groups: groups), stem, name: "c")
        }
        #expect(try differences(graph, input: [2, 3, 13, 11])[0] < tolerance)
    }

    @Test(arguments: [2, 4, 8, 16]) func groupedConvolutionAgreesWithPlainLoops(groups: Int) throws {
        let graph = network(channels: 32) { graph, stem in
            graph.add(
                convolution("c", [32, 32 / groups, 3, 3], padding: .fixed(Padding(1)), groups: groups), stem, name: "c")
        }
        #expect(try differences(graph, input: [1, 3, 9, 10])[0] < tolerance)
    }

    @Test(arguments: [4, 6, 8, 12, 24, 32, 40]) func twoGroupsOfAnyWidthAgreeWithPlainLoops(channels: Int) throws {
        for stride in [1, 2] {
            let graph = network(channels: channels) { graph, stem in
                graph.add(
                    convolution(
                        "c", [channels, channels / 2, 3, 3], stride: stride, padding: .fixed(Padding(1)), groups: 2),
                    stem,
                    name: "c")
            }
            let plan = try InferencePlan(
                graph, parameters: RandomParameters(seed: 1), input: [1, 3, 9, 10], threads: 1)
            #expect(try differences(graph, input: [1, 3, 9, 10])[0] < tolerance, "\(plan.kernels)")
        }
    }

    @Test func samePaddingWithStrideTwoPutsTheOddRowBelow() throws {
        let graph = network { graph, stem in
            graph.add(convolution("c", [16, 8, 3, 3], stride: 2, padding: .same), stem, name: "c")
        }
        #expect(try differences(graph, input: [1, 3, 12, 11])[0] < tolerance)
    }

    @Test func batchNormActivationAndResidualAreFusedWithoutChangingValues() throws {
        let graph = network(channels: 48) { graph, stem in
            var x = graph.add(convolution("a", [48, 48, 3, 3], padding: .fixed(Padding(1))), stem, name: "a")
            x = graph.add(norm("an", 48), x, name: "an")
            x = graph.add(.activation(.relu(cap: nil)), x, name: "ar")
            x = graph.add(convolution("b", [48, 48, 3, 3], padding: .fixed(Padding(1))), x, name: "b")
            x = graph.add(norm("bn", 48), x, name: "bn")
            x = graph.add(.scale(0.9), x, name: "drop")
            x = graph.add(.add, [x, stem], name: "sum")
            return graph.add(.activation(.relu(cap: nil)), x, name: "relu")
        }
        #expect(try differences(graph, input: [2, 3, 16, 17])[0] < tolerance)
    }

    @Test(arguments: [false, true]) func channelScaleIsFoldedOrAppliedAlike(isFolded: Bool) throws {
        let graph = network(channels: 20) { graph, stem in
            var x = stem
            if isFolded { x = graph.add(convolution("a", [20, 20, 1, 1], bias: true), x, name: "a") }
            x = graph.add(.channelScale(Parameter("gamma", [20])), x, name: "gamma")
            return graph.add(.add, [x, stem], name: "sum")
        }
        #expect(try differences(graph, input: [2, 3, 7, 6])[0] < tolerance)
    }

    @Test func convolutionAddedToItsOwnInputReadsTheInputUnchanged() throws {
        let graph = network(channels: 32) { graph, stem in
            let x = graph.add(convolution("a", [32, 32, 1, 1]), stem, name: "a")
            return graph.add(.add, [stem, x], name: "sum")
        }
        #expect(try differences(graph, input: [1, 3, 8, 8])[0] < tolerance)
    }

    @Test func aLevelThatIsAlsoAResidualKeepsItsValues() throws {
        var graph = Graph(inputChannels: 3)
        let a = graph.add(convolution("a", [32, 3, 3, 3], padding: .fixed(Padding(1))), 0, name: "a")
        let b = graph.add(convolution("b", [32, 32, 1, 1]), a, name: "b")
        let sum = graph.add(.add, [b, a], name: "sum")
        graph.levels = [a, sum]
        let found = try differences(graph, input: [1, 3, 8, 8])
        #expect(found.allSatisfy { $0 < tolerance })
    }

    @Test func shortcutThatSubsamplesAndAppendsZeroChannelsIsAdded() throws {
        let graph = network(channels: 20) { graph, stem in
            let main = graph.add(
                convolution("a", [40, 20, 3, 3], stride: 2, padding: .fixed(Padding(1))), stem, name: "a")
            var shortcut = graph.add(.subsample(stride: 2), stem, name: "s")
            shortcut = graph.add(.padChannels(to: 40), shortcut, name: "z")
            return graph.add(.add, [main, shortcut], name: "sum")
        }
        #expect(try differences(graph, input: [2, 3, 9, 12])[0] < tolerance)
    }

    static let activations: [Op.Activation] = [
        .relu(cap: nil), .relu(cap: 6), .leakyRelu(slope: 0.1), .gelu, .geluTanh, .sigmoid, .silu, .tanh,
        .elu(alpha: 1),
        .hardSwish, .hardSigmoid(slope: 1 / 6, offset: 0.5), .softplus,
    ]

    @Test(arguments: activations)
    func activationAgreesWithPlainLoopsFusedAndAlone(activation: Op.Activation) throws {
        let fused = network { graph, stem in graph.add(.activation(activation), stem, name: "act") }
        #expect(try differences(fused, input: [1, 3, 6, 7])[0] < tolerance)
        let alone = network { graph, stem in
            let pooled = graph.add(
                .maxPool(Op.Window(size: Size2(2), stride: Size2(1))), stem, name: "pool")
            return graph.add(.activation(activation), pooled, name: "act")
        }
        #expect(try differences(alone, input: [1, 3, 6, 7])[0] < tolerance)
    }

    static let windowOps: [Op] = [
        .maxPool(Op.Window(size: Size2(3), stride: Size2(2), padding: .fixed(Padding(1)))),
        .maxPool(Op.Window(size: Size2(2), stride: Size2(2), roundsUp: true)),
        .maxPool(Op.Window(size: Size2(3), stride: Size2(2), padding: .same)),
        .averagePool(Op.Window(size: Size2(3), stride: Size2(2), padding: .fixed(Padding(1))), countsPadding: true),
        .averagePool(Op.Window(size: Size2(3), stride: Size2(2), padding: .fixed(Padding(1))), countsPadding: false),
        .globalAveragePool, .subsample(stride: 2), .padChannels(to: 30),
        .pad(Padding(top: 1, left: 0, bottom: 2, right: 3), value: 0.5), .pad(Padding(2), value: 0),
        .upsample(Size2(2), .nearest), .upsample(Size2(2), .bilinear), .scale(0.3),
        .affine(scale: (1...8).map { Float($0) / 4 }, shift: (1...8).map { Float($0) }), norm("n", 8),
    ]

    @Test(arguments: windowOps) func mapOperationAgreesWithPlainLoops(op: Op) throws {
        let graph = network { graph, stem in graph.add(op, stem, name: "op") }
        #expect(try differences(graph, input: [2, 3, 9, 11])[0] < tolerance)
    }

    @Test(arguments: ["alone", "norm and ReLU", "ReLU6", "sigmoid", "sum", "level", "of the image"], [5, 32])
    func convolutionOfADoubledMapAgreesWithPlainLoops(follower: String, outputs: Int) throws {
        let padding = PaddingRule.fixed(Padding(top: 0, left: 0, bottom: 1, right: 1))
        var large = 0
        var graph = network(channels: 20) { graph, stem in
            let isFirst = follower == "of the image"
            large = graph.add(.upsample(Size2(2), .nearest), isFirst ? 0 : stem, name: "up")
            let other = graph.add(convolution("o", [outputs, isFirst ? 3 : 20, 1, 1]), large, name: "o")
            let source = follower == "sum" ? graph.add(.upsample(Size2(2), .nearest), stem, name: "up2") : large
            let kernel: Shape = [outputs, isFirst ? 3 : 20, 2, 2]
            var x = graph.add(convolution("c", kernel, bias: true, padding: padding), source, name: "c")
            switch follower {
            case "norm and ReLU":
                x = graph.add(.activation(.relu(cap: nil)), graph.add(norm("n", outputs), x, name: "n"), name: "r")
            case "ReLU6": x = graph.add(.activation(.relu(cap: 6)), x, name: "r")
            case "sigmoid": x = graph.add(.activation(.sigmoid), x, name: "s")
            case "sum": x = graph.add(.add, [other, x], name: "sum")
            default: break
            }
            return x
        }
        if follower == "level" { graph.levels.append(large) }
        for difference in try differences(graph, input: [3, 3, 7, 5]) { #expect(difference < tolerance) }
    }

    /// Channels of the skip; 0 for none.
    @Test(
        arguments: ["alone", "norm and ReLU", "ReLU6", "sigmoid", "sum", "levels", "skip first", "itself twice"],
        [0, 5, 40])
    func convolution3OfADoubledMapAndItsSkipAgreesWithPlainLoops(follower: String, skip: Int) throws {
        var kept: [Graph.NodeID] = []
        var graph = network(channels: 20) { graph, stem in
            let up = graph.add(.upsample(Size2(2), .nearest), stem, name: "up")
            let outputs = skip == 5 ? 17 : 32
            var source = up, inputs = 20
            if skip > 0 {
                var fine = graph.add(.upsample(Size2(2), .bilinear), stem, name: "fine")
                fine = graph.add(convolution("f", [skip, 20, 1, 1]), fine, name: "f")
                if follower == "itself twice" { fine = up }
                inputs += follower == "itself twice" ? 20 : skip
                source = graph.add(
                    .concatenate, follower == "skip first" ? [fine, up] : [up, fine], name: "concatenation")
            }
            let operation = convolution("c", [outputs, inputs, 3, 3], bias: true, padding: .fixed(Padding(1)))
            var x = graph.add(operation, source, name: "c")
            switch follower {
            case "norm and ReLU":
                x = graph.add(.activation(.relu(cap: nil)), graph.add(norm("n", outputs), x, name: "n"), name: "r")
            case "ReLU6": x = graph.add(.activation(.relu(cap: 6)), x, name: "r")
            case "sigmoid": x = graph.add(.activation(.sigmoid), x, name: "s")
            case "sum":
                let other = graph.add(convolution("o", [outputs, 20, 1, 1]), stem, name: "o")
                x = graph.add(.add, [graph.add(.upsample(Size2(2), .nearest), other, name: "u"), x], name: "sum")
            default: break
            }
            kept = [up, source]
            return x
        }
        if follower == "levels" { graph.levels += kept }
        for shape: Shape in [[3, 3, 7, 9], [2, 3, 1, 20]] {
            for difference in try differences(graph, input: shape) { #expect(difference < tolerance) }
        }
    }

    @Test func convolution3OfADoubledMapOfManyPositionsIsRightForEveryImageOfTheBatch() throws {
        let graph = network { graph, stem in
            let up = graph.add(.upsample(Size2(2), .nearest), stem, name: "up")
            return graph.add(convolution("c", [48, 8, 3, 3], padding: .fixed(Padding(1))), up, name: "c")
        }
        #expect(try differences(graph, input: [2, 3, 48, 64])[0] < tolerance)
    }

    @Test func zeroPaddingBeforeAConvolutionAndAPoolIsMergedIntoThem() throws {
        let graph = network { graph, stem in
            var x = graph.add(.pad(Padding(top: 0, left: 0, bottom: 1, right: 1), value: 0), stem, name: "pad")
            x = graph.add(convolution("c", [16, 8, 3, 3], stride: 2), x, name: "c")
            x = graph.add(.activation(.relu(cap: nil)), x, name: "r")
            x = graph.add(.pad(Padding(1), value: 0), x, name: "pad2")
            return graph.add(.maxPool(Op.Window(size: Size2(3), stride: Size2(2))), x, name: "pool")
        }
        #expect(try differences(graph, input: [1, 3, 12, 13])[0] < tolerance)
    }

    @Test(arguments: [(16, 24), (5, 7)]) func concatenationKeepsChannelOrder(first: Int, second: Int) throws {
        let graph = network { graph, stem in
            let a = graph.add(convolution("a", [first, 8, 1, 1]), stem, name: "a")
            let b = graph.add(convolution("b", [second, 8, 1, 1]), stem, name: "b")
            return graph.add(.concatenate, [a, b, stem], name: "cat")
        }
        #expect(try differences(graph, input: [2, 3, 5, 6])[0] < tolerance)
    }

    @Test func squeezeAndExciteGatesEachChannel() throws {
        let graph = network(channels: 24) { graph, stem in
            var gate = graph.add(.globalAveragePool, stem, name: "squeeze")
            gate = graph.add(convolution("fc1", [6, 24, 1, 1], bias: true), gate, name: "fc1")
            gate = graph.add(.activation(.relu(cap: nil)), gate, name: "r")
            gate = graph.add(convolution("fc2", [24, 6, 1, 1], bias: true), gate, name: "fc2")
            gate = graph.add(.activation(.sigmoid), gate, name: "s")
            return graph.add(.multiply, [gate, stem], name: "gate")
        }
        #expect(try differences(graph, input: [2, 3, 7, 8])[0] < tolerance)
    }

    @Test func transposedConvolutionAgreesWithPlainLoops() throws {
        let graph = network { graph, stem in
            graph.add(
                .transposedConvolution(
                    Op.Convolution(
                        weight: Parameter("t.weight", [8, 12, 3, 3]), bias: Parameter("t.bias", [12]), stride: Size2(2),
                        padding: .fixed(Padding(1))), outputPadding: Size2(1)), stem, name: "t")
        }
        #expect(try differences(graph, input: [1, 3, 6, 5])[0] < tolerance)
    }

    @Test(arguments: [Op.WindowAttention.Border.padsThenShifts, .shiftsThenPads], [(8, 8), (9, 6), (4, 10)])
    func windowAttentionAgreesWithPlainLoops(border: Op.WindowAttention.Border, size: (Int, Int)) throws {
        for shift in [0, 2] {
            let graph = network(channels: 12) { graph, stem in
                let normed = graph.add(
                    .layerNorm(
                        Op.LayerNorm(
                            weight: Parameter("n.weight", [12]), bias: Parameter("n.bias", [12]), epsilon: 1e-5)),
                    stem, name: "n")
                let attention = graph.add(
                    .windowAttention(
                        Op.WindowAttention(
                            qkv: Parameter("qkv.weight", [36, 12]), qkvBias: Parameter("qkv.bias", [36]),
                            projection: Parameter("proj.weight", [12, 12]),
                            projectionBias: Parameter("proj.bias", [12]),
                            biasTable: Parameter("relative_position_bias_table", [49, 3]), heads: 3, window: 4,
                            shift: shift, border: border)), normed, name: "attention")
                let sum = graph.add(.add, [stem, attention], name: "sum")
                return graph.add(
                    .spaceToDepth(block: 2, order: [Size2(0, 0), Size2(1, 0), Size2(0, 1), Size2(1, 1)]), sum,
                    name: "merge")
            }
            #expect(try differences(graph, input: [2, 3, size.0, size.1])[0] < tolerance)
        }
    }

    @Test func valuesDoNotDependOnTheThreadCount() throws {
        let graph = try Architectures.named("resnet18")
        let parameters = RandomParameters(seed: 3)
        let images = pattern(2 * 3 * 64 * 64)
        let one = try InferencePlan(graph, parameters: parameters, input: [2, 3, 64, 64], threads: 1).features(
            of: images)
        let two = try InferencePlan(graph, parameters: parameters, input: [2, 3, 64, 64], threads: 2).features(
            of: images)
        #expect(zip(one, two).allSatisfy { $0.values == $1.values } == true)
    }

    @Test func fewerImagesThanTheBatchGiveTheSameValues() throws {
        let graph = try Architectures.named("resnet18")
        let plan = try InferencePlan(
            graph, parameters: RandomParameters(seed: 3), input: [3, 3, 32, 32], levels: [2, 5], threads: 2)
        let images = pattern(3 * 3 * 32 * 32)
        let all = try plan.features(of: images)
        let first = try plan.features(of: Array(images.prefix(3 * 32 * 32)))
        #expect(first.map(\.level) == [2, 5])
        #expect(zip(all, first).allSatisfy { $0.values.prefix($1.values.count).elementsEqual($1.values) } == true)
    }
}
