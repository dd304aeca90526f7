// Channels are padded to whole blocks in memory. What lies there is zero and stays zero through steps of training: else
// a network would learn with channels that its file does not have.

import Formats
import TestSupport
import Testing

@testable import Engine

@Suite struct PaddingTests {
    private func network(_ kind: SegmentationKind, classes: Int) throws -> SegmentationNetwork {
        let encoder = DeepResNetConfiguration(
            stem: 16, blocks: [1, 1, 1, 1], channels: [64, 128, 256, 512]
        ).graph()
        return try SegmentationNetwork(
            SegmentationDesign(kind: kind, classes: classes, decoderChannels: [32, 16, 16, 8, 8]),
            encoder: encoder.pruned())
    }

    @Test(arguments: [SegmentationKind.unet, .attentionUNet, .smpUNet], [(2, 4), (3, 4), (3, 8), (2, 1)])
    func paddingStaysZeroThroughSteps(kind: SegmentationKind, sizes: (classes: Int, batch: Int)) throws {
        let network = try network(kind, classes: sizes.classes)
        let graph = network.graph(for: Size2(64))
        let parameters = try TrainingParameters(InitialParameters(kind, seed: 3)) { _ in true }
        let plan = try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters, input: [sizes.batch, 3, 64, 64],
            options: TrainingOptions(threads: 1))
        let optimizer = try Optimizer(
            OptimizerOptions(kind: .adamw, learningRate: 1e-2), of: parameters, threads: 1)
        var numbers = NamedRandom(seed: 7, name: "images")
        for _ in 0..<6 {
            let images = (0..<plan.input.elementCount).map { _ in numbers.uniform() }
            _ = try plan.forward(images)
            try plan.backward((0..<plan.output.elementCount).map { _ in numbers.uniform() - 0.5 })
            optimizer.step()
        }
        for name in parameters.names {
            let entry = try #require(parameters.entries[name])
            for (what, buffer) in [("values", entry.values), ("gradient", entry.gradient)] {
                guard let buffer else { continue }
                let again = AlignedBuffer(byteCount: entry.packing.byteCount)
                try parameters.pack(name, try parameters.unpacked(name, buffer), into: again)
                let (here, clean) = (buffer.floats(), again.floats())
                let odd = (0..<entry.count).filter { here[$0] != clean[$0] }
                let first = odd.first.map { here[$0] } ?? 0
                #expect(odd.isEmpty, "\(what) of \(name): \(odd.count) of \(entry.count) numbers, \(first)")
            }
        }
    }
}
