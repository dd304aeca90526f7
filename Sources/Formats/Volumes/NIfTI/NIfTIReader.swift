// Opening NIfTI and Analyze files: single or pair, gzipped or not, by content.

extension Volume {
    /// Reads a NIfTI-1, NIfTI-2 or Analyze 7.5 volume.
    ///
    /// Uncompressed little-endian voxels are mapped, not copied. Before anything is allocated the bytes present must
    /// cover what the header claims.
    ///
    /// - Parameter path: a `.nii` or `.nii.gz`, or either file of a `.hdr`/`.img` pair (each gzipped or not). What a
    ///   file is, is decided by its content; only the partner of a pair is found by name.
    /// - Throws: ``FormatError`` with `.system`, `.truncated`, `.invalid`, `.unsupported` or `.limitExceeded`.
    public init(reading path: String) throws(FormatError) {
        try self.init(VolumeSource(path))
    }

    /// Reads a volume whose bytes are at hand; only the partner of a pair is looked for.
    init(_ file: VolumeSource) throws(FormatError) {
        let path = file.path
        guard let prefix = file.prefix(540), NIfTIHeader.isHeader(prefix) else {
            guard let headerPath = VolumePair.partner(of: path, kind: .header) else {
                throw try Self.notAVolume(file)
            }
            try self.init(pairHeader: VolumeSource(headerPath), voxels: file)
            return
        }
        let header = try NIfTIHeader(prefix, path: path)
        guard !header.facts.isPair else {
            guard let voxelPath = VolumePair.partner(of: path, kind: .voxels) else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "voxel file of this \(header.facts.format.rawValue) pair",
                        expected: "a file named like it that ends in .img or .img.gz", found: "none"))
            }
            try self.init(pairHeader: file, voxels: VolumeSource(voxelPath))
            return
        }
        try self.init(header: header, headerFile: file, voxelFile: file)
    }

    /// Whether these first bytes (inflated, if the file is gzipped) are a NIfTI or Analyze header.
    public static func isHeader(_ bytes: Bytes) -> Bool { NIfTIHeader.isHeader(bytes) }

    init(pairHeader file: VolumeSource, voxels: VolumeSource) throws(FormatError) {
        guard let prefix = file.prefix(540) else { throw try Self.notAVolume(file) }
        let header = try NIfTIHeader(prefix, path: file.path)
        guard header.facts.isPair else {
            throw FormatError(
                voxels.path,
                .unrecognized(
                    found: "\(file.path) beside it is a single-file NIfTI, not the header of a pair",
                    advice: "read \(file.path) instead"))
        }
        try self.init(header: header, headerFile: file, voxelFile: voxels)
    }

    private init(
        header source: NIfTIHeader, headerFile: VolumeSource, voxelFile: VolumeSource
    ) throws(FormatError) {
        var header = source
        header.facts.isCompressed = voxelFile.isCompressed
        let section = "voxel data (\(header.claim))"
        let offset = header.facts.voxelOffset
        guard let needed = header.voxelByteCount, !offset.addingReportingOverflow(needed).overflow else {
            throw FormatError(
                header.path,
                .limitExceeded(what: section, claimed: "more than 2⁶³ bytes", limit: "what memory can address"))
        }
        let content = try voxelFile.content(covering: offset + needed, section: section)
        guard let stored = content.slice(offset, needed) else {
            throw FormatError(
                voxelFile.path,
                .truncated(section: section, offset: offset, expected: needed, found: max(0, content.count - offset)))
        }
        let headerContent = headerFile.path == voxelFile.path ? content : try headerFile.content()
        header.readExtensions(from: headerContent)
        let geometry = header.geometry()
        if header.facts.format != .analyze {
            header.facts.storedGeometry = StoredGeometry(header.fields, header.layout, read: geometry.geometry)
        }
        var warnings = header.warnings + geometry.warnings
        let scaling = VoxelScaling(
            storedSlope: header.slope, intercept: header.intercept, warnings: &warnings)
        self.init(
            path: headerFile.path, shape: header.shape, type: header.type,
            bytes: header.facts.isBigEndian ? stored.swapped(width: header.type.swapWidth) : stored,
            geometry: geometry.geometry, scaling: scaling, header: header.facts)
        self.warnings = warnings
    }

    /// The reason, or for damaged gzip data the error of inflating it.
    private static func notAVolume(_ file: VolumeSource) throws(FormatError) -> FormatError {
        if file.isCompressed, file.prefix(540) == nil { _ = try file.content() }
        if file.stored.count == 0 {
            return FormatError(file.path, .truncated(section: "NIfTI header", offset: 0, expected: 348, found: 0))
        }
        return FormatError(
            file.path,
            .unrecognized(
                found: "this is not a NIfTI or Analyze volume",
                advice: "give a .nii, .nii.gz or .hdr/.img file"))
    }
}

