// Where each pixel of an augmented image comes from: an affine map of the plane.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Output pixel (x right, y down, centres at whole numbers) ↦ input pixel.
struct PlaneMap: Sendable, Hashable {
    /// Input per step of one column and of one row of the output.
    var column: SIMD2<Double>
    var row: SIMD2<Double>
    /// The input of output pixel (0, 0).
    var origin: SIMD2<Double>

    /// The map of a draw, its elastic part left out.
    ///
    /// An image flips, turns counter-clockwise by θ about its centre, grows by s and moves by t; the output shows a crop of
    /// that. So output p (from the centre) shows input F · R(θ) · (k·p + c − t) / s, where k and c are the crop's side and
    /// centre and R(θ) = [cos θ, −sin θ; sin θ, cos θ] with y down. The same as torchvision's rotate and affine.
    init(_ draw: AugmentationDraw, height: Int, width: Int) {
        let size = SIMD2(Double(width), Double(height))
        let center = (size - 1) / 2
        let (sine, cosine) = Self.direction(draw.angle)
        let flip = SIMD2(draw.flipsHorizontally ? -1.0 : 1, draw.flipsVertically ? -1.0 : 1)
        func input(_ vector: SIMD2<Double>) -> SIMD2<Double> {
            flip * SIMD2(cosine * vector.x - sine * vector.y, sine * vector.x + cosine * vector.y) / draw.scale
        }
        column = input(SIMD2(draw.cropSide, 0))
        row = input(SIMD2(0, draw.cropSide))
        origin = center + input(draw.cropSide * (SIMD2(0, 0) - center) + draw.cropCenter * size - draw.shift)
    }

    /// Sine and cosine of an angle in degrees, exact for quarter turns.
    private static func direction(_ degrees: Double) -> (sine: Double, cosine: Double) {
        let turn = degrees - 360 * (degrees / 360).rounded(.down)
        switch turn {
        case 0: return (0, 1)
        case 90: return (1, 0)
        case 180: return (0, -1)
        case 270: return (-1, 0)
        default: return (sin(turn * .pi / 180), cos(turn * .pi / 180))
        }
    }
}
