// The stream that torch.save wrote before PyTorch 1.6: five pickles (magic number, protocol, machine, object, storage
// keys), then each storage as an element count and raw bytes, in the order of the keys (torch/serialization.py,
// _legacy_save).

extension PyTorchCheckpoint {
    /// How the stream begins: the pickled number 0x1950A86A20F9469CFC6C.
    static let legacyMagic: [UInt8] = [
        0x80, 0x02, 0x8A, 0x0A, 0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19, 0x2E,
    ]

    /// Opens a legacy stream.
    ///
    /// - Throws: ``FormatError`` with `.truncated` when a storage is cut short, `.invalid` when a part is not what it
    ///   should be.
    init(path: String, legacy bytes: Bytes) throws(FormatError) {
        func pickle(_ name: String, at position: Int) throws(FormatError) -> PickleGraph {
            try PickleMachine.parse(bytes, at: position, path: path, section: name)
        }
        let version = try pickle("protocol version", at: Self.legacyMagic.count)
        guard version.integer(version.root) == 1001 else {
            throw FormatError(
                path,
                .invalid(
                    section: "protocol version", offset: Self.legacyMagic.count, expected: "1001",
                    found: version.text(version.root, limit: 30)))
        }
        let machine = try pickle("machine description", at: version.end)
        let object = try pickle("saved object", at: machine.end)
        let keys = try pickle("storage keys", at: object.end)
        let storages = try Self.storages(of: object, keys: keys, in: bytes, path: path)
        var isBigEndian = false
        if let order = machine.value("little_endian", in: machine.root), case .bool(false) = machine.nodes[order] {
            isBigEndian = true
        }
        try self.init(
            path: path, format: "PyTorch legacy stream", section: "saved object", graph: object,
            storages: .legacy(storages), isBigEndian: isBigEndian)
    }

    /// Cuts the storages out of the stream.
    private static func storages(
        of object: PickleGraph, keys: PickleGraph, in bytes: Bytes, path: String
    ) throws(FormatError) -> [String: Bytes] {
        guard let list = keys.sequence(keys.root) else {
            throw FormatError(
                path, .invalid(section: "storage keys", offset: object.end, expected: "a list", found: "another value"))
        }
        var kinds: [String: PyTorchStorageKind] = [:]
        for index in object.nodes.indices {
            if let storage = object.storage(index) { kinds[storage.key] = storage.kind }
        }
        var pieces: [String: Bytes] = [:]
        var position = keys.end
        for index in list {
            guard let key = keys.keyText(index), let kind = kinds[key], let size = kind.elementByteCount else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "storage keys", offset: object.end, expected: "keys of the object's storages",
                        found: keys.text(index, limit: 40)))
            }
            let section = "storage '\(printable(key))'"
            guard let count = bytes.littleEndian(at: position, as: Int64.self) else {
                throw FormatError(
                    path,
                    .truncated(section: section, offset: position, expected: 8, found: max(0, bytes.count - position)))
            }
            let byteCount = Int(count).multipliedReportingOverflow(by: size)
            guard count >= 0, !byteCount.overflow else {
                throw FormatError(
                    path,
                    .invalid(section: section, offset: position, expected: "an element count", found: "\(count)"))
            }
            guard let piece = bytes.slice(position + 8, byteCount.partialValue) else {
                throw FormatError(
                    path,
                    .truncated(
                        section: section, offset: position + 8, expected: byteCount.partialValue,
                        found: bytes.count - position - 8))
            }
            pieces[key] = piece
            position += 8 + byteCount.partialValue
        }
        return pieces
    }
}
