// A Keras 3 model as `config.json` describes it: layers with their settings, how they are linked, and which variables
// they have. Weight files follow from it: names, order and shapes.

/// A Functional model of Keras 3, generated here rather than read.
struct KerasModelDescription: Sendable, Hashable {
    /// The model's name, such as `resnet50`.
    let name: String
    /// Layers and bare operations in the order in which Keras itself lists them, which is not that of their making:
    /// see ``KerasLayerOrder``.
    let layers: [KerasModelLayer]
    /// The model's output.
    let output: KerasTensor

    /// What `config.json` in a `.keras` archive holds, and `model_config` in a legacy file: member for member what
    /// Keras 3.15's `to_json` writes.
    var configuration: JSON {
        .object([
            "module": "keras.src.models.functional", "class_name": "Functional",
            "config": .object([
                "name": .string(name), "trainable": true,
                "layers": .array(layers.map { $0.entry(isLinked: true) }),
                "input_layers": layers.first { $0.className == "InputLayer" }.map { Self.place($0.name) },
                "output_layers": Self.place(output.layer),
            ]),
            "registered_name": "Functional",
            "build_config": .object(["input_shape": .null]),
            "compile_config": .object([]),
        ])
    }

    /// The model's layers, those of nested models in their model's place, with the variables that weight files hold.
    var variableTable: [KerasModelVariables] { Self.rows(layers, names: [], store: "") }

    /// The first output of a layer's only call.
    private static func place(_ layer: String) -> JSON { .array([.string(layer), .integer(0), .integer(0)]) }

    /// Keras numbers layers by class within each model; operations are no layers to it.
    private static func rows(_ layers: [KerasModelLayer], names: [String], store: String) -> [KerasModelVariables] {
        var count: [String: Int] = [:]
        return layers.filter { !$0.isOperation }.flatMap { layer -> [KerasModelVariables] in
            let stem = kerasSnakeCase(layer.className)
            let number = count[stem, default: 0]
            count[stem] = number + 1
            let place = store + "layers/" + (number == 0 ? stem : "\(stem)_\(number)")
            guard layer.layers.isEmpty else {
                return rows(layer.layers, names: names + [layer.name], store: place + "/")
            }
            return [
                KerasModelVariables(
                    path: names + [layer.name], className: layer.className, storePath: place,
                    variables: layer.variables)
            ]
        }
    }
}

/// A tensor between layers: the first output of a layer's only call.
struct KerasTensor: Sendable, Hashable {
    /// The layer that makes it.
    let layer: String
    /// Sizes after the batch axis, channels last; nil where the size is free.
    let axes: [Int?]

    /// Height, width, channels; nil for a tensor of another rank.
    var map: (height: Int?, width: Int?, channels: Int?)? {
        axes.count == 3 ? (axes[0], axes[1], axes[2]) : nil
    }

    /// The channels, on the last axis; 0 where there are none.
    var channels: Int { (axes.last ?? nil) ?? 0 }
}

/// A layer's variables and where weight files keep them.
struct KerasModelVariables: Sendable, Hashable {
    /// Names of the layer and, before it, of the nested models that hold it.
    let path: [String]
    /// The layer's class.
    let className: String
    /// Where Keras 3 weight files hold the layer, such as `layers/conv2d_3`; its variables are under `vars/0`, `vars/1`
    /// and so on.
    let storePath: String
    /// The variables in the order in which Keras creates and stores them.
    let variables: [KerasModelVariable]
}

/// One variable of a layer.
struct KerasModelVariable: Sendable, Hashable {
    /// What Keras calls it: `kernel`, `moving_mean`.
    let name: String
    /// Its shape as Keras lays it out: convolution kernels are height × width × inputs per group × filters, depthwise ones
    /// height × width × channels × multiplier, dense ones inputs × units.
    let shape: Shape
    /// Whether training moves it; legacy files list the others last.
    var isTrainable = true
    /// Whether it is a whole number (Normalization's `count`).
    var isInteger = false
}
