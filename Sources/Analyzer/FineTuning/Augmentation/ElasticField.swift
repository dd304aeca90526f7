// Elastic deformation: a few random displacements, smoothly joined.
//
// As O. Ronneberger, P. Fischer, T. Brox, "U-Net: convolutional networks for biomedical image segmentation", MICCAI 2015,
// section 3.1 (random displacements on a coarse grid, smoothly interpolated); here by uniform cubic B-splines, which are
// smooth to the second derivative and need no prefiltering.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Displacements of an image's pixels.
struct ElasticField: Sendable, Hashable {
    /// Cells along each side.
    static let cells = 4
    /// Control points along each side.
    static let points = cells + 3

    /// (right, down) in pixels for each control point, row by row.
    let displacements: [SIMD2<Float>]

    /// - Precondition: ``points``² displacements.
    init(displacements: [SIMD2<Float>]) {
        precondition(displacements.count == Self.points * Self.points, "an elastic field has a fixed grid")
        self.displacements = displacements
    }

    /// Draws normal displacements (Box–Muller) with a standard deviation in pixels along x and y.
    init(deviation: SIMD2<Double>, from generator: inout CounterGenerator) {
        let drawn = (0..<Self.points * Self.points).map { _ in
            let radius = (-2 * log(1 - generator.nextUnit())).squareRoot()
            let turn = 2 * Double.pi * generator.nextUnit()
            return SIMD2<Float>(SIMD2(cos(turn), sin(turn)) * radius * deviation)
        }
        self.init(displacements: drawn)
    }

    /// The four weights of each position along a side, and the first control point that they belong to.
    struct Axis: Sendable {
        let first: [Int]
        let weights: [SIMD4<Float>]

        init(size: Int) {
            var (first, weights) = ([Int](), [SIMD4<Float>]())
            for position in 0..<size {
                let place = (Float(position) + 0.5) / Float(size) * Float(ElasticField.cells)
                let cell = min(Int(place), ElasticField.cells - 1)
                let t = place - Float(cell)
                let (square, cube) = (t * t, t * t * t)
                let start = (1 - t) * (1 - t) * (1 - t)
                first.append(cell)
                weights.append(
                    SIMD4(start, 3 * cube - 6 * square + 4, -3 * cube + 3 * square + 3 * t + 1, cube) / 6)
            }
            (self.first, self.weights) = (first, weights)
        }
    }

    /// The displacements of a row's control points: the field's four rows of points summed for one row of pixels.
    func points(ofRow row: Int, _ rows: Axis) -> [SIMD2<Float>] {
        let (first, weights) = (rows.first[row], rows.weights[row])
        return (0..<Self.points).map { column in
            var sum = SIMD2<Float>(0, 0)
            for offset in 0..<4 { sum += weights[offset] * displacements[(first + offset) * Self.points + column] }
            return sum
        }
    }
}
