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
        var generator = NamedRandom(seed: seed, name: parameter.name)
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
