// What each Keras layer means as operations. Sources: keras/src/layers and keras/src/backend of Keras 3.15, and
// tf.keras 2.15 where its defaults differ.

import Formats

extension KerasImporter {
    /// Translates one call of a layer that is no model.
    ///
    /// - Throws: ``EngineError`` with `.unsupportedLayer` for layers and settings that are not run.
    mutating func translate(
        _ layer: KerasModelConfig.Layer, _ inputs: [Graph.NodeID], _ path: KerasLayerPath
    ) throws(EngineError) -> KerasValue {
        let settings = layer.settings
        guard let input = inputs.first else { throw settings.unsupported("it has no input") }
        if let operand = layer.operand { return .map(try arithmetic(layer, Float(operand), input, path)) }
        if let reason = layer.foreignness(inputs: inputs.count) { throw settings.unsupported(reason) }
        if layer.className != "Activation", Self.activationName(settings["activation"]) == "softmax" { return .head }
        switch layer.className {
        case "Conv2D", "Convolution2D": return .map(try convolution(settings, input, path))
        case "DepthwiseConv2D": return .map(try depthwise(settings, input, path))
        case "SeparableConv2D", "SeparableConvolution2D": return .map(try separable(settings, input, path))
        case "Conv2DTranspose", "Convolution2DTranspose": return .map(try transposed(settings, input, path))
        case "Dense": return try dense(settings, input, path)
        case "BatchNormalization", "SyncBatchNormalization": return .map(try batchNorm(settings, input, path))
        case "LayerNormalization": return .map(try layerNorm(settings, input, path))
        case "LayerScale": return .map(try layerScale(settings, input, path))
        case "Rescaling": return .map(try rescaling(settings, input, path))
        case "Normalization": return .map(try normalization(settings, input, path))
        case "Activation": return try activation(settings["activation"], input, path.name, settings)
        case "ReLU", "LeakyReLU", "ELU", "Softmax": return try activationLayer(layer, input, path)
        case "MaxPooling2D", "MaxPool2D", "AveragePooling2D", "AvgPool2D", "GlobalAveragePooling2D", "GlobalAvgPool2D",
            "GlobalMaxPooling2D", "GlobalMaxPool2D", "ZeroPadding2D", "Cropping2D", "UpSampling2D":
            return try resampling(layer, input, path)
        case "Add", "Subtract", "Multiply", "Average", "Concatenate": return .map(try merge(layer, inputs, path))
        case "Reshape", "Flatten": return try reshape(layer, input)
        case "Dropout", "SpatialDropout2D", "GaussianNoise", "GaussianDropout", "AlphaDropout",
            "ActivityRegularization", "Identity", "InputLayer", "RandomFlip", "RandomRotation", "RandomZoom",
            "RandomContrast", "RandomBrightness", "RandomTranslation", "StochasticDepth":
            return .map(input)
        case "Lambda":
            throw settings.unsupported(
                "a Lambda holds Python code, which is never run; save the model with the layers it stands for")
        default: throw settings.unsupported("this version knows the common convolutional layers only")
        }
    }

    /// The axis of channels in the description, counted from the front.
    private var channelAxis: Int { isChannelsFirst ? 1 : 3 }

    /// Checks that a normalisation or concatenation works on channels.
    func requireChannelAxis(_ settings: KerasSettings, default standard: Int) throws(EngineError) {
        let axes = settings["axis"].array?.map { $0.int } ?? [settings["axis"].int ?? standard]
        guard axes.count == 1, let axis = axes.first ?? nil, (-4...3).contains(axis), (axis + 4) % 4 == channelAxis
        else { throw settings.unsupported("only the channel axis is supported, not axis \(axes.map { $0 ?? 0 })") }
    }

    /// Checks that a layer sees its input as the whole model does.
    private func requireDataFormat(_ settings: KerasSettings) throws(EngineError) {
        let own = settings.text("data_format", default: isChannelsFirst ? "channels_first" : "channels_last")
        guard (own == "channels_first") == isChannelsFirst else {
            throw settings.unsupported("its data_format \(own) differs from the model's")
        }
    }

    func paddingRule(_ settings: KerasSettings) throws(EngineError) -> PaddingRule {
        try requireDataFormat(settings)
        switch settings.text("padding", default: "valid").lowercased() {
        case "valid": return .fixed(.none)
        case "same": return .same
        default: throw settings.unsupported("its padding must be valid or same")
        }
    }

    // MARK: Layers with kernels

