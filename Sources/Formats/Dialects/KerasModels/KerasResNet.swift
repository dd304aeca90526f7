// ResNets as keras.applications names them: `conv2_block1_1_conv`.
// Source: keras/src/applications/resnet.py (Keras 3.15); basic blocks and groups, which Keras does not have, follow
// torchvision/models/resnet.py under the same naming.

/// What distinguishes one ResNet from another.
struct KerasResNetSizes: Sendable, Hashable {
    /// How a block is built.
    enum Block: Sendable, Hashable {
        /// Two 3×3 convolutions (ResNet-18 and -34).
        case basic
        /// 1×1, 3×3 and 1×1 convolutions.
        case bottleneck
    }

    /// The model's name.
    var name = "resnet50"
    var input = KerasInputShape()
    var block = Block.bottleneck
    /// Filters of the first convolution.
    var stemWidth = 64
    /// Blocks of each stage.
    var depths = [3, 4, 6, 3]
    /// Filters inside the blocks of each stage.
    var innerWidths = [64, 128, 256, 512]
    /// Channels that each stage gives out; those of basic blocks equal the inner ones.
    var outerWidths = [256, 512, 1024, 2048]
    /// Groups of the 3×3 convolutions (ResNeXt).
    var groups = 1
    /// Whether a bottleneck's stride is on its first convolution (Keras, v1) or on its 3×3 one (PyTorch, v1.5).
    var stridesFirst = true
    /// What BatchNormalization adds to the variance: Keras 1.001e-5, PyTorch 1e-5.
    var epsilon = 1.001e-5
    /// Whether convolutions have biases, as in Keras.
    var hasBias = true
    /// The classifier; nil for the last map.
    var head: KerasHead?
}

extension KerasModels {
    /// A ResNet of version 1 or 1.5, ResNeXt or wide ResNet: N×H×W×C to N×classes, or to N×⌈H/32⌉×⌈W/32⌉×channels.
    ///
    /// Strided 3×3 convolutions have PyTorch's padding, one row or column of zeros on every side, by a layer
    /// `…_2_pad` (`…_1_pad` in basic blocks) that Keras' own models do not have; layers with weights keep their numbers.
    ///
    /// - Parameter path: the file that the sizes came from, for errors.
    /// - Throws: ``FormatError`` with `.invalid` when the sizes do not fit together.
    static func resNet(_ sizes: KerasResNetSizes, path: String) throws(FormatError) -> KerasModelDescription {
        try check(areDepths(sizes.depths), sizes.name, "1 to 1000 blocks in each stage", path)
        try check(
            sizes.depths.count == sizes.innerWidths.count && sizes.depths.count == sizes.outerWidths.count, sizes.name,
            "a depth and two widths for each stage", path)
        var builder = KerasModelBuilder(name: sizes.name)
        var x = builder.input(sizes.input)
        x = builder.add(KerasZeroPadding2D(3), "conv1_pad", to: x)
        x = builder.convolution(
            KerasConv2D(filters: sizes.stemWidth, kernel: 7, stride: 2, hasBias: sizes.hasBias), "conv1", sizes, to: x)
        x = builder.add(KerasActivation(function: "relu"), "conv1_relu", to: x)
        x = builder.add(KerasZeroPadding2D(1), "pool1_pad", to: x)
        x = builder.add(KerasMaxPooling2D(size: 3, stride: 2), "pool1_pool", to: x)
        for (stage, depth) in sizes.depths.enumerated() {
            for block in 0..<max(depth, 0) {
                let stride = stage > 0 && block == 0 ? 2 : 1
                x = builder.block("conv\(stage + 2)_block\(block + 1)", stage: stage, stride: stride, sizes, to: x)
            }
        }
        if let head = sizes.head {
            x = builder.add(KerasGlobalAveragePooling2D(), "avg_pool", to: x)
            x = builder.add(KerasDense(units: head.classes, activation: head.activation), "predictions", to: x)
        }
        return try builder.model(output: x, path: path)
    }
}

extension KerasModelBuilder {
    /// A residual block; the shortcut has a convolution where sizes change.
    fileprivate mutating func block(
        _ name: String, stage: Int, stride: Int, _ sizes: KerasResNetSizes, to input: KerasTensor
    ) -> KerasTensor {
        let output = sizes.outerWidths[stage]
        var shortcut = input
        if stride > 1 || input.channels != output {
            shortcut = convolution(
                KerasConv2D(filters: output, kernel: 1, stride: stride, hasBias: sizes.hasBias), "\(name)_0", sizes,
                to: input)
        }
        var x =
            switch sizes.block {
            case .basic: basic(name, stage: stage, stride: stride, sizes, to: input)
            case .bottleneck: bottleneck(name, stage: stage, stride: stride, sizes, to: input)
            }
        x = add(KerasAdd(), "\(name)_add", to: [shortcut, x])
        return add(KerasActivation(function: "relu"), "\(name)_out", to: x)
    }

    private mutating func basic(
        _ name: String, stage: Int, stride: Int, _ sizes: KerasResNetSizes, to input: KerasTensor
    ) -> KerasTensor {
        let x = middle("\(name)_1", filters: sizes.innerWidths[stage], stride: stride, sizes, to: input)
        return convolution(
            KerasConv2D(
                filters: sizes.outerWidths[stage], kernel: 3, border: .same, groups: sizes.groups,
                hasBias: sizes.hasBias),
            "\(name)_2", sizes, to: x)
    }

    private mutating func bottleneck(
        _ name: String, stage: Int, stride: Int, _ sizes: KerasResNetSizes, to input: KerasTensor
    ) -> KerasTensor {
        let inner = sizes.innerWidths[stage]
        let first = KerasConv2D(
            filters: inner, kernel: 1, stride: sizes.stridesFirst ? stride : 1, hasBias: sizes.hasBias)
        var x = convolution(first, "\(name)_1", sizes, to: input)
        x = add(KerasActivation(function: "relu"), "\(name)_1_relu", to: x)
        x = middle("\(name)_2", filters: inner, stride: sizes.stridesFirst ? 1 : stride, sizes, to: x)
        return convolution(
            KerasConv2D(filters: sizes.outerWidths[stage], kernel: 1, hasBias: sizes.hasBias), "\(name)_3", sizes, to: x
        )
    }

    /// A 3×3 convolution with its normalisation and ReLU.
    private mutating func middle(
        _ name: String, filters: Int, stride: Int, _ sizes: KerasResNetSizes, to input: KerasTensor
    ) -> KerasTensor {
        var x = input
        // Keras' `same` would pad even sizes at the end only when striding.
        if stride > 1 { x = add(KerasZeroPadding2D(1), "\(name)_pad", to: x) }
        x = convolution(
            KerasConv2D(
                filters: filters, kernel: 3, stride: stride, border: stride > 1 ? .valid : .same, groups: sizes.groups,
                hasBias: sizes.hasBias),
            name, sizes, to: x)
        return add(KerasActivation(function: "relu"), "\(name)_relu", to: x)
    }

    /// `…_conv` and `…_bn`.
    fileprivate mutating func convolution(
        _ layer: KerasConv2D, _ name: String, _ sizes: KerasResNetSizes, to input: KerasTensor
    ) -> KerasTensor {
        let x = add(layer, "\(name)_conv", to: input)
        return add(KerasBatchNormalization(epsilon: sizes.epsilon), "\(name)_bn", to: x)
    }
}
