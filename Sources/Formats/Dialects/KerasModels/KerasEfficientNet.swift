// EfficientNets as keras.applications names them: `block2a_expand_conv`.
// Source: keras/src/applications/efficientnet.py and `correct_pad` in imagenet_utils.py (Keras 3.15).

/// What distinguishes one EfficientNet from another.
struct KerasEfficientNetSizes: Sendable, Hashable {
    /// One inverted residual block.
    struct Block: Sendable, Hashable {
        /// Height and width of the depthwise kernel, odd.
        var kernel: Int
        /// Its stride, 1 or 2.
        var stride: Int
        /// Channels of the depthwise convolution; the block's input channels for a block without expansion.
        var expanded: Int
        /// Channels that squeeze-and-excitation squeezes to.
        var squeezed: Int
        /// Channels that the block gives out.
        var output: Int
    }

    /// What the model does with pixels in 0…255 before the first convolution.
    enum Preprocessing: Sendable, Hashable {
        /// Nothing: the input is normalised, as PyTorch's models expect.
        case none
        /// Layers `rescaling` (1/255) and `normalization`, whose mean, variance and count are variables.
        case normalization
        /// These, and `rescaling_1` by 1/√(standard deviation): what Keras builds for its ImageNet weights.
        case imageNet
    }

    /// Where strided convolutions put their zeros.
    enum Padding: Sendable, Hashable {
        /// As TensorFlow: the odd one at the end for even sizes; free sizes are taken for even.
        case tensorFlow
        /// As PyTorch: half the kernel on every side.
        case symmetric
    }

    /// The model's name.
    var name = "efficientnetb0"
    var input = KerasInputShape()
    var preprocessing = Preprocessing.normalization
    /// Filters of the first convolution.
    var stemWidth = 32
    /// The blocks of each stage.
    var stages: [[Block]]
    /// Filters of the last convolution.
    var topWidth = 1280
    /// What BatchNormalization adds to the variance: Keras 1e-3, torchvision 1e-5 (B5 to B7: 1e-3).
    var epsilon = 1e-3
    var padding = Padding.tensorFlow
    /// The chance to drop the last block in training, less for blocks before it; idle otherwise.
    var dropConnectRate = 0.2
    /// The classifier's dropout in training; idle otherwise.
    var dropoutRate = 0.2
    /// The classifier; nil for the last map.
    var head: KerasHead?
}

extension KerasModels {
    /// An EfficientNet: N×H×W×C to N×classes, or to N×⌈H/32⌉×⌈W/32⌉×channels.
    ///
    /// - Parameter path: the file that the sizes came from, for errors.
    /// - Throws: ``FormatError`` with `.invalid` when the sizes do not fit together.
    static func efficientNet(
        _ sizes: KerasEfficientNetSizes, path: String
    ) throws(FormatError) -> KerasModelDescription {
        try check(
            sizes.stages.allSatisfy { $0.count <= 26 }, sizes.name, "at most 26 blocks a stage, which have letters",
            path)
        try check(
            sizes.stages.joined().allSatisfy { $0.kernel % 2 == 1 && (1...2).contains($0.stride) }, sizes.name,
            "depthwise kernels of odd size with strides of 1 or 2", path)
        var builder = KerasModelBuilder(name: sizes.name)
        var x = builder.preprocessing(sizes.preprocessing, to: builder.input(sizes.input))
        x = builder.padding("stem_conv_pad", kernel: 3, sizes.padding, to: x)
        let stem = KerasConv2D(filters: sizes.stemWidth, kernel: 3, stride: 2, hasBias: false, initializer: drawn)
        x = builder.convolution(stem, "stem", sizes, to: x)
        var index = 0
        let count = sizes.stages.reduce(0) { $0 + $1.count }
        for (stage, blocks) in sizes.stages.enumerated() {
            for (letter, block) in zip("abcdefghijklmnopqrstuvwxyz", blocks) {
                let rate = sizes.dropConnectRate * Double(index) / Double(count)
                x = builder.block("block\(stage + 1)\(letter)_", block, dropRate: rate, sizes, to: x)
                index += 1
            }
        }
        x = builder.convolution(
            KerasConv2D(filters: sizes.topWidth, kernel: 1, border: .same, hasBias: false, initializer: drawn), "top",
            sizes, to: x)
        if let head = sizes.head {
            x = builder.add(KerasGlobalAveragePooling2D(), "avg_pool", to: x)
            if sizes.dropoutRate > 0 { x = builder.add(KerasDropout(rate: sizes.dropoutRate), "top_dropout", to: x) }
            let initializer = JSON.kerasVarianceScaling(1.0 / 3.0, distribution: "uniform")
            x = builder.add(
                KerasDense(units: head.classes, activation: head.activation, initializer: initializer), "predictions",
                to: x)
        }
        return try builder.model(output: x, path: path)
    }

