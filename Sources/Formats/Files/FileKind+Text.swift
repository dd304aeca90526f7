// Text files that turn up where weights or images were expected.

extension FileKind {
    /// What a text file is; nil when the bytes are not text.
    static func textKind(_ bytes: Bytes) -> FileKind? {
        guard let start = bytes.slice(0, min(bytes.count, 4096)) else { return nil }
        let text = start.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
        let body = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
        let lowered = body.prefix(200).lowercased()
        if lowered.hasPrefix("version https://git-lfs") { return .gitLFSPointer(byteCount: pointedSize(text)) }
        if lowered.hasPrefix("<") {
            let isPage = lowered.contains("<!doctype html") || lowered.contains("<html") || lowered.contains("<head")
            if isPage { return .html }
            if lowered.hasPrefix("<?xml") || isTag(lowered) {
                return .xml(message: element("Message", in: text) ?? element("Code", in: text))
            }
        }
        if body.hasPrefix("{") || body.hasPrefix("[") { return jsonKind(bytes) }
        return start.withUnsafeBytes { $0.allSatisfy(isPrintable) } ? .text : nil
    }

    private static func isPrintable(_ byte: UInt8) -> Bool {
        (0x20..<0x7F).contains(byte) || byte >= 0x80 || (0x09...0x0D).contains(byte)
    }

    /// Whether text begins with `<letters`.
    private static func isTag(_ text: String) -> Bool {
        text.dropFirst().first.map { $0.isLetter || $0 == "!" } ?? false
    }

    /// The `size` line of a git-lfs pointer.
    private static func pointedSize(_ text: String) -> Int? {
        for line in text.split(separator: "\n") where line.hasPrefix("size ") { return Int(line.dropFirst(5)) }
        return nil
    }

    /// The text of the first element of that name.
    private static func element(_ name: String, in text: String) -> String? {
        guard let opening = text.firstRange(of: "<\(name)>"),
            let closing = text[opening.upperBound...].firstRange(of: "</\(name)>")
        else { return nil }
        return printable(String(text[opening.upperBound..<closing.lowerBound].prefix(200)))
    }

    /// An index of shards, or JSON with the message that servers put under these keys.
    private static func jsonKind(_ bytes: Bytes) -> FileKind? {
        guard bytes.count <= 100_000_000, let value = try? JSON(bytes, path: "", section: "") else {
            return nil
        }
        if case .object = value["weight_map"] { return .shardIndex }
        for key in ["error", "message", "detail", "error_description"] {
            if let text = value[key]?.string ?? value[key]?["message"]?.string {
                return .json(message: printable(String(text.prefix(200))))
            }
        }
        return .json(message: nil)
    }
}

extension FileKind: CustomStringConvertible {
    /// What the file is, with its article: "a PyTorch checkpoint".
    public var description: String {
        switch self {
        case .empty: "an empty file"
        case .safetensors: "a safetensors file"
        case .pytorchZip(let isScript): isScript ? "a TorchScript program" : "a PyTorch checkpoint"
        case .pytorchLegacy: "a PyTorch checkpoint of the form before 1.6"
        case .pickle: "a Python pickle"
        case .hdf5: "an HDF5 file"
        case .kerasArchive: "a Keras archive"
        case .npz: "a NumPy archive"
        case .npy: "a NumPy array"
        case .zip: "a zip archive"
        case .onnx: "an ONNX model"
        case .shardIndex: "an index of a sharded checkpoint"
        case .nifti1(let isPair): isPair ? "the header of a NIfTI or Analyze pair" : "a NIfTI-1 volume"
        case .nifti2(let isPair): isPair ? "the header of a NIfTI-2 pair" : "a NIfTI-2 volume"
        case .png: "a PNG image"
        case .gzip(let inner): "a gzip file that holds \(inner)"
        case .html: "a web page"
        case .gitLFSPointer(let size):
            size.map { "a git-lfs pointer to a file of \($0) bytes" } ?? "a git-lfs pointer"
        case .json(let message): message.map { "JSON that says \"\($0)\"" } ?? "a JSON file"
        case .xml(let message): message.map { "XML that says \"\($0)\"" } ?? "an XML file"
        case .zeros: "a file of zero bytes"
        case .other(let name): name
        case .text: "a text file"
        case .unknown: "a file of unknown content"
        }
    }
}
