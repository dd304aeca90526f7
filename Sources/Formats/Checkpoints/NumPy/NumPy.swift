// Reading and writing NumPy's .npy and .npz files.

/// NumPy's file formats.
public enum NumPy {
    /// Reads a `.npy` file: row-major, little-endian, lent from the map where the file stores it so.
    ///
    /// - Throws: ``FormatError`` with `.truncated` when values are missing, `.unsupported` for arrays of objects, text,
    ///   dates or fields.
    public static func readArray(_ path: String) throws(FormatError) -> TensorView {
        let bytes = try Bytes(mapping: path)
        let kind = FileKind(bytes)
        guard kind == .npy else {
            throw FormatError(
                path,
                .unrecognized(
                    found: "this is \(kind), not a NumPy array", advice: kind.lossAdvice ?? "save it with numpy.save"))
        }
        return try array(bytes, path: path, section: "array")
    }

    /// Reads a `.npz` file: its arrays by name, in file order.
    public static func readArchive(_ path: String) throws(FormatError) -> [(name: String, array: TensorView)] {
        let reader = try NumPyCheckpoint(path: path, archive: ZipArchive(path))
        var arrays: [(name: String, array: TensorView)] = []
        for tensor in reader.tensors { arrays.append((tensor.name, try reader.tensor(tensor.name))) }
        return arrays
    }

    /// Writes a `.npy` file, byte for byte as `numpy.save` does for a C-ordered array.
    ///
    /// - Throws: ``FormatError`` with `.unsupported` for element types that NumPy does not have.
    public static func write(_ array: TensorView, to path: String) throws(FormatError) {
        let header = try encodedHeader(of: array, path: path)
        var file = try AtomicFile(path)
        try file.write(header)
        try file.write(array.bytes)
        try file.commit()
    }

    /// Writes a `.npz` file of stored arrays; the same arrays give the same bytes.
    public static func write(
        npz arrays: [(name: String, array: TensorView)], to path: String
    ) throws(FormatError) {
        var writer = try ZipWriter(path)
        var names: Set<String> = []
        for (name, array) in arrays {
            guard names.insert(name).inserted else {
                throw FormatError(
                    path, .invalid(section: "arrays to write", expected: "distinct names", found: "'\(name)' twice"))
            }
            let header = Bytes(copying: try encodedHeader(of: array, path: path))
            try writer.add("\(name).npy", [header, array.bytes])
        }
        try writer.commit()
    }

    private static func encodedHeader(of array: TensorView, path: String) throws(FormatError) -> [UInt8] {
        guard let code = array.dtype.numpyCode else {
            throw FormatError(
                path, .unsupported(feature: "a NumPy array of \(array.dtype)", advice: "convert it to float32"))
        }
        return NumPyHeader(dtype: array.dtype, shape: array.shape).encoded(code: code)
    }

    /// The array in the bytes of a `.npy` file; what follows the values is ignored, as NumPy does.
    static func array(
        _ bytes: Bytes, path: String, section: String, rawType: DType? = nil
    ) throws(FormatError) -> TensorView {
        let header = try NumPyHeader(bytes, path: path, section: section, rawType: rawType)
        let byteCount = try header.byteCount(path: path, section: section)
        guard var values = bytes.slice(header.dataOffset, byteCount) else {
            throw FormatError(
                path,
                .truncated(
                    section: section, offset: header.dataOffset, expected: byteCount,
                    found: max(0, bytes.count - header.dataOffset)))
        }
        let isComplex = header.dtype == .complex64 || header.dtype == .complex128
        let width = header.dtype.bitWidth / 8
        if header.isFortranOrder, header.shape.rank > 1 {
            var strides = [Int](repeating: 1, count: header.shape.rank)
            for axis in 1..<strides.count { strides[axis] = strides[axis - 1] * max(header.shape[axis - 1], 1) }
            let layout = StridedLayout(offset: 0, sizes: header.shape.axes, strides: strides)
            values = layout.gathered(from: values, elementByteCount: width)
        }
        if header.isBigEndian { values = values.byteSwapped(width: isComplex ? width / 2 : width) }
        return TensorView(dtype: header.dtype, shape: header.shape, bytes: values)
    }
}

