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
                let output = try self.memory(of: node.output)
                self.pointwise(
                    first.memory, output, plus: second?.memory, into: target, count: count, limit: cap ?? .infinity
                ) { CK_relu_backward($0, $1) }
                self.contribute(target, to: node.inputs[0], isOwned: true)
            }
        }
        switch activation {
        case .hardSigmoid(let slope, _):
            return fromOutput(node, count, limit: slope) { CK_hard_sigmoid_backward($0, $1) }
        case .inverseSquareRoot: return fromOutput(node, count) { CK_inverse_root_backward($0, $1) }
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
                    (.source, try self.memory(of: node.inputs[0])),
                    (.destinationGradient, self.plan.use(gradient)), (.sourceGradient, target),
                ])
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// An activation whose derivative its own value tells.
    private func fromOutput(
        _ node: FusedNode, _ count: Int, limit: Float = .infinity,
        _ run: @escaping @Sendable (UnsafePointer<CK_Pointwise>, Int64) -> Void
    ) -> Reverse {
        .whole { (gradient) throws(EngineError) in
            let target = try self.newGradient(of: node.inputs[0])
            let output = try self.memory(of: node.output)
            self.pointwise(gradient, output, into: target, count: count, limit: limit, run)
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
                    try self.contributeSums(gradient, try self.memory(of: other), to: input, map: node.output)
                } else if self.shapes[other] == self.shapes[input] {
                    let target = try self.newGradient(of: input)
                    self.pointwise(gradient, try self.memory(of: other), into: target, count: count) {
                        CK_product($0, $1)
                    }
                    self.contribute(target, to: input, isOwned: true)
                } else {
                    let gate = try self.memory(of: other)
                    let target = try self.newGradient(of: input)
                    try self.scale(gradient, by: gate, isPerImage: true, into: target, map: input)
                    self.contribute(target, to: input, isOwned: true)
                }
            }
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
        return .whole { (gradient) throws(EngineError) in
            let source = try self.plan.layout(of: node.inputs[0]), target = try self.plan.layout(of: node.output)
            let memory = try self.newGradient(of: node.inputs[0])
            self.plan.use(gradient)
            guard case .blocked = self.plan.order else {
                self.scatterRows(gradient, target, stride: stride, into: memory, source)
                return self.contribute(memory, to: node.inputs[0], isOwned: true)
            }
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

    /// The reverse of subsampling, channels-last: what was left out gets zeros, what was appended is dropped.
    private func scatterRows(
        _ gradient: MemoryReference, _ small: MapLayout, stride: Int, into target: MemoryReference, _ large: MapLayout
    ) {
        let threads = options.threads
        plan.append(kernel: { memory in
            let (from, to) = (memory.floats(gradient), memory.floats(target))
            return {
                parallelFor(large.batch * large.height, threads: threads) { index in
                    let (image, row) = (index / large.height, index % large.height)
                    let place = to + index * large.width * large.channels
                    place.update(repeating: 0, count: large.width * large.channels)
                    guard row % stride == 0, row / stride < small.height else { return }
                    for column in 0..<small.width {
                        let source =
                            from + ((image * small.height + row / stride) * small.width + column) * small.channels
                        (place + column * stride * large.channels).update(from: source, count: large.channels)
                    }
                }
            }
        })
    }

    func pad(_ node: FusedNode, _ padding: Padding) throws(EngineError) -> Reverse? {
        try plan.add(node)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let source = try self.plan.layout(of: node.inputs[0]), target = try self.plan.layout(of: node.output)
            let memory = try self.newGradient(of: node.inputs[0])
            self.crop(gradient, target, top: padding.top, left: padding.left, into: memory, source)
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