    /// How Keras would draw the kernels anew.
    fileprivate static var drawn: JSON { .kerasVarianceScaling(2, distribution: "truncated_normal") }
}

extension KerasModelBuilder {
    fileprivate mutating func preprocessing(
        _ kind: KerasEfficientNetSizes.Preprocessing, to input: KerasTensor
    ) -> KerasTensor {
        guard kind != .none else { return input }
        var x = add(KerasRescaling(scale: [1.0 / 255.0]), "rescaling", to: input)
        x = add(KerasNormalization(axis: 3), "normalization", to: x)
        guard kind == .imageNet else { return x }
        return add(KerasRescaling(scale: [0.229, 0.224, 0.225].map { 1.0 / $0.squareRoot() }), "rescaling_1", to: x)
    }

    /// The zeros around the input of a convolution with stride 2.
    fileprivate mutating func padding(
        _ name: String, kernel: Int, _ padding: KerasEfficientNetSizes.Padding, to input: KerasTensor
    ) -> KerasTensor {
        let half = kernel / 2
        func sides(_ size: Int?) -> (before: Int, after: Int) {
            switch padding {
            case .symmetric: (half, half)
            case .tensorFlow: (half - (size.map { 1 - $0 % 2 } ?? 1), half)
            }
        }
        return add(
            KerasZeroPadding2D(rows: sides(input.map?.height), columns: sides(input.map?.width)), name, to: input)
    }

    /// A convolution with its normalisation and activation.
    fileprivate mutating func convolution(
        _ layer: some KerasLayerClass, _ name: String, _ sizes: KerasEfficientNetSizes, to input: KerasTensor
    ) -> KerasTensor {
        var x = add(layer, "\(name)_conv", to: input)
        x = add(KerasBatchNormalization(epsilon: sizes.epsilon), "\(name)_bn", to: x)
        return add(KerasActivation(function: "silu"), "\(name)_activation", to: x)
    }

    /// An inverted residual block; its names begin with `name`, such as `block2a_`.
    fileprivate mutating func block(
        _ name: String, _ block: KerasEfficientNetSizes.Block, dropRate: Double, _ sizes: KerasEfficientNetSizes,
        to input: KerasTensor
    ) -> KerasTensor {
        var x = input
        if block.expanded != input.channels {
            let layer = KerasConv2D(
                filters: block.expanded, kernel: 1, border: .same, hasBias: false, initializer: KerasModels.drawn)
            x = convolution(layer, "\(name)expand", sizes, to: x)
        }
        if block.stride > 1 { x = padding("\(name)dwconv_pad", kernel: block.kernel, sizes.padding, to: x) }
        let depthwise = KerasDepthwiseConv2D(
            kernel: block.kernel, stride: block.stride, border: block.stride > 1 ? .valid : .same, hasBias: false,
            initializer: KerasModels.drawn)
        x = add(depthwise, "\(name)dwconv", to: x)
        x = add(KerasBatchNormalization(epsilon: sizes.epsilon), "\(name)bn", to: x)
        x = add(KerasActivation(function: "silu"), "\(name)activation", to: x)
        x = excitation(name, squeezed: block.squeezed, to: x)
        let projection = KerasConv2D(
            filters: block.output, kernel: 1, border: .same, hasBias: false, initializer: KerasModels.drawn)
        x = add(projection, "\(name)project_conv", to: x)
        x = add(KerasBatchNormalization(epsilon: sizes.epsilon), "\(name)project_bn", to: x)
        guard block.stride == 1, block.output == input.channels else { return x }
        if dropRate > 0 { x = add(KerasDropout(rate: dropRate, dropsExamples: true), "\(name)drop", to: x) }
        return add(KerasAdd(), "\(name)add", to: [x, input])
    }

    /// Squeeze-and-excitation: each channel times a factor found from all channels' means.
    private mutating func excitation(_ name: String, squeezed: Int, to input: KerasTensor) -> KerasTensor {
        var x = add(KerasGlobalAveragePooling2D(), "\(name)se_squeeze", to: input)
        x = add(KerasReshape(axes: [1, 1, input.channels]), "\(name)se_reshape", to: x)
        for (part, filters, activation) in [("reduce", squeezed, "silu"), ("expand", input.channels, "sigmoid")] {
            let layer = KerasConv2D(
                filters: filters, kernel: 1, border: .same, activation: activation, initializer: KerasModels.drawn)
            x = add(layer, "\(name)se_\(part)", to: x)
        }
        return add(KerasMultiply(), "\(name)se_excite", to: [input, x])
    }
}
