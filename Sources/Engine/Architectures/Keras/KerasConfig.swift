// The network description that Keras stores beside weights, in the forms of Keras 3 and of tf.keras (Keras 2).

import Formats

/// A Functional or Sequential model of a description: its layers and how they are connected.
struct KerasModelConfig {
    /// One output of one call of a layer.
    struct Reference: Hashable {
        var layer: String, call: Int, output: Int
    }

    /// One layer and its calls.
    struct Layer {
        let className: String, name: String
        let settings: KerasSettings
        /// For each call, the tensors it is given, in order.
        let calls: [[Reference]]
        /// Whether it is itself a model of layers.
        var isModel: Bool { settings.json["layers"]?.array != nil }
    }

    let className: String, name: String
    let layers: [Layer]
    /// Empty for a Sequential model, whose layers follow one another.
    let inputs: [Reference], outputs: [Reference]

    /// Whether the layers simply follow one another.
    var isSequential: Bool { className == "Sequential" }

    /// How many layers a model may have.
    private static let layerLimit = 20_000

    /// Reads a model's description: `{"class_name": …, "config": {…}}`.
    ///
    /// - Throws: ``EngineError`` with `.unsupportedLayer` for a model that is not built of layers.
    init(_ json: JSON) throws(EngineError) {
        let config = json["config"] ?? .null
        className = json["class_name"]?.string ?? "nothing"
        name = config["name"]?.string ?? className
        guard let layers = config["layers"]?.array ?? config.array, layers.count <= Self.layerLimit else {
            throw .unsupportedLayer(
                name: name, kind: className,
                advice:
                    "its description lists no layers: only Functional and Sequential models can be rebuilt from a file")
        }
        self.layers = layers.map { Layer($0) }
        inputs = Self.references(config["input_layers"] ?? .null)
        outputs = Self.references(config["output_layers"] ?? .null)
        guard isSequential || !(inputs.isEmpty || outputs.isEmpty) else {
            throw .unsupportedLayer(
                name: name, kind: className, advice: "its description does not say which layers are input and output")
        }
    }

    /// `["name", 0, 0]`, or a list or dictionary of those.
    static func references(_ json: JSON) -> [Reference] {
        if let elements = json.array {
            if let reference = reference(elements) { return [reference] }
            return elements.flatMap { references($0) }
        }
        return json.members?.flatMap { references($0.value) } ?? []
    }

    private static func reference(_ elements: [JSON]) -> Reference? {
        guard elements.count >= 3, let layer = elements[0].string, let call = elements[1].int,
            let output = elements[2].int
        else { return nil }
        return Reference(layer: layer, call: call, output: output)
    }
}

extension KerasModelConfig.Layer {
    fileprivate init(_ json: JSON) {
        let config = json["config"] ?? .null
        className = json["class_name"]?.string ?? "nothing"
        name = config["name"]?.string ?? json["name"]?.string ?? className
        settings = KerasSettings(config, layer: name, kind: className, json: json)
        calls = (json["inbound_nodes"]?.array ?? []).map { call in
            if call.members != nil {
                // Keras 3: tensors anywhere within the arguments.
                return Self.tensors(call["args"] ?? .null) + Self.tensors(call["kwargs"] ?? .null)
            }
            return KerasModelConfig.references(call)
        }
    }

    /// Whether this is a bare operation such as `x + 3`, which Keras 3 lists among the layers.
    var isOperation: Bool {
        settings.entry["module"]?.string.map { $0.hasPrefix("keras.src.ops") || $0.hasPrefix("keras.ops") } ?? false
    }

    /// The number that a bare operation of one tensor is given after it (or before, where the order is the same).
    var operand: Double? {
        guard isOperation, calls.count == 1, calls[0].count == 1,
            let arguments = settings.entry["inbound_nodes"]?.array?.first?["args"]?.array, arguments.count == 2
        else { return nil }
        return arguments[1].double ?? (["Add", "Multiply"].contains(className) ? arguments[0].double : nil)
    }

