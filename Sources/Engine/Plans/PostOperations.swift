// Sums and activations that a primitive applies to its own result.

import COneDNN

enum PostOperations {
    static func describe(sums: Bool, _ activation: Op.Activation?) -> CDNN_post {
        var post = CDNN_post()
        post.sums = sums ? 1 : 0
        if let activation {
            let (kind, alpha, beta) = activation.oneDNN
            post.activation = Int32(kind.rawValue)
            post.alpha = alpha
            post.beta = beta
        }
        return post
    }
}

extension Op.Activation {
    /// oneDNN's name for the function and its two parameters.
    var oneDNN: (kind: CDNN_ActivationKind, alpha: Float, beta: Float) {
        switch self {
        case .relu(cap: nil): (CDNN_RELU, 0, 0)
        case .relu(cap: let cap?): (CDNN_CLIP, 0, cap)
        case .leakyRelu(let slope): (CDNN_RELU, slope, 0)
        case .gelu: (CDNN_GELU_ERF, 0, 0)
        case .geluTanh: (CDNN_GELU_TANH, 0, 0)
        case .sigmoid: (CDNN_SIGMOID, 0, 0)
        case .silu: (CDNN_SWISH, 1, 0)
        case .tanh: (CDNN_TANH, 0, 0)
        case .elu(let alpha): (CDNN_ELU, alpha, 0)
        // oneDNN 2 has these two constants built in, 3 asks for them.
        case .hardSwish: (CDNN_HARD_SWISH, 1 / 6, 0.5)
        case .hardSigmoid: (CDNN_CLIP, 0, 1)
        case .softplus: (CDNN_SOFTPLUS, 1, 0)
        case .inverseSquareRoot: (CDNN_POWER, 1, -0.5)
        }
    }
}
