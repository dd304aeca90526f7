// Builds a plan in two passes: first every value gets a layout and a lifetime, then every fused node becomes steps that
// refer to buffers; memory is allocated and bound at the end, when all sizes are known.

import COneDNN
import Formats

/// The state of one build.
final class PlanBuilder {
    let stream: Stream
    let graph: Graph
    let shapes: [Shape]
    let threads: Int
    let parameters: any ParameterSource
    let order: MapLayout.Order
    /// Which nodes run on a few images at a time.
    private(set) var slices = BatchSlices(wholeBatch: 1)
    /// The whole batch's layout of every value that some step makes.
    var layouts: [Graph.NodeID: MapLayout] = [:]
    private var lifetimes: [BufferLifetime] = []
    var bufferOf: [Graph.NodeID: Int] = [:]
    /// Whether a buffer lives from its first use to its last (training), instead of as the first pass says.
    var tracksUses = false
    /// Buffers of values that sliced nodes hand to later ones, and of the images: they hold the whole batch.
    private var sliceByteCounts: [Int: Int] = [:]
    private(set) var pending: [(node: Int, step: PendingStep, label: StepLabel)] = []
    private(set) var scratchByteCount = 0
    private var currentNode = 0
    private var currentLayer = ""
    /// The arena buffer that takes the images, NCHW.
    private(set) var inputBuffer = 0
    /// Everything that steps read besides the arena.
    private(set) var constants: [AlignedBuffer] = []
    /// Kernel names with the layer that uses them, for diagnosis.
    var kernelNames: [(layer: String, kernel: String)] {
        pending.compactMap { step in step.label.kernel.map { (step.label.layer, $0) } }
    }

    init(_ graph: Graph, shapes: [Shape], parameters: any ParameterSource, threads: Int, order: MapLayout.Order)
        throws(EngineError)
    {
        stream = try Stream()
        self.graph = graph
        self.shapes = shapes
        self.parameters = parameters
        self.threads = threads
        self.order = order
    }

    // MARK: First pass

    /// Gives every value a layout and a buffer.
    func planMemory(of nodes: [FusedNode]) {
        slices = BatchSlices(nodes, order: order, shapes: shapes)
        var lastUse: [Graph.NodeID: Int] = [:]
        for (index, node) in nodes.enumerated() {
            for input in node.inputs + [node.residual].compactMap({ $0 }) { lastUse[input] = index }
        }
        let input = MapLayout(.plain, shapes[0])
        inputBuffer = addBuffer(input.byteCount, first: -1, last: slices.nodeCount - 1)
        sliceByteCounts[inputBuffer] = input.byteCount / slices.count
        for (index, node) in nodes.enumerated() {
            let layout: MapLayout
            if case .input = node.op { lifetimes[inputBuffer].last = max(lifetimes[inputBuffer].last, index) }
            if case .input = node.op, takesInputAsItIs(nodes) {
                layout = input
                bufferOf[node.output] = inputBuffer
            } else {
                layout = MapLayout(order, shapes[node.output])
                bufferOf[node.output] =
                    reusableResidual(of: node, at: index, lastUse)
                    ?? addBuffer(for: layout, at: index, lastUse: lastUse[node.output] ?? index)
            }
            layouts[node.output] = layout
            if let buffer = bufferOf[node.output] {
                lifetimes[buffer].last = max(lifetimes[buffer].last, index, lastUse[node.output] ?? index)
            }
        }
    }

    /// A buffer for a node's output: of one slice if only sliced nodes use it. One that outlives them is filled slice by
    /// slice while the others' memory is used over and over, so it lives from the beginning.
    private func addBuffer(for layout: MapLayout, at index: Int, lastUse: Int) -> Int {
        guard index < slices.nodeCount else { return addBuffer(layout.byteCount, first: index, last: index) }
        let sliceByteCount = layout.byteCount / slices.count
        guard lastUse >= slices.nodeCount else { return addBuffer(sliceByteCount, first: index, last: index) }
        let buffer = addBuffer(layout.byteCount, first: 0, last: index)
        sliceByteCounts[buffer] = sliceByteCount
        return buffer
    }