extension NumPyHeader {
    /// Bytes of the values.
    func byteCount(path: String, section: String) throws(FormatError) -> Int {
        guard let count = shape.checkedElementCount, let byteCount = dtype.byteCount(of: count) else {
            throw FormatError(
                path,
                .invalid(section: "\(section): header", expected: "a size that fits 64 bits", found: "\(shape)"))
        }
        return byteCount
    }
}

/// NumPy files as a checkpoint: the arrays of a `.npz`, or the one array of a `.npy` under NumPy's own name `arr_0`.
struct NumPyCheckpoint: CheckpointReader {
    let path: String
    let format: String
    let tensors: [TensorInfo]
    let metadata: CheckpointMetadata
    private let source: Source

    private enum Source: Sendable {
        case archive(ZipArchive)
        case file(Bytes)
    }

    /// Opens a `.npy` file.
    init(path: String, npy bytes: Bytes) throws(FormatError) {
        let header = try NumPyHeader(bytes, path: path, section: "array")
        let byteCount = try header.byteCount(path: path, section: "array")
        guard bytes.slice(header.dataOffset, byteCount) != nil else {
            throw FormatError(
                path,
                .truncated(
                    section: "array", offset: header.dataOffset, expected: byteCount,
                    found: max(0, bytes.count - header.dataOffset)))
        }
        self.path = path
        format = "NumPy array"
        tensors = [
            TensorInfo(
                name: "arr_0", dtype: header.dtype, shape: header.shape,
                storage: .init(key: "array", byteOffset: 0, byteCount: byteCount))
        ]
        metadata = CheckpointMetadata()
        source = .file(bytes)
    }

    /// Opens a `.npz` file; members that are not arrays are skipped with a remark.
    init(path: String, archive: ZipArchive) throws(FormatError) {
        var tensors: [TensorInfo] = []
        var metadata = CheckpointMetadata()
        for member in archive.members where !member.name.hasSuffix("/") {
            guard member.name.hasSuffix(".npy") else {
                metadata.warnings.append("'\(printable(member.name))' is not an array and was skipped")
                continue
            }
            let section = "array '\(printable(String(member.name.dropLast(4))))'"
            let header: NumPyHeader
            do throws(FormatError) {
                header = try NumPyHeader(
                    archive.prefix(of: member, count: 4096), path: path, section: section, rawType: member.rawType)
            } catch {
                guard case .unsupported(let feature, _) = error.reason else { throw error }
                metadata.warnings.append("\(feature) was skipped")
                continue
            }
            let byteCount = try header.byteCount(path: path, section: section)
            guard byteCount <= member.size - header.dataOffset else {
                throw FormatError(
                    path,
                    .truncated(
                        section: section, offset: header.dataOffset, expected: byteCount,
                        found: max(0, member.size - header.dataOffset)))
            }
            tensors.append(
                TensorInfo(
                    name: String(member.name.dropLast(4)), dtype: header.dtype, shape: header.shape,
                    storage: .init(key: member.name, byteOffset: 0, byteCount: byteCount)))
        }
        try metadata.take(portable: archive.comment, path: path, section: "archive comment")
        self.path = path
        format = "NumPy archive"
        self.tensors = tensors
        self.metadata = metadata
        source = .archive(archive)
    }

    func tensor(_ name: String) throws(FormatError) -> TensorView {
        let section = "array '\(printable(name))'"
        switch source {
        case .file(let bytes) where name == "arr_0":
            return try NumPy.array(bytes, path: path, section: "array")
        case .archive(let archive):
            if let member = archive["\(name).npy"] {
                return try NumPy.array(
                    archive.contents(of: member), path: path, section: section, rawType: member.rawType)
            }
        default: break
        }
        throw FormatError(path, .missingTensor(name: name, available: tensors.count))
    }
}

extension ZipArchive.Member {
    /// The element type that the writer of ``CheckpointDraft/writeNPZ(to:)`` left beside raw bytes.
    fileprivate var rawType: DType? { comment.count < 32 ? comment.utf8.flatMap { DType(rawValue: $0) } : nil }
}
