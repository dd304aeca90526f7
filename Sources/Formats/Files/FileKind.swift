// Telling what a file is from its content. Extensions are never believed: `.nii.gz` files that are not compressed,
// `.pt` files that are HTML pages and `.h5` files that are zips all occur.

/// What a file is.
public indirect enum FileKind: Sendable, Hashable {
    /// An empty file.
    case empty
    /// safetensors: a header size and a JSON header.
    case safetensors
    /// torch.save's zip container, or a TorchScript program in one.
    case pytorchZip(isScript: Bool)
    /// torch.save's stream before PyTorch 1.6.
    case pytorchLegacy
    /// A pickle that torch.save did not write.
    case pickle
    /// HDF5, which begins at this byte (0 or after a user block).
    case hdf5(offset: Int)
    /// Keras 3's zip of `config.json` and weights.
    case kerasArchive
    /// A zip of `.npy` members.
    case npz
    /// A NumPy array.
    case npy
    /// Another zip archive.
    case zip
    /// An ONNX model.
    case onnx
    /// A JSON file that maps tensor names to the files holding them.
    case shardIndex
    /// NIfTI-1 (`isPair`: the header of a `.hdr`/`.img` pair; Analyze 7.5 counts as a pair).
    case nifti1(isPair: Bool)
    /// NIfTI-2.
    case nifti2(isPair: Bool)
    /// A PNG image.
    case png
    /// A gzip file, by what it holds.
    case gzip(FileKind)
    /// A web page, saved instead of a file.
    case html
    /// A git-lfs pointer to a file of this many bytes.
    case gitLFSPointer(byteCount: Int?)
    /// JSON that is not an index: often a server's error message, which is given.
    case json(message: String?)
    /// XML: often a storage server's error message, which is given.
    case xml(message: String?)
    /// Nothing but zero bytes at its start.
    case zeros
    /// A known kind that nothing here reads, such as "a DICOM file".
    case other(String)
    /// Printable text.
    case text
    /// Unknown bytes.
    case unknown

    /// Looks at a file.
    ///
    /// - Throws: ``FormatError`` with `.system` when it cannot be read.
    public static func sniff(_ path: String) throws(FormatError) -> FileKind {
        FileKind(try Bytes(mapping: path))
    }

    /// Looks at a file's bytes: its start, and the directory of a zip.
    public init(_ bytes: Bytes) {
        self =
            Self.binaryKind(bytes) ?? Self.medicalKind(bytes) ?? Self.otherBinaryKind(bytes)
            ?? (Self.isONNX(bytes) ? .onnx : nil) ?? Self.textKind(bytes) ?? .unknown
    }
}

