// Where torchvision, timm and lukemelas' efficientnet_pytorch (which segmentation_models_pytorch carries) file the
// layers of networks of inverted residual blocks.

import Formats

/// How a code base names the layers of a network of inverted residual blocks.
enum InvertedResidualNaming: Sendable {
    case timm
    /// torchvision's EfficientNets: features.STAGE.BLOCK.block.N.
    case torchvisionStages
    /// torchvision's MobileNetV3: features.BLOCK.block.N.
    case torchvisionBlocks
    /// torchvision's MobileNetV2: features.BLOCK.conv.N.
    case torchvisionMobileNetV2
    /// _blocks.BLOCK._depthwise_conv.
    case lukemelas

    var origin: String {
        switch self {
        case .timm: "timm"
        case .torchvisionStages, .torchvisionBlocks, .torchvisionMobileNetV2: "torchvision"
        case .lukemelas: "efficientnet_pytorch, segmentation_models_pytorch"
        }
    }

    /// A convolution's name and its norm's.
    typealias Layer = (convolution: String, norm: String)

    /// What a file has of one block.
    struct BlockLayers {
        var convolutions: [Layer]
        var squeeze: (reduce: String, expand: String)?
    }

    var stem: Layer {
        switch self {
        case .timm: ("conv_stem", "bn1")
        case .torchvisionStages, .torchvisionBlocks, .torchvisionMobileNetV2: ("features.0.0", "features.0.1")
        case .lukemelas: ("_conv_stem", "_bn0")
        }
    }

    /// The 1×1 convolution before the classifier, if the code base has it behind the blocks of this network.
    func head(stages: Int, blocks: Int) -> Layer {
        switch self {
        case .timm: ("conv_head", "bn2")
        case .torchvisionStages: ("features.\(stages + 1).0", "features.\(stages + 1).1")
        case .torchvisionBlocks, .torchvisionMobileNetV2: ("features.\(blocks + 1).0", "features.\(blocks + 1).1")
        case .lukemelas: ("_conv_head", "_bn1")
        }
    }

    /// The blocks' layers, stage by stage; code bases that do not file stages give one.
    func blocks(_ table: TensorTable) -> [[BlockLayers]] {
        func list(_ layers: (Int) -> BlockLayers?) -> [BlockLayers] {
            var blocks: [BlockLayers] = []
            while let next = layers(blocks.count) { blocks.append(next) }
            return blocks
        }
        func stages(_ layers: (Int, Int) -> BlockLayers?) -> [[BlockLayers]] {
            var stages: [[BlockLayers]] = []
            while true {
                let blocks = list { layers(stages.count, $0) }
                if blocks.isEmpty { return stages }
                stages.append(blocks)
            }
        }
        switch self {
        case .timm: return stages { timm("blocks.\($0).\($1)", table) }
        case .torchvisionStages: return stages { torchvision("features.\($0 + 1).\($1).block", table) }
        case .torchvisionBlocks:
            var blocks = list { torchvision("features.\($0 + 1).block", table) }
            // The 1×1 convolution behind them is a stage of its own in timm.
            let last = head(stages: 0, blocks: blocks.count)
            if table.contains("\(last.convolution).weight") { blocks.append(BlockLayers(convolutions: [last])) }
            return [blocks]
        case .torchvisionMobileNetV2: return [list { mobileNetV2("features.\($0 + 1).conv", table) }]
        case .lukemelas: return [list { lukemelas("_blocks.\($0)", table) }]
        }
    }

    private func timm(_ name: String, _ table: TensorTable) -> BlockLayers? {
        func has(_ layer: String) -> Bool { table.contains("\(name).\(layer).weight") }
        let convolutions = ["conv", "conv_exp"].filter(has)
        let depthwise =
            has("conv_pwl") ? ["conv_pw", "conv_dw"].filter(has) : ["conv_dw", "conv_pw"].filter(has)
        let all = convolutions + depthwise + ["conv_pwl"].filter(has)
        guard !all.isEmpty else { return nil }
        return BlockLayers(
            convolutions: all.enumerated().map { ("\(name).\($1)", "\(name).bn\($0 + 1)") },
            squeeze: has("se.conv_reduce") ? ("\(name).se.conv_reduce", "\(name).se.conv_expand") : nil)
    }

    private func torchvision(_ name: String, _ table: TensorTable) -> BlockLayers? {
        var layers = BlockLayers(convolutions: [])
        for index in 0..<4 {
            if table.contains("\(name).\(index).0.weight") {
                layers.convolutions.append(("\(name).\(index).0", "\(name).\(index).1"))
            } else if table.contains("\(name).\(index).fc1.weight") {
                layers.squeeze = ("\(name).\(index).fc1", "\(name).\(index).fc2")
            }
        }
        return layers.convolutions.isEmpty ? nil : layers
    }

    private func mobileNetV2(_ name: String, _ table: TensorTable) -> BlockLayers? {
        let pairs = [0, 1].filter { table.contains("\(name).\($0).0.weight") }
        guard let last = pairs.last else { return nil }
        return BlockLayers(
            convolutions: pairs.map { ("\(name).\($0).0", "\(name).\($0).1") }
                + [("\(name).\(last + 1)", "\(name).\(last + 2)")])
    }

    private func lukemelas(_ name: String, _ table: TensorTable) -> BlockLayers? {
        let layers = [("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")]
        let found = layers.filter { table.contains("\(name).\($0.0).weight") }
        guard !found.isEmpty else { return nil }
        return BlockLayers(
            convolutions: found.map { ("\(name).\($0.0)", "\(name).\($0.1)") },
            squeeze: table.contains("\(name)._se_reduce.weight") ? ("\(name)._se_reduce", "\(name)._se_expand") : nil)
    }
}
