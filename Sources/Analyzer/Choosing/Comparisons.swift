// Which checkpoints differ by more than the noise, when many are compared at once.

/// Estimates with their bootstrap replicates, compared in differences; lower is better.
///
/// Picking the best of many and then testing it alone finds differences where there are none. So a checkpoint is called
/// better than a reference r only if the upper end of a simultaneous interval lies below zero:
///
///     d(c) + q · s(c) < 0,   d(c) = θ(c) − θ(r),   s(c) = the standard deviation of d*(c) over the replicates,
///     q = the `confidence` quantile over replicates of max over c of (d*(c) − d(c)) / s(c)
///
/// (Westfall & Young 1993, the studentised maximum). With few checkpoints or strongly correlated ones q is little more than
/// for one comparison. A difference that no replicate changes has s = 0 and counts as certain.
struct Comparisons {
    let estimates: [Double]
    /// [replicate][checkpoint]
    let replicates: [[Double]]
    let confidence: Double

    /// The checkpoints that are better than the reference beyond the noise.
    func better(than reference: Int) -> Set<Int> { beyondNoise(reference, sign: 1) }

    /// The checkpoints that are worse than the reference beyond the noise.
    func worse(than reference: Int) -> Set<Int> { beyondNoise(reference, sign: -1) }

    /// The share of replicates in which `checkpoint` is better than the reference; a tie counts half.
    func shareBetter(_ checkpoint: Int, than reference: Int) -> Double {
        let wins = replicates.reduce(0.0) { wins, values in
            wins + (values[checkpoint] < values[reference] ? 1 : values[checkpoint] == values[reference] ? 0.5 : 0)
        }
        return wins / Double(max(1, replicates.count))
    }

    /// The standard error of θ(checkpoint) − θ(reference).
    func standardError(_ checkpoint: Int, from reference: Int) -> Double {
        let differences = replicates.map { $0[checkpoint] - $0[reference] }
        let mean = differences.reduce(0, +) / Double(max(1, differences.count))
        let squares = differences.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
        return (squares / Double(max(1, differences.count - 1))).squareRoot()
    }

    /// Sign +1: d + q·s < 0; sign −1: d − q·s > 0.
    private func beyondNoise(_ reference: Int, sign: Double) -> Set<Int> {
        let others = estimates.indices.filter { $0 != reference }
        let differences = others.map { sign * (estimates[$0] - estimates[reference]) }
        let errors = others.map { standardError($0, from: reference) }
        let largest = replicates.map { values in
            others.indices.reduce(-Double.infinity) { largest, index in
                guard errors[index] > 0 else { return max(largest, 0) }
                let difference = sign * (values[others[index]] - values[reference])
                return max(largest, (difference - differences[index]) / errors[index])
            }
        }
        let critical = max(0, quantile(largest, confidence))
        return Set(others.indices.filter { differences[$0] + critical * errors[$0] < 0 }.map { others[$0] })
    }
}