    private mutating func convolution(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        let filters = try settings.count("filters")
        let groups = try settings.count("groups", default: 1)
        let kernel = try settings.pair("kernel_size")
        guard channels(input) % groups == 0, filters % groups == 0 else {
            throw settings.unsupported("its \(groups) groups do not divide its channels")
        }
        let convolution = Op.Convolution(
            weight: parameter(
                path, "kernel", [filters, channels(input) / groups, kernel.height, kernel.width], order: [3, 2, 0, 1]),
            bias: bias(settings, filters, path), stride: try settings.pair("strides", default: 1),
            padding: try paddingRule(settings), dilation: try settings.pair("dilation_rate", default: 1), groups: groups
        )
        return try addWithActivation(.convolution(convolution), input, settings, path)
    }

    private mutating func bias(_ settings: KerasSettings, _ channels: Int, _ path: KerasLayerPath) -> Parameter? {
        settings.flag("use_bias", default: true) ? parameter(path, "bias", [channels]) : nil
    }

    private mutating func depthwise(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        let outputs = channels(input) * (try settings.count("depth_multiplier", default: 1))
        let op = try depthwiseOp(
            settings, input,
            weight: parameter(
                path, "kernel", try depthwiseKernel(settings, input, outputs: outputs), order: [2, 3, 0, 1]),
            bias: bias(settings, outputs, path))
        return try addWithActivation(op, input, settings, path)
    }

    private func depthwiseKernel(
        _ settings: KerasSettings, _ input: Graph.NodeID, outputs: Int
    ) throws(EngineError) -> Shape {
        let kernel = try settings.pair("kernel_size")
        return [outputs, 1, kernel.height, kernel.width]
    }

    private func depthwiseOp(
        _ settings: KerasSettings, _ input: Graph.NodeID, weight: Parameter, bias: Parameter?
    ) throws(EngineError) -> Op {
        .convolution(
            Op.Convolution(
                weight: weight, bias: bias, stride: try settings.pair("strides", default: 1),
                padding: try paddingRule(settings), dilation: try settings.pair("dilation_rate", default: 1),
                groups: channels(input)))
    }

    private mutating func separable(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        let filters = try settings.count("filters")
        let middle = channels(input) * (try settings.count("depth_multiplier", default: 1))
        let weight = parameter(
            path, "depthwise_kernel", try depthwiseKernel(settings, input, outputs: middle), order: [2, 3, 0, 1])
        let first = try add(
            try depthwiseOp(settings, input, weight: weight, bias: nil), [input], name: "\(path.name)/depthwise")
        let pointwise = Op.Convolution(
            weight: parameter(path, "pointwise_kernel", [filters, middle, 1, 1], order: [3, 2, 0, 1]),
            bias: bias(settings, filters, path))
        return try addWithActivation(.convolution(pointwise), first, settings, path)
    }

    /// "same" makes output = input · stride: the unpadded result is cut, the odd row or column at the end.
    private mutating func transposed(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        guard settings["output_padding"] == .null else { throw settings.unsupported("output_padding is not supported") }
        let filters = try settings.count("filters")
        let kernel = try settings.pair("kernel_size")
        let stride = try settings.pair("strides", default: 1)
        let dilation = try settings.pair("dilation_rate", default: 1)
        var padding = Padding.none

        let height = (kernel.height - 1) * dilation.height + 1 - stride.height
        let width = (kernel.width - 1) * dilation.width + 1 - stride.width
        if try paddingRule(settings) == .same {
            let (down, along) = (max(height, 0), max(width, 0))
            padding = Padding(top: down / 2, left: along / 2, bottom: down - down / 2, right: along - along / 2)
        }
        let outputPadding = Size2(max(-height, 0), max(-width, 0))
        let convolution = Op.Convolution(
            weight: parameter(
                path, "kernel", [channels(input), filters, kernel.height, kernel.width], order: [3, 2, 0, 1]),
            bias: bias(settings, filters, path), stride: stride, padding: .fixed(padding), dilation: dilation)
        return try addWithActivation(
            .transposedConvolution(convolution, outputPadding: outputPadding), input, settings, path)
    }

