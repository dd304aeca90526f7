// Parsing a NIfTI-1, NIfTI-2 or Analyze 7.5 header: what the file claims, checked field by field.

/// A parsed header. Nothing here has looked at the voxels yet.
struct NIfTIHeader {
    let path: String
    var facts = VolumeHeader()
    /// Sizes of the axes, x first, as many as `dim[0]` says.
    let shape: [Int]
    let type: VoxelType
    /// `scl_slope` and `scl_inter` as stored.
    let slope: Double
    let intercept: Double
    let fields: NIfTIFields
    let layout: NIfTILayout
    var warnings: [String] = []

    /// Whether bytes begin with one of the three headers.
    static func isHeader(_ bytes: Bytes) -> Bool { format(of: bytes) != nil }

    private enum Kind { case single, pair }

    /// The version and kind by magic; without magic, Analyze when the size field fits.
    private static func format(of bytes: Bytes) -> (format: VolumeFormat, kind: Kind)? {
        if let magic = bytes.slice(4, 4) {
            if bytes.count >= 540, magic.starts(with: Array("n+2\0".utf8)) { return (.nifti2, .single) }
            if bytes.count >= 540, magic.starts(with: Array("ni2\0".utf8)) { return (.nifti2, .pair) }
        }
        guard let magic = bytes.slice(344, 4) else { return nil }
        if magic.starts(with: Array("n+1\0".utf8)) { return (.nifti1, .single) }
        if magic.starts(with: Array("ni1\0".utf8)) { return (.nifti1, .pair) }
        let size = bytes.littleEndian(at: 0, as: UInt32.self)
        return size == 348 || size == UInt32(348).byteSwapped ? (.analyze, .pair) : nil
    }

    /// Parses the first bytes of a file.
    ///
    /// - Throws: ``FormatError`` with `.truncated`, `.unrecognized`, `.invalid` or `.unsupported`.
    init(_ bytes: Bytes, path: String) throws(FormatError) {
        guard let (format, kind) = Self.format(of: bytes) else {
            guard bytes.count >= 348 else {
                throw FormatError(
                    path, .truncated(section: "NIfTI header", offset: 0, expected: 348, found: bytes.count))
            }
            throw FormatError(
                path,
                .unrecognized(
                    found: "this is not a NIfTI header: no 'n+1', 'ni1', 'n+2' or 'ni2' magic",
                    advice: "give a .nii, .nii.gz or .hdr/.img file"))
        }
        let isVersion2 = format == .nifti2
        let layout = isVersion2 ? NIfTILayout.nifti2 : .nifti1
        let isBig = try Self.isBigEndian(bytes, layout: layout, format: format, path: path)
        let fields = NIfTIFields(bytes: bytes, isBigEndian: isBig, isVersion2: isVersion2)
        self.path = path
        self.fields = fields
        self.layout = layout
        shape = try Self.shape(fields, layout: layout, path: path)
        type = try Self.voxelType(fields, layout: layout, path: path)
        slope = fields.real(layout.slope)
        intercept = format == .analyze ? 0 : fields.real(layout.intercept)
        facts.format = format
        facts.isPair = kind == .pair
        facts.isBigEndian = isBig
        readFacts()
        if isVersion2, bytes.slice(8, 4)?.array != [0x0D, 0x0A, 0x1A, 0x0A] {
            warnings.append(
                "the bytes after the magic are not 0D 0A 1A 0A: line ends may have been converted in transfer")
        }
        if format != .analyze { try readVoxelOffset() }
    }

    /// The byte order: that in which `dim[0]` is 1…7; when it is 0, that in which the size field fits.
    private static func isBigEndian(
        _ bytes: Bytes, layout: NIfTILayout, format: VolumeFormat, path: String
    ) throws(FormatError) -> Bool {
        func rank(_ isBig: Bool) -> Int {
            NIfTIFields(bytes: bytes, isBigEndian: isBig, isVersion2: format == .nifti2).size(layout.dim)
        }
        if 1...7 ~= rank(false) { return false }
        if 1...7 ~= rank(true) { return true }
        let isBig = bytes.bigEndian(at: 0, as: UInt32.self) == UInt32(format.headerSize)
        throw FormatError(
            path,
            .invalid(section: "dim[0]", offset: layout.dim, expected: "1 to 7 axes", found: "\(rank(isBig))"))
    }

