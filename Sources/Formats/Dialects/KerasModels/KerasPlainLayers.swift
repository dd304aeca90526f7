// Layers without variables. Sources: keras/src/layers/{core,activations,merging,pooling,regularization,reshaping}/.

/// A model's input: a batch of maps.
struct KerasInputLayer: KerasLayerClass {
    let axes: [Int?]

    var className: String { "InputLayer" }
    var isBuilt: Bool { false }

    func config(name: String, inputs: [[Int?]], members: [KerasModelLayer]) -> JSON {
        .object([
            "batch_shape": KerasModelLayer.shape(axes), "dtype": "float32", "sparse": false, "ragged": false,
            "name": .string(name), "optional": false,
        ])
    }

    /// Greater images fit no memory, and their sizes could overflow.
    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        axes.allSatisfy { $0.map { $0 <= 1 << 20 } ?? true } ? axes : nil
    }
}

/// A function of each value: `relu`, `silu`, `gelu` (the exact one), `linear`.
struct KerasActivation: KerasLayerClass {
    let function: String

    var className: String { "Activation" }
    var isBuilt: Bool { false }
    var settings: KerasSettings { ["activation": .string(function)] }
}

/// Zeros around a map.
struct KerasZeroPadding2D: KerasLayerClass {
    /// Rows above and below.
    let rows: (before: Int, after: Int)
    /// Columns left and right.
    let columns: (before: Int, after: Int)

    /// The same on all four sides.
    init(_ size: Int) { self.init(rows: (size, size), columns: (size, size)) }

    init(rows: (before: Int, after: Int), columns: (before: Int, after: Int)) {
        self.rows = rows
        self.columns = columns
    }

    var className: String { "ZeroPadding2D" }

    var settings: KerasSettings {
        [
            "padding": .array([.integers([rows.before, rows.after]), .integers([columns.before, columns.after])]),
            "data_format": "channels_last",
        ]
    }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        let sides = 0...1 << 20
        guard let axes = inputs.first, axes.count == 3, sides.contains(rows.before), sides.contains(rows.after),
            sides.contains(columns.before), sides.contains(columns.after)
        else { return nil }
        return [
            axes[0].map { $0 + rows.before + rows.after }, axes[1].map { $0 + columns.before + columns.after }, axes[2],
        ]
    }
}

/// The greatest value of each square window.
struct KerasMaxPooling2D: KerasLayerClass {
    let size: Int
    let stride: Int

    var className: String { "MaxPooling2D" }
    var isBuilt: Bool { false }

    var settings: KerasSettings {
        [
            "pool_size": .kerasPair(size), "padding": "valid", "strides": .kerasPair(stride),
            "data_format": "channels_last",
        ]
    }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        guard let channels = inputs.first?.last ?? nil else { return nil }
        return KerasBorder.valid.output(inputs, kernel: size, stride: stride, filters: channels)
    }
}

/// The mean of each channel.
struct KerasGlobalAveragePooling2D: KerasLayerClass {
    var className: String { "GlobalAveragePooling2D" }
    var isBuilt: Bool { false }
    var settings: KerasSettings { ["data_format": "channels_last", "keepdims": false] }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        guard let axes = inputs.first, axes.count == 3 else { return nil }
        return [axes[2]]
    }
}

/// All values in one row: height slowest, channels fastest.
struct KerasFlatten: KerasLayerClass {
    var className: String { "Flatten" }
    var settings: KerasSettings { ["data_format": "channels_last"] }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        let known = (inputs.first ?? []).compactMap { $0 }
        guard known.count == inputs.first?.count, let count = Shape(known).checkedElementCount else { return nil }
        return [count]
    }
}

/// The same values under other sizes.
struct KerasReshape: KerasLayerClass {
    let axes: [Int]

    var className: String { "Reshape" }
    var isBuilt: Bool { false }
    var settings: KerasSettings { ["target_shape": .integers(axes)] }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? { axes }
}

/// Values dropped in training, nothing otherwise.
struct KerasDropout: KerasLayerClass {
    let rate: Double
    /// Whether whole examples are dropped, as in stochastic depth.
    var dropsExamples = false

    var className: String { "Dropout" }
    var isBuilt: Bool { false }

    var settings: KerasSettings {
        [
            "rate": .real(rate), "seed": .null,
            "noise_shape": dropsExamples ? .array([.null, 1, 1, 1]) : .null,
        ]
    }

    var callArguments: KerasSettings { ["training": false] }
}

/// The sum of maps of one shape.
struct KerasAdd: KerasLayerClass {
    var className: String { "Add" }
    var takesList: Bool { true }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? { Set(inputs).count == 1 ? inputs.first : nil }
}

/// The sum of two maps of one shape as Python's `+` makes it: an operation, no layer.
struct KerasAddOperation: KerasLayerClass {
    var className: String { "Add" }
    var module: String { "keras.src.ops.numpy" }
    var registeredName: String? { "Add" }
    var isBuilt: Bool { false }

    func config(name: String, inputs: [[Int?]], members: [KerasModelLayer]) -> JSON { .object(["name": .string(name)]) }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? { Set(inputs).count == 1 ? inputs.first : nil }
}

/// A map times one factor a channel (the second input, 1×1×channels).
struct KerasMultiply: KerasLayerClass {
    var className: String { "Multiply" }
    var takesList: Bool { true }

    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? {
        guard inputs.count == 2, inputs[0].count == 3, inputs[1] == [1, 1, inputs[0][2]] else { return nil }
        return inputs[0]
    }
}
