// Writing NIfTI: both forms filled, codes copied, millimetres and seconds, the same bytes for the same volume.

extension Volume {
    /// Writes the volume as NIfTI.
    ///
    /// The name decides the container: `.nii`, `.nii.gz`, or `.hdr`/`.img` (either name; both files are written), each
    /// with `.gz` to compress. Files appear complete or not at all. Numbers are little-endian, lengths millimetres,
    /// times seconds; the codes of both forms are those of ``geometry``; a form that the source lacked is filled with
    /// the transform in use and code 0. Shears survive in the sform only. gzip members carry no time, so equal volumes
    /// give equal bytes.
    ///
    /// - Parameters:
    ///   - path: where to.
    ///   - format: NIfTI-1 or NIfTI-2; nil keeps the source's (NIfTI-1 for new volumes, NIfTI-2 when an axis is longer
    ///     than 32767).
    ///   - keepingStoredGeometry: copies both forms, their codes, `pixdim` and the units number for number from the file
    ///     that was read, odd ones included, as long as ``geometry`` is the one that was read.
    /// - Throws: ``FormatError`` with `.unsupported` for a name or axis that the format has not, `.system`.
    public func write(
        to path: String, format: VolumeFormat? = nil, keepingStoredGeometry: Bool = false
    ) throws(FormatError) {
        let container = try Container(path)
        let isLong = shape.contains { $0 > Int(Int16.max) }
        let version = format ?? (header.format == .nifti2 || isLong ? .nifti2 : .nifti1)
        guard version != .analyze else {
            throw FormatError(
                path, .unsupported(feature: "writing Analyze 7.5", advice: "write NIfTI-1, which such programs read"))
        }
        guard !isLong || version == .nifti2 else {
            throw FormatError(
                path,
                .unsupported(feature: "an axis longer than 32767 in NIfTI-1", advice: "write NIfTI-2 instead"))
        }
        guard shape.count <= 7 else {
            throw FormatError(
                path, .unsupported(feature: "a volume of \(shape.count) axes", advice: "NIfTI holds at most 7"))
        }
        let stored = keepingStoredGeometry ? header.storedGeometry.flatMap { $0.read == geometry ? $0 : nil } : nil
        let header = encodedHeader(version, isPair: container.isPair, stored: stored)
        guard container.isPair else {
            var file = try AtomicFile(path)
            try file.write(header: header, voxels: voxels.bytes, compressing: container.isCompressed)
            try file.commit()
            return
        }
        let suffix = container.isCompressed ? ".gz" : ""
        var headerFile = try AtomicFile("\(container.base).hdr\(suffix)")
        var voxelFile = try AtomicFile("\(container.base).img\(suffix)")
        try headerFile.write(header: header, voxels: Bytes(copying: [UInt8]()), compressing: container.isCompressed)
        try voxelFile.write(header: [], voxels: voxels.bytes, compressing: container.isCompressed)
        // The header last: whoever sees it finds its voxels.
        try voxelFile.commit()
        try headerFile.commit()
    }

    /// What a file name asks for.
    private struct Container {
        let isPair: Bool
        let isCompressed: Bool
        let base: String

        init(_ path: String) throws(FormatError) {
            let name = path.lowercased()
            isCompressed = name.hasSuffix(".gz")
            let plain = isCompressed ? String(name.dropLast(3)) : name
            isPair = plain.hasSuffix(".hdr") || plain.hasSuffix(".img")
            base = VolumePair.basePath(path)
            guard isPair || plain.hasSuffix(".nii") else {
                throw FormatError(
                    path,
                    .unsupported(
                        feature: "writing a volume under this name",
                        advice: "end it in .nii, .nii.gz, .hdr or .img"))
            }
        }
    }
}

extension Volume {
    /// Header, extension flag and extensions, up to where the voxels of a single file begin.
    func encodedHeader(_ format: VolumeFormat, isPair: Bool, stored: StoredGeometry? = nil) -> [UInt8] {
        let layout = format == .nifti2 ? NIfTILayout.nifti2 : .nifti1
        var fields = NIfTIFieldWriter(format: format)
        let blocks = encodedExtensions()
        let voxelOffset = isPair ? 0 : (format.headerSize + 4 + blocks.count + 15) / 16 * 16
        writeIdentity(&fields, layout, isPair: isPair)
        writeTypes(&fields, layout, voxelOffset: voxelOffset)
        writeFacts(&fields, layout, secondsPerUnit: stored == nil ? header.timeUnit.seconds : 1)
        if let stored { stored.write(to: &fields, layout) } else { writeGeometry(&fields, layout) }
        var bytes = fields.bytes + [blocks.isEmpty ? 0 : 1, 0, 0, 0] + blocks
        if !isPair { bytes += [UInt8](repeating: 0, count: voxelOffset - bytes.count) }
        return bytes
    }

    private func writeIdentity(_ fields: inout NIfTIFieldWriter, _ layout: NIfTILayout, isPair: Bool) {
        let isVersion2 = fields.isVersion2
        fields.integer(Int32(isVersion2 ? 540 : 348), at: 0)
        let magic = (isPair ? "ni" : "n+") + (isVersion2 ? "2" : "1")
        fields.text(HeaderText(magic), at: isVersion2 ? 4 : 344, width: 3)
        if isVersion2 { fields.text(HeaderText(bytes: [0x0D, 0x0A, 0x1A, 0x0A]), at: 8, width: 4) }
        if !isVersion2 { fields.integer(UInt8(ascii: "r"), at: 38) }  // `regular`, which Analyze readers look for
        fields.size(shape.count, at: layout.dim)
        for axis in 1...7 { fields.size(axis <= shape.count ? shape[axis - 1] : 1, at: layout.dim, index: axis) }
    }

