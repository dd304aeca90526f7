// What the values of an ONNX graph are to us: maps with an order of axes, constants, or nothing that levels are made of.

import Formats

/// A value of an ONNX graph.
enum ONNXValue {
    /// A map of our graph, and which of its axes are which in the ONNX value.
    case map(Graph.NodeID, [ONNXAxis])
    /// A weight, or numbers computed from weights, constants and sizes.
    case constant(ONNXConstant)
    /// Something that is no longer a map, such as flattened features, and why not, if anything might ask.
    case head(EngineError?)
    /// A map that cannot be computed, because of an operator that is not run.
    case blocked(EngineError)
    /// A part of a decoder that cannot be computed; no level is made of it.
    case beyond
}

/// What an axis of an ONNX value is in our maps, which are all N×C×h×w.
enum ONNXAxis: Hashable {
    case batch, channel, row, column
    /// Rows and columns in one, as in token sequences.
    case position
    /// This many groups of channels, and the channels of a group with their positions, as GroupNorm is exported.
    case group(Int)
    case within(groups: Int)
    /// The channels of a group.
    case member(groups: Int)
}

extension [ONNXAxis] {
    /// PyTorch's order, ONNX's own.
    static let channelsFirst: [ONNXAxis] = [.batch, .channel, .row, .column]
    /// TensorFlow's order, also used around a Linear over channels.
    static let channelsLast: [ONNXAxis] = [.batch, .row, .column, .channel]
}

/// A value that does not depend on the image.
struct ONNXConstant {
    /// Its sizes.
    var shape: [Int]
    var content: Content

    enum Content {
        /// A stored tensor, its axes in another order and then seen in `shape`.
        case weight(ONNXWeight, order: [Int])
        /// Numbers, whole ones included, and the stored tensors that they were computed from.
        case numbers([Double], isInteger: Bool, origins: [ONNXWeight])
    }

    /// How many values there are.
    var count: Int { Shape(shape).checkedElementCount ?? .max }

    /// A list of whole numbers.
    static func integers(_ values: [Int], origins: [ONNXWeight] = []) -> ONNXConstant {
        ONNXConstant(
            shape: [values.count], content: .numbers(values.map { Double($0) }, isInteger: true, origins: origins))
    }

    /// Whether it was computed from a map's sizes, which are those of the described image here.
    var dependsOnSize: Bool {
        if case .numbers(_, _, let origins) = content { origins.contains(.imageSize) } else { false }
    }
}

/// A stored tensor, by the names that the graph has for it: the last that was given to it first. Exporters store equal
/// weights once and name the others by Identity operators.
struct ONNXWeight: Hashable {
    var names: [String]
    /// As stored.
    var shape: Shape
    /// Whether other values may be put in its place: initializers are learned, integers and Constant operators are not.
    var isLearned: Bool

    /// No tensor: stands for the sizes of a map among what numbers were computed from.
    static let imageSize = ONNXWeight(names: [], shape: [], isLearned: false)

    /// The name that a parameter made of it has.
    var name: String { names.first ?? "" }
    /// The name of the stored tensor.
    var stored: String { names.last ?? "" }
}

/// One operator with its arguments at hand.
struct ONNXCall {
    let node: ONNXNode
    let index: Int
    let inputs: [ONNXValue?]
    let opset: Int

    /// What its first output is called.
    var output: String { node.outputs.first ?? "" }
    /// The operator in words, for messages.
    var label: String { node.name.isEmpty ? output : node.name }

    /// The error that this operator cannot be run.
    func unsupported(_ advice: String) -> EngineError {
        let domain = node.domain.isEmpty ? "" : "\(node.domain)."
        return .unsupportedLayer(
            name: label, kind: "ONNX operator \(domain)\(node.kind), opset \(opset)", advice: advice)
    }

    /// The map that an input must be.
    func map(_ index: Int = 0) throws(EngineError) -> (node: Graph.NodeID, axes: [ONNXAxis]) {
        guard inputs.indices.contains(index), case .map(let node, let axes) = inputs[index] else {
            throw unsupported("its input \(index + 1) is no map")
        }
        return (node, axes)
    }

    /// The map that an input must be, N×C×h×w in the ONNX graph too.
    func image() throws(EngineError) -> Graph.NodeID {
        let (node, axes) = try map()
        guard axes == .channelsFirst else { throw unsupported("its input is no map in the order N×C×h×w") }
        return node
    }

    /// A constant; nil for an input that is left out.
    func constant(_ index: Int) throws(EngineError) -> ONNXConstant? {
        guard inputs.indices.contains(index), let input = inputs[index] else { return nil }
        guard case .constant(let constant) = input else { throw unsupported("its input \(index + 1) is no constant") }
        return constant
    }

    // MARK: Settings

    func integer(_ key: String, default standard: Int) -> Int {
        if case .integer(let value) = node.attributes[key] { value } else { standard }
    }

    func float(_ key: String, default standard: Float) -> Float {
        if case .float(let value) = node.attributes[key] { value } else { standard }
    }

    func text(_ key: String, default standard: String) -> String {
        if case .text(let value) = node.attributes[key] { value } else { standard }
    }

    func integers(_ key: String) -> [Int]? {
        if case .integers(let values) = node.attributes[key] { values } else { nil }
    }

    /// A pair of sizes from 1 to `limit`, the setting's or the standard ones.
    func pair(_ key: String, default standard: Size2? = nil, limit: Int = 1 << 12) throws(EngineError) -> Size2 {
        guard let values = integers(key) else {
            if let standard { return standard }
            throw unsupported("it does not say its \(key)")
        }
        guard values.count == 2, values.allSatisfy({ (1...limit).contains($0) }) else {
            throw unsupported(
                "its \(key) \(values) must be two sizes: only images are supported, not signals or volumes")
        }
        return Size2(values[0], values[1])
    }
}
