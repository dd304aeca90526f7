// Turning an RGB image's hue through HSV, with torchvision's arithmetic (_rgb2hsv and _hsv2rgb) in float32.

/// A turn of the colour circle.
struct HueRotation {
    /// How far, in turns, within −0.5…0.5.
    private let turns: Float

    init(turns: Double) { self.turns = Float(turns) }

    /// Turns the hue of a 3 × pixels image in place.
    func apply(to image: UnsafeMutableBufferPointer<Float>) {
        let pixels = image.count / 3
        for pixel in 0..<pixels {
            let color = rotated(image[pixel], image[pixel + pixels], image[pixel + 2 * pixels])
            image[pixel] = color.red
            image[pixel + pixels] = color.green
            image[pixel + 2 * pixels] = color.blue
        }
    }

    @inline(__always)
    private func rotated(_ red: Float, _ green: Float, _ blue: Float) -> (red: Float, green: Float, blue: Float) {
        let value = max(red, green, blue)
        let chroma = value - min(red, green, blue)
        let saturation = chroma / (chroma == 0 ? 1 : value)
        var hue = Self.hue(red, green, blue, value: value, chroma: chroma) + turns
        hue -= hue.rounded(.down)
        if hue == 1 { hue = 0 }
        return Self.color(hue: hue, saturation: saturation, value: value)
    }

    /// The hue in turns, 0 for grey.
    @inline(__always)
    private static func hue(_ red: Float, _ green: Float, _ blue: Float, value: Float, chroma: Float) -> Float {
        let divisor = chroma == 0 ? 1 : chroma
        let fromRed = (value - red) / divisor
        let fromGreen = (value - green) / divisor
        let fromBlue = (value - blue) / divisor
        let sixths: Float
        if value == red {
            sixths = fromBlue - fromGreen
        } else if value == green {
            sixths = 2 + fromRed - fromBlue
        } else {
            sixths = 4 + fromGreen - fromRed
        }
        let turns = sixths / 6 + 1
        return turns >= 1 ? turns - 1 : turns
    }

    @inline(__always)
    private static func color(
        hue: Float, saturation: Float, value: Float
    ) -> (red: Float, green: Float, blue: Float) {
        let sextant = (hue * 6).rounded(.down)
        let fraction = hue * 6 - sextant
        let low = clamped(value * (1 - saturation))
        let falling = clamped(value * (1 - saturation * fraction))
        let rising = clamped(value * (1 - saturation * (1 - fraction)))
        return switch sextant {
        case 1: (falling, value, low)
        case 2: (low, value, rising)
        case 3: (low, falling, value)
        case 4: (rising, low, value)
        case 5: (value, low, falling)
        default: (value, rising, low)
        }
    }
}
