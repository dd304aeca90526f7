// Where voxels lie in the patient: the 4×4 matrix from voxel indices to RAS+ world coordinates.

/// A voxel-to-world transform: world = linear · (i, j, k) + translation.
///
/// World axes are RAS+: x grows to the patient's right, y to the front, z to the head. ITK, SimpleITK and DICOM use
/// LPS+; negate the first two rows to go there.
public struct Affine: Sendable, Hashable {
    /// Column j is the step from one voxel to the next along axis j.
    public var linear: Matrix3
    /// The position of voxel (0, 0, 0).
    public var translation: SIMD3<Double>

    /// Puts a transform together.
    public init(linear: Matrix3, translation: SIMD3<Double>) {
        self.linear = linear
        self.translation = translation
    }

    /// A transform from the three upper rows of the 4×4 matrix, twelve numbers row by row.
    ///
    /// - Precondition: `rows` holds at least twelve numbers.
    public init(rows: [Double]) {
        precondition(rows.count >= 12, "an affine has three rows of four numbers")
        linear = Matrix3(
            columns: [rows[0], rows[4], rows[8]], [rows[1], rows[5], rows[9]], [rows[2], rows[6], rows[10]])
        translation = [rows[3], rows[7], rows[11]]
    }

    /// The identity.
    public static let identity = Affine(linear: .identity, translation: [0, 0, 0])

    /// The four rows, sixteen numbers.
    public var rows: [Double] {
        let upper = (0..<3).flatMap { row in [linear[row, 0], linear[row, 1], linear[row, 2], translation[row]] }
        return upper + [0, 0, 0, 1]
    }

    /// The world position of a voxel.
    public func callAsFunction(_ voxel: SIMD3<Double>) -> SIMD3<Double> { linear * voxel + translation }

    /// The distance between neighbouring voxels along each axis, in the unit of the transform.
    public var spacing: SIMD3<Double> { linear.columnNorms }

    /// Whether the transform is finite and its axes span space.
    public var isInvertible: Bool {
        linear.isInvertible && translation.x.isFinite && translation.y.isFinite && translation.z.isFinite
    }

    /// Where each voxel axis points, such as `RAS`; oblique axes get the direction that they are nearest to.
    public var axisCodes: String { Orientation(of: self).axisCodes }

    /// How far the axes are from right angles: the largest |cosine| between two of them.
    public var shear: Double {
        let unit = linear.normalizedColumns.columns
        return [(0, 1), (0, 2), (1, 2)].map { abs(Matrix3.dot(unit[$0.0], unit[$0.1])) }.max() ?? 0
    }

    /// The same transform with its axes turned to right angles (the nearest rotation or reflection), spacing and
    /// origin kept: the repair that ITK 5.2 and later want for sheared files.
    public var orthonormalized: Affine {
        let unit = linear.normalizedColumns.nearestOrthogonal
        return Affine(linear: unit * Matrix3(diagonal: spacing), translation: translation)
    }

    /// The largest difference between two transforms, element by element.
    public func largestDifference(from other: Affine) -> Double {
        zip(rows, other.rows).map { abs($0 - $1) }.max() ?? 0
    }

    /// The transform with every length multiplied by `factor`, as for a change of unit.
    public func scaled(by factor: Double) -> Affine {
        Affine(linear: linear * Matrix3(diagonal: SIMD3(repeating: factor)), translation: translation * factor)
    }
}

extension Affine: CustomStringConvertible {
    /// The three upper rows on one line, four digits after the point.
    public var description: String {
        let rows = rows
        return (0..<3).map { row in
            "[" + (0..<4).map { shortNumber((rows[row * 4 + $0] * 1e4).rounded() / 1e4) }.joined(separator: " ") + "]"
        }.joined(separator: " ")
    }
}

/// A number for a message: at most four digits after the point, no trailing zeros.
func shortNumber(_ value: Double) -> String {
    guard value.isFinite else { return "\(value)" }
    guard abs(value) < 1e9, abs(value) >= 1e-4 || value == 0 else { return "\(Float(value))" }
    let text = "\((value * 1e4).rounded() / 1e4)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
