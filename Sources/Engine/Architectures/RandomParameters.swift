// Random weights for any graph: the same seed gives the same numbers on every machine.

public import Formats

/// Fills a graph with weights like those of a freshly trained network: He-initialised kernels, norms around identity.
///
/// Each parameter depends only on the seed and its own name, not on the order of reading.
public struct RandomParameters: ParameterSource {
    private let seed: UInt64

    /// Chooses the numbers.
    public init(seed: UInt64) { self.seed = seed }

    /// Random values for a parameter, by its name's ending and its shape.
    ///
    /// Kernels are normal with variance 2 / fan-in, norm scales and variances uniform around 1, the rest small.
    public func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        var generator = SplitMix64(seed: seed ^ nameHash(parameter.name))
        let shape = parameter.shape
        let count = shape.elementCount
        let fanIn = max(1, shape.axes.dropFirst().reduce(1, *))
        let name = parameter.name
        let values: [Float]
        if name.hasSuffix("relative_position_bias_table") {
            values = (0..<count).map { _ in 0.02 * generator.normal() }
        } else if shape.rank > 1 {
            let deviation = (2 / Float(fanIn)).squareRoot()
            values = (0..<count).map { _ in deviation * generator.normal() }
        } else if name.hasSuffix("running_var") || name.hasSuffix("moving_variance") {
            values = (0..<count).map { _ in 0.5 + generator.uniform() }
        } else if name.hasSuffix("weight") || name.hasSuffix("gamma") {
            values = (0..<count).map { _ in 0.75 + 0.5 * generator.uniform() }
        } else {
            values = (0..<count).map { _ in 0.1 * generator.normal() }
        }
        return TensorView(floats: values, shape: shape)
    }
}

/// FNV-1a, 64 bits.
private func nameHash(_ name: String) -> UInt64 {
    name.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
}

/// The SplitMix64 generator (Steele, Lea and Flood 2014).
private struct SplitMix64 {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    private mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// Uniform in 0..<1, 24 bits.
    mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

    /// Nearly normal: the sum of 12 uniform numbers less 6 (exact arithmetic order, no library function).
    mutating func normal() -> Float {
        var sum: Float = -6
        for _ in 0..<6 {
            let bits = next()
            sum += Float(bits >> 40) * 0x1p-24 + Float(bits & 0xFF_FFFF) * 0x1p-24
        }
        return sum
    }
}
