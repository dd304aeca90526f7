// What an ONNX file says: the messages of onnx.proto (ONNX IR, up to version 13) that describe a network for inference.

/// An ONNX model: a graph of operators with its weights.
public struct ONNXModel: Sendable {
    /// The version of the file format.
    public var irVersion = 0
    /// The program that wrote the file, such as "pytorch", and its version.
    public var producer = "", producerVersion = ""
    /// The operator sets that the graph uses; the domain of ONNX's own is empty.
    public var opsets: [(domain: String, version: Int)] = []
    /// Free entries of the file.
    public var metadata: [(key: String, value: String)] = []
    /// The network.
    public var graph = ONNXGraph()
    /// Operators that the file defines itself.
    public var functions: [String] = []

    /// The version of ONNX's own operators.
    public var opset: Int { opsets.first { $0.domain.isEmpty || $0.domain == "ai.onnx" }?.version ?? 1 }
}

/// The operators of a model in an order in which every value is computed before it is read.
public struct ONNXGraph: Sendable {
    /// The graph's name.
    public var name = ""
    /// The operators.
    public var nodes: [ONNXNode] = []
    /// The weights, by the names of the values they are.
    public var initializers: [ONNXTensor] = []
    /// What the caller gives and gets. Old files list the weights among the inputs.
    public var inputs: [ONNXValueInfo] = [], outputs: [ONNXValueInfo] = []
}

/// One operator.
public struct ONNXNode: Sendable {
    /// Its own name, often empty.
    public var name = ""
    /// What it does, such as "Conv", and whose operator that is; empty for ONNX's own.
    public var kind = "", domain = ""
    /// Values by name; an empty name is an optional input or output that is left out.
    public var inputs: [String] = [], outputs: [String] = []
    /// Its settings.
    public var attributes: [String: ONNXAttribute] = [:]
}

/// A setting of an operator.
public enum ONNXAttribute: Sendable {
    /// A number, a text, a weight.
    case float(Float), integer(Int), text(String), tensor(ONNXTensor)
    /// A list.
    case floats([Float]), integers([Int])
    /// Graphs, texts and other things that no operator of a convolutional network has.
    case other
}

/// An input or output of a graph.
public struct ONNXValueInfo: Sendable {
    /// The value's name.
    public var name = ""
    /// Its sizes; an open one (a batch, an image's side) is nil. nil as a whole when the file does not say.
    public var shape: [Int?]?
}

/// Bounds on what a file may make the reader keep. Networks stay far below.
enum ONNXLimits {
    static let nodes = 1 << 18, tensors = 1 << 18, items = 1 << 22, rank = 64
}

/// Reads the messages. Graphs within attributes (of If, Loop and Scan) are passed over, so nothing here recurses.
struct ONNXParser {
    private let bytes: Bytes
    private let path: String
    /// How many names, settings and list entries may still be kept.
    private var items = ONNXLimits.items

    /// Reads a file.
    ///
    /// - Throws: ``FormatError`` with the offset of what is cut short, not allowed or more than the bounds.
    static func model(path: String, bytes: Bytes) throws(FormatError) -> ONNXModel {
        var parser = ONNXParser(bytes: bytes, path: path)
        return try parser.model()
    }

    private init(bytes: Bytes, path: String) {
        self.bytes = bytes
        self.path = path
    }

    private mutating func spend(_ count: Int = 1) throws(FormatError) {
        items -= count
        guard items >= 0 else { throw limit("names, settings and list entries", ONNXLimits.items) }
    }

    private func limit(_ what: String, _ limit: Int) -> FormatError {
        FormatError(path, .limitExceeded(what: "the number of \(what)", claimed: "more", limit: "\(limit)"))
    }

    // MARK: Messages

    private mutating func model() throws(FormatError) -> ONNXModel {
        var cursor = ProtobufCursor(bytes, 0..<bytes.count, path: path, section: "ONNX model")
        var model = ONNXModel()
        var hasGraph = false
        while let field = try cursor.next() {
            switch field.number {
            case 1: model.irVersion = try cursor.integer(field)
            case 2: model.producer = try cursor.text(field)
            case 3: model.producerVersion = try cursor.text(field)
            case 7:
                guard !hasGraph else { throw cursor.invalid(at: field.offset, expected: "one graph", found: "two") }
                hasGraph = true
                model.graph = try graph(try cursor.message(field, "ONNX graph"))
            case 8: model.opsets.append(try opset(try cursor.message(field, "ONNX operator set")))
            case 14:
                try spend()
                model.metadata.append(try entry(try cursor.message(field, "ONNX metadata")))
            case 25: model.functions.append(try functionName(try cursor.message(field, "ONNX function")))
            default: break
            }
        }
        guard hasGraph else {
            throw FormatError(path, .invalid(section: "ONNX model", expected: "a graph", found: "none"))
        }
        return model
    }

