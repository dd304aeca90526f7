// Weights that an ONNX model keeps in a file beside it, as every model above 2 GiB must. The name comes from the file, so
// it must be a plain one, and must not lead out of the model's folder through a link.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Where a tensor's bytes are: a file in the model's folder, and the place in it.
struct ONNXExternalData: Sendable, Hashable {
    let file: String
    let offset: Int
    let byteCount: Int

    /// Checks the entries of `external_data`.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for a place outside the folder, and for a length that is not the tensor's.
    init(
        _ entries: [(key: String, value: String)], byteCount: Int, tensor: String, path: String
    ) throws(FormatError) {
        func value(_ key: String) -> String? { entries.first { $0.key == key }?.value }
        func wrong(_ expected: String, _ found: String) -> FormatError {
            FormatError(path, .invalid(section: tensor, expected: expected, found: found))
        }
        let location = value("location") ?? ""
        // Exporters also write "./name".
        let name = location.hasPrefix("./") ? String(location.dropFirst(2)) : location
        guard !name.isEmpty, name != ".", name != "..", name.utf8.count <= 255,
            !name.utf8.contains(where: { $0 == 0x2F || $0 == 0x5C || $0 == 0 })
        else { throw wrong("external data in a file of the model's own folder", "'\(printable(location))'") }
        let offset = try Self.number(value("offset"), default: 0, wrong)
        let length = try Self.number(value("length"), default: byteCount, wrong)
        guard length == byteCount else { throw wrong("external data of \(byteCount) bytes", "\(length)") }
        guard offset <= Int.max - byteCount else { throw wrong("external data at a place in the file", "\(offset)") }
        file = name
        self.offset = offset
        self.byteCount = byteCount
    }

    private static func number(
        _ text: String?, default standard: Int, _ wrong: (String, String) -> FormatError
    ) throws(FormatError) -> Int {
        guard let text else { return standard }
        guard let number = Int(text), number >= 0 else {
            throw wrong("a place of external data in bytes", "'\(printable(text))'")
        }
        return number
    }

    /// The file's path.
    func path(besides model: String) -> String { Self.folder(of: model) + file }

    /// The tensor's bytes, lent from a map of the file.
    ///
    /// - Throws: ``FormatError`` with `.system` when there is no such file, `.invalid` when it is a link out of the folder,
    ///   `.truncated` when it is too short.
    func bytes(besides model: String) throws(FormatError) -> Bytes {
        let path = path(besides: model)
        if let resolved = Self.resolved(path) {
            let home = Self.resolved(Self.folder(of: model) + ".") ?? ""
            guard Self.folder(of: resolved) == (home.hasSuffix("/") ? home : home + "/") else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "external data of \(printable(model))", expected: "a file in the model's folder",
                        found: "a link out of it; copy the file itself there"))
            }
        }
        let all = try Bytes(mapping: path)
        guard let values = all.slice(offset, byteCount) else {
            throw FormatError(
                path,
                .truncated(
                    section: "external data of \(printable(model))", offset: offset, expected: byteCount,
                    found: max(0, all.count - offset)))
        }
        return values
    }

    /// Everything up to the last slash.
    private static func folder(of path: String) -> String {
        path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
    }

    private static func resolved(_ path: String) -> String? {
        guard let text = realpath(path, nil) else { return nil }
        defer { free(text) }
        return String(cString: text)
    }
}
