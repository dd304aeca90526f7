// 3×3 matrices for voxel geometry: product, determinant, inverse and the nearest orthogonal matrix.

/// A 3×3 matrix of Double, stored by columns (column j is where voxel axis j points).
public struct Matrix3: Sendable, Hashable {
    /// The columns.
    public var columns: [SIMD3<Double>]

    /// A matrix of three columns.
    public init(columns x: SIMD3<Double>, _ y: SIMD3<Double>, _ z: SIMD3<Double>) { columns = [x, y, z] }

    /// A diagonal matrix.
    public init(diagonal values: SIMD3<Double>) {
        self.init(columns: [values.x, 0, 0], [0, values.y, 0], [0, 0, values.z])
    }

    /// The identity.
    public static let identity = Matrix3(diagonal: [1, 1, 1])

    /// The element at a row and a column.
    public subscript(row: Int, column: Int) -> Double {
        get { columns[column][row] }
        set { columns[column][row] = newValue }
    }

    /// The lengths of the columns.
    public var columnNorms: SIMD3<Double> {
        [Self.norm(columns[0]), Self.norm(columns[1]), Self.norm(columns[2])]
    }

    /// The determinant.
    public var determinant: Double { Self.dot(columns[0], Self.cross(columns[1], columns[2])) }

    /// Whether every element is finite.
    public var isFinite: Bool { columns.allSatisfy { $0.x.isFinite && $0.y.isFinite && $0.z.isFinite } }

    /// Whether the columns are finite, none is zero, and they span space: |det| above 1e-6 of the box they would span
    /// if they stood at right angles.
    public var isInvertible: Bool {
        guard isFinite else { return false }
        let norms = columnNorms
        guard norms.x > 0, norms.y > 0, norms.z > 0 else { return false }
        return abs(normalizedColumns.determinant) > 1e-6
    }

    /// The columns scaled to length 1; a zero column stays zero.
    public var normalizedColumns: Matrix3 {
        var result = self
        for axis in 0..<3 {
            let length = Self.norm(columns[axis])
            if length > 0 { result.columns[axis] /= length }
        }
        return result
    }

    /// The inverse, or nil for a singular matrix.
    public var inverse: Matrix3? {
        guard isInvertible else { return nil }
        let rows = [
            Self.cross(columns[1], columns[2]), Self.cross(columns[2], columns[0]), Self.cross(columns[0], columns[1]),
        ].map { $0 / determinant }
        return Matrix3(columns: rows[0], rows[1], rows[2]).transposed
    }

    /// The transpose.
    public var transposed: Matrix3 {
        var result = self
        for row in 0..<3 { for column in 0..<3 { result[row, column] = self[column, row] } }
        return result
    }

    /// The orthogonal matrix nearest to this one: U·Vᵀ of its singular value decomposition (the polar factor).
    ///
    /// One-sided Jacobi rotations make the columns of A·V orthogonal; then U is those columns at length 1. A direction
    /// that the matrix does not span is completed by a cross product.
    public var nearestOrthogonal: Matrix3 {
        var turned = self
        var basis = Matrix3.identity
        for _ in 0..<30 {
            var largest = 0.0
            for (first, second) in [(0, 1), (0, 2), (1, 2)] {
                largest = max(largest, Self.rotate(&turned, &basis, first, second))
            }
            if largest < 1e-16 { break }
        }
        return turned.orthonormalColumns * basis.transposed
    }

    /// Turns two columns so that they become orthogonal; returns how far they were from it (squared cosine).
    private static func rotate(_ matrix: inout Matrix3, _ basis: inout Matrix3, _ first: Int, _ second: Int) -> Double {
        let alpha = dot(matrix.columns[first], matrix.columns[first])
        let beta = dot(matrix.columns[second], matrix.columns[second])
        let gamma = dot(matrix.columns[first], matrix.columns[second])
        guard gamma != 0, alpha > 0, beta > 0 else { return 0 }
        let zeta = (beta - alpha) / (2 * gamma)
        let tangent = (zeta < 0 ? -1 : 1) / (abs(zeta) + (1 + zeta * zeta).squareRoot())
        let cosine = 1 / (1 + tangent * tangent).squareRoot()
        func turn(_ columns: inout [SIMD3<Double>]) {
            let (left, right) = (columns[first], columns[second])
            columns[first] = cosine * left - cosine * tangent * right
            columns[second] = cosine * tangent * left + cosine * right
        }
        turn(&matrix.columns)
        turn(&basis.columns)
        return gamma * gamma / (alpha * beta)
    }

    /// Columns at length 1, missing ones completed at right angles.
    private var orthonormalColumns: Matrix3 {
        let norms = columnNorms
        let threshold = max(norms.x, norms.y, norms.z) * 1e-12
        var result = normalizedColumns
        for axis in 0..<3 where !(norms[axis] > threshold) {
            let (next, last) = ((axis + 1) % 3, (axis + 2) % 3)
            result.columns[axis] = Self.cross(result.columns[next], result.columns[last])
            if Self.norm(result.columns[axis]) == 0 { return .identity }
        }
        return result
    }

    /// The matrix product.
    public static func * (left: Matrix3, right: Matrix3) -> Matrix3 {
        Matrix3(columns: left * right.columns[0], left * right.columns[1], left * right.columns[2])
    }

    /// The product with a vector.
    public static func * (matrix: Matrix3, vector: SIMD3<Double>) -> SIMD3<Double> {
        matrix.columns[0] * vector.x + matrix.columns[1] * vector.y + matrix.columns[2] * vector.z
    }

    static func dot(_ left: SIMD3<Double>, _ right: SIMD3<Double>) -> Double { (left * right).sum() }

    static func norm(_ vector: SIMD3<Double>) -> Double { dot(vector, vector).squareRoot() }

    static func cross(_ left: SIMD3<Double>, _ right: SIMD3<Double>) -> SIMD3<Double> {
        [
            left.y * right.z - left.z * right.y, left.z * right.x - left.x * right.z,
            left.x * right.y - left.y * right.x,
        ]
    }
}
