// How derivatives travel through a training plan: they arrive at a value from each of its readers, and leave as a sum.

import CKernels
import Formats

extension TrainingBuilder {
    /// Memory for a derivative by a value.
    func newGradient(of value: Graph.NodeID) throws(EngineError) -> MemoryReference {
        plan.use(plan.trackedBuffer(byteCount: try plan.layout(of: value).byteCount))
    }

    /// Hands a derivative to a value.
    func contribute(_ memory: MemoryReference, to value: Graph.NodeID, isOwned: Bool) {
        contributions[value, default: []].append(Contribution(memory: memory, isOwned: isOwned))
    }

    /// Whether a derivative arrived at a value.
    func hasDerivative(_ value: Graph.NodeID) -> Bool { contributions[value]?.isEmpty == false }

    /// Appends a node's reverse steps; nothing when no derivative arrived at its output.
    func reverse(_ node: FusedNode, _ reverse: Reverse) throws(EngineError) {
        if case .parts(let run) = reverse, let parts = contributions[node.output], parts.count <= 2,
            let first = parts.first
        {
            contributions[node.output] = nil
            for part in parts { plan.use(part.memory) }
            return try run(first, parts.count == 2 ? parts[1] : nil)
        }
        guard let gradient = try gradient(of: node.output) else { return }
        switch reverse {
        case .whole(let run): try run(gradient)
        case .parts(let run): try run(Contribution(memory: gradient, isOwned: true), nil)
        }
    }

    /// The whole derivative by a value: the sum of what its readers contributed; nil when nobody did.
    private func gradient(of value: Graph.NodeID) throws(EngineError) -> MemoryReference? {
        guard let parts = contributions.removeValue(forKey: value), let first = parts.first else { return nil }
        guard parts.count > 1 else { return plan.use(first.memory) }
        let count = try plan.layout(of: value).byteCount / MemoryLayout<Float>.stride
        let target: MemoryReference
        var rest = parts
        if let owned = parts.firstIndex(where: \.isOwned) {
            target = plan.use(rest.remove(at: owned).memory)
        } else {
            target = try newGradient(of: value)
            try copy(rest.removeFirst().memory, to: target, byteCount: count * MemoryLayout<Float>.stride)
        }
        for part in rest { pointwise(part.memory, nil, into: target, count: count) { CK_accumulate($0, $1) } }
        return target
    }

    private func copy(_ from: MemoryReference, to: MemoryReference, byteCount: Int) throws(EngineError) {
        plan.use(from)
        plan.append(kernel: { resolver in
            let (from, to) = (resolver.address(from), resolver.address(to))
            return { to.copyMemory(from: from, byteCount: byteCount) }
        })
    }

    /// Runs one of the element-wise loops.
    func pointwise(
        _ a: MemoryReference, _ b: MemoryReference?, plus c: MemoryReference? = nil, into target: MemoryReference,
        count: Int, limit: Float = .infinity, _ run: @escaping @Sendable (UnsafePointer<CK_Pointwise>, Int64) -> Void
    ) {
        for memory in [a, b, c, target].compactMap({ $0 }) { plan.use(memory) }
        let segment = Int(CK_SEGMENT)
        plan.addLoop((count + segment - 1) / segment, run) { memory in
            CK_Pointwise(
                a: memory.floats(a), b: b.map { UnsafePointer(memory.floats($0)) },
                c: c.map { UnsafePointer(memory.floats($0)) },
                destination: memory.floats(target), count: Int64(count), limit: limit)
        }
    }
}
