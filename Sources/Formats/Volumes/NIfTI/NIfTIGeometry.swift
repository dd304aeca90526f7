// From header fields to the transform in use: sform, else qform, else voxel sizes alone, with the quirks of files seen
// in the wild mended and told.

extension NIfTIHeader {
    /// The geometry, and what was odd about it.
    ///
    /// Precedence and fallback are nibabel's (`get_best_affine`); damaged forms, which nibabel passes on as singular
    /// or NaN matrices, are skipped here.
    func geometry() -> (geometry: VolumeGeometry, warnings: [String]) {
        guard facts.format != .analyze else { return analyzeGeometry() }
        var warnings: [String] = []
        let sizes = voxelSizes(&warnings)
        let sform = matrixForm(&warnings)
        let qform = quaternionForm(sizes: sizes, &warnings)
        if let sform, let qform {
            let difference = sform.affine.largestDifference(from: qform.affine)
            if difference > 1e-3 {
                warnings.append(
                    "sform and qform disagree by \(shortNumber(difference)): sform \(sform.affine) is used, not qform "
                        + "\(qform.affine)")
            }
        }
        if let sform { checkMatrix(sform.affine, sizes: sizes, &warnings) }
        if let chosen = sform ?? qform {
            let source: VolumeGeometry.Source = sform == nil ? .qform : .sform
            return (VolumeGeometry(affine: chosen.affine, source: source, qform: qform, sform: sform), warnings)
        }
        warnings.append("no orientation in file: voxel sizes only, x taken to run to the left")
        let affine = centred(sizes: sizes, origin: nil)
        return (VolumeGeometry(affine: affine, source: .none, qform: nil, sform: nil), warnings)
    }

    /// `pixdim[1…3]` made usable: absolute values, 1 for what is no size.
    private func voxelSizes(_ warnings: inout [String]) -> SIMD3<Double> {
        var sizes = SIMD3<Double>(1, 1, 1)
        for axis in 0..<3 {
            let stored = facts.pixdim[axis]
            let isUsed = axis < shape.count
            if stored.isFinite, stored != 0 {
                sizes[axis] = abs(stored)
                if stored < 0, isUsed {
                    warnings.append("pixdim[\(axis + 1)] is \(shortNumber(stored)); its absolute value is used")
                }
            } else if isUsed {
                warnings.append("pixdim[\(axis + 1)] is \(shortNumber(stored)), which is no size; 1 is used")
            }
        }
        return sizes
    }

    /// A form's code; what the standard does not list counts as 0.
    private func formCode(_ name: String, at offset: Int, _ warnings: inout [String]) -> Int {
        let code = fields.code(offset)
        guard !(0...5 ~= code) else { return code }
        warnings.append("\(name) is \(code), which the standard does not know; the form is ignored")
        return 0
    }

    private func matrixForm(_ warnings: inout [String]) -> VolumeGeometry.Form? {
        let code = formCode("sform_code", at: layout.sformCode, &warnings)
        guard code > 0 else { return nil }
        let affine = Affine(rows: (0..<12).map { fields.real(layout.sformRows, index: $0) })
        guard affine.isInvertible else {
            let what = affine.rows.prefix(12).allSatisfy { $0 == 0 } ? "all zero" : "not invertible"
            warnings.append("sform_code is \(code) but the sform is \(what); it is ignored")
            return nil
        }
        return VolumeGeometry.Form(code: code, affine: affine)
    }

