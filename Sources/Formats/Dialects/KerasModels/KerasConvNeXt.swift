// ConvNeXts as keras.applications names them: `convnext_tiny_stage_0_block_0_depthwise_conv`.
// Source: keras/src/applications/convnext.py (Keras 3.15).

/// What distinguishes one ConvNeXt from another.
struct KerasConvNeXtSizes: Sendable, Hashable {
    /// The model's name, which begins its layers' names.
    var name = "convnext_tiny"
    var input = KerasInputShape()
    /// Whether the model normalises pixels in 0…255 itself (three channels only); otherwise it expects them normalised,
    /// as PyTorch's models do.
    var includesPreprocessing = true
    /// Blocks of each stage.
    var depths = [3, 3, 9, 3]
    /// Channels of each stage.
    var widths = [96, 192, 384, 768]
    /// Height and width of the depthwise kernels, odd.
    var kernel = 7
    /// What LayerNormalization adds to the variance.
    var epsilon = 1e-6
    /// Where the factors by channel begin in training; nil for blocks without them.
    var layerScale: Double? = 1e-6
    /// The classifier; nil for the last map.
    var head: KerasHead?
    /// Whether a model without a classifier ends in `layer_normalization`, as Keras' do.
    var endsInNormalization = true
}

extension KerasModels {
    /// A ConvNeXt: N×H×W×C to N×classes, or to N×⌊H/32⌋×⌊W/32⌋×channels.
    ///
    /// Depthwise convolutions are Conv2D layers with groups, pointwise ones are Dense layers. LayerScale is a class of
    /// keras.applications, which Keras imports by itself when it loads the model.
    ///
    /// - Parameter path: the file that the sizes came from, for errors.
    /// - Throws: ``FormatError`` with `.invalid` when the sizes do not fit together.
    static func convNeXt(_ sizes: KerasConvNeXtSizes, path: String) throws(FormatError) -> KerasModelDescription {
        try check(areDepths(sizes.depths), sizes.name, "1 to 1000 blocks in each stage", path)
        try check(
            sizes.depths.count == sizes.widths.count, sizes.name, "a depth and a width for each stage", path)
        try check(sizes.kernel % 2 == 1, sizes.name, "depthwise kernels of odd size", path)
        var builder = KerasModelBuilder(name: sizes.name)
        var x = builder.input(sizes.input)
        if sizes.includesPreprocessing, sizes.input.channels == 3 {
            x = builder.add(imageNetNormalization, "\(sizes.name)_prestem_normalization", to: x)
        }
        var blocks = 0
        for (stage, depth) in sizes.depths.enumerated() {
            x = builder.downsampling(stage: stage, sizes, to: x)
            for block in 0..<max(depth, 0) {
                let name = "\(sizes.name)_stage_\(stage)_block_\(block)"
                x = builder.block(name, sum: blocks == 0 ? "add" : "add_\(blocks)", sizes, to: x)
                blocks += 1
            }
        }
        let normalization = KerasLayerNormalization(epsilon: sizes.epsilon)
        if let head = sizes.head {
            x = builder.add(KerasGlobalAveragePooling2D(), "\(sizes.name)_head_gap", to: x)
            x = builder.add(normalization, "\(sizes.name)_head_layernorm", to: x)
            x = builder.add(
                KerasDense(units: head.classes, activation: head.activation), "\(sizes.name)_head_dense", to: x)
        } else if sizes.endsInNormalization {
            x = builder.add(normalization, "layer_normalization", to: x)
        }
        return try builder.model(output: x, path: path)
    }

    /// ImageNet's statistics for pixels in 0…255.
    private static var imageNetNormalization: KerasNormalization {
        KerasNormalization(
            axis: -1,
            statistics: (
                [0.485, 0.456, 0.406].map { $0 * 255 }, [0.229, 0.224, 0.225].map { ($0 * 255) * ($0 * 255) }
            ))
    }
}

extension KerasModelBuilder {
    /// A nested model that divides the map's sizes: by 4 before the first stage, by 2 before the others.
    fileprivate mutating func downsampling(
        stage: Int, _ sizes: KerasConvNeXtSizes, to input: KerasTensor
    ) -> KerasTensor {
        let normalization = KerasLayerNormalization(epsilon: sizes.epsilon)
        let width = sizes.widths[stage]
        let inner = "input_layer_\(stage + 1)"
        guard stage > 0 else {
            let stem = KerasSequential(
                inputName: inner,
                layers: [
                    ("\(sizes.name)_stem_conv", KerasConv2D(filters: width, kernel: 4, stride: 4)),
                    ("\(sizes.name)_stem_layernorm", normalization),
                ])
            return add(stem, "\(sizes.name)_stem", to: input)
        }
        let number = stage - 1
        let block = KerasSequential(
            inputName: inner,
            layers: [
                ("\(sizes.name)_downsampling_layernorm_\(number)", normalization),
                ("\(sizes.name)_downsampling_conv_\(number)", KerasConv2D(filters: width, kernel: 2, stride: 2)),
            ])
        return add(block, "\(sizes.name)_downsampling_block_\(number)", to: input)
    }

    /// A residual block.
    fileprivate mutating func block(
        _ name: String, sum: String, _ sizes: KerasConvNeXtSizes, to input: KerasTensor
    ) -> KerasTensor {
        let width = input.channels
        let depthwise = KerasConv2D(filters: width, kernel: sizes.kernel, border: .same, groups: width)
        var x = add(depthwise, "\(name)_depthwise_conv", to: input)
        x = add(KerasLayerNormalization(epsilon: sizes.epsilon), "\(name)_layernorm", to: x)
        x = add(KerasDense(units: 4 * width), "\(name)_pointwise_conv_1", to: x)
        x = add(KerasActivation(function: "gelu"), "\(name)_gelu", to: x)
        x = add(KerasDense(units: width), "\(name)_pointwise_conv_2", to: x)
        if let factor = sizes.layerScale {
            x = add(KerasLayerScale(initialValue: factor), "\(name)_layer_scale", to: x)
        }
        x = add(KerasActivation(function: "linear"), "\(name)_identity", to: x)
        return add(KerasAddOperation(), sum, to: [input, x])
    }
}
