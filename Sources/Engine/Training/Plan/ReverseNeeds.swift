// What the reverse pass reads of the forward pass, operation by operation: all else can be forgotten at once.

extension TrainingBuilder {
    /// What a node's reverse steps read.
    struct Needs {
        /// The values that the node read.
        var inputs = false
        /// The value that it computed.
        var output = false
        /// What it keeps besides, such as a pooling's choices: made again with the value.
        var state = false
    }

    /// Whether the derivatives by a node's own parameters are wanted, which for a convolution takes what it read.
    func needsInputs(_ node: FusedNode) -> Bool {
        node.op.parameters.contains { parameters.isTrained($0) && !node.op.isStatistic($0) }
    }

    func reverseNeeds(_ node: FusedNode) -> Needs {
        switch node.op {
        case .convolution, .transposedConvolution, .channelScale: return Needs(inputs: needsInputs(node))
        // The mean and the variance are small enough to be kept; which units a fused ReLU let through is not.
        case .batchNorm: return Needs(inputs: true, state: node.activation != nil)
        case .activation(let activation):
            switch activation {
            case .relu, .hardSigmoid, .inverseSquareRoot: return Needs(output: true)
            default: return Needs(inputs: true)
            }
        case .layerNorm, .multiply, .selfAttention: return Needs(inputs: true)
        case .windowAttention: return Needs(inputs: true, state: true)
        case .maxPool: return Needs(state: true)
        case .input, .averagePool, .globalAveragePool, .add, .concatenate, .subsample, .padChannels, .pad, .upsample,
            .scale, .affine, .tokens, .patchMap, .spaceToDepth, .depthToSpace, .dropPath:
            return Needs()
        }
    }
}
