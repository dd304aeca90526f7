// Telling ONNX files, which have no magic number: their bytes must be those of a ModelProto.

extension FileKind {
    /// Whether the bytes are fields of a ModelProto with a plausible version and the beginning of a graph. A file that ends
    /// within its graph counts, so that it is said to be cut short and not to be something unknown.
    static func isONNX(_ bytes: Bytes) -> Bool {
        guard bytes.count >= 8, let version = irVersion(bytes), (1...1000).contains(version) else { return false }
        var cursor = ProtobufCursor(bytes, 0..<bytes.count, path: "", section: "")
        var hasGraph = false
        for _ in 0..<10_000 {
            let place = cursor.position
            guard let field = try? cursor.next() else {
                guard cursor.position < bytes.count || place < bytes.count else { return hasGraph }
                return hasGraph || isCutGraph(bytes, at: place)
            }
            switch (field.number, field.value) {
            case (1, .varint), (5, .varint): break
            case (2, .bytes), (3, .bytes), (4, .bytes), (6, .bytes), (8, .bytes), (14, .bytes), (20, .bytes),
                (25, .bytes), (26, .bytes):
                break
            case (7, .bytes(let range)):
                guard beginsGraph(bytes, range) else { return false }
                hasGraph = true
            default: return false
            }
        }
        return hasGraph
    }

    /// The first field if it is `ir_version`, as every writer has it: fields come in the order of their numbers.
    private static func irVersion(_ bytes: Bytes) -> UInt64? {
        guard bytes[0] == 0x08 else { return nil }
        var cursor = ProtobufCursor(bytes, 1..<min(bytes.count, 11), path: "", section: "")
        return try? cursor.varint()
    }

    /// Whether the field at `place` is a graph that the file does not hold to its end.
    private static func isCutGraph(_ bytes: Bytes, at place: Int) -> Bool {
        guard place < bytes.count, bytes[place] == 0x3A else { return false }
        var cursor = ProtobufCursor(bytes, place + 1..<bytes.count, path: "", section: "")
        guard let length = try? cursor.varint(), length > UInt64(bytes.count - cursor.position) else { return false }
        return beginsGraph(bytes, cursor.position..<bytes.count)
    }

    /// Whether a GraphProto's first field is one that there is.
    private static func beginsGraph(_ bytes: Bytes, _ range: Range<Int>) -> Bool {
        guard let tag = range.first.map({ bytes[$0] }) else { return true }
        return [1, 2, 5, 10, 11, 12, 13, 14, 15, 16].contains(tag >> 3) && tag & 7 == 2 && tag < 0x80
            || tag & 7 == 2 && tag >= 0x80
    }
}