    private mutating func graph(_ start: ProtobufCursor) throws(FormatError) -> ONNXGraph {
        var cursor = start
        var graph = ONNXGraph()
        while let field = try cursor.next() {
            switch field.number {
            case 1:
                guard graph.nodes.count < ONNXLimits.nodes else { throw limit("operators", ONNXLimits.nodes) }
                graph.nodes.append(try node(try cursor.message(field, "ONNX operator \(graph.nodes.count)")))
            case 2: graph.name = try cursor.text(field)
            case 5:
                guard graph.initializers.count < ONNXLimits.tensors else { throw limit("tensors", ONNXLimits.tensors) }
                graph.initializers.append(try ONNXTensor(try cursor.message(field, "ONNX tensor")))
            case 11: graph.inputs.append(try valueInfo(try cursor.message(field, "ONNX input")))
            case 12: graph.outputs.append(try valueInfo(try cursor.message(field, "ONNX output")))
            case 15:
                throw FormatError(
                    path,
                    .unsupported(feature: "an ONNX file with sparse weights", advice: "export it with dense ones"))
            default: break
            }
        }
        return graph
    }

    private mutating func node(_ start: ProtobufCursor) throws(FormatError) -> ONNXNode {
        var cursor = start
        var node = ONNXNode()
        while let field = try cursor.next() {
            switch field.number {
            case 1:
                try spend()
                node.inputs.append(try cursor.text(field))
            case 2:
                try spend()
                node.outputs.append(try cursor.text(field))
            case 3: node.name = try cursor.text(field)
            case 4: node.kind = try cursor.text(field)
            case 5:
                try spend()
                let (name, value) = try attribute(try cursor.message(field, "ONNX attribute"))
                node.attributes[name] = value
            case 7: node.domain = try cursor.text(field)
            default: break
            }
        }
        if node.domain == "ai.onnx" { node.domain = "" }
        return node
    }

    /// A setting. Which of its fields counts is said by its type, and in old files by which there is.
    private mutating func attribute(
        _ start: ProtobufCursor
    ) throws(FormatError) -> (name: String, value: ONNXAttribute) {
        var cursor = start
        var name = ""
        var type = 0
        var value: ONNXAttribute?
        var floats: [Float] = []
        var integers: [Int] = []
        while let field = try cursor.next() {
            switch field.number {
            case 1: name = try cursor.text(field)
            case 2: value = .float(try cursor.float(field))
            case 3: value = .integer(try cursor.integer(field))
            case 4: value = .text(try cursor.text(field))
            case 5: value = .tensor(try ONNXTensor(try cursor.message(field, "ONNX tensor")))
            case 7:
                let more = try cursor.floats(field, limit: items)
                try spend(more.count)
                floats += more
            case 8:
                let more = try cursor.integers(field, limit: items)
                try spend(more.count)
                integers += more
            case 20: type = try cursor.integer(field)
            default: break
            }
        }
        switch type {
        case 1: if case .float = value {} else { value = .float(0) }
        case 2: if case .integer = value {} else { value = .integer(0) }
        case 3: if case .text = value {} else { value = .text("") }
        case 4: if case .tensor = value {} else { value = nil }
        case 6: value = .floats(floats)
        case 7: value = .integers(integers)
        case 0 where value == nil && !floats.isEmpty: value = .floats(floats)
        case 0 where value == nil && !integers.isEmpty: value = .integers(integers)
        case 0: break
        default: value = .other
        }
        return (name, value ?? .other)
    }

    private mutating func valueInfo(_ start: ProtobufCursor) throws(FormatError) -> ONNXValueInfo {
        var cursor = start
        var info = ONNXValueInfo()
        try spend()
        while let field = try cursor.next() {
            switch field.number {
            case 1: info.name = try cursor.text(field)
            case 2:
                var type = try cursor.message(field, "ONNX type")
                while let kind = try type.next() {
                    guard kind.number == 1 else { continue }
                    var tensor = try type.message(kind, "ONNX tensor type")
                    while let part = try tensor.next() {
                        guard part.number == 2 else { continue }
                        info.shape = try sizes(try tensor.message(part, "ONNX shape"))
                    }
                }
            default: break
            }
        }
        return info
    }

    private mutating func sizes(_ start: ProtobufCursor) throws(FormatError) -> [Int?] {
        var cursor = start
        var sizes: [Int?] = []
        while let field = try cursor.next() {
            guard field.number == 1 else { continue }
            try spend()
            guard sizes.count < ONNXLimits.rank else { throw limit("axes", ONNXLimits.rank) }
            var dimension = try cursor.message(field, "ONNX size")
            var size: Int?
            while let part = try dimension.next() {
                if part.number == 1 { size = try dimension.integer(part) }
            }
            sizes.append(size.flatMap { $0 > 0 ? $0 : nil })
        }
        return sizes
    }

    private mutating func opset(_ start: ProtobufCursor) throws(FormatError) -> (domain: String, version: Int) {
        var cursor = start
        var opset = (domain: "", version: 0)
        try spend()
        while let field = try cursor.next() {
            switch field.number {
            case 1: opset.domain = try cursor.text(field)
            case 2: opset.version = try cursor.integer(field)
            default: break
            }
        }
        return opset
    }

    private func entry(_ start: ProtobufCursor) throws(FormatError) -> (key: String, value: String) {
        var cursor = start
        var entry = (key: "", value: "")
        while let field = try cursor.next() {
            switch field.number {
            case 1: entry.key = try cursor.text(field)
            case 2: entry.value = try cursor.text(field)
            default: break
            }
        }
        return entry
    }

    private mutating func functionName(_ start: ProtobufCursor) throws(FormatError) -> String {
        var cursor = start
        var name = ""
        try spend()
        while let field = try cursor.next() { if field.number == 1 { name = try cursor.text(field) } }
        return name
    }
}
