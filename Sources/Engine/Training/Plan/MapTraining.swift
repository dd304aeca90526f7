// Operations without parameters, forward and backward: activations, pooling, sums, products, and moving values about.

import CKernels
import COneDNN
import Formats

extension TrainingBuilder {
    private func count(_ value: Graph.NodeID) throws(EngineError) -> Int {
        try plan.layout(of: value).byteCount / MemoryLayout<Float>.stride
    }

    func activation(_ node: FusedNode, _ activation: Op.Activation) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        let count = try count(node.output)
        if case .relu(let cap) = activation {
            return .parts { (first, second) throws(EngineError) in
                // In place of a part that nobody else reads: one pass over memory instead of two.
                let owned = [first, second].compactMap { $0 }.first(where: \.isOwned)
                let target: MemoryReference
                if let owned { target = owned.memory } else { target = try self.newGradient(of: node.inputs[0]) }
                let output = try self.plan.memory(of: node.output)
                self.pointwise(
                    first.memory, output, plus: second?.memory, into: target, count: count, limit: cap ?? .infinity
                ) { CK_relu_backward($0, $1) }
                self.contribute(target, to: node.inputs[0], isOwned: true)
            }
        }
        switch activation {
        case .hardSigmoid, .inverseSquareRoot:
            throw .unsupportedLayer(
                name: node.name, kind: "\(activation)", advice: "training it is not supported; freeze the encoder")
        default: break
        }
        return .whole { (gradient) throws(EngineError) in
            let layout = try self.plan.layout(of: node.output).described()
            let (kind, alpha, beta) = activation.oneDNN
            let backward = try Primitive("dnnl_eltwise_backward (\(node.name))") {
                CDNN_activation_backward_create(
                    self.plan.stream.handle, layout.handle, Int32(kind.rawValue), alpha, beta, $0)
            }
            let target = try self.newGradient(of: node.inputs[0])
            self.plan.append(
                backward, layer: node.name + " (gradient)",
                [
                    (.source, try self.plan.memory(of: node.inputs[0])),
                    (.destinationGradient, self.plan.use(gradient)), (.sourceGradient, target),
                ])
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    func pooling(_ node: FusedNode, _ window: Op.Window, kind: CDNN_PoolingKind) throws(EngineError) -> Reverse? {
        let source = try plan.layout(of: node.inputs[0])
        let padding = window.padding.resolved(
            input: Size2(source.height, source.width), window: window.size, stride: window.stride, dilation: Size2(1))
        let layouts = (try source.described(), try plan.layout(of: node.output).described())
        defer { withExtendedLifetime(layouts) {} }
        var spec = try plan.poolingSpecification(node, window, kind, source: source, padding)
        spec.source = layouts.0.handle
        spec.destination = layouts.1.handle
        let forward = try Primitive("dnnl_pooling (\(node.name))") {
            CDNN_pooling_training_create(plan.stream.handle, &spec, $0)
        }
        let workspace = try forward.layout(.workspace).map { plan.trackedBuffer(byteCount: $0.byteCount) }
        var arguments: [(Primitive.Role, MemoryReference)] = [
            (.source, try plan.memory(of: node.inputs[0])), (.destination, try plan.memory(of: node.output)),
        ]
        if let workspace { arguments.append((.workspace, plan.use(workspace))) }
        plan.append(forward, layer: node.name, arguments)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            var spec = spec
            let backward = try Primitive("dnnl_pooling_backward (\(node.name))") {
                CDNN_pooling_backward_create(self.plan.stream.handle, &spec, forward.handle, $0)
            }
            withExtendedLifetime(layouts) {}
            let target = try self.newGradient(of: node.inputs[0])
            var arguments: [(Primitive.Role, MemoryReference)] = [
                (.destinationGradient, self.plan.use(gradient)), (.sourceGradient, target),
            ]
            if let workspace { arguments.append((.workspace, self.plan.use(workspace))) }
            self.plan.append(backward, layer: node.name + " (gradient)", arguments)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    func sum(_ node: FusedNode) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            for input in node.inputs where self.needsGradient(input) {
                if self.shapes[input] == self.shapes[node.output] {
                    self.contribute(gradient, to: input, isOwned: false)
                } else {
                    try self.contributeSums(gradient, nil, to: input, map: node.output)
                }
            }
        }
    }

