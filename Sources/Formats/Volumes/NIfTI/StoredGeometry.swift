// The numbers of a NIfTI header that say where the volume lies, as stored: for copies whose geometry must not differ in a
// single bit.

/// Both forms, voxel sizes and units of a header, undamaged and damaged ones alike.
struct StoredGeometry: Sendable, Hashable {
    /// `pixdim[0…7]`.
    private let pixdim: [Double]
    private let qformCode: Int
    private let sformCode: Int
    /// `quatern_b`, `_c`, `_d`, then `qoffset_x`, `_y`, `_z`.
    private let quaternion: [Double]
    private let offset: [Double]
    /// `srow_x`, `_y`, `_z`.
    private let rows: [Double]
    /// `xyzt_units`.
    private let units: Int
    /// What was made of them.
    let read: VolumeGeometry

    /// Takes the fields of a header.
    init(_ fields: NIfTIFields, _ layout: NIfTILayout, read: VolumeGeometry) {
        pixdim = (0...7).map { fields.real(layout.pixdim, index: $0) }
        qformCode = fields.code(layout.qformCode)
        sformCode = fields.code(layout.sformCode)
        quaternion = (0..<3).map { fields.real(layout.quaternion, index: $0) }
        offset = (0..<3).map { fields.real(layout.quaternionOffset, index: $0) }
        rows = (0..<12).map { fields.real(layout.sformRows, index: $0) }
        units = fields.isVersion2 ? fields.code(layout.units) : fields.integer(layout.units, as: UInt8.self)
        self.read = read
    }

    /// Puts the fields into another header.
    func write(to fields: inout NIfTIFieldWriter, _ layout: NIfTILayout) {
        for (index, value) in pixdim.enumerated() { fields.real(value, at: layout.pixdim, index: index) }
        fields.code(qformCode, at: layout.qformCode)
        fields.code(sformCode, at: layout.sformCode)
        for index in 0..<3 {
            fields.real(quaternion[index], at: layout.quaternion, index: index)
            fields.real(offset[index], at: layout.quaternionOffset, index: index)
        }
        for (index, value) in rows.enumerated() { fields.real(value, at: layout.sformRows, index: index) }
        if fields.isVersion2 {
            fields.code(units, at: layout.units)
        } else {
            fields.integer(UInt8(clamping: units), at: layout.units)
        }
    }
}
