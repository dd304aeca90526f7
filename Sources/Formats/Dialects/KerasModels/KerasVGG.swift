// VGGs as keras.applications names them: `block1_conv1`.
// Source: keras/src/applications/{vgg16,vgg19}.py (Keras 3.15); VGG-11 and -13 and those with BatchNormalization, which
// Keras does not have, follow torchvision/models/vgg.py under the same naming.

/// What distinguishes one VGG from another.
struct KerasVGGSizes: Sendable, Hashable {
    /// The model's name.
    var name = "vgg16"
    /// The dense head needs fixed sizes: 224×224 leaves 7×7 places.
    var input = KerasInputShape(size: 224)
    /// Filters of the convolutions before each pooling.
    var blocks = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
    /// What BatchNormalization adds to the variance; nil for networks without it.
    var batchNormalizationEpsilon: Double?
    /// Whether convolutions have biases: always in Keras and torchvision.
    var hasBias = true
    /// Units of the dense layers before the classifier.
    var denseUnits = [4096, 4096]
    /// The classifier; nil for the last map, without dense layers.
    var head: KerasHead?
}

extension KerasModels {
    /// A VGG: N×H×W×C to N×classes, or to N×⌊H/32⌋×⌊W/32⌋×512.
    ///
    /// The first dense layer reads the last map row by row, channels fastest; PyTorch's reads channel by channel. With
    /// BatchNormalization each convolution is followed by `…_bn` and `…_relu`; without it, ReLU is its activation.
    ///
    /// - Parameter path: the file that the sizes came from, for errors.
    /// - Throws: ``FormatError`` with `.invalid` when the sizes do not fit together.
    static func vgg(_ sizes: KerasVGGSizes, path: String) throws(FormatError) -> KerasModelDescription {
        var builder = KerasModelBuilder(name: sizes.name)
        var x = builder.input(sizes.input)
        for (block, widths) in sizes.blocks.enumerated() {
            for (index, filters) in widths.enumerated() {
                x = builder.convolution("block\(block + 1)_conv\(index + 1)", filters: filters, sizes, to: x)
            }
            x = builder.add(KerasMaxPooling2D(size: 2, stride: 2), "block\(block + 1)_pool", to: x)
        }
        if let head = sizes.head {
            x = builder.add(KerasFlatten(), "flatten", to: x)
            for (index, units) in sizes.denseUnits.enumerated() {
                x = builder.add(KerasDense(units: units, activation: "relu"), "fc\(index + 1)", to: x)
            }
            x = builder.add(KerasDense(units: head.classes, activation: head.activation), "predictions", to: x)
        }
        return try builder.model(output: x, path: path)
    }
}

extension KerasModelBuilder {
    /// A 3×3 convolution with its ReLU.
    fileprivate mutating func convolution(
        _ name: String, filters: Int, _ sizes: KerasVGGSizes, to input: KerasTensor
    ) -> KerasTensor {
        let isNormalized = sizes.batchNormalizationEpsilon != nil
        let x = add(
            KerasConv2D(
                filters: filters, kernel: 3, border: .same, activation: isNormalized ? "linear" : "relu",
                hasBias: sizes.hasBias),
            name, to: input)
        guard let epsilon = sizes.batchNormalizationEpsilon else { return x }
        let normalized = add(KerasBatchNormalization(epsilon: epsilon), "\(name)_bn", to: x)
        return add(KerasActivation(function: "relu"), "\(name)_relu", to: normalized)
    }
}