    /// The residual's buffer, when the sum may be made in place: nobody reads it later and it is not also an input.
    private func reusableResidual(of node: FusedNode, at index: Int, _ lastUse: [Graph.NodeID: Int]) -> Int? {
        guard let residual = node.residual, lastUse[residual] == index, !node.inputs.contains(residual),
            let buffer = bufferOf[residual], buffer != inputBuffer
        else { return nil }
        // A slice's buffer cannot hold what the whole batch needs later.
        let outlivesSlices = index < slices.nodeCount && lastUse[node.output, default: index] >= slices.nodeCount
        return outlivesSlices ? nil : buffer
    }

    /// First convolutions have kernels for few NCHW channels; everything else wants the plan's layout.
    func takesInputAsItIs(_ nodes: [FusedNode]) -> Bool {
        guard case .blocked(let lanes) = order, shapes[0][1] < lanes else { return false }
        return nodes.allSatisfy { node in
            guard node.inputs.contains(0) else { return true }
            guard case .convolution(let convolution) = node.op else { return false }
            return convolution.groups == 1 && node.residual != 0 && !node.doublesInput
        }
    }

    @discardableResult
    func addBuffer(_ byteCount: Int, first: Int, last: Int) -> Int {
        lifetimes.append(BufferLifetime(byteCount: byteCount, first: first, last: last))
        return lifetimes.count - 1
    }

    /// Makes the buffer that takes the images, when values are planned elsewhere; it is filled before the first node.
    func setInput(byteCount: Int) { inputBuffer = addBuffer(byteCount, first: -1, last: -1) }

    // MARK: Second pass: used by the operations' own files

    /// Marks which node the following steps belong to.
    func begin(_ index: Int, layer: String = "") {
        currentNode = index
        currentLayer = layer
    }

    /// A buffer that lives only within the current node.
    func temporary(byteCount: Int) -> MemoryReference {
        .buffer(addBuffer(byteCount, first: currentNode, last: currentNode))
    }

    /// Registers memory to be kept as long as the plan.
    func constant(_ buffer: AlignedBuffer) -> MemoryReference {
        constants.append(buffer)
        return .constant(buffer)
    }

    /// Registers values to be kept as long as the plan.
    func constant(_ values: [Float]) -> MemoryReference { constant(AlignedBuffer(values)) }

    /// A value's layout as the current node sees it: one slice of it, or all.
    func layout(of value: Graph.NodeID) throws(EngineError) -> MapLayout {
        guard var layout = layouts[value] else { throw .library(call: "plan", detail: "value \(value) has no layout") }
        if currentNode < slices.nodeCount { layout.batch = slices.batch }
        return layout
    }

    func memory(of value: Graph.NodeID) throws(EngineError) -> MemoryReference {
        guard let buffer = bufferOf[value] else { throw .library(call: "plan", detail: "value \(value) has no memory") }
        return use(.buffer(buffer))
    }

    /// A buffer that will live from its first use to its last.
    func trackedBuffer(byteCount: Int) -> MemoryReference { .buffer(addBuffer(byteCount, first: .max, last: -1)) }

    /// Notes that the current node uses memory, which keeps it from being given to another value meanwhile.
    @discardableResult
    func use(_ memory: MemoryReference) -> MemoryReference {
        if tracksUses, case .buffer(let index, _) = memory {
            lifetimes[index].first = min(lifetimes[index].first, currentNode)
            lifetimes[index].last = max(lifetimes[index].last, currentNode)
        }
        return memory
    }

    /// Bytes of the arena that the buffers would need now.
    var plannedByteCount: Int { MemoryPlan(lifetimes.filter { $0.last >= 0 }).byteCount }

    /// Whether two values share one buffer.
    func sharesMemory(_ a: Graph.NodeID, _ b: Graph.NodeID) -> Bool { bufferOf[a] == bufferOf[b] }