    /// Why a layer is not the Keras layer that its class name suggests; nil when it is.
    ///
    /// - Parameter inputs: how many tensors the call is given: bare operations may also take numbers, which descriptions
    ///   keep among the arguments.
    func foreignness(inputs: Int) -> String? {
        let entry = settings.entry
        let module = entry["module"]?.string
        if isOperation {
            return ["Add", "Multiply", "Subtract"].contains(className) && inputs == 2
                ? nil : "it is an operation outside of layers; this version knows layers"
        }
        let isKeras =
            module.map { $0.hasPrefix("keras") || $0.hasPrefix("tf_keras") || $0.hasPrefix("tensorflow") } ?? true
        let isRegistered = module == nil && entry["module"] != nil && entry["registered_name"]?.string != nil
        return isKeras && !isRegistered && !className.contains(">")
            ? nil : "it is a custom class, whose code is not in the file"
    }

    /// The tensors within a call's arguments, in order.
    private static func tensors(_ json: JSON) -> [KerasModelConfig.Reference] {
        if json["class_name"]?.string == "__keras_tensor__" {
            return KerasModelConfig.references(json["config"]?["keras_history"] ?? .null)
        }
        return json.array?.flatMap { tensors($0) } ?? json.members?.flatMap { tensors($0.value) } ?? []
    }
}

/// A layer's settings, read with bounds.
struct KerasSettings {
    let json: JSON
    let layer: String, kind: String
    /// The layer's whole entry, for nested models.
    let entry: JSON

    init(_ config: JSON, layer: String, kind: String, json: JSON) {
        self.json = config
        self.layer = layer
        self.kind = kind
        entry = json
    }

    /// The error for a setting that this layer cannot be run with.
    func unsupported(_ what: String) -> EngineError {
        .unsupportedLayer(name: layer, kind: kind, advice: what)
    }

    /// A setting, or null.
    subscript(key: String) -> JSON { json[key] ?? .null }

    /// A text setting, or the default where it is missing or null.
    func text(_ key: String, default standard: String) -> String { self[key].string ?? standard }

    /// A truth value, or the default.
    func flag(_ key: String, default standard: Bool) -> Bool { self[key].bool ?? standard }

    /// A number, or the default.
    func number(_ key: String, default standard: Double) -> Double { self[key].double ?? standard }

    /// A positive whole number up to 2²⁰.
    func count(_ key: String, default standard: Int? = nil) throws(EngineError) -> Int {
        guard let value = self[key].int ?? standard, (1...1 << 20).contains(value) else {
            throw unsupported("its setting \(key) must be a positive whole number")
        }
        return value
    }

    /// One size for both axes or a pair, each from `range`.
    func pair(_ key: String, default standard: Int? = nil, in range: ClosedRange<Int> = 1...4096) throws(EngineError)
        -> Size2
    {
        let values = self[key].array?.map { $0.int } ?? [self[key].int ?? standard]
        guard let first = values.first, let height = first, let last = values.last, let width = last,
            values.count <= 2, range.contains(height), range.contains(width)
        else {
            throw unsupported(
                "its setting \(key) must be one or two whole numbers from \(range.lowerBound) to \(range.upperBound)")
        }
        return Size2(height, width)
    }

    /// Rows and columns added or cut on each side: one number, a pair, or a pair of pairs.
    func sides(_ key: String) throws(EngineError) -> Padding {
        func two(_ json: JSON) -> [Int] { json.array?.compactMap { $0.int } ?? json.int.map { [$0, $0] } ?? [] }
        let rows = self[key].array.map { $0.first.map(two) ?? [] } ?? two(self[key])
        let columns = self[key].array.map { $0.last.map(two) ?? [] } ?? two(self[key])
        guard rows.count == 2, columns.count == 2, (rows + columns).allSatisfy({ (0...4096).contains($0) }) else {
            throw unsupported("its setting \(key) must be whole numbers from 0 to 4096")
        }
        return Padding(top: rows[0], left: columns[0], bottom: rows[1], right: columns[1])
    }
}
