// A training plan before its memory is allocated: kernels chosen, buffers laid out, sizes known.

import COneDNN
import Formats

/// A plan that could be made, and what it would take.
struct TrainingDraft {
    let builder: TrainingBuilder
    let logits: AlignedBuffer, logitsGradient: AlignedBuffer
    let input: Shape, output: Shape
    let memory: TrainingMemory

    /// The draft with the least extra work that keeps to the options' memory limit.
    ///
    /// - Throws: ``EngineError`` as ``TrainingPlan``'s initializer.
    static func fitting(
        _ graph: Graph, output: Graph.NodeID, parameters: TrainingParameters, input: Shape, options: TrainingOptions
    ) throws(EngineError) -> TrainingDraft {
        func draft(_ dropped: Set<Graph.NodeID>) throws(EngineError) -> TrainingDraft {
            try TrainingDraft(
                graph, output: output, parameters: parameters, input: input, options: options, dropping: dropped)
        }
        func fits(_ draft: TrainingDraft, _ limit: Int) -> Bool {
            draft.memory.total(optimizerBuffers: options.optimizerBuffers) <= limit
        }
        let plain = try draft([])
        guard let limit = options.memoryLimit, !fits(plain, limit) else { return plain }
        let choice = Recomputation(plain.builder, output: output)
        var best = try draft(choice.dropped(choice.candidates.count))
        guard fits(best, limit) else {
            throw .memory(
                needed: best.memory.total(optimizerBuffers: options.optimizerBuffers), limit: limit)
        }
        // The fewest that do: what is dropped first costs least for what it saves.
        var (tooFew, enough) = (0, choice.candidates.count)
        while enough - tooFew > 1 {
            let count = (tooFew + enough) / 2
            let middle = try draft(choice.dropped(count))
            if fits(middle, limit) { (enough, best) = (count, middle) } else { tooFew = count }
        }
        return best
    }

    private init(
        _ graph: Graph, output: Graph.NodeID, parameters: TrainingParameters, input: Shape, options: TrainingOptions,
        dropping dropped: Set<Graph.NodeID>
    ) throws(EngineError) {
        let shapes = try graph.outputShapes(input: input)
        CDNN_set_threads(Int32(options.threads))
        builder = try TrainingBuilder(
            graph, shapes: shapes, output: output, parameters: parameters, options: options, dropping: dropped)
        try builder.appendForward(output: output)
        (logits, logitsGradient) = try builder.addBoundary(output: output)
        try builder.appendReverse()
        self.input = input
        self.output = shapes[output]
        memory = builder.measured()
    }
}

extension TrainingBuilder {
    /// Copies the logits out after the forward pass, and their derivative in before the backward pass.
    fileprivate func addBoundary(
        output: Graph.NodeID
    ) throws(EngineError) -> (logits: AlignedBuffer, gradient: AlignedBuffer) {
        let layout = try plan.layout(of: output)
        var plain = layout
        plain.order = .plain
        let (inner, outer) = (try layout.described(countsPadding: false), try plain.described())
        let logits = AlignedBuffer(lazyByteCount: outer.byteCount)
        let gradient = AlignedBuffer(lazyByteCount: outer.byteCount)
        try rearrange(try memory(of: output), inner, to: plan.constant(logits), outer, layer: "logits")
        forwardCount = plan.pending.count
        if needsGradient(output) {
            let target = try newGradient(of: output)
            try rearrange(plan.constant(gradient), outer, to: target, inner, layer: "logits' gradient")
            contribute(target, to: output, isOwned: true)
        }
        return (logits, gradient)
    }

    /// The bytes of everything that the steps appended so far refer to.
    fileprivate func measured() -> TrainingMemory {
        let names = Set(nodes.flatMap { $0.op.parameters.map(\.name) })
        let used = parameters.entries.values.filter { names.contains($0.parameter.name) }
        var seen = Set(used.flatMap { [$0.values, $0.gradient].compactMap { $0 } }.map { ObjectIdentifier($0) })
        let constants = plan.constants.reduce(0) { total, buffer in
            seen.insert(ObjectIdentifier(buffer)).inserted ? total + buffer.byteCount : total
        }
        let work = nodes.reduce(0.0) { $0 + self.work(of: $1) }
        let repeated = nodes.reduce(0.0) { remade.contains($1.output) ? $0 + self.work(of: $1) : $0 }
        return TrainingMemory(
            parameters: used.reduce(0) { $0 + $1.values.byteCount },
            gradients: used.reduce(0) { $0 + ($1.gradient?.byteCount ?? 0) },
            activations: plan.plannedByteCount, others: constants + plan.scratchByteCount,
            recomputedLayers: remade.count, recomputedWork: work > 0 ? repeated / work : 0)
    }
}
