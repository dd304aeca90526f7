// Other names for an operation's parameters.

extension Op {
    /// The same operation with other names for its parameters.
    func renamed(_ rename: (String) -> String) -> Op {
        func named(_ parameter: Parameter) -> Parameter { Parameter(rename(parameter.name), parameter.shape) }
        switch self {
        case .convolution(let convolution): return .convolution(convolution.renamed(named))
        case .transposedConvolution(let convolution, let padding):
            return .transposedConvolution(convolution.renamed(named), outputPadding: padding)
        case .batchNorm(var norm):
            (norm.weight, norm.bias) = (norm.weight.map(named), norm.bias.map(named))
            (norm.mean, norm.variance) = (named(norm.mean), named(norm.variance))
            return .batchNorm(norm)
        case .layerNorm(var norm):
            (norm.weight, norm.bias) = (norm.weight.map(named), norm.bias.map(named))
            return .layerNorm(norm)
        case .channelScale(let factors): return .channelScale(named(factors))
        case .tokens(var tokens):
            (tokens.prefix, tokens.positions) = (tokens.prefix.map(named), tokens.positions.map(named))
            return .tokens(tokens)
        case .windowAttention(var attention):
            (attention.qkv, attention.qkvBias) = (named(attention.qkv), attention.qkvBias.map(named))
            attention.projection = named(attention.projection)
            attention.projectionBias = attention.projectionBias.map(named)
            attention.biasTable = named(attention.biasTable)
            return .windowAttention(attention)
        case .input, .activation, .maxPool, .averagePool, .globalAveragePool, .add, .multiply, .concatenate, .subsample,
            .padChannels, .pad, .upsample, .scale, .affine, .selfAttention, .patchMap, .spaceToDepth, .depthToSpace,
            .dropPath:
            return self
        }
    }
}

extension Op.Convolution {
    fileprivate func renamed(_ named: (Parameter) -> Parameter) -> Op.Convolution {
        var copy = self
        copy.weight = named(weight)
        copy.bias = bias.map(named)
        return copy
    }
}
