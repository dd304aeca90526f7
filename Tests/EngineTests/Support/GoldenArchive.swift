// Arrays that Python computed, by name.

import Engine
import Formats
import Testing

/// The arrays of .npz files.
struct GoldenArchive {
    /// The names of the arrays, in file order.
    let names: [String]
    private let arrays: [String: TensorView]

    init(_ paths: String...) throws {
        let contents = try paths.flatMap { try NumPy.readArchive($0) }
        names = contents.map { $0.name }
        arrays = Dictionary(contents.map { ($0.name, $0.array) }) { first, _ in first }
    }

    /// An array, or nil when there is none of that name.
    func tensor(_ name: String) -> TensorView? { arrays[name] }

    /// An array of rank 4 as a map, or nil when there is none of that name.
    ///
    /// - Parameters:
    ///   - count: how many of its images to take.
    ///   - isChannelsLast: whether it is N×h×w×C.
    func map(_ name: String, count: Int = .max, isChannelsLast: Bool = false) throws -> ReferenceMap? {
        guard let tensor = arrays[name] else { return nil }
        try #require(tensor.shape.rank == 4)
        let values = try #require(tensor.floats())
        var axes = tensor.shape.axes
        axes[0] = min(axes[0], count)
        guard isChannelsLast else {
            return ReferenceMap(shape: Shape(axes), values: Array(values.prefix(axes.reduce(1, *))))
        }
        let (height, width, channels) = (axes[1], axes[2], axes[3])
        var turned: [Float] = []
        for n in 0..<axes[0] {
            for c in 0..<channels {
                for position in 0..<height * width {
                    turned.append(values[(n * height * width + position) * channels + c])
                }
            }
        }
        return ReferenceMap(shape: [axes[0], channels, height, width], values: turned)
    }
}

/// The largest difference of two lists of values, in units of the second's root mean square.
func relativeDifference(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count, !found.isEmpty else { return .infinity }
    var squares = 0.0
    var largest = 0.0
    for (a, b) in zip(found, expected) {
        squares += Double(b) * Double(b)
        largest = max(largest, abs(Double(a) - Double(b)))
        if a.isNaN { return .infinity }
    }
    return largest / max((squares / Double(found.count)).squareRoot(), 1e-12)
}
