// One layer of a generated model and its entry in the configuration.
// Source: keras/src/saving/serialization_lib.py and keras/src/models/functional.py (`serialize_node`), Keras 3.15.

/// A layer, or a bare operation, of a generated model.
struct KerasModelLayer: Sendable, Hashable {
    /// The name, unique within the model.
    let name: String
    /// The Python module that Keras finds the class in.
    let module: String
    /// The class.
    let className: String
    /// The name under which Keras' registry would hold the class; nil for what `keras.layers` exports.
    let registeredName: String?
    /// The settings, `name` among them.
    let config: JSON
    /// Input shapes that the layer is built with (nil for layers that need no building).
    let builtFrom: [[Int?]]?
    /// The tensors that the layer is called on.
    let inputs: [KerasTensor]
    /// Whether the call takes its tensors as one list, as merging layers do.
    let takesList: Bool
    /// Named arguments of the call.
    let callArguments: JSON
    /// The variables in Keras' order.
    let variables: [KerasModelVariable]
    /// The layers of a nested Sequential model, its input first.
    let layers: [KerasModelLayer]
    /// Sizes of the output after the batch axis.
    let outputAxes: [Int?]

    /// Whether this is a function such as `keras.ops.add`, which Keras lists but does not count among the layers.
    var isOperation: Bool { module.hasPrefix("keras.src.ops") }

    /// The layer's entry in a list of layers.
    ///
    /// - Parameter isLinked: whether the list tells how layers are linked: a Functional model's does, a Sequential's not.
    func entry(isLinked: Bool) -> JSON {
        var buildConfig: JSON?
        if let builtFrom, let first = builtFrom.first {
            buildConfig = .object([
                "input_shape": takesList ? .array(builtFrom.map(Self.shape)) : Self.shape(first)
            ])
        }
        return .object([
            "module": .string(module), "class_name": .string(className), "config": config,
            "registered_name": registeredName.map(JSON.string) ?? .null,
            "build_config": buildConfig,
            "compile_config": layers.isEmpty ? nil : .object([]),
            "name": isLinked ? .string(name) : nil,
            "inbound_nodes": isLinked ? inboundNodes : nil,
        ])
    }

    /// The calls of the layer: one, or none for an input.
    private var inboundNodes: JSON {
        guard !inputs.isEmpty else { return .array([]) }
        let tensors = inputs.map { tensor in
            JSON.object([
                "class_name": "__keras_tensor__",
                "config": .object([
                    "shape": Self.shape(tensor.axes), "dtype": "float32",
                    "keras_history": .array([.string(tensor.layer), .integer(0), .integer(0)]),
                ]),
            ])
        }
        return .array([
            .object(["args": .array(takesList ? [.array(tensors)] : tensors), "kwargs": callArguments])
        ])
    }

    /// A shape with its batch axis, null where free.
    static func shape(_ axes: [Int?]) -> JSON { .array([.null] + axes.map { $0.map(JSON.integer) ?? .null }) }
}