    func product(_ node: FusedNode) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        guard node.inputs.count == 2 else {
            throw .shape(operation: "layer '\(node.name)'", expected: "two factors", found: "\(node.inputs.count)")
        }
        let count = try count(node.output)
        return .whole { (gradient) throws(EngineError) in
            for (input, other) in zip(node.inputs, node.inputs.reversed()) where self.needsGradient(input) {
                if self.shapes[input] != self.shapes[node.output] {
                    try self.contributeSums(gradient, try self.plan.memory(of: other), to: input, map: node.output)
                } else if self.shapes[other] == self.shapes[input] {
                    let target = try self.newGradient(of: input)
                    self.pointwise(gradient, try self.plan.memory(of: other), into: target, count: count) {
                        CK_product($0, $1)
                    }
                    self.contribute(target, to: input, isOwned: true)
                } else {
                    let gate = try self.plan.memory(of: other)
                    let target = try self.newGradient(of: input)
                    try self.scale(gradient, by: gate, isPerImage: true, into: target, map: input)
                    self.contribute(target, to: input, isOwned: true)
                }
            }
        }
    }

    /// The derivative by a value that was broadcast over the positions: sums over them.
    private func contributeSums(
        _ gradient: MemoryReference, _ factor: MemoryReference?, to input: Graph.NodeID, map: Graph.NodeID
    ) throws(EngineError) {
        let target = try newGradient(of: input)
        addChannelSums(gradient, factor, into: target, try plan.layout(of: map))
        contribute(target, to: input, isOwned: true)
    }

    /// target = source · factor, with a factor a channel, or one for each image and channel.
    private func scale(
        _ source: MemoryReference, by factor: MemoryReference, isPerImage: Bool, into target: MemoryReference,
        map: Graph.NodeID
    ) throws(EngineError) {
        let layout = try plan.layout(of: map)
        let zeros = plan.constant([Float](repeating: 0, count: layout.storedChannels))
        for memory in [source, factor, target] { plan.use(memory) }
        plan.addLoop(layout.batch * layout.blocks, { CK_affine($0, $1) }) { memory in
            CK_Affine(
                source: memory.floats(source), scale: memory.floats(factor), shift: memory.floats(zeros),
                destination: memory.floats(target), blocks: Int64(layout.blocks), lanes: Int64(layout.lanes),
                positions: Int64(layout.positions), scale_per_image: isPerImage ? 1 : 0, shift_per_image: 0)
        }
    }

    func scaling(_ node: FusedNode, by factors: [Float]) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let stored = try self.plan.layout(of: node.output).storedChannels
            let filled = self.plan.constant(factors + [Float](repeating: 0, count: stored - factors.count))
            let target = try self.newGradient(of: node.inputs[0])
            try self.scale(gradient, by: filled, isPerImage: false, into: target, map: node.output)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// A factor an image, set before every step: 0 where the branch is dropped.
    func dropPath(_ node: FusedNode, _ path: Op.DropPath) throws(EngineError) -> Reverse? {
        let layout = try plan.layout(of: node.output)
        let factors = AlignedBuffer(byteCount: layout.batch * layout.storedChannels * MemoryLayout<Float>.stride)
        dropPaths.append(
            DropPathMemory(
                path: DropPathPlace(name: node.name, rate: path.rate), factor: path.trainingFactor,
                perImage: layout.storedChannels, batch: layout.batch, factors: factors))
        let scale = plan.constant(factors)
        try self.scale(
            try plan.memory(of: node.inputs[0]), by: scale, isPerImage: true, into: try plan.memory(of: node.output),
            map: node.output)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let target = try self.newGradient(of: node.inputs[0])
            try self.scale(gradient, by: scale, isPerImage: true, into: target, map: node.output)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// A learned factor a channel: its derivative is the sum of gradient · input over images and positions.
    func channelScale(_ node: FusedNode, _ factors: Parameter) throws(EngineError) -> Reverse? {
        let layout = try plan.layout(of: node.output)
        let entry = try parameters.vector(factors, stored: layout.storedChannels)
        let scale = plan.constant(entry.values)
        let (from, to) = (try plan.memory(of: node.inputs[0]), try plan.memory(of: node.output))
        try self.scale(from, by: scale, isPerImage: false, into: to, map: node.output)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            if let place = entry.gradient {
                let vector = layout.storedChannels
                let sums = self.plan.temporary(byteCount: layout.batch * vector * MemoryLayout<Float>.stride)
                self.addChannelSums(gradient, self.plan.use(from), into: sums, layout)
                self.plan.append(kernel: { memory in
                    let (sums, target) = (memory.floats(sums), place.floats())
                    return {
                        for channel in 0..<vector {
                            let total = (0..<layout.batch).reduce(0.0) { $0 + Double(sums[$1 * vector + channel]) }
                            target[channel] = Float(total)
                        }
                    }
                })
            }
            guard self.wantsInput(node) else { return }
            let target = try self.newGradient(of: node.inputs[0])
            try self.scale(gradient, by: scale, isPerImage: false, into: target, map: node.output)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// Per image and channel, the sums over the positions of a · b, or of a.
    private func addChannelSums(
        _ a: MemoryReference, _ b: MemoryReference?, into sums: MemoryReference, _ layout: MapLayout
    ) {
        for memory in [a, b, sums].compactMap({ $0 }) { plan.use(memory) }
        plan.addLoop(layout.batch * layout.blocks, { CK_channel_sums($0, $1) }) { memory in
            CK_ChannelSums(
                a: memory.floats(a), b: b.map { UnsafePointer(memory.floats($0)) }, sums: memory.floats(sums),
                lanes: Int64(layout.lanes), positions: Int64(layout.positions))
        }
    }

    func concatenation(_ node: FusedNode) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            var first = 0
            for input in node.inputs {
                defer { first += self.shapes[input][1] }
                guard self.needsGradient(input) else { continue }
                let source = try self.plan.layout(of: node.output), target = try self.plan.layout(of: input)
                let memory = try self.newGradient(of: input)
                self.plan.use(gradient)
                try self.takeChannels(gradient, source, first: first, into: memory, target)
                self.contribute(memory, to: input, isOwned: true)
            }
        }
    }

    private func takeChannels(
        _ from: MemoryReference, _ source: MapLayout, first: Int, into to: MemoryReference, _ target: MapLayout
    ) throws(EngineError) {
        guard case .blocked = plan.order else {
            let threads = options.threads
            plan.append(kernel: { memory in
                let (from, to) = (memory.floats(from), memory.floats(to))
                return {
                    parallelFor(target.batch * target.positions, threads: threads) { row in
                        (to + row * target.channels)
                            .update(from: from + row * source.channels + first, count: target.channels)
                    }
                }
            })
            return
        }
        plan.addLoop(target.batch, { CK_take_channels($0, $1) }) { memory in
            CK_CopyChannels(
                source: memory.floats(from), destination: memory.floats(to), channels: Int64(target.channels),
                first: Int64(first), source_blocks: Int64(source.blocks), destination_blocks: Int64(target.blocks),
                lanes: Int64(target.lanes), positions: Int64(target.positions))
        }
    }

    func subsample(_ node: FusedNode, stride: Int) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        guard case .blocked = plan.order else {
            throw .unsupportedLayer(
                name: node.name, kind: "subsampling in a token network",
                advice: "training it is not supported; freeze the encoder")
        }
        return .whole { (gradient) throws(EngineError) in
            let source = try self.plan.layout(of: node.inputs[0]), target = try self.plan.layout(of: node.output)
            let memory = try self.newGradient(of: node.inputs[0])
            self.plan.use(gradient)
            self.plan.addLoop(source.batch * source.blocks, { CK_subsample_backward($0, $1) }) { resolver in
                CK_Subsample(
                    source: resolver.floats(gradient), destination: resolver.floats(memory),
                    source_blocks: Int64(source.blocks), destination_blocks: Int64(target.blocks),
                    lanes: Int64(target.lanes), source_height: Int64(source.height),
                    source_width: Int64(source.width), height: Int64(target.height), width: Int64(target.width),
                    stride: Int64(stride))
            }
            self.contribute(memory, to: node.inputs[0], isOwned: true)
        }
    }

    func pad(_ node: FusedNode, _ padding: Padding) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let source = try self.plan.layout(of: node.inputs[0]), target = try self.plan.layout(of: node.output)
            let memory = try self.newGradient(of: node.inputs[0])
            self.plan.use(gradient)
            self.plan.addLoop(source.batch * source.blocks, { CK_crop($0, $1) }) { resolver in
                CK_Pad(
                    source: resolver.floats(gradient), destination: resolver.floats(memory),
                    blocks: Int64(source.blocks), lanes: Int64(source.lanes), channels: Int64(source.channels),
                    source_height: Int64(source.height), source_width: Int64(source.width),
                    height: Int64(target.height), width: Int64(target.width), top: Int64(padding.top),
                    left: Int64(padding.left), value: 0)
            }
            self.contribute(memory, to: node.inputs[0], isOwned: true)
        }
    }

    func upsample(
        _ node: FusedNode, _ factor: Size2, _ interpolation: Op.Interpolation
    ) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let source = try self.plan.layout(of: node.inputs[0]), target = try self.plan.layout(of: node.output)
            let memory = try self.newGradient(of: node.inputs[0])
            self.plan.use(gradient)
            if interpolation == .nearest {
                self.plan.addLoop(source.batch * source.blocks, { CK_enlarge_backward($0, $1) }) { resolver in
                    CK_Enlarge(
                        source: resolver.floats(gradient), destination: resolver.floats(memory),
                        lanes: Int64(source.lanes), height: Int64(source.height), width: Int64(source.width),
                        rows: Int64(factor.height), columns: Int64(factor.width))
                }
            } else {
                let layouts = (try source.described(), try target.described())
                let backward = try Primitive("dnnl_resampling_backward (\(node.name))") {
                    CDNN_resampling_backward_create(
                        self.plan.stream.handle, Int32(CDNN_BILINEAR.rawValue), layouts.0.handle, layouts.1.handle, $0)
                }
                withExtendedLifetime(layouts) {}
                self.plan.append(
                    backward, layer: node.name + " (gradient)",
                    [(.destinationGradient, gradient), (.sourceGradient, memory)])
            }
            self.contribute(memory, to: node.inputs[0], isOwned: true)
        }
    }
}
