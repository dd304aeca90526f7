// ONNX files that tests make on the spot, field by field.

/// A Protocol Buffers message being written.
public struct ProtoMessage: Sendable {
    /// What was written.
    public private(set) var bytes: [UInt8] = []

    /// An empty message.
    public init() {}

    /// Wraps fields that are already there.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// A number of seven bits a byte.
    public static func varint(_ value: UInt64) -> [UInt8] {
        var rest = value
        var bytes: [UInt8] = []
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    /// The message with an integer field.
    public func integer(_ field: Int, _ value: Int) -> ProtoMessage {
        ProtoMessage(bytes + Self.varint(UInt64(field) << 3) + Self.varint(UInt64(bitPattern: Int64(value))))
    }

    /// The message with a field of bytes.
    public func data(_ field: Int, _ value: [UInt8]) -> ProtoMessage {
        ProtoMessage(bytes + Self.varint(UInt64(field) << 3 | 2) + Self.varint(UInt64(value.count)) + value)
    }

    /// The message with a text.
    public func text(_ field: Int, _ value: String) -> ProtoMessage { data(field, Array(value.utf8)) }

    /// The message with nested messages.
    public func messages(_ field: Int, _ values: [ProtoMessage]) -> ProtoMessage {
        values.reduce(self) { $0.data(field, $1.bytes) }
    }

    /// The message with a 32-bit float.
    public func float(_ field: Int, _ value: Float) -> ProtoMessage {
        ProtoMessage(bytes + Self.varint(UInt64(field) << 3 | 5) + littleEndian(value))
    }
}

/// The bytes of a float.
public func littleEndian(_ value: Float) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * UInt32($0))) }
}

/// Parts of ONNX files.
public enum MadeONNX {
    /// A setting of an operator.
    public enum Setting: Sendable {
        /// Of each kind that convolutional networks have.
        case integer(Int), integers([Int]), float(Float), text(String), tensor(ProtoMessage)
    }

    /// A float32 tensor of raw bytes.
    public static func tensor(_ name: String, _ sizes: [Int], _ values: [Float]) -> ProtoMessage {
        header(name, sizes, type: 1).data(9, values.flatMap(littleEndian))
    }

    /// An int64 tensor, its numbers packed in a list.
    public static func integers(_ name: String, _ values: [Int]) -> ProtoMessage {
        header(name, [values.count], type: 7)
            .data(7, values.flatMap { ProtoMessage.varint(UInt64(bitPattern: Int64($0))) })
    }

    /// A tensor without values.
    public static func header(_ name: String, _ sizes: [Int], type: Int) -> ProtoMessage {
        sizes.reduce(ProtoMessage()) { $0.integer(1, $1) }.integer(2, type).text(8, name)
    }

    /// An operator.
    public static func node(
        _ kind: String, _ inputs: [String], _ output: String, _ settings: [(String, Setting)] = [], domain: String = ""
    ) -> ProtoMessage {
        var node = inputs.reduce(ProtoMessage()) { $0.text(1, $1) }.text(2, output).text(4, kind)
        for (name, setting) in settings { node = node.messages(5, [attribute(name, setting)]) }
        return domain.isEmpty ? node : node.text(7, domain)
    }

    private static func attribute(_ name: String, _ setting: Setting) -> ProtoMessage {
        let message = ProtoMessage().text(1, name)
        return switch setting {
        case .integer(let value): message.integer(3, value).integer(20, 2)
        case .integers(let values): values.reduce(message) { $0.integer(8, $1) }.integer(20, 7)
        case .float(let value): message.float(2, value).integer(20, 1)
        case .text(let value): message.text(4, value).integer(20, 3)
        case .tensor(let value): message.messages(5, [value]).integer(20, 4)
        }
    }

    /// An input of float32; −1 is an open size.
    public static func input(_ name: String, _ sizes: [Int]) -> ProtoMessage {
        let shape = sizes.reduce(ProtoMessage()) { shape, size in
            shape.messages(1, [size < 0 ? ProtoMessage().text(2, "open") : ProtoMessage().integer(1, size)])
        }
        let type = ProtoMessage().messages(1, [ProtoMessage().integer(1, 1).messages(2, [shape])])
        return ProtoMessage().text(1, name).messages(2, [type])
    }

    /// A graph of these parts.
    public static func graph(
        _ nodes: [ProtoMessage], _ tensors: [ProtoMessage] = [], inputs: [ProtoMessage] = [input("x", [1, 3, 16, 16])]
    ) -> ProtoMessage {
        ProtoMessage().messages(1, nodes).text(2, "made").messages(5, tensors).messages(11, inputs)
    }

    /// A file.
    public static func model(_ graph: ProtoMessage, opset: Int = 17, producer: String = "pytorch") -> [UInt8] {
        ProtoMessage().integer(1, 8).text(2, producer).text(3, "2.13").messages(7, [graph])
            .messages(8, [ProtoMessage().text(1, "").integer(2, opset)])
            .messages(14, [ProtoMessage().text(1, "origin").text(2, "a test")]).bytes
    }
}
