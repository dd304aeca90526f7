// What a generated model's layer needs to say about itself; one value type per Keras class conforms.

/// Settings in the order in which Keras writes them.
typealias KerasSettings = KeyValuePairs<String, JSON?>

/// A class of layers with its settings.
///
/// Tensors are given by their sizes after the batch axis, channels last; nil is a free size.
protocol KerasLayerClass: Sendable {
    /// The class's name in Keras.
    var className: String { get }
    /// The Python module that exports it.
    var module: String { get }
    /// The name that Keras' registry would give it; nil for what `keras.layers` exports.
    var registeredName: String? { get }
    /// The settings after `name`, `trainable` and `dtype`.
    var settings: KerasSettings { get }
    /// Whether Keras records the shapes that the layer was built with.
    var isBuilt: Bool { get }
    /// Whether the call takes its tensors as one list.
    var takesList: Bool { get }
    /// Named arguments of the call.
    var callArguments: KerasSettings { get }
    /// The variables; nil when the inputs do not fit.
    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]?
    /// The output's sizes; nil when the inputs do not fit.
    func outputAxes(_ inputs: [[Int?]]) -> [Int?]?
    /// The layers of a nested model; nil when the inputs do not fit.
    func members(_ inputs: [[Int?]]) -> [KerasModelLayer]?
    /// All the settings.
    func config(name: String, inputs: [[Int?]], members: [KerasModelLayer]) -> JSON
}

extension KerasLayerClass {
    var module: String { "keras.layers" }
    var registeredName: String? { nil }
    var settings: KerasSettings { [:] }
    var isBuilt: Bool { true }
    var takesList: Bool { false }
    var callArguments: KerasSettings { [:] }
    func variables(_ inputs: [[Int?]]) -> [KerasModelVariable]? { [] }
    func outputAxes(_ inputs: [[Int?]]) -> [Int?]? { inputs.first }
    func members(_ inputs: [[Int?]]) -> [KerasModelLayer]? { [] }
    func config(name: String, inputs: [[Int?]], members: [KerasModelLayer]) -> JSON {
        .object(
            (JSON.kerasBase(name: name).members ?? []) + (JSON.object(settings).members ?? []))
    }

    /// The layer under a name, called on tensors; nil when the tensors do not fit.
    func layer(named name: String, on inputs: [KerasTensor]) -> KerasModelLayer? {
        let axes = inputs.map(\.axes)
        guard let members = members(axes), let variables = variables(axes), let output = outputAxes(axes),
            output.allSatisfy({ $0.map { $0 > 0 } ?? true }),
            variables.allSatisfy({ $0.shape.checkedElementCount.map { $0 > 0 } ?? false })
        else { return nil }
        return KerasModelLayer(
            name: name, module: module, className: className, registeredName: registeredName,
            config: config(name: name, inputs: axes, members: members), builtFrom: isBuilt ? axes : nil, inputs: inputs,
            takesList: takesList, callArguments: .object(callArguments), variables: variables, layers: members,
            outputAxes: output)
    }
}

extension JSON {
    /// What every layer's settings begin with; weights and arithmetic are float32.
    static func kerasBase(name: String) -> JSON {
        .object([
            "name": .string(name), "trainable": true,
            "dtype": .object([
                "module": "keras", "class_name": "DTypePolicy", "config": .object(["name": "float32"]),
                "registered_name": .null,
            ]),
        ])
    }

    /// How weights would begin if the model were made anew, which loading weights overrides.
    static func kerasInitializer(_ className: String, _ settings: KerasSettings = [:]) -> JSON {
        .object([
            "module": "keras.initializers", "class_name": .string(className), "config": .object(settings),
            "registered_name": .null,
        ])
    }

    static var kerasZeros: JSON { .kerasInitializer("Zeros") }
    static var kerasOnes: JSON { .kerasInitializer("Ones") }
    static var kerasGlorot: JSON {
        .kerasInitializer("GlorotUniform", ["seed": .null, "input_axes": .null, "output_axes": .null])
    }

    /// Draws with a variance of `scale` over the number of outputs.
    static func kerasVarianceScaling(_ scale: Double, distribution: String) -> JSON {
        .kerasInitializer(
            "VarianceScaling",
            [
                "seed": .null, "scale": .real(scale), "mode": "fan_out", "distribution": .string(distribution),
                "input_axes": .null, "output_axes": .null,
            ])
    }

    /// One number for height and one for width.
    static func kerasPair(_ value: Int) -> JSON { .integers([value, value]) }
}
