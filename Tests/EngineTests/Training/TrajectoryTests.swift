// Whole trainings of small networks against PyTorch's from the same weights on the same batches
// (fixtures/generate/trajectories.py, whose batches and losses are made again here).

import FoundationEssentials
import Formats
import TestSupport
import Testing

@testable import Engine

/// A training that PyTorch has run.
struct TrajectoryCase: CustomTestStringConvertible, Sendable {
    let name: String
    let kind: SegmentationKind
    let checkpoint: String
    let channels: [Int]
    let classes: Int
    let optimizer: OptimizerKind
    var testDescription: String { name }
    var steps: Int { optimizer == .sgd ? 50 : 20 }

    /// SGD with momentum for 50 steps and AdamW for 20.
    private static func pair(
        _ name: String, _ kind: SegmentationKind, _ checkpoint: String, _ channels: [Int], classes: Int
    ) -> [TrajectoryCase] {
        [OptimizerKind.sgd, .adamw].map {
            TrajectoryCase(
                name: "\(name) \($0.rawValue)", kind: kind, checkpoint: checkpoint, channels: channels,
                classes: classes, optimizer: $0)
        }
    }

    static let all =
        pair("unet", .unet, "pytorch/model_state_dict_epoch_5.pt", [32, 16, 16, 8, 8], classes: 3)
        + pair("smp-unet", .smpUNet, "pytorch/model_state_dict_epoch_8.pt", [32, 16, 16, 8, 8], classes: 3)
        + pair("binary unet", .unet, "lightning/epoch=5-step=426.ckpt", [32, 16, 8, 8], classes: 2)

    var options: OptimizerOptions {
        optimizer == .sgd
            ? OptimizerOptions(kind: .sgd, learningRate: 0.001, weightDecay: 1e-4)
            : OptimizerOptions(kind: .adamw, learningRate: name == "unet adamw" ? 3e-4 : 1e-4)
    }

    var loss: LossOptions {
        classes == 2
            ? LossOptions(terms: [.dice, .binaryCrossEntropy])
            : LossOptions(terms: [.dice, .crossEntropy], classWeights: [1, 1, 4])
    }
}

/// Batches of the two views in turn, with labels that follow from brightness and place.
struct TrajectoryBatches {
    static let size = 4, side = 64
    private let views: [[Float]]

    init() throws {
        views = try [0, 1].map { number in
            try #require(try NumPy.readArray(TestData.fixtures + "/views/views64_\(number).npy").floats())
        }
    }

    /// Images N×3×64×64 of equal channels and labels N×64×64.
    func batch(_ step: Int, classes: Int) -> (images: [Float], labels: [UInt8]) {
        let area = Self.side * Self.side
        var images: [Float] = []
        var labels: [UInt8] = []
        for index in 0..<Self.size {
            let image = (step * Self.size + index) % 32
            let grey = Array(views[step % 2][image * area..<(image + 1) * area])
            for _ in 0..<3 { images += grey }
            for (position, value) in grey.enumerated() {
                let (row, column) = (position / Self.side, position % Self.side)
                var label: UInt8 = value > 0.25 ? 1 : 0
                if classes > 2, value > 0.5, row < 40 { label = 2 }
                labels.append((row + column) % 16 == 0 ? 255 : label)
            }
        }
        return (images, labels)
    }
}

@Suite("Trajectories against PyTorch", .serialized)
struct TrajectoryTests {
    private static let shape: Shape = [TrajectoryBatches.size, 3, TrajectoryBatches.side, TrajectoryBatches.side]

    /// Trains a network as PyTorch did.
    private func train(_ item: TrajectoryCase) throws -> (losses: [Double], parameters: TrainingParameters) {
        let reader = try Checkpoint.open(TestData.fixtures + "/checkpoints/" + item.checkpoint)
        let recognition = try Recognizer.recognize(reader)
        let encoder = SegmentationCard.encoder(of: recognition, tensors: reader.tensors)
        let network = try SegmentationNetwork(
            SegmentationDesign(kind: item.kind, classes: item.classes, decoderChannels: item.channels),
            encoder: encoder.graph, storedShapes: encoder.storedShapes)
        let parameters = try TrainingParameters(
            PretrainedParameters(
                encoder: CheckpointParameters(recognition, reader: reader),
                initial: InitialParameters(item.kind, seed: 1), sources: encoder.sources)
        ) { _ in true }
        let graph = network.graph(for: Size2(TrajectoryBatches.side, TrajectoryBatches.side))
        let plan = try TrainingPlan(
            graph, output: graph.levels[0], parameters: parameters, input: Self.shape,
            options: TrainingOptions(threads: 1))
        let optimizer = try Optimizer(item.options, of: parameters, threads: 1)
        let loss = try SegmentationLoss(
            item.loss, classes: item.classes, logitChannels: plan.output[1], threads: 1)
        let batches = try TrajectoryBatches()
        let schedule = LearningRateSchedule(.poly)
        var gradient: [Float] = []
        let losses = try (0..<item.steps).map { step in
            let batch = batches.batch(step, classes: item.classes)
            let logits = try plan.forward(batch.images)
            let value = try loss(logits, labels: batch.labels, shape: plan.output, gradient: &gradient)
            try plan.backward(gradient)
            optimizer.step(factor: schedule.factor(at: step, of: item.steps))
            return value.total
        }
        return (losses, parameters)
    }

