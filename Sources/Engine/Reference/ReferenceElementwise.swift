// Normalisations, activations, sums, products and concatenation, one value at a time.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif
import Formats

extension ReferenceMap {
    /// Each channel's mean and (biased) variance over all images and positions.
    func channelStatistics() -> (mean: [Double], variance: [Double]) {
        var mean = [Double](repeating: 0, count: channels), variance = mean
        let total = Double(count * area)
        for index in exact.indices { mean[index / area % channels] += exact[index] / total }
        for index in exact.indices {
            let deviation = exact[index] - mean[index / area % channels]
            variance[index / area % channels] += deviation * deviation / total
        }
        return (mean, variance)
    }

    func batchNormalized(
        mean: [Double], variance: [Double], weight: [Float]?, bias: [Float]?, epsilon: Float
    ) -> ReferenceMap {
        var result = exact
        for plane in 0..<count * channels {
            let c = plane % channels
            let scale = Double(weight?[c] ?? 1) / (variance[c] + Double(epsilon)).squareRoot()
            let shift = Double(bias?[c] ?? 0) - mean[c] * scale
            for index in plane * area..<(plane + 1) * area {
                result[index] = exact[index] * scale + shift
            }
        }
        return ReferenceMap(shape: shape, exact: result)
    }

    func layerNormalized(weight: [Float]?, bias: [Float]?, epsilon: Float) -> ReferenceMap {
        var result = exact
        for n in 0..<count {
            for position in 0..<area {
                let first = n * channels * area + position
                var sum = 0.0
                for c in 0..<channels { sum += exact[first + c * area] }
                let mean = sum / Double(channels)
                var squares = 0.0
                for c in 0..<channels {
                    let deviation = exact[first + c * area] - mean
                    squares += deviation * deviation
                }
                let scale = 1 / (squares / Double(channels) + Double(epsilon)).squareRoot()
                for c in 0..<channels {
                    let normalized = (exact[first + c * area] - mean) * scale
                    result[first + c * area] = normalized * Double(weight?[c] ?? 1) + Double(bias?[c] ?? 0)
                }
            }
        }
        return ReferenceMap(shape: shape, exact: result)
    }

    /// Applies `combine` from the first input to the last; N×C×1×1 inputs are broadcast.
    static func combined(_ inputs: [ReferenceMap], shape: Shape, _ combine: (Double, Double) -> Double) -> ReferenceMap
    {
        let area = shape[2] * shape[3]
        var result = [Double](repeating: 0, count: shape.elementCount)
        for (number, input) in inputs.enumerated() {
            let isBroadcast = input.area == 1 && area != 1
            for index in result.indices {
                let value = input.exact[isBroadcast ? index / area : index]
                result[index] = number == 0 ? value : combine(result[index], value)
            }
        }
        return ReferenceMap(shape: shape, exact: result)
    }

    static func concatenated(_ inputs: [ReferenceMap], shape: Shape) -> ReferenceMap {
        var result: [Double] = []
        result.reserveCapacity(shape.elementCount)
        for n in 0..<shape[0] {
            for input in inputs {
                let size = input.channels * input.area
                result += input.exact[n * size..<(n + 1) * size]
            }
        }
        return ReferenceMap(shape: shape, exact: result)
    }
}

extension Op.Activation {
    /// The function's value.
    func reference(_ x: Double) -> Double {
        switch self {
        case .relu(let cap): return min(max(x, 0), cap.map { Double($0) } ?? .infinity)
        case .leakyRelu(let slope): return x > 0 ? x : Double(slope) * x
        case .gelu: return 0.5 * x * (1 + erf(x / 2.0.squareRoot()))
        case .geluTanh:
            return 0.5 * x * (1 + Glibc.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .sigmoid: return 1 / (1 + exp(-x))
        case .silu: return x / (1 + exp(-x))
        case .tanh: return Glibc.tanh(x)
        case .elu(let alpha): return x > 0 ? x : Double(alpha) * expm1(x)
        case .hardSwish: return x * min(max(x / 6 + 0.5, 0), 1)
        case .hardSigmoid(let slope, let offset): return min(max(Double(slope) * x + Double(offset), 0), 1)
        case .softplus: return x > 0 ? x + log1p(exp(-x)) : log1p(exp(x))
        case .inverseSquareRoot(let epsilon): return 1 / (x + Double(epsilon)).squareRoot()
        }
    }
}
