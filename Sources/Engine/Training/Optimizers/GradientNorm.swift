// The size of all gradients together, to clip them and to notice NaN.

import CKernels

/// √Σ g² over the gradients of all learned parameters, summed in float64: NaN or infinite exactly if a gradient is.
public func gradientNorm(of parameters: TrainingParameters, threads: Int) -> Double {
    squaredNorms(ParameterLoop(parameters, threads: threads)).reduce(0, +).squareRoot()
}

/// The learned parameters of which a gradient is NaN or infinite, for messages.
public func parametersWithNonFiniteGradients(of parameters: TrainingParameters, threads: Int) -> [String] {
    let loop = ParameterLoop(parameters, threads: threads)
    return zip(loop.slots, squaredNorms(loop)).filter { !$1.isFinite }.map { $0.0.name }
}

/// What gradients are multiplied with so that their norm is at most `limit`: min(1, limit / (norm + 10⁻⁶)), as PyTorch's
/// `clip_grad_norm_`. Hand it to ``Optimizer/step(factor:gradientScale:)``.
public func clippingFactor(norm: Double, limit: Float) -> Float {
    Float(min(1, Double(limit) / (norm + 1e-6)))
}

private func squaredNorms(_ loop: ParameterLoop) -> [Double] {
    loop.sums(loop.slots.map { CK_Scaling(source: $0.gradient, destination: nil, count: Int64($0.count), scale: 0) }) {
        CK_sum_of_squares($0, $1)
    }
}