    /// How far a training's end lies from another's: the largest root mean square by which a parameter's elements
    /// differ, in the units of trajectories.py, and whose it is.
    private struct Distance: CustomStringConvertible {
        var weights = (difference: 0.0, name: "")
        var statistics = (difference: 0.0, name: "")

        mutating func add(_ values: [Float], _ expected: [Float], unit: Double, _ name: String, isStatistic: Bool) {
            let stride = expected.count == values.count ? 1 : max(1, values.count / 24)
            var squares = 0.0
            for (place, element) in expected.enumerated() {
                let difference = Double(values[place * stride]) - Double(element)
                squares += difference * difference
            }
            let difference = (squares / Double(expected.count)).squareRoot() / unit
            let worst = isStatistic ? statistics : weights
            guard difference > worst.difference || difference.isNaN else { return }
            if isStatistic { statistics = (difference, name) } else { weights = (difference, name) }
        }

        var description: String {
            "weights differ by \(weights.difference) of their RMS (\(weights.name)), running statistics by "
                + "\(statistics.difference) (\(statistics.name))"
        }
    }

    private func distance(
        _ parameters: TrainingParameters, units: [Double],
        expected: (_ name: String, _ count: Int) throws -> [Float]
    ) throws -> Distance {
        let statistics = Set(parameters.statisticNames)
        let names = (parameters.learnedNames + parameters.statisticNames).sorted()
        try #require(names.count == units.count)
        var result = Distance()
        for (name, unit) in zip(names, units) {
            let values = try parameters.values(of: name)
            result.add(
                values, try expected(name, values.count), unit: unit, name, isStatistic: statistics.contains(name))
        }
        return result
    }

    /// 50 steps of SGD follow PyTorch's losses within 10⁻³ and end within 10⁻³ of its weights' RMS; 20 of AdamW follow its
    /// losses within 10⁻³, while weights part where gradients are near zero, whose direction alone counts there.
    @Test(arguments: TrajectoryCase.all)
    func trainingFollowsPyTorchs(_ item: TrajectoryCase) throws {
        let golden = try GoldenArchive(TestData.fixtures + "/training/trajectories.npz")
        let expected = try #require(golden.doubles("\(item.name)/losses"))
        let units = try #require(golden.doubles("\(item.name)/units"))
        var samples = try #require(golden.tensor("\(item.name)/samples")?.floats())[...]
        let (losses, parameters) = try train(item)
        try #require(losses.count == expected.count)
        let difference = zip(losses, expected).map { abs($0 / $1 - 1) }.max() ?? .infinity
        #expect(difference < 1e-3)
        let sampled = try distance(parameters, units: units) { _, count in
            let stride = max(1, count / 24)
            let taken = min(24, (count + stride - 1) / stride)
            defer { samples = samples.dropFirst(taken) }
            return Array(samples.prefix(taken))
        }
        #expect(samples.isEmpty)
        check(sampled, item)
        print(
            "\(item.name): losses \(losses[0]) to \(losses[losses.count - 1]) differ by \(difference); samples: \(sampled)"
        )
        try compareEverything(item, parameters)
    }

    private func check(_ distance: Distance, _ item: TrajectoryCase) {
        let isSGD = item.optimizer == .sgd
        #expect(distance.weights.difference < (isSGD ? 1e-3 : 2e-2), "\(distance)")
        #expect(distance.statistics.difference < (isSGD ? 1e-2 : 2e-1), "\(distance)")
    }

    /// With RIPE_TRAJECTORIES=FOLDER, compares every weight with those of `trajectories.py --full FOLDER`.
    private func compareEverything(_ item: TrajectoryCase, _ parameters: TrainingParameters) throws {
        guard let folder = ProcessInfo.processInfo.environment["RIPE_TRAJECTORIES"] else { return }
        let weights = try GoldenArchive(folder + "/weights.npz")
        let units = try #require(try GoldenArchive(folder + "/trajectories.npz").doubles("\(item.name)/units"))
        let all = try distance(parameters, units: units) { name, _ in
            try #require(weights.tensor("\(item.name)/\(name)")?.floats())
        }
        print("\(item.name): all \(all)")
        check(all, item)
    }
}