    /// A Dense on maps or pooled vectors works on channels: a 1×1 convolution.
    private mutating func dense(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> KerasValue {
        guard !isChannelsFirst || !isMap(input) else {
            throw settings.unsupported("on channels-first maps it works on columns")
        }
        let units = try settings.count("units")
        let convolution = Op.Convolution(
            weight: parameter(path, "kernel", [units, channels(input), 1, 1], order: [1, 0]),
            bias: bias(settings, units, path))
        if settings["activation"].string == "softmax" { return .head }
        return .map(try addWithActivation(.convolution(convolution), input, settings, path))
    }

    /// Adds an operation and the activation that the layer's settings name; the last node has the layer's name.
    private mutating func addWithActivation(
        _ op: Op, _ input: Graph.NodeID, _ settings: KerasSettings, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        let functions = try activations(settings["activation"], settings)
        let node = try add(op, [input], name: functions.isEmpty ? path.name : "\(path.name)/linear")
        return try chain(functions, node, name: path.name)
    }

    // MARK: Normalisations

    private mutating func batchNorm(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        if isMap(input) { try requireChannelAxis(settings, default: -1) }
        let shape: Shape = [channels(input)]
        let norm = Op.BatchNorm(
            weight: settings.flag("scale", default: true) ? parameter(path, "gamma", shape) : nil,
            bias: settings.flag("center", default: true) ? parameter(path, "beta", shape) : nil,
            mean: parameter(path, "moving_mean", shape), variance: parameter(path, "moving_variance", shape),
            epsilon: Float(settings.number("epsilon", default: 1e-3)))
        return try add(.batchNorm(norm), [input], name: path.name)
    }

    private mutating func layerNorm(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        if isMap(input) { try requireChannelAxis(settings, default: -1) }
        guard !settings.flag("rms_scaling", default: false) else {
            throw settings.unsupported("rms_scaling is not supported")
        }
        let shape: Shape = [channels(input)]
        let norm = Op.LayerNorm(
            weight: settings.flag("scale", default: true) ? parameter(path, "gamma", shape) : nil,
            bias: settings.flag("center", default: true) ? parameter(path, "beta", shape) : nil,
            epsilon: Float(settings.number("epsilon", default: 1e-3)))
        return try add(.layerNorm(norm), [input], name: path.name)
    }

    /// x · gamma per channel (ConvNeXt): a depthwise 1×1 convolution.
    private mutating func layerScale(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        let count = channels(input)
        let convolution = Op.Convolution(weight: parameter(path, "gamma", [count, 1, 1, 1]), groups: count)
        return try add(.convolution(convolution), [input], name: path.name)
    }

    /// x + 3, x · 0.5 and the like, which Keras 3 lists among the layers.
    private mutating func arithmetic(
        _ layer: KerasModelConfig.Layer, _ operand: Float, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        func same(_ value: Float) -> [Float] { Array(repeating: value, count: channels(input)) }
        switch layer.className {
        case "Add": return try add(.affine(scale: same(1), shift: same(operand)), [input], name: path.name)
        case "Multiply": return try add(.scale(operand), [input], name: path.name)
        case "Divide", "TrueDivide":
            guard operand != 0 else { throw layer.settings.unsupported("it divides by zero") }
            return try add(.scale(1 / operand), [input], name: path.name)
        default: throw layer.settings.unsupported("it is an operation outside of layers; this version knows layers")
        }
    }

    /// x · scale + offset, each one number or one per channel.
    private mutating func rescaling(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        let scale = try perChannel(settings["scale"], default: 1, input, settings)
        let shift = try perChannel(settings["offset"], default: 0, input, settings)
        return try add(.affine(scale: scale, shift: shift), [input], name: path.name)
    }

    /// (x − mean) / max(√variance, 1e-7); the statistics are in the settings or are variables.
    private mutating func normalization(
        _ settings: KerasSettings, _ input: Graph.NodeID, _ path: KerasLayerPath
    ) throws(EngineError) -> Graph.NodeID {
        guard !settings.flag("invert", default: false) else { throw settings.unsupported("invert is not supported") }
        if settings["mean"] == .null {
            try requireChannelAxis(settings, default: -1)
            let shape: Shape = [channels(input)]
            let norm = Op.BatchNorm(
                weight: nil, bias: nil, mean: parameter(path, "mean", shape),
                variance: parameter(path, "variance", shape),
                epsilon: 1e-14)
            return try add(.batchNorm(norm), [input], name: path.name)
        }
        let mean = try perChannel(settings["mean"], default: 0, input, settings)
        let variance = try perChannel(settings["variance"], default: 1, input, settings)
        let scale = variance.map { 1 / max($0.squareRoot(), 1e-7) }
        return try add(
            .affine(scale: scale, shift: zip(mean, scale).map { -$0 * $1 }), [input], name: path.name)
    }

    /// One number for all channels, or a (nested) list with one for each.
    private func perChannel(
        _ json: JSON, default standard: Double, _ input: Graph.NodeID, _ settings: KerasSettings
    ) throws(EngineError) -> [Float] {
        func numbers(_ json: JSON) -> [Double] { json.array?.flatMap(numbers) ?? json.double.map { [$0] } ?? [] }
        let found = json == .null ? [standard] : numbers(json)
        guard found.count == 1 || found.count == channels(input), found.allSatisfy({ $0.isFinite }) else {
            throw settings.unsupported("it has \(found.count) numbers for \(channels(input)) channels")
        }
        return found.count == 1 ? Array(repeating: Float(found[0]), count: channels(input)) : found.map { Float($0) }
    }
}
