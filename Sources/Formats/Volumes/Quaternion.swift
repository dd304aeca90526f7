// Rotations as NIfTI stores them: three of a unit quaternion's four numbers (nifti1.h, method 2).

/// A unit quaternion a + bi + cj + dk with a ≥ 0, of which a file stores b, c, d.
struct Quaternion: Sendable, Hashable {
    var a: Double
    var b: Double
    var c: Double
    var d: Double

    /// Completes stored numbers: a = √(1 − b² − c² − d²).
    ///
    /// - Parameter threshold: what 1 − b² − c² − d² may differ from 0 by rounding (3 ulp of the stored type); within
    ///   it a is 0, as in nibabel. Numbers too long for a rotation are scaled to length 1.
    init(storedB b: Double, c: Double, d: Double, threshold: Double) {
        let norm = b * b + c * c + d * d
        let rest = 1 - norm
        let scale = rest < 0 ? 1 / norm.squareRoot() : 1
        a = rest > threshold ? rest.squareRoot() : 0
        (self.b, self.c, self.d) = (b * scale, c * scale, d * scale)
    }

    /// The quaternion of a proper rotation (Shepperd's method: divide by the largest component).
    init(rotation matrix: Matrix3) {
        let (r11, r22, r33) = (matrix[0, 0], matrix[1, 1], matrix[2, 2])
        let trace = 1 + r11 + r22 + r33
        let (xd, yd) = (1 + r11 - r22 - r33, 1 + r22 - r11 - r33)
        if trace > 0.5 {
            a = trace.squareRoot() / 2
            b = (matrix[2, 1] - matrix[1, 2]) / (4 * a)
            c = (matrix[0, 2] - matrix[2, 0]) / (4 * a)
            d = (matrix[1, 0] - matrix[0, 1]) / (4 * a)
        } else if xd > 1 {
            b = xd.squareRoot() / 2
            c = (matrix[0, 1] + matrix[1, 0]) / (4 * b)
            d = (matrix[0, 2] + matrix[2, 0]) / (4 * b)
            a = (matrix[2, 1] - matrix[1, 2]) / (4 * b)
        } else if yd > 1 {
            c = yd.squareRoot() / 2
            b = (matrix[0, 1] + matrix[1, 0]) / (4 * c)
            d = (matrix[1, 2] + matrix[2, 1]) / (4 * c)
            a = (matrix[0, 2] - matrix[2, 0]) / (4 * c)
        } else {
            d = (1 + r33 - r11 - r22).squareRoot() / 2
            b = (matrix[0, 2] + matrix[2, 0]) / (4 * d)
            c = (matrix[1, 2] + matrix[2, 1]) / (4 * d)
            a = (matrix[1, 0] - matrix[0, 1]) / (4 * d)
        }
        if a < 0 { (a, b, c, d) = (-a, -b, -c, -d) }
    }

    /// The rotation matrix.
    var rotation: Matrix3 {
        Matrix3(
            columns: [a * a + b * b - c * c - d * d, 2 * b * c + 2 * a * d, 2 * b * d - 2 * a * c],
            [2 * b * c - 2 * a * d, a * a + c * c - b * b - d * d, 2 * c * d + 2 * a * b],
            [2 * b * d + 2 * a * c, 2 * c * d - 2 * a * b, a * a + d * d - c * c - b * b])
    }

    /// Whether stored numbers describe no rotation: their length is above 1 by more than rounding.
    static func isTooLong(_ b: Double, _ c: Double, _ d: Double, threshold: Double) -> Bool {
        1 - (b * b + c * c + d * d) < -threshold
    }
}