extension FileKind {
    private static func binaryKind(_ bytes: Bytes) -> FileKind? {
        if bytes.count == 0 { return .empty }
        if bytes.starts(with: [0x50, 0x4B, 3, 4]) || bytes.starts(with: [0x50, 0x4B, 5, 6]) { return zipKind(bytes) }
        if bytes.starts(with: PyTorchCheckpoint.legacyMagic) { return .pytorchLegacy }
        if let offset = hdf5Offset(bytes) { return .hdf5(offset: offset) }
        if bytes.starts(with: [0x93] + Array("NUMPY".utf8)) { return .npy }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) { return .png }
        if bytes.starts(with: [0x1F, 0x8B]) {
            return .gzip(Inflate.gzipPrefix(bytes).map { FileKind($0) } ?? .unknown)
        }
        if isSafetensors(bytes) { return .safetensors }
        if bytes.count >= 3, bytes[0] == 0x80, (2...5).contains(bytes[1]), PickleOpcode(rawValue: bytes[2]) != nil {
            return .pickle
        }
        return nil
    }

    private static func zipKind(_ bytes: Bytes) -> FileKind {
        // A zip that cannot be opened stays a zip: opening it says what is wrong.
        guard let archive = try? ZipArchive(path: "", bytes: bytes) else { return .zip }
        if let pickle = PyTorchCheckpoint.pickleName(in: archive) {
            return .pytorchZip(isScript: archive[pickle.dropLast("data.pkl".count) + "constants.pkl"] != nil)
        }
        if archive["config.json"] != nil, archive["model.weights.h5"] != nil || archive["model.weights.npz"] != nil {
            return .kerasArchive
        }
        let files = archive.members.filter { !$0.name.hasSuffix("/") }
        return !files.isEmpty && files.allSatisfy { $0.name.hasSuffix(".npy") } ? .npz : .zip
    }

    /// HDF5's signature at 0 or after a user block of 512, 1024, 2048… bytes.
    private static func hdf5Offset(_ bytes: Bytes) -> Int? {
        let signature: [UInt8] = [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0A, 0x1A, 0x0A]
        var offset = 0
        while let candidate = bytes.slice(offset, signature.count) {
            if candidate.starts(with: signature) { return offset }
            offset = offset == 0 ? 512 : offset * 2
        }
        return nil
    }

    /// A header size, then `{` (after blanks at most) and a quote, a brace or a blank. The eight size bytes hold a NUL
    /// or are no text, so JSON text is not mistaken for it; a size beyond the limit is left to the reader to refuse.
    private static func isSafetensors(_ bytes: Bytes) -> Bool {
        guard bytes.count >= 10, let size = bytes.slice(0, 8), let start = bytes.slice(8, min(bytes.count - 8, 4096)),
            size.withUnsafeBytes({ $0.contains { $0 == 0 || $0 >= 0x80 } })
        else { return false }
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        return start.withUnsafeBytes { raw in
            let rest = raw.drop { blanks.contains($0) }
            guard rest.first == 0x7B, rest.count > 1 else { return false }
            let second = rest[rest.startIndex + 1]
            return second == 0x22 || second == 0x7D || blanks.contains(second)
        }
    }

    /// NIfTI by its header size in either byte order, or by its magic where the size is wrong.
    private static func medicalKind(_ bytes: Bytes) -> FileKind? {
        if let magic = bytes.slice(4, 3), bytes.count >= 540 {
            if magic.starts(with: Array("n+2".utf8)) { return .nifti2(isPair: false) }
            if magic.starts(with: Array("ni2".utf8)) { return .nifti2(isPair: true) }
        }
        guard bytes.count >= 4, let size = bytes.littleEndian(at: 0, as: Int32.self) else { return nil }
        let hasSize = size == 348 || size.byteSwapped == 348
        guard let magic = bytes.slice(344, 4) else { return hasSize ? .nifti1(isPair: false) : nil }
        if magic.starts(with: Array("n+1\0".utf8)) { return .nifti1(isPair: false) }
        if magic.starts(with: Array("ni1\0".utf8)) { return .nifti1(isPair: true) }
        return hasSize ? .nifti1(isPair: true) : nil
    }

    /// Kinds that only matter for the message.
    private static func otherBinaryKind(_ bytes: Bytes) -> FileKind? {
        let kinds: [(offset: Int, magic: [UInt8], name: String)] = [
            (0, [0xFF, 0xD8, 0xFF], "a JPEG image"), (0, Array("GIF8".utf8), "a GIF image"),
            (0, Array("BM".utf8) + [], "a BMP image"), (0, [0x49, 0x49, 0x2A, 0], "a TIFF image"),
            (0, [0x4D, 0x4D, 0, 0x2A], "a TIFF image"), (128, Array("DICM".utf8), "a DICOM file"),
            (0, Array("NRRD".utf8), "an NRRD volume"), (0, Array("ObjectType".utf8), "a MetaImage volume"),
            (0, Array("%PDF".utf8), "a PDF document"), (257, Array("ustar".utf8), "a tar archive"),
            (0, [0x42, 0x5A, 0x68], "a bzip2 file"), (0, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0], "an xz file"),
            (0, [0x28, 0xB5, 0x2F, 0xFD], "a Zstandard file"), (0, [0x37, 0x7A, 0xBC, 0xAF], "a 7-Zip archive"),
            (0, Array("Rar!".utf8), "a RAR archive"), (0, Array("GGUF".utf8), "a GGUF model"),
            (4, Array("TFL3".utf8), "a TensorFlow Lite model"), (0, Array("MATLAB 5.0".utf8), "a MATLAB file"),
            (0, [0x7F, 0x45, 0x4C, 0x46], "a program"),
        ]
        for kind in kinds {
            if let place = bytes.slice(kind.offset, kind.magic.count), place.starts(with: kind.magic) {
                return .other(kind.name)
            }
        }
        guard let start = bytes.slice(0, min(bytes.count, 512)) else { return nil }
        return start.withUnsafeBytes { $0.allSatisfy { $0 == 0 } } ? .zeros : nil
    }
}

extension FileKind {
    /// What to do about a file that is not what somebody saved: lost on the way, or never fetched. nil for all others.
    public var lossAdvice: String? {
        switch self {
        case .empty, .zeros: "the download or copy was interrupted; fetch it again"
        case .html, .xml: "the download failed and saved the server's answer; fetch it again"
        case .gitLFSPointer: "run 'git lfs pull' to fetch the file itself"
        default: nil
        }
    }
}
