// Every operation that is not a convolution or attention, as plan steps.

import CKernels
import COneDNN
import Formats

extension PlanBuilder {
    /// Appends the steps of one fused node.
    func add(_ node: FusedNode) throws(EngineError) {
        switch node.op {
        case .input: try addInput(node)
        case .convolution(let convolution): try addConvolution(node, convolution, isTransposed: false)
        case .transposedConvolution(let convolution, _): try addConvolution(node, convolution, isTransposed: true)
        case .batchNorm(let norm):
            let (scale, offset) = try norm.affine(parameters)
            try addAffine(node, scale: scale.map { Float($0) }, shift: offset.map { Float($0) })
        case .affine(let scale, let shift): try addAffine(node, scale: scale, shift: shift)
        case .scale(let factor):
            let channels = try layout(of: node.output).channels
            try addAffine(
                node, scale: [Float](repeating: factor, count: channels), shift: [Float](repeating: 0, count: channels))
        case .channelScale(let factors):
            let scale = try parameters.floats(of: factors)
            try addAffine(node, scale: scale, shift: [Float](repeating: 0, count: scale.count))
        case .layerNorm(let norm): try addLayerNorm(node, norm)
        case .activation(let activation): try addActivation(node, activation)
        case .maxPool(let window): try addPooling(node, window, kind: CDNN_POOL_MAX)
        case .averagePool(let window, countsPadding: true) where window.roundsUp: try addPaddedAverage(node, window)
        case .averagePool(let window, let countsPadding):
            try addPooling(node, window, kind: countsPadding ? CDNN_POOL_AVERAGE_WITH_PADDING : CDNN_POOL_AVERAGE)
        case .globalAveragePool:
            let source = try layout(of: node.inputs[0])
            let all = Size2(source.height, source.width)
            try addPooling(node, Op.Window(size: all, stride: all), kind: CDNN_POOL_AVERAGE)
        case .add: try addBinary(node, kind: CDNN_ADD)
        case .multiply: try addBinary(node, kind: CDNN_MULTIPLY)
        case .concatenate: try addConcatenation(node)
        case .subsample(let stride): try addSubsample(node, stride: stride)
        case .padChannels: try addSubsample(node, stride: 1)
        case .pad(let padding, let value): try addPad(node, padding, value: value)
        case .upsample(_, let interpolation): try addUpsample(node, interpolation)
        case .spaceToDepth(let block, let order): try addSpaceToDepth(node, block: block, order: order)
        case .depthToSpace(let block, let order): try addDepthToSpace(node, block: block, order: order)
        case .dropPath(let path):
            let channels = try layout(of: node.output).channels
            try addAffine(
                node, scale: [Float](repeating: path.evaluationFactor, count: channels),
                shift: [Float](repeating: 0, count: channels))
        case .tokens(let tokens): try addTokens(node, tokens)
        case .selfAttention(let heads): try addSelfAttention(node, heads: heads)
        case .patchMap(let prefix): try addPatchMap(node, prefix: prefix)
        case .windowAttention(let attention): try addWindowAttention(node, attention)
        }
    }

    /// Brings the images into the plan's layout, unless the first convolution reads them as they come.
    private func addInput(_ node: FusedNode) throws(EngineError) {
        let wanted = try layout(of: node.output)
        guard wanted.order != .plain else { return }
        var given = wanted
        given.order = .plain
        let plain = try given.described()
        let target = try wanted.described(countsPadding: false)
        let primitive = try Primitive("dnnl_reorder (input)") {
            CDNN_reorder_create(stream.handle, plain.handle, target.handle, $0)
        }
        append(
            primitive, layer: node.name,
            [(.source, .buffer(inputBuffer)), (.destination, try memory(of: node.output))])
    }

    /// Copies a value's memory into another value's of the same layout.
    func addCopy(from source: Graph.NodeID, to target: Graph.NodeID) throws(EngineError) {
        let from = try memory(of: source), to = try memory(of: target)
        let byteCount = try layout(of: target).byteCount
        append(kernel: { resolver in
            let (from, to) = (resolver.address(from), resolver.address(to))
            return { to.copyMemory(from: from, byteCount: byteCount) }
        })
    }

    /// Runs one of our loops over `count` independent pieces.
    func addLoop<Work>(
        _ count: Int, _ run: @escaping @Sendable (UnsafePointer<Work>, Int64) -> Void,
        _ make: @escaping (MemoryResolver) -> Work
    ) {
        let threads = threads
        append(kernel: { resolver in
            let work = make(resolver)
            return {
                parallelFor(count, threads: threads) { index in
                    withUnsafePointer(to: work) { run($0, Int64(index)) }
                }
            }
        })
    }

    private func addAffine(_ node: FusedNode, scale: [Float], shift: [Float]) throws(EngineError) {
        let stored = try layout(of: node.output).storedChannels
        func filled(_ values: [Float]) -> MemoryReference {
            constant(values + [Float](repeating: 0, count: stored - values.count))
        }
        try addAffine(
            from: try memory(of: node.inputs[0]), to: node.output, scale: (filled(scale), false),
            shift: (filled(shift), false))
    }