    private func writeTypes(_ fields: inout NIfTIFieldWriter, _ layout: NIfTILayout, voxelOffset: Int) {
        fields.integer(Int16(clamping: type.datatype ?? 0), at: layout.datatype)
        fields.integer(Int16(clamping: type.byteCount * 8), at: layout.bitpix)
        if fields.isVersion2 {
            fields.integer(Int64(voxelOffset), at: layout.voxelOffset)
        } else {
            fields.real(Double(voxelOffset), at: layout.voxelOffset)
        }
        fields.real(scaling.slope, at: layout.slope)
        fields.real(scaling.intercept, at: layout.intercept)
    }

    private func writeFacts(
        _ fields: inout NIfTIFieldWriter, _ layout: NIfTILayout, secondsPerUnit seconds: Double
    ) {
        fields.text(header.description, at: layout.description, width: 80)
        fields.text(header.auxFile, at: layout.auxFile, width: 24)
        fields.real(header.displayRange.high, at: layout.calMax)
        fields.real(header.displayRange.low, at: layout.calMin)
        fields.real(header.timeOffset * seconds, at: layout.timeOffset)
        fields.real(header.slices.duration * seconds, at: layout.sliceDuration)
        fields.size(header.slices.start, at: layout.sliceStart)
        fields.size(header.slices.end, at: layout.sliceEnd)
        fields.code(header.intent.code, at: layout.intentCode)
        fields.text(header.intent.name, at: layout.intentName, width: 16)
        let width = fields.isVersion2 ? 8 : 4
        for (index, value) in header.intent.parameters.prefix(3).enumerated() {
            fields.real(value, at: layout.intentParameters + index * width)
        }
        fields.integer(header.dimInfo, at: layout.dimInfo)
        let units = SpaceUnit.millimetre.rawValue | (header.timeUnit.isSpectral ? header.timeUnit : .second).rawValue
        if fields.isVersion2 {
            fields.code(header.slices.code, at: layout.sliceCode)
            fields.code(units, at: layout.units)
        } else {
            fields.integer(UInt8(clamping: header.slices.code), at: layout.sliceCode)
            fields.integer(UInt8(clamping: units), at: layout.units)
        }
    }

    private func writeGeometry(_ fields: inout NIfTIFieldWriter, _ layout: NIfTILayout) {
        let factor = header.spaceUnit.millimetres
        let quaternionForm = geometry.qform ?? VolumeGeometry.Form(code: 0, affine: geometry.affine)
        let matrixForm = geometry.sform ?? VolumeGeometry.Form(code: 0, affine: geometry.affine)
        fields.code(quaternionForm.code, at: layout.qformCode)
        fields.code(matrixForm.code, at: layout.sformCode)
        let matrix = matrixForm.affine.scaled(by: factor).rows
        for index in 0..<12 { fields.real(matrix[index], at: layout.sformRows, index: index) }

        let affine = quaternionForm.affine.scaled(by: factor)
        var rotation = affine.linear.normalizedColumns.nearestOrthogonal
        let isLeftHanded = rotation.determinant < 0
        if isLeftHanded { rotation.columns[2] = -rotation.columns[2] }
        let quaternion = Quaternion(rotation: rotation)
        for (index, value) in [quaternion.b, quaternion.c, quaternion.d].enumerated() {
            fields.real(value, at: layout.quaternion, index: index)
        }
        for index in 0..<3 { fields.real(affine.translation[index], at: layout.quaternionOffset, index: index) }

        fields.real(isLeftHanded ? -1 : 1, at: layout.pixdim)
        for axis in 0..<3 { fields.real(affine.spacing[axis], at: layout.pixdim, index: axis + 1) }
        let seconds = header.timeUnit.seconds
        fields.real(header.pixdim[3] * seconds, at: layout.pixdim, index: 4)
        for axis in 4..<7 { fields.real(header.pixdim[axis], at: layout.pixdim, index: axis + 1) }
    }

    /// Each block with its size and code, padded to 16 bytes.
    private func encodedExtensions() -> [UInt8] {
        header.extensions.flatMap { block in
            let size = (8 + block.content.count + 15) / 16 * 16
            let head = [Int32(clamping: size), Int32(clamping: block.code)].flatMap { value in
                withUnsafeBytes(of: value.littleEndian) { Array($0) }
            }
            return head + block.content + [UInt8](repeating: 0, count: size - 8 - block.content.count)
        }
    }
}

extension AtomicFile {
    /// Appends header and voxels, as one gzip member when asked.
    fileprivate mutating func write(header: [UInt8], voxels: Bytes, compressing: Bool) throws(FormatError) {
        guard compressing else {
            try write(header)
            try write(voxels)
            return
        }
        let parts = [Bytes(copying: header), voxels]
        try Deflate.gzip(parts, level: Deflate.Level(for: voxels)) { (piece) throws(FormatError) in try write(piece) }
    }
}
