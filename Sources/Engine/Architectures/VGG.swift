// VGG with and without BatchNorm (Simonyan and Zisserman 2015) as torchvision and timm lay it out: one list `features`
// in which gaps between the numbers of the convolutions show where the max-pools are.

import Formats

/// The sizes of a VGG network.
struct VGGConfiguration: Sendable, Hashable {
    var inputChannels = 3
    /// The output channels of each convolution, one list a resolution.
    var stages: [[Int]]
    var hasNorm = false
    var hasBias = true

    /// The network; its levels are the last map before each max-pool and the last pooled map.
    func graph() -> Graph {
        var graph = Graph(inputChannels: inputChannels)
        var x = 0
        var width = inputChannels
        var index = 0
        for stage in stages {
            for output in stage {
                x = graph.convolution(
                    x, "features.\(index)", kernel: [output, width, 3, 3], padding: .fixed(Padding(1)), hasBias: hasBias
                )
                if hasNorm { x = graph.batchNorm(x, "features.\(index + 1)", channels: output, epsilon: 1e-5) }
                index += hasNorm ? 3 : 2
                x = graph.relu(x, "features.\(index - 1)")
                width = output
            }
            graph.levels.append(x)
            x = graph.add(.maxPool(Op.Window(size: Size2(2), stride: Size2(2))), x, name: "features.\(index)")
            index += 1
        }
        graph.levels.append(x)
        return graph
    }

    /// The number in `features` of each convolution, in order.
    var indices: [Int] {
        var index = 0
        return stages.flatMap { stage in
            let numbers = stage.indices.map { index + $0 * (hasNorm ? 3 : 2) }
            index += stage.count * (hasNorm ? 3 : 2) + 1
            return numbers
        }
    }
}

/// Recognises torchvision's and timm's VGG by 3×3 convolutions in `features`.
enum VGG: ArchitectureFamily {
    static let name = "vgg"
    static let anchors = ["features.0.weight", "features.0.bias"]

    static func fit(_ table: TensorTable, _ options: FamilyOptions) throws(EngineError) -> FamilyFit {
        let numbers = table.names.compactMap { name -> Int? in
            let parts = name.split(separator: ".")
            guard parts.count == 3, parts[0] == "features", parts[2] == "weight", let number = Int(parts[1]),
                number < 10_000,
                table.shape(name)?.rank == 4
            else { return nil }
            return number
        }.sorted()
        var sizes = VGGConfiguration(stages: [])
        sizes.inputChannels = table.size("features.0.weight", 1) ?? 3
        sizes.hasNorm = table.contains("features.1.running_mean")
        var expected = -1
        for number in numbers {
            let channels = table.size("features.\(number).weight", 0) ?? 0
            if number == expected {
                sizes.stages[sizes.stages.count - 1].append(channels)
            } else {
                sizes.stages.append([channels])
            }
            expected = number + (sizes.hasNorm ? 3 : 2)
        }
        guard sizes.indices == numbers else {
            throw .parameterMismatch(
                architecture: "VGG", missing: [], unexpected: numbers.map { "features.\($0)" }, misshapen: [],
                cause: "VGG's convolutions stand \(sizes.hasNorm ? 3 : 2) apart, with one more for each max-pool")
        }
        let model = Architectures.models.first { $0.configuration == .vgg(sizes.withThreeInputs) }
        let text = sizes.stages.map { dashed($0) }.joined(separator: " | ")
        return FamilyFit(
            architecture: "\(model?.title ?? "VGG variant, channels \(text)") (torchvision/timm)", model: model?.name,
            evidence: "features.N with \(numbers.count) 3×3 convolutions, channels \(text)"
                + (sizes.hasNorm ? ", BatchNorm" : ""),
            graph: sizes.graph(), facts: sizes.hasNorm ? [Recognition.Fact("BatchNorm epsilon", "1e-05")] : [],
            normalization: .imageNet, ignored: [.beginning("pre_logits.", "classification head")])
    }
}

extension VGGConfiguration {
    /// The same network for three input channels, as published models are listed.
    var withThreeInputs: VGGConfiguration {
        var copy = self
        copy.inputChannels = 3
        return copy
    }
}
