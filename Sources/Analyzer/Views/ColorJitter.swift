// torchvision's ColorJitter on float images, operation by operation (torchvision 0.28,
// transforms/_functional_tensor.py): the same order, clamps, grey weights and hue arithmetic, in float32.

/// Applies colour jitters to images with values in 0…1.
///
/// Every operation but hue is a blend, ratio × image + (1 − ratio) × other, clamped to 0…1; `other` is black
/// (brightness), the image's own mean grey level (contrast) or its grey version (saturation). Hue turns in HSV space.
///
/// A grey image may come as one channel. It is treated as three equal channels and stays grey: the hue does nothing, and
/// saturation changes it by about 1e-5 because torchvision's grey weights add up to 0.9999, so it is computed too. The
/// result equals each of the three channels bit for bit.
public enum ColorJitter {
    /// Jitters one image in place.
    ///
    /// - Parameters:
    ///   - image: channels × pixels, 1 or 3 channels, values in 0…1.
    ///   - channels: 1 for grey, 3 for RGB.
    /// - Precondition: `channels` is 1 or 3 and divides the number of values.
    public static func apply(
        _ parameters: JitterParameters, to image: UnsafeMutableBufferPointer<Float>, channels: Int
    ) {
        precondition(channels == 1 || channels == 3, "a colour jitter needs grey or RGB images")
        precondition(image.count.isMultiple(of: channels), "every channel has the same number of pixels")
        guard !image.isEmpty else { return }
        for operation in parameters.order {
            switch operation {
            case .brightness: scale(image, by: parameters.brightness)
            case .contrast: adjustContrast(image, channels, parameters.contrast)
            case .saturation: adjustSaturation(image, channels, parameters.saturation)
            case .hue: if channels == 3 { HueRotation(turns: parameters.hue).apply(to: image) }
            }
        }
    }

    /// Jitters one image.
    public static func apply(_ parameters: JitterParameters, to image: [Float], channels: Int) -> [Float] {
        var result = image
        result.withUnsafeMutableBufferPointer { apply(parameters, to: $0, channels: channels) }
        return result
    }

    private static func scale(_ image: UnsafeMutableBufferPointer<Float>, by ratio: Double) {
        let ratio = Float(ratio)
        for index in image.indices { image[index] = clamped(ratio * image[index]) }
    }

    private static func adjustContrast(_ image: UnsafeMutableBufferPointer<Float>, _ channels: Int, _ ratio: Double) {
        let pixels = image.count / channels
        var sum = 0.0
        for pixel in 0..<pixels { sum += Double(greyLevel(image, channels, pixels, pixel)) }
        let offset = Float(1 - ratio) * Float(sum / Double(pixels))
        let ratio = Float(ratio)
        for index in image.indices { image[index] = clamped(ratio * image[index] + offset) }
    }

    private static func adjustSaturation(
        _ image: UnsafeMutableBufferPointer<Float>, _ channels: Int, _ ratio: Double
    ) {
        let pixels = image.count / channels
        let rest = Float(1 - ratio)
        let ratio = Float(ratio)
        for pixel in 0..<pixels {
            let offset = rest * greyLevel(image, channels, pixels, pixel)
            for index in stride(from: pixel, to: image.count, by: pixels) {
                image[index] = clamped(ratio * image[index] + offset)
            }
        }
    }

    /// ITU-R 601 luma with torchvision's four digits.
    @inline(__always)
    private static func greyLevel(
        _ image: UnsafeMutableBufferPointer<Float>, _ channels: Int, _ pixels: Int, _ pixel: Int
    ) -> Float {
        let red = image[pixel]
        let green = channels == 3 ? image[pixel + pixels] : red
        let blue = channels == 3 ? image[pixel + 2 * pixels] : red
        return 0.2989 * red + 0.587 * green + 0.114 * blue
    }
}

/// The value limited to 0…1.
@inline(__always)
func clamped(_ value: Float) -> Float { min(max(value, 0), 1) }