    private static func shape(
        _ fields: NIfTIFields, layout: NIfTILayout, path: String
    ) throws(FormatError) -> [Int] {
        var shape = (1...fields.size(layout.dim)).map { fields.size(layout.dim, index: $0) }
        // FreeSurfer writes long axes that int16 cannot hold as −1, the length in `glmin`.
        if !fields.isVersion2, Array((shape + [1, 1]).prefix(3)) == [-1, 1, 1] {
            shape[0] = fields.integer(144, as: Int32.self)
        }
        for (axis, size) in shape.enumerated() where size <= 0 {
            let offset = layout.dim + (axis + 1) * (fields.isVersion2 ? 8 : 2)
            throw FormatError(
                path,
                .invalid(section: "dim[\(axis + 1)]", offset: offset, expected: "a size above 0", found: "\(size)"))
        }
        return shape
    }

    private static func voxelType(
        _ fields: NIfTIFields, layout: NIfTILayout, path: String
    ) throws(FormatError) -> VoxelType {
        let code = fields.integer(layout.datatype, as: Int16.self)
        if let type = VoxelType(datatype: code) { return type }
        if let name = VoxelType.refusedNames[code] {
            throw FormatError(
                path,
                .unsupported(
                    feature: "\(name) (datatype \(code))",
                    advice: "convert the file to float32 or an integer type with the program that wrote it"))
        }
        throw FormatError(
            path,
            .invalid(
                section: "datatype", offset: layout.datatype, expected: "a NIfTI data type code", found: "\(code)"))
    }

    private mutating func readFacts() {
        let isAnalyze = facts.format == .analyze
        facts.datatype = fields.integer(layout.datatype, as: Int16.self)
        facts.pixdim = (1...7).map { fields.real(layout.pixdim, index: $0) }
        facts.description = fields.text(layout.description, width: 80)
        facts.auxFile = fields.text(layout.auxFile, width: 24)
        facts.displayRange.high = fields.real(layout.calMax)
        facts.displayRange.low = fields.real(layout.calMin)
        guard !isAnalyze else {
            facts.spaceUnit = .unknown
            facts.timeUnit = .unknown
            return
        }
        readUnits()
        facts.timeOffset = fields.real(layout.timeOffset)
        facts.intent.code = fields.code(layout.intentCode)
        let width = fields.isVersion2 ? 8 : 4
        facts.intent.parameters = (0..<3).map { fields.real(layout.intentParameters + $0 * width) }
        facts.intent.name = fields.text(layout.intentName, width: 16)
        facts.dimInfo = UInt8(clamping: fields.integer(layout.dimInfo, as: UInt8.self))
        facts.slices.start = fields.size(layout.sliceStart)
        facts.slices.end = fields.size(layout.sliceEnd)
        facts.slices.code =
            fields.isVersion2 ? fields.code(layout.sliceCode) : fields.integer(layout.sliceCode, as: UInt8.self)
        facts.slices.duration = fields.real(layout.sliceDuration)
    }

    private mutating func readUnits() {
        let code = fields.isVersion2 ? fields.code(layout.units) : fields.integer(layout.units, as: UInt8.self)
        if let unit = SpaceUnit(rawValue: code & 7) {
            facts.spaceUnit = unit
            if unit == .unknown { warnings.append("the file does not say its unit of length; millimetres assumed") }
        } else {
            facts.spaceUnit = .unknown
            warnings.append("unknown unit of length \(code & 7); millimetres assumed")
        }
        facts.timeUnit = TimeUnit(rawValue: code & 0x38) ?? .unknown
    }

    /// Single files begin their voxels at 352 (544 in NIfTI-2) at the earliest, whatever they say.
    private mutating func readVoxelOffset() throws(FormatError) {
        let stored = fields.isVersion2 ? Double(fields.size(layout.voxelOffset)) : fields.real(layout.voxelOffset)
        guard stored >= 0, let offset = Int(exactly: stored.rounded(.down)), offset <= 1 << 52 else {
            throw FormatError(
                path,
                .invalid(
                    section: "vox_offset", offset: layout.voxelOffset, expected: "a byte position",
                    found: shortNumber(stored)))
        }
        let least = facts.isPair ? 0 : facts.format.headerSize + 4
        if offset < least {
            warnings.append("vox_offset \(offset) lies inside the header; \(least) used")
        }
        facts.voxelOffset = max(offset, least)
    }

    /// Bytes of all voxels, or nil when the product overflows.
    var voxelByteCount: Int? {
        guard let count = Shape(shape).checkedElementCount else { return nil }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: type.byteCount)
        return overflow ? nil : bytes
    }

    /// Such as `64×64×20 int16`.
    var claim: String { "\(Shape(shape)) \(type)" }
}