    private func quaternionForm(sizes: SIMD3<Double>, _ warnings: inout [String]) -> VolumeGeometry.Form? {
        let code = formCode("qform_code", at: layout.qformCode, &warnings)
        guard code > 0 else { return nil }
        let stored = (0..<3).map { fields.real(layout.quaternion, index: $0) }
        let offset = (0..<3).map { fields.real(layout.quaternionOffset, index: $0) }
        guard (stored + offset).allSatisfy({ $0.isFinite }) else {
            warnings.append("qform_code is \(code) but its numbers are not finite; it is ignored")
            return nil
        }
        let threshold = 3 * (fields.isVersion2 ? Double.ulpOfOne : Double(Float.ulpOfOne))
        if Quaternion.isTooLong(stored[0], stored[1], stored[2], threshold: threshold) {
            warnings.append("the qform's quaternion is longer than 1; it is scaled to length 1")
        }
        let quaternion = Quaternion(storedB: stored[0], c: stored[1], d: stored[2], threshold: threshold)
        // pixdim[0] is the handedness; 0 and NaN mean right-handed, other values count by their sign.
        let handedness = fields.real(layout.pixdim) < 0 ? -1.0 : 1.0
        let linear = quaternion.rotation * Matrix3(diagonal: sizes * [1, 1, handedness])
        return VolumeGeometry.Form(
            code: code, affine: Affine(linear: linear, translation: [offset[0], offset[1], offset[2]]))
    }

    /// What is odd about a usable sform.
    private func checkMatrix(_ affine: Affine, sizes: SIMD3<Double>, _ warnings: inout [String]) {
        let lengths = affine.spacing
        let isUnit = (0..<3).allSatisfy { abs(lengths[$0] - 1) < 1e-3 }
        let differs = (0..<min(3, shape.count)).contains { abs(lengths[$0] - sizes[$0]) > 1e-2 * max(sizes[$0], 1e-6) }
        if isUnit, differs {
            warnings.append(
                "the sform has voxels of 1, pixdim says \(Self.text(sizes)): the sform may lack its voxel sizes")
        } else if differs {
            warnings.append("voxel sizes differ: \(Self.text(lengths)) by the sform, \(Self.text(sizes)) by pixdim")
        }
        if affine.shear > 1e-3 {
            warnings.append(
                "the axes are not at right angles (cosine \(shortNumber(affine.shear))); ITK refuses such files: "
                    + "orthonormalise them first")
        }
    }

    private static func text(_ sizes: SIMD3<Double>) -> String {
        (0..<3).map { shortNumber(sizes[$0]) }.joined(separator: "×")
    }

    /// x runs to the left, `origin` (a voxel position; the middle when nil) is the world's zero.
    private func centred(sizes: SIMD3<Double>, origin: SIMD3<Double>?) -> Affine {
        let padded = (shape + [1, 1, 1]).prefix(3).map { Double($0) }
        let middle = (SIMD3(padded[0], padded[1], padded[2]) - 1) / 2
        let signed = sizes * [-1, 1, 1]
        return Affine(linear: Matrix3(diagonal: signed), translation: -(origin ?? middle) * signed)
    }

    /// Analyze stores no orientation; SPM put the world's origin into bytes 253…258 (1-based voxel numbers).
    private func analyzeGeometry() -> (geometry: VolumeGeometry, warnings: [String]) {
        var warnings = ["no orientation in file (Analyze 7.5): x taken to run to the left, as SPM does"]
        let sizes = voxelSizes(&warnings)
        let stored = (0..<3).map { fields.integer(253 + $0 * 2, as: Int16.self) }
        let padded = Array((shape + [1, 1, 1]).prefix(3))
        let isPlausible =
            stored.contains { $0 != 0 }
            && zip(stored, padded).allSatisfy { origin, size in origin > -size && origin < size * 2 }
        let origin = SIMD3(Double(stored[0] - 1), Double(stored[1] - 1), Double(stored[2] - 1))
        let affine = centred(sizes: sizes, origin: isPlausible ? origin : nil)
        // An origin is more than NIfTI's fallback can say: a rewrite keeps it as an sform.
        let form = isPlausible ? VolumeGeometry.Form(code: 2, affine: affine) : nil
        return (VolumeGeometry(affine: affine, source: .none, qform: nil, sform: form), warnings)
    }
}