    func append(_ primitive: Primitive, layer: String, _ arguments: [(Primitive.Role, MemoryReference)]) {
        appendRaw(primitive, layer: layer, arguments.map { ($0.0.rawValue, $0.1) })
    }

    func appendRaw(_ primitive: Primitive, layer: String, _ arguments: [(role: Int32, memory: MemoryReference)]) {
        var list = arguments
        if primitive.scratchByteCount > 0 {
            scratchByteCount = max(scratchByteCount, primitive.scratchByteCount)
            list.append((Primitive.Role.scratchpad.rawValue, .scratch))
        }
        let label = StepLabel(layer: layer, kernel: primitive.kernelName)
        pending.append((currentNode, .primitive(primitive, list), label))
    }

    /// - Parameter label: the kernel's name with its layer, if it is worth one.
    func append(label: StepLabel? = nil, kernel: @escaping (MemoryResolver) -> () -> Void) {
        pending.append((currentNode, .kernel(kernel), label ?? StepLabel(layer: currentLayer)))
    }

    /// Hands a value out as a level, in NCHW with its true channels.
    func emit(level index: Int, value: Graph.NodeID) throws(EngineError) {
        let layout = try layout(of: value)
        let source = try layout.described(countsPadding: false)
        var plain = layout
        plain.order = .plain
        let target = try plain.described()
        let primitive = try Primitive("dnnl_reorder") {
            CDNN_reorder_create(stream.handle, source.handle, target.handle, $0)
        }
        scratchByteCount = max(scratchByteCount, primitive.scratchByteCount)
        guard let buffer = bufferOf[value] else { return }
        pending.append((currentNode, .emit(level: index, primitive, source: buffer), StepLabel(layer: currentLayer)))
    }

    // MARK: The end

    /// Allocates the memory and binds every step to it, those of sliced nodes once for every slice.
    ///
    /// - Parameter arena: memory of another plan to be used again, if it is large enough.
    func finish(arena: AlignedBuffer? = nil) throws(EngineError) -> (steps: [PlanStep], resolver: MemoryResolver) {
        let plan = MemoryPlan(lifetimes.map { $0.last < 0 ? BufferLifetime(byteCount: 0, first: 0, last: 0) : $0 })
        let reusable = arena.flatMap { $0.byteCount >= plan.byteCount ? $0 : nil }
        var resolver = MemoryResolver(
            arena: reusable ?? AlignedBuffer(byteCount: plan.byteCount), offsets: plan.offsets,
            scratch: AlignedBuffer(byteCount: scratchByteCount), sliceByteCounts: sliceByteCounts)
        var steps: [PlanStep] = []
        for slice in 0..<slices.count {
            resolver.slice = slice
            for (node, step, label) in pending where node < slices.nodeCount {
                steps.append(
                    PlanStep(work: try bind(step, resolver), firstImage: slice * slices.batch, label: label))
            }
        }
        resolver.slice = 0
        for (node, step, label) in pending where node >= slices.nodeCount {
            steps.append(PlanStep(work: try bind(step, resolver), firstImage: 0, label: label))
        }
        return (steps, resolver)
    }

    private func bind(_ step: PendingStep, _ resolver: MemoryResolver) throws(EngineError) -> PlanStep.Work {
        switch step {
        case .primitive(let primitive, let arguments):
            let bound = arguments.map { (role: $0.role, data: resolver.address($0.memory)) }
            return .primitive(try Step(primitive, stream, bound))
        case .kernel(let make): return .kernel(make(resolver))
        case .emit(let level, let primitive, let source):
            var arguments = [
                (role: Primitive.Role.source.rawValue, data: resolver.address(.buffer(source))),
                (role: Primitive.Role.destination.rawValue, data: resolver.address(.output)),
            ]
            if primitive.scratchByteCount > 0 {
                arguments.append((Primitive.Role.scratchpad.rawValue, resolver.address(.scratch)))
            }
            return .emit(level: level, try Step(primitive, stream, arguments))
        }
    }
}
