// Layers with kernels. Sources: keras/src/layers/convolutional/{base_conv,base_depthwise_conv}.py, core/dense.py.

/// How a convolution treats the border.
enum KerasBorder: String, Sendable, Hashable {
    /// No padding.
    case valid
    /// As many zeros as make the output ⌈size / stride⌉ long; the odd one goes to the end.
    case same

    /// The size of an output axis; nil for a free one, 0 for an input smaller than the kernel.
    func outputSize(_ size: Int?, kernel: Int, stride: Int) -> Int? {
        guard let size, stride > 0 else { return nil }
        switch self {
        case .valid: return size < kernel ? 0 : (size - kernel) / stride + 1
        case .same: return size / stride + (size % stride == 0 ? 0 : 1)
        }
    }

    /// The output of a square kernel on a map; nil for other than a map with known channels.
    func output(_ inputs: [[Int?]], kernel: Int, stride: Int, filters: Int) -> [Int?]? {
        guard let axes = inputs.first, axes.count == 3, axes[2] != nil, kernel > 0, stride > 0 else { return nil }
        return axes.prefix(2).map { outputSize($0, kernel: kernel, stride: stride) } + [filters]
    }
}

/// A convolution of maps, kernels square.
struct KerasConv2D: KerasLayerClass {
    let filters: Int
    let kernel: Int
    var stride = 1
    var border = KerasBorder.valid
    var groups = 1
    var activation = "linear"
    var hasBias = true
    var initializer = JSON.kerasGlorot

    var className: String { "Conv2D" }

    var settings: KerasSettings {
        [
            "filters": .integer(filters), "kernel_size": .kerasPair(kernel), "strides": .kerasPair(stride),
            "padding": .string(border.rawValue), "data_format": "channels_last", "dilation_rate": .kerasPair(1),
            "groups": .integer(groups), "activation": .string(activation), "use_bias": .bool(hasBias),
            "kernel_initializer": initializer, "bias_initializer": .kerasZeros, "kernel_regularizer": .null,
            "bias_regularizer": .null, "activity_regularizer": .null, "kernel_constraint": .null,
            "bias_constraint": .null,
        ]
    }

    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? {
        guard let channels = inputs.first?.last ?? nil, groups > 0, channels % groups == 0, filters % groups == 0 else {
            return nil
        }
        let shape = Shape([kernel, kernel, channels / groups, filters])
        return [KerasModelVariable(name: "kernel", shape: shape)]
            + (hasBias ? [KerasModelVariable(name: "bias", shape: [filters])] : [])
    }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        border.output(inputs, kernel: kernel, stride: stride, filters: filters)
    }
}

/// A convolution of each channel by itself, kernels square.
struct KerasDepthwiseConv2D: KerasLayerClass {
    let kernel: Int
    var stride = 1
    var border = KerasBorder.valid
    var hasBias = true
    var initializer = JSON.kerasGlorot

    var className: String { "DepthwiseConv2D" }

    var settings: KerasSettings {
        [
            "depth_multiplier": 1, "kernel_size": .kerasPair(kernel), "strides": .kerasPair(stride),
            "padding": .string(border.rawValue), "data_format": "channels_last", "dilation_rate": .kerasPair(1),
            "activation": "linear", "use_bias": .bool(hasBias), "depthwise_initializer": initializer,
            "bias_initializer": .kerasZeros, "depthwise_regularizer": .null, "bias_regularizer": .null,
            "activity_regularizer": .null, "depthwise_constraint": .null, "bias_constraint": .null,
        ]
    }

    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? {
        guard let channels = inputs.first?.last ?? nil else { return nil }
        return [KerasModelVariable(name: "kernel", shape: [kernel, kernel, channels, 1])]
            + (hasBias ? [KerasModelVariable(name: "bias", shape: [channels])] : [])
    }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        guard let channels = inputs.first?.last ?? nil else { return nil }
        return border.output(inputs, kernel: kernel, stride: stride, filters: channels)
    }
}

/// A matrix applied to the last axis.
struct KerasDense: KerasLayerClass {
    let units: Int
    var activation = "linear"
    var initializer = JSON.kerasGlorot

    var className: String { "Dense" }

    var settings: KerasSettings {
        [
            "units": .integer(units), "activation": .string(activation), "use_bias": true,
            "kernel_initializer": initializer, "bias_initializer": .kerasZeros, "kernel_regularizer": .null,
            "bias_regularizer": .null, "kernel_constraint": .null, "bias_constraint": .null,
            "quantization_config": .null,
        ]
    }

    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? {
        guard let channels = inputs.first?.last ?? nil else { return nil }
        return [
            KerasModelVariable(name: "kernel", shape: [channels, units]),
            KerasModelVariable(name: "bias", shape: [units]),
        ]
    }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        guard let axes = inputs.first, !axes.isEmpty else { return nil }
        return axes.dropLast() + [units]
    }
}
