// Pooling, forward and backward.

import CKernels
import COneDNN
import Formats

extension TrainingBuilder {
    func pooling(_ node: FusedNode, _ window: Op.Window, kind: CDNN_PoolingKind) throws(EngineError) -> Reverse? {
        let source = try plan.layout(of: node.inputs[0])
        let padding = window.padding.resolved(
            input: Size2(source.height, source.width), window: window.size, stride: window.stride, dilation: Size2(1))
        let reverse = try pool(node, window, kind, from: (try memory(of: node.inputs[0]), source), padding)
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            let target = try self.newGradient(of: node.inputs[0])
            try reverse(gradient, target)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// An average that counts the padding asked for, but not what only rounding up reaches; see
    /// ``PlanBuilder/addPaddedAverage(_:_:)``.
    func paddedAverage(_ node: FusedNode, _ window: Op.Window) throws(EngineError) -> Reverse? {
        let source = try plan.layout(of: node.inputs[0])
        let padding = window.padding.resolved(
            input: Size2(source.height, source.width), window: window.size, stride: window.stride, dilation: Size2(1))
        var padded = source
        padded.height += padding.top + padding.bottom
        padded.width += padding.left + padding.right
        let memory = plan.temporary(byteCount: padded.byteCount)
        plan.addPad(from: (try self.memory(of: node.inputs[0]), source), to: (memory, padded), padding, value: 0)
        let reverse = try pool(node, window, CDNN_POOL_AVERAGE, from: (memory, padded), .none)
        guard needsGradient(node.output) else { return nil }
        return .whole { [padded] (gradient) throws(EngineError) in
            let whole = self.plan.temporary(byteCount: padded.byteCount)
            try reverse(gradient, whole)
            let target = try self.newGradient(of: node.inputs[0])
            self.crop(whole, padded, top: padding.top, left: padding.left, into: target, source)
            self.contribute(target, to: node.inputs[0], isOwned: true)
        }
    }

    /// Appends one pooling and says how to reverse it, from the derivative by its result to that by its source.
    private func pool(
        _ node: FusedNode, _ window: Op.Window, _ kind: CDNN_PoolingKind,
        from source: (memory: MemoryReference, layout: MapLayout), _ padding: Padding
    ) throws(EngineError) -> (MemoryReference, MemoryReference) throws(EngineError) -> Void {
        let layouts = (try source.layout.described(), try plan.layout(of: node.output).described())
        defer { withExtendedLifetime(layouts) {} }
        var spec = try plan.poolingSpecification(node, window, kind, source: source.layout, padding)
        spec.source = layouts.0.handle
        spec.destination = layouts.1.handle
        let forward = try Primitive("dnnl_pooling (\(node.name))") {
            CDNN_pooling_training_create(plan.stream.handle, &spec, $0)
        }
        let workspace = try forward.layout(.workspace).map { plan.trackedBuffer(byteCount: $0.byteCount) }
        var arguments: [(Primitive.Role, MemoryReference)] = [
            (.source, source.memory), (.destination, try memory(of: node.output)),
        ]
        if let workspace { arguments.append((.workspace, plan.use(workspace))) }
        plan.append(forward, layer: node.name, arguments)
        return { (gradient, target) throws(EngineError) in
            var spec = spec
            let backward = try Primitive("dnnl_pooling_backward (\(node.name))") {
                CDNN_pooling_backward_create(self.plan.stream.handle, &spec, forward.handle, $0)
            }
            withExtendedLifetime(layouts) {}
            var arguments: [(Primitive.Role, MemoryReference)] = [
                (.destinationGradient, self.plan.use(gradient)), (.sourceGradient, self.plan.use(target)),
            ]
            if let workspace { arguments.append((.workspace, self.plan.use(workspace))) }
            self.plan.append(backward, layer: node.name + " (gradient)", arguments)
        }
    }

    /// The derivative by a map, from that by the same map with rows and columns around it.
    func crop(
        _ gradient: MemoryReference, _ large: MapLayout, top: Int, left: Int, into target: MemoryReference,
        _ small: MapLayout
    ) {
        plan.use(gradient)
        plan.addLoop(small.batch * small.blocks, { CK_crop($0, $1) }) { memory in
            CK_Pad(
                source: memory.floats(gradient), destination: memory.floats(target), blocks: Int64(small.blocks),
                lanes: Int64(small.lanes), channels: Int64(small.channels), source_height: Int64(small.height),
                source_width: Int64(small.width), height: Int64(large.height), width: Int64(large.width),
                top: Int64(top), left: Int64(left), value: 0)
        }
    }
}
