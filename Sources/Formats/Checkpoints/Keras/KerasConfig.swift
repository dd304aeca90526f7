// The network that Keras describes in `config.json` or `model_config`, reduced to what leads to weights: the tree of
// layers with their classes, names and settings. Nothing in it is ever run or looked up.

/// A layer of a Keras configuration.
public struct KerasLayer: Sendable {
    /// The layer's name within its model, such as `conv1`.
    public let name: String
    /// The class without its package, such as `Conv2D`.
    public let className: String
    /// The settings that the layer was made with.
    public let config: JSON
    /// The whole entry of the configuration, with `inbound_nodes`.
    public let entry: JSON
    /// The layers of a nested model in the model's own order; empty for other layers.
    public let layers: [KerasLayer]
    /// Layers that a wrapper holds, by attribute: `layer` of TimeDistributed, `forward_layer` and `backward_layer` of
    /// Bidirectional.
    public let wrapped: [(attribute: String, layer: KerasLayer)]
    /// Whether the layer holds other layers as a model does.
    public let isModel: Bool

    /// The snake_case name of the class, which Keras 3 uses as a path in weight files.
    var storeName: String { kerasSnakeCase(className) }

    /// Reads a whole configuration.
    ///
    /// - Parameter path: the file it came from, for errors.
    /// - Throws: ``FormatError`` with `.invalid` when it is no JSON or describes no model.
    public init(configuration text: String, path: String) throws(FormatError) {
        let json = try JSON(text, path: path, section: "Keras configuration")
        guard let layer = KerasLayer(json, isRoot: true), layer.isModel else {
            throw FormatError(
                path,
                .invalid(
                    section: "Keras configuration", expected: "a model with a list of layers",
                    found: json["class_name"]?.string.map { "class '\($0)'" } ?? "no class_name"))
        }
        self = layer
    }

    private init?(_ entry: JSON, isRoot: Bool = false) {
        guard let qualified = entry["class_name"]?.string else { return nil }
        // Registered classes are written as `package>Name`.
        className = qualified.split(separator: ">").last.map(String.init) ?? qualified
        let config = entry["config"] ?? .null
        self.config = config
        self.entry = entry
        name = entry["name"]?.string ?? config["name"]?.string ?? className
        // Keras 1 wrote a Sequential's layers as the whole config.
        let entries = config["layers"]?.array ?? (className == "Sequential" ? config.array : nil)
        isModel = entries?.allSatisfy { $0["class_name"]?.string != nil } ?? false
        layers = isModel ? (entries ?? []).compactMap { KerasLayer($0) }.filter { !$0.isOperation } : []
        wrapped = Self.wrappedLayers(className, config)
    }

    /// Functional models list bare operations (`keras.ops.add`) beside layers; they are no layers to the weight files.
    private var isOperation: Bool {
        entry["module"]?.string.map { $0.hasPrefix("keras.src.ops") || $0.hasPrefix("keras.ops") } ?? false
    }

    private static func wrappedLayers(
        _ className: String, _ config: JSON
    ) -> [(attribute: String, layer: KerasLayer)] {
        guard let inner = config["layer"].flatMap({ KerasLayer($0) }) else { return [] }
        guard className == "Bidirectional" else { return [("layer", inner)] }
        let backward = config["backward_layer"].flatMap { KerasLayer($0) } ?? inner
        return [("forward_layer", inner), ("backward_layer", backward)]
    }
}

/// Keras' `to_snake_case`: `Conv2DTranspose` to `conv2d_transpose`, `PReLU` to `p_re_lu`.
func kerasSnakeCase(_ className: String) -> String {
    func isLower(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }
    func isUpper(_ byte: UInt8) -> Bool { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) }
    func isWord(_ byte: UInt8) -> Bool {
        isLower(byte) || isUpper(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || byte == UInt8(ascii: "_") || byte >= 0x80
    }
    // Keras substitutes twice, as here: "(.)([A-Z][a-z]+)", then "([a-z])([A-Z])", each with "\1_\2".
    let bytes = className.utf8.filter(isWord)
    let underscore = UInt8(ascii: "_")
    var first: [UInt8] = []
    var index = 0
    while index < bytes.count {
        first.append(bytes[index])
        index += 1
        guard index + 1 < bytes.count, isUpper(bytes[index]), isLower(bytes[index + 1]) else { continue }
        first += [underscore, bytes[index]]
        index += 1
        while index < bytes.count, isLower(bytes[index]) {
            first.append(bytes[index])
            index += 1
        }
    }
    var result: [UInt8] = []
    for (index, byte) in first.enumerated() {
        if index > 0, isLower(first[index - 1]), isUpper(byte) { result.append(underscore) }
        result.append(byte)
    }
    return String(decoding: result, as: UTF8.self).lowercased()
}
