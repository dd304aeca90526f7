// Images in a .npy file, ready for a network.

import Formats

/// Float images N×C×H×W.
struct InputImages {
    let count: Int, channels: Int, height: Int, width: Int
    private let values: TensorView

    /// Reads N×C×H×W, or N×H×W for one channel.
    init(reading path: String) throws {
        let array = try NumPy.readArray(path)
        var axes = array.shape.axes
        if axes.count == 3 { axes.insert(1, at: 1) }
        guard axes.count == 4, axes.allSatisfy({ $0 > 0 }), array.dtype == .float32 else {
            throw ToolError.failure(
                "\(path): expected a float32 array N×C×H×W (or N×H×W), found \(array.dtype) \(array.shape)")
        }
        (count, channels, height, width) = (axes[0], axes[1], axes[2], axes[3])
        values = array
        if let (index, value) = array.firstNonFinite {
            throw ToolError.failure(
                "\(path): expected finite numbers, found \(value) in image \(index / (channels * height * width) + 1); "
                    + "a network's activations would hide it")
        }
    }

    /// Some of the images with their one channel repeated where the network takes more.
    func batch(_ rows: Range<Int>, channels wanted: Int) -> [Float] {
        let plane = height * width
        return values.withFloats { all in
            guard wanted != channels else {
                return Array(all[rows.lowerBound * channels * plane..<rows.upperBound * channels * plane])
            }
            var result: [Float] = []
            result.reserveCapacity(rows.count * wanted * plane)
            for row in rows {
                for _ in 0..<wanted { result += all[row * plane..<(row + 1) * plane] }
            }
            return result
        } ?? []
    }
}
