// Where a volume lies: the transform in use, where it came from, and the two forms that NIfTI can store.

/// A volume's position in space.
public struct VolumeGeometry: Sendable, Hashable {
    /// The transform in use, in the file's unit of length (millimetres unless the header says otherwise).
    public var affine: Affine
    /// Which part of the header gave it.
    public var source: Source
    /// The quaternion form, if its code is above 0.
    public var qform: Form?
    /// The matrix form, if its code is above 0.
    public var sform: Form?

    /// Where a transform came from.
    public enum Source: String, Sendable, Hashable {
        case sform, qform
        /// The file does not say how the patient lies: voxel sizes only, x taken to run to the left, origin in the
        /// middle, as nibabel does.
        case none = "no orientation in file"
    }

    /// One of the two transforms of a NIfTI header.
    public struct Form: Sendable, Hashable {
        /// What its world is: 1 scanner, 2 another scan, 3 Talairach, 4 MNI, 5 another template.
        public var code: Int
        /// The transform.
        public var affine: Affine

        /// States a form.
        public init(code: Int, affine: Affine) {
            self.code = code
            self.affine = affine
        }
    }

    /// States a geometry.
    public init(affine: Affine, source: Source, qform: Form?, sform: Form?) {
        self.affine = affine
        self.source = source
        self.qform = qform
        self.sform = sform
    }

    /// A new position, in both forms; the quaternion form is left out when the axes are not at right angles, which it
    /// cannot say.
    ///
    /// - Parameter code: what the world is; 1 (scanner) unless said.
    public init(affine: Affine, code: Int = 1) {
        let form = Form(code: code, affine: affine)
        self.init(affine: affine, source: .sform, qform: affine.shear < 1e-4 ? form : nil, sform: form)
    }

    /// The same place with every transform changed alike, as by reorientation.
    func mapped(_ change: (Affine) -> Affine) -> VolumeGeometry {
        var result = self
        result.affine = change(affine)
        result.qform?.affine = change(qform?.affine ?? affine)
        result.sform?.affine = change(sform?.affine ?? affine)
        return result
    }
}
