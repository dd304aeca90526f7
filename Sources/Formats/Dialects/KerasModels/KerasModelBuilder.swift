// Puts a generated model together, layer by layer.

/// Makes a ``KerasModelDescription``.
///
/// Layers that do not fit (a map smaller than its kernel, channels that groups do not divide) are remembered and reported
/// at the end, so that the families read as plain lists of layers.
struct KerasModelBuilder {
    private let name: String
    private var layers: [KerasModelLayer] = []
    private var names: Set<String> = []
    /// The first fault: the layer, and what it was to be called on.
    private var problem: (layer: String, inputs: [[Int?]])?

    /// Begins a model.
    init(name: String) { self.name = name }

    /// Adds the model's input.
    ///
    /// - Parameter shape: height, width (nil for free ones) and channels.
    mutating func input(_ shape: KerasInputShape) -> KerasTensor {
        add(KerasInputLayer(axes: [shape.height, shape.width, shape.channels]), "input_layer", to: [])
    }

    /// Adds a layer.
    ///
    /// - Returns: what it makes of its inputs.
    mutating func add(_ layer: some KerasLayerClass, _ name: String, to inputs: [KerasTensor]) -> KerasTensor {
        let isNew = names.insert(name).inserted
        guard problem == nil, isNew, let made = layer.layer(named: name, on: inputs) else {
            if problem == nil { problem = ("\(layer.className) '\(name)'", inputs.map(\.axes)) }
            return KerasTensor(layer: name, axes: inputs.first?.axes ?? [])
        }
        layers.append(made)
        return KerasTensor(layer: name, axes: made.outputAxes)
    }

    /// Adds a layer that is called on one tensor.
    mutating func add(_ layer: some KerasLayerClass, _ name: String, to input: KerasTensor) -> KerasTensor {
        add(layer, name, to: [input])
    }

    /// The finished model.
    ///
    /// - Parameters:
    ///   - output: the model's output.
    ///   - path: the file that the sizes came from, for errors.
    /// - Throws: ``FormatError`` with `.invalid` that names the first layer that does not fit.
    func model(output: KerasTensor, path: String) throws(FormatError) -> KerasModelDescription {
        if let problem {
            let sizes = problem.inputs.map { axes in axes.map { $0.map(String.init) ?? "free" }.joined(separator: "×") }
            throw FormatError(
                path,
                .invalid(
                    section: "Keras model '\(name)', \(problem.layer)", expected: "sizes that the layer can take",
                    found: sizes.isEmpty ? "no input" : sizes.joined(separator: " and ")))
        }
        return KerasModelDescription(
            name: name, layers: KerasLayerOrder.sorted(layers, output: output.layer), output: output)
    }
}

/// The shape of a model's input.
struct KerasInputShape: Sendable, Hashable {
    /// Rows; nil for any number.
    var height: Int?
    /// Columns; nil for any number.
    var width: Int?
    /// Channels.
    var channels = 3

    /// A square, or any size.
    init(size: Int? = nil, channels: Int = 3) {
        height = size
        width = size
        self.channels = channels
    }
}

/// A model's classifier.
struct KerasHead: Sendable, Hashable {
    /// How many classes.
    var classes = 1000
    /// Keras' activation: `softmax` as keras.applications has it, `linear` for logits as PyTorch's models give.
    var activation = "softmax"
}