    /// target = source · scale + shift, each per channel, or per image and channel.
    private func addAffine(
        from source: MemoryReference, to output: Graph.NodeID, scale: (MemoryReference, perImage: Bool),
        shift: (MemoryReference, perImage: Bool)
    ) throws(EngineError) {
        let layout = try layout(of: output)
        let target = try memory(of: output)
        addLoop(layout.batch * layout.blocks, { CK_affine($0, $1) }) { memory in
            CK_Affine(
                source: memory.floats(source), scale: memory.floats(scale.0), shift: memory.floats(shift.0),
                destination: memory.floats(target), blocks: Int64(layout.blocks), lanes: Int64(layout.lanes),
                positions: Int64(layout.positions), scale_per_image: scale.perImage ? 1 : 0,
                shift_per_image: shift.perImage ? 1 : 0)
        }
    }

    private func addLayerNorm(_ node: FusedNode, _ norm: Op.LayerNorm) throws(EngineError) {
        let layout = try layout(of: node.output)
        let ones = [Float](repeating: 1, count: layout.channels), zeros = [Float](repeating: 0, count: layout.channels)
        let weight = try norm.weight.map { (parameter) throws(EngineError) in try parameters.floats(of: parameter) }
        let bias = try norm.bias.map { (parameter) throws(EngineError) in try parameters.floats(of: parameter) }
        let (scale, shift) = (constant(weight ?? ones), constant(bias ?? zeros))
        let (from, to) = (try memory(of: node.inputs[0]), try memory(of: node.output))
        let total = layout.batch * layout.positions
        let rows = 64
        addLoop((total + rows - 1) / rows, { CK_layer_norm($0, $1) }) { memory in
            CK_LayerNorm(
                source: memory.floats(from), scale: memory.floats(scale), shift: memory.floats(shift),
                destination: memory.floats(to), channels: Int64(layout.channels), rows: Int64(rows),
                total: Int64(total), epsilon: norm.epsilon)
        }
    }

    private func addActivation(_ node: FusedNode, _ activation: Op.Activation) throws(EngineError) {
        var source = try memory(of: node.inputs[0])
        if case .hardSigmoid(let slope, let offset) = activation {
            let channels = try layout(of: node.output).channels
            try addAffine(
                node, scale: [Float](repeating: slope, count: channels),
                shift: [Float](repeating: offset, count: channels))
            source = try memory(of: node.output)
        }
        if case .inverseSquareRoot(let epsilon) = activation {
            // The lanes beyond the last channel hold zeros, of which there is no inverse: they become ones.
            let layout = try layout(of: node.output)
            let shift = (0..<layout.storedChannels).map { $0 < layout.channels ? epsilon : 1 }
            let scale = [Float](repeating: 1, count: layout.storedChannels)
            try addAffine(
                from: source, to: node.output, scale: (constant(scale), false), shift: (constant(shift), false))
            source = try memory(of: node.output)
        }
        try addActivation(activation, from: source, to: node.output, layer: node.name)
    }

    private func addActivation(
        _ activation: Op.Activation, from source: MemoryReference, to output: Graph.NodeID, layer: String
    ) throws(EngineError) {
        let layout = try layout(of: output).described()
        let (kind, alpha, beta) = activation.oneDNN
        let primitive = try Primitive("dnnl_eltwise") {
            CDNN_activation_create(stream.handle, layout.handle, Int32(kind.rawValue), alpha, beta, $0)
        }
        append(primitive, layer: layer, [(.source, source), (.destination, try memory(of: output))])
    }

    private func addBinary(_ node: FusedNode, kind: CDNN_BinaryKind) throws(EngineError) {
        // The full-size operand first; N×C×1×1 operands are broadcast over it.
        let full = node.inputs.first { shapes[$0] == shapes[node.output] }
        guard let full, let position = node.inputs.firstIndex(of: full), node.inputs.count > 1 else {
            throw .shape(operation: "layer '\(node.name)'", expected: "two maps or more", found: "\(node.inputs.count)")
        }
        var others = node.inputs
        others.remove(at: position)
        var source = try memory(of: full)
        for (index, other) in others.enumerated() {
            let activation = index == others.count - 1 ? node.activation : nil
            if shapes[other] == shapes[full] {
                try addElementwise(node, kind, source, other, activation)
            } else {
                try addBroadcast(node, kind, source, other)
                if let activation {
                    try addActivation(activation, from: try memory(of: node.output), to: node.output, layer: node.name)
                }
            }
            source = try memory(of: node.output)
        }
    }

    private func addElementwise(
        _ node: FusedNode, _ kind: CDNN_BinaryKind, _ source: MemoryReference, _ other: Graph.NodeID,
        _ activation: Op.Activation?
    ) throws(EngineError) {
        let layout = try layout(of: node.output).described()
        let post = PostOperations.describe(sums: false, activation)
        let primitive = try Primitive("dnnl_binary (\(node.name))") {
            CDNN_binary_create(
                stream.handle, Int32(kind.rawValue), layout.handle, layout.handle, layout.handle, post, $0)
        }
        append(
            primitive, layer: node.name,
            [(.source, source), (.source2, try memory(of: other)), (.destination, try memory(of: node.output))])
    }

    private func addBroadcast(
        _ node: FusedNode, _ kind: CDNN_BinaryKind, _ source: MemoryReference, _ other: Graph.NodeID
    ) throws(EngineError) {
        let channels = try layout(of: node.output).storedChannels
        let constant = constant([Float](repeating: kind == CDNN_ADD ? 1 : 0, count: channels))
        let gate = (try memory(of: other), perImage: true)
        try addAffine(
            from: source, to: node.output, scale: kind == CDNN_ADD ? (constant, false) : gate,
            shift: kind == CDNN_ADD ? gate : (constant, false))
    }
}
