// Batch normalisation while training: by the batch's own statistics, which also move the running ones; or, frozen, by
// the running statistics.

import COneDNN
import Formats

extension TrainingBuilder {
    func batchNorm(_ node: FusedNode, _ norm: Op.BatchNorm) throws(EngineError) -> Reverse? {
        let map = try plan.layout(of: node.output)
        let stored = map.storedChannels
        let isFrozen = options.isFrozen(norm)
        let layout = try map.described()
        defer { withExtendedLifetime(layout) {} }
        var spec = CDNN_batch_norm(
            layout: layout.handle, epsilon: norm.epsilon, has_given_statistics: isFrozen ? 1 : 0,
            has_relu: node.activation == nil ? 0 : 1)
        let forward = try Primitive("dnnl_batch_normalization (\(node.name))") {
            CDNN_batch_norm_training_create(plan.stream.handle, &spec, $0)
        }
        let scale = try norm.weight.map { (p) throws(EngineError) in try parameters.vector(p, stored: stored) }
        let shift = try norm.bias.map { (p) throws(EngineError) in try parameters.vector(p, stored: stored) }
        let running = (
            try parameters.vector(norm.mean, stored: stored, isStatistic: true),
            try parameters.vector(norm.variance, stored: stored, isStatistic: true)
        )
        let vectorBytes = stored * MemoryLayout<Float>.stride
        let mean = isFrozen ? plan.constant(running.0.values) : plan.trackedBuffer(byteCount: vectorBytes)
        let variance = isFrozen ? plan.constant(running.1.values) : plan.trackedBuffer(byteCount: vectorBytes)
        let gamma = scale.map { plan.constant($0.values) } ?? plan.constant([Float](repeating: 1, count: stored))
        let beta = shift.map { plan.constant($0.values) } ?? plan.constant([Float](repeating: 0, count: stored))
        let workspace = try forward.layout(.workspace).map { plan.trackedBuffer(byteCount: $0.byteCount) }
        var arguments: [(Primitive.Role, MemoryReference)] = [
            (.source, try memory(of: node.inputs[0])), (.destination, try memory(of: node.output)),
            (.mean, plan.use(mean)), (.variance, plan.use(variance)), (.scale, gamma), (.shift, beta),
        ]
        if let workspace { arguments.append((.workspace, plan.use(workspace))) }
        plan.append(forward, layer: node.name, arguments)
        if !isFrozen, !isRemaking { moveRunningStatistics(running, mean, variance, map, momentum: options.momentum) }
        guard needsGradient(node.output) else { return nil }
        return .whole { (gradient) throws(EngineError) in
            var spec = spec
            let backward = try Primitive("dnnl_batch_normalization_backward (\(node.name))") {
                CDNN_batch_norm_backward_create(self.plan.stream.handle, &spec, forward.handle, $0)
            }
            withExtendedLifetime(layout) {}
            let place = { (entry: TrainingParameters.Entry?) in
                entry?.gradient.map { self.plan.constant($0) } ?? self.plan.temporary(byteCount: vectorBytes)
            }
            let target = try self.newGradient(of: node.inputs[0])
            var arguments: [(Primitive.Role, MemoryReference)] = [
                (.source, try self.memory(of: node.inputs[0])), (.mean, self.plan.use(mean)),
                (.variance, self.plan.use(variance)), (.scale, gamma), (.shift, beta),
                (.destinationGradient, self.plan.use(gradient)), (.sourceGradient, target),
                (.scaleGradient, place(scale)), (.shiftGradient, place(shift)),
            ]
            if let workspace { arguments.append((.workspace, self.plan.use(workspace))) }
            self.plan.append(backward, layer: node.name + " (gradient)", arguments)
            if self.wantsInput(node) { self.contribute(target, to: node.inputs[0], isOwned: true) }
        }
    }

    /// running ← (1 − momentum)·running + momentum·batch, with the batch's unbiased variance (PyTorch's rule).
    private func moveRunningStatistics(
        _ running: (TrainingParameters.Entry, TrainingParameters.Entry), _ mean: MemoryReference,
        _ variance: MemoryReference, _ map: MapLayout, momentum: Float
    ) {
        let count = Float(map.batch * map.positions)
        let correction = count > 1 ? count / (count - 1) : 1
        let channels = map.channels
        plan.append(kernel: { resolver in
            let batch = (resolver.floats(mean), resolver.floats(variance))
            let kept = (running.0.values.floats(), running.1.values.floats())
            return {
                for channel in 0..<channels {
                    kept.0[channel] += momentum * (batch.0[channel] - kept.0[channel])
                    kept.1[channel] += momentum * (batch.1[channel] * correction - kept.1[channel])
                }
            }
        })
    }
}