extension NIfTIHeader {
    /// Reads the chain of extension blocks that follows the header; what does not hold together is left out and told.
    mutating func readExtensions(from file: Bytes) {
        let start = facts.format.headerSize
        guard facts.format != .analyze, let flag = file.slice(start, 4), flag[0] != 0 else { return }
        let end = facts.isPair ? file.count : min(file.count, facts.voxelOffset)
        var position = start + 4
        while position + 8 <= end {
            let block = NIfTIFields(
                bytes: file.slice(position, 8) ?? flag, isBigEndian: fields.isBigEndian, isVersion2: false)
            let size = block.integer(0, as: Int32.self)
            let code = block.integer(4, as: Int32.self)
            if size == 0, code == 0 { return }  // padding up to the voxels
            guard size >= 16, size % 16 == 0, size <= end - position,
                let content = file.slice(position + 8, size - 8)
            else {
                warnings.append(
                    "the header extension at byte \(position) claims \(size) bytes, which is no multiple of 16 up to "
                        + "the voxels; it and what follows are dropped")
                return
            }
            facts.extensions.append(HeaderExtension(code: code, content: content.array))
            position += size
        }
    }
}

/// A file that may be gzipped, and how much of it is needed.
struct VolumeSource {
    let path: String
    let stored: Bytes
    let isCompressed: Bool

    init(_ path: String) throws(FormatError) { try self.init(path: path, stored: Bytes(mapping: path)) }

    init(path: String, stored: Bytes) {
        self.path = path
        self.stored = stored
        isCompressed = stored.starts(with: [0x1F, 0x8B])
    }

    /// The first bytes after inflating; nil when a gzipped file cannot be inflated at all.
    func prefix(_ count: Int) -> Bytes? {
        isCompressed
            ? Inflate.gzipPrefix(stored, count: count) : stored.slice(0, min(count, stored.count))
    }

    /// All bytes, inflated.
    ///
    /// - Parameter size: bytes that will be used; a gzipped file that holds much more is refused, and one that cannot
    ///   hold so much is refused before anything is allocated.
    func content(covering size: Int? = nil, section: String = "header") throws(FormatError) -> Bytes {
        guard isCompressed else { return stored }
        let needed = size ?? 1 << 20
        let possible = stored.count.multipliedReportingOverflow(by: 1032).partialValue
        guard size == nil || stored.count > 1 << 40 || needed <= possible else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "\(section)", claimed: "\(needed) bytes",
                    limit: "\(possible) bytes, to which \(stored.count) gzipped bytes can grow"))
        }
        // Some writers pad behind the voxels; 64 MiB of it is more than any does.
        return try Inflate.gzip(stored, path: path, limit: needed + 64 << 20, expecting: size ?? 0)
    }
}

extension Bytes {
    /// A copy with each run of `width` bytes reversed; itself for single bytes.
    func swapped(width: Int) -> Bytes {
        guard width > 1 else { return self }
        return Bytes(byteCount: count) { target in
            withUnsafeBytes { source in
                func swap<Value: FixedWidthInteger & BitwiseCopyable>(_ type: Value.Type) {
                    for offset in stride(from: 0, to: source.count - width + 1, by: width) {
                        let value = source.loadUnaligned(fromByteOffset: offset, as: type)
                        target.storeBytes(of: value.byteSwapped, toByteOffset: offset, as: type)
                    }
                }
                switch width {
                case 2: swap(UInt16.self)
                case 4: swap(UInt32.self)
                default: swap(UInt64.self)
                }
            }
        }
    }
}
