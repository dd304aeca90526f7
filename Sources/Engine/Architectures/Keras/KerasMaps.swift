// Keras layers without variables that pool, pad, enlarge, join or reshape maps.

import Formats

extension KerasImporter {
    /// Translates pooling, padding, cropping and enlarging.
    mutating func resampling(
        _ layer: KerasModelConfig.Layer, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> KerasValue {
        let settings = layer.settings
        let padding = try paddingRule(settings, ifWindow: layer.className)
        switch layer.className {
        case "MaxPooling2D", "MaxPool2D":
            return .map(try add(.maxPool(try window(settings, padding)), [input], name: path.name))
        case "AveragePooling2D", "AvgPool2D":
            // As TensorFlow and JAX do; Keras' torch backend averages repeated edges where "same" is uneven.
            let op = Op.averagePool(try window(settings, padding), countsPadding: false)
            return .map(try add(op, [input], name: path.name))
        case "GlobalAveragePooling2D", "GlobalAvgPool2D":
            return .map(try add(.globalAveragePool, [input], name: path.name))
        case "GlobalMaxPooling2D", "GlobalMaxPool2D": return .head
        case "ZeroPadding2D":
            return .map(try add(.pad(try settings.sides("padding"), value: 0), [input], name: path.name))
        case "Cropping2D":
            let cut = try settings.sides("cropping")
            let op = Op.pad(Padding(top: -cut.top, left: -cut.left, bottom: -cut.bottom, right: -cut.right), value: 0)
            return .map(try add(op, [input], name: path.name))
        default:
            let factor = try settings.pair("size", default: 2)
            switch settings.text("interpolation", default: "nearest") {
            case "nearest": return .map(try add(.upsample(factor, .nearest), [input], name: path.name))
            case "bilinear": return .map(try add(.upsample(factor, .bilinear), [input], name: path.name))
            case let kind: throw settings.unsupported("its interpolation \(kind) is not supported")
            }
        }
    }

    /// The padding setting of pooling layers; padding layers have a setting of the same name and another meaning.
    private func paddingRule(_ settings: KerasSettings, ifWindow kind: String) throws(EngineError) -> PaddingRule {
        kind.hasPrefix("Max") || kind.hasPrefix("A") ? try paddingRule(settings) : .fixed(.none)
    }

    private func window(_ settings: KerasSettings, _ padding: PaddingRule) throws(EngineError) -> Op.Window {
        let size = try settings.pair("pool_size", default: 2)
        let stride = settings["strides"] == .null ? size : try settings.pair("strides")
        return Op.Window(size: size, stride: stride, padding: padding)
    }

    /// Translates layers that join their inputs.
    mutating func merge(
        _ layer: KerasModelConfig.Layer, _ inputs: [Graph.NodeID], _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        let settings = layer.settings
        guard inputs.count > 1 else { throw settings.unsupported("it joins fewer than two tensors") }
        switch layer.className {
        case "Add": return try add(.add, inputs, name: path.name)
        case "Multiply": return try add(.multiply, inputs, name: path.name)
        case "Average":
            let sum = try add(.add, inputs, name: "\(path.name)/sum")
            return try add(.scale(1 / Float(inputs.count)), [sum], name: path.name)
        case "Subtract":
            guard inputs.count == 2 else { throw settings.unsupported("it needs two inputs") }
            let negative = try add(.scale(-1), [inputs[1]], name: "\(path.name)/negative")
            return try add(.add, [inputs[0], negative], name: path.name)
        default:
            if inputs.contains(where: { isMap($0) }) { try requireChannelAxis(settings, default: -1) }
            return try add(.concatenate, inputs, name: path.name)
        }
    }

    /// Pooled vectors may be reshaped to 1×1 maps and flattened; anything else is no map any more.
    func reshape(_ layer: KerasModelConfig.Layer, _ input: Graph.NodeID) throws(EngineError) -> KerasValue {
        let settings = layer.settings
        if layer.className == "Flatten" { return isMap(input) ? .head : .map(input) }
        let target = settings["target_shape"].array?.compactMap { $0.int } ?? []
        let channels = channels(input)
        func fits(_ shape: [Int]) -> Bool {
            target.count == shape.count && zip(target, shape).allSatisfy { $0 == $1 || $0 == -1 }
        }
        let single = isChannelsFirst ? [channels, 1, 1] : [1, 1, channels]
        if !isMap(input), fits(single) || fits([channels]) { return .map(input) }
        if isMap(input), target.count == 3 {
            let size = shapes[input].axes
            let same = isChannelsFirst ? Array(size[1...]) : [size[2], size[3], size[1]]
            if target == same { return .map(input) }
            throw settings.unsupported("it rearranges a map")
        }
        return .head
    }
}
