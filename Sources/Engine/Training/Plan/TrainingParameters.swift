// The values being trained and their gradients, in the layouts that the kernels chose, so that nothing is rearranged
// between a step's backward pass, its update and the next forward pass.

import COneDNN
public import Formats

/// A network's parameters while it is trained; shared by the plans for whole and for partial batches.
public final class TrainingParameters: @unchecked Sendable {  // Sendable: plans and updates use it one at a time.
    /// One parameter's memory.
    final class Entry {
        let parameter: Parameter
        /// How the values lie in memory.
        let packing: Packing
        let values: AlignedBuffer
        /// The loss's derivative by each value, in the same layout; nil for what is not trained.
        let gradient: AlignedBuffer?
        /// Whether the initial values have been read.
        fileprivate(set) var isLoaded = false

        init(_ parameter: Parameter, _ packing: Packing, isTrained: Bool) {
            self.parameter = parameter
            self.packing = packing
            values = AlignedBuffer(lazyByteCount: packing.byteCount)
            gradient = isTrained ? AlignedBuffer(lazyByteCount: packing.byteCount) : nil
        }

        /// Floats in memory, the zeros of padding channels included.
        var count: Int { packing.byteCount / MemoryLayout<Float>.stride }
    }

    /// How a parameter lies in memory.
    enum Packing {
        /// One number a channel, zeros up to whole blocks.
        case vector(stored: Int)
        /// A kernel in the layout of the forward primitive.
        case kernel(KernelPacking, Layout)

        var byteCount: Int {
            switch self {
            case .vector(let stored): stored * MemoryLayout<Float>.stride
            case .kernel(_, let layout): layout.byteCount
            }
        }
    }

    private let source: any ParameterSource
    private let isTrained: @Sendable (Parameter) -> Bool
    private let stream: Stream
    private(set) var entries: [String: Entry] = [:]
    /// The names in the order in which the plan met them.
    private(set) var names: [String] = []
    /// The running statistics, which are measured rather than learned.
    private var statistics = Set<String>()

    /// Prepares to read initial values as plans ask for them.
    ///
    /// - Parameters:
    ///   - source: the initial values, in PyTorch's layout.
    ///   - isTrained: whether a parameter gets a gradient.
    /// - Throws: ``EngineError`` with `.library` if oneDNN refuses.
    public init(_ source: any ParameterSource, isTrained: @escaping @Sendable (Parameter) -> Bool) throws(EngineError) {
        self.source = source
        self.isTrained = isTrained
        stream = try Stream()
    }

    func isTrained(_ parameter: Parameter) -> Bool { isTrained(parameter) as Bool }

    /// The memory of a vector with one number a channel.
    ///
    /// - Parameter isStatistic: whether it is a running mean or variance.
    func vector(_ parameter: Parameter, stored: Int, isStatistic: Bool = false) throws(EngineError) -> Entry {
        if isStatistic { statistics.insert(parameter.name) }
        if let entry = entries[parameter.name] { return entry }
        return register(Entry(parameter, .vector(stored: stored), isTrained: isTrained(parameter)))
    }

    /// The memory of a convolution's kernel.
    ///
    /// - Parameter layout: what the forward primitive wants; asked for only when the kernel is new here.
    func kernel(
        _ parameter: Parameter, _ packing: KernelPacking, layout: () throws(EngineError) -> Layout
    ) throws(EngineError) -> Entry {
        if let entry = entries[parameter.name] { return entry }
        return register(Entry(parameter, .kernel(packing, try layout()), isTrained: isTrained(parameter)))
    }

    private func register(_ entry: Entry) -> Entry {
        entries[entry.parameter.name] = entry
        names.append(entry.parameter.name)
        return entry
    }

    /// Reads the initial values of what plans have asked for since the last time.
    func load() throws(EngineError) {
        for name in names { _ = try entry(name) }
    }

    // MARK: In PyTorch's layout

    /// A parameter's current values in its own shape, row-major.
    ///
    /// - Throws: ``EngineError`` with `.shape` when no plan uses such a parameter.
    public func values(of name: String) throws(EngineError) -> [Float] {
        let entry = try entry(name)
        return try plain(entry, entry.values)
    }

    /// The loss's derivative by each value, row-major; nil for a parameter that is not trained.
    ///
    /// - Throws: ``EngineError`` with `.shape` when no plan uses such a parameter.
    public func gradient(of name: String) throws(EngineError) -> [Float]? {
        let entry = try entry(name)
        guard let gradient = entry.gradient else { return nil }
        return try plain(entry, gradient)
    }

    /// Replaces a parameter's values, given in its own shape, row-major.
    ///
    /// - Throws: ``EngineError`` with `.shape` when no plan uses such a parameter or the count differs.
    public func set(_ name: String, to values: [Float]) throws(EngineError) { try set(try entry(name), to: values) }

    private func entry(_ name: String) throws(EngineError) -> Entry {
        guard let entry = entries[name] else {
            throw .shape(operation: "parameter '\(name)'", expected: "one that the plan uses", found: "another name")
        }
        if !entry.isLoaded { try set(entry, to: try source.floats(of: entry.parameter)) }
        return entry
    }

    private func set(_ entry: Entry, to values: [Float]) throws(EngineError) {
        try pack(entry, values, into: entry.values)
        entry.isLoaded = true
    }

    /// Values of a parameter's own shape, from memory in the kernels' layout.
    func unpacked(_ name: String, _ buffer: AlignedBuffer) throws(EngineError) -> [Float] {
        try plain(try entry(name), buffer)
    }

    /// Values of a parameter's own shape, into memory in the kernels' layout.
    func pack(_ name: String, _ values: [Float], into buffer: AlignedBuffer) throws(EngineError) {
        try pack(try entry(name), values, into: buffer)
    }

    private func pack(_ entry: Entry, _ values: [Float], into buffer: AlignedBuffer) throws(EngineError) {
        guard values.count == entry.parameter.shape.elementCount else {
            throw .shape(
                operation: "parameter '\(entry.parameter.name)'", expected: "\(entry.parameter.shape)",
                found: "\(values.count) values")
        }
        switch entry.packing {
        case .vector(let stored):
            let target = buffer.floats()
            for index in 0..<stored { target[index] = index < values.count ? values[index] : 0 }
        case .kernel(let packing, let layout):
            let plain = try Layout(packing.axes, .plain)
            try reorder(AlignedBuffer(packing.filled(values)), plain, to: buffer, layout)
        }
    }

    private func plain(_ entry: Entry, _ buffer: AlignedBuffer) throws(EngineError) -> [Float] {
        let count = entry.parameter.shape.elementCount
        switch entry.packing {
        case .vector: return Array(UnsafeBufferPointer(start: buffer.floats(), count: count))
        case .kernel(let packing, let layout):
            let plain = try Layout(packing.axes, .plain)
            let target = AlignedBuffer(byteCount: plain.byteCount)
            try reorder(buffer, layout, to: target, plain)
            let values = UnsafeBufferPointer(start: target.floats(), count: packing.axes.reduce(1, *))
            return withExtendedLifetime(target) { packing.unfilled(Array(values)) }
        }
    }

    private func reorder(
        _ from: AlignedBuffer, _ source: Layout, to: AlignedBuffer, _ target: Layout
    ) throws(EngineError) {
        let primitive = try Primitive("dnnl_reorder (weights)") {
            CDNN_reorder_create(stream.handle, source.handle, target.handle, $0)
        }
        let scratch = AlignedBuffer(byteCount: primitive.scratchByteCount)
        var arguments = [
            (role: Primitive.Role.source.rawValue, data: from.base),
            (role: Primitive.Role.destination.rawValue, data: to.base),
        ]
        if primitive.scratchByteCount > 0 { arguments.append((Primitive.Role.scratchpad.rawValue, scratch.base)) }
        try Step(primitive, stream, arguments).run(on: stream)
        try stream.wait()
        withExtendedLifetime((from, to, scratch)) {}
    }

    // MARK: For updates

    /// The trained parameters' names, in a fixed order.
    public var trainedNames: [String] { names.filter { entries[$0]?.gradient != nil } }

    /// The trained parameters that an optimizer changes: those of ``trainedNames`` that are no running statistics.
    public var learnedNames: [String] { trainedNames.filter { !statistics.contains($0) } }

    /// The running statistics of normalisations, in a fixed order.
    public var statisticNames: [String] { names.filter { statistics.contains($0) } }

    /// Lends a trained parameter's values and gradient in the kernels' own layout: for element-wise work only. Padding
    /// holds zeros in both, and must keep them.
    public func withMemory<Result>(
        of name: String, _ body: (UnsafeMutableBufferPointer<Float>, UnsafeMutableBufferPointer<Float>) -> Result
    ) -> Result? {
        guard let entry = entries[name], let gradient = entry.gradient else { return nil }
        return body(
            UnsafeMutableBufferPointer(start: entry.values.floats(), count: entry.count),
            UnsafeMutableBufferPointer(start: gradient.floats(), count: entry.count))
    }

    /// Bytes of values and of gradients.
    public var byteCounts: (values: Int, gradients: Int) {
        entries.values.reduce((0, 0)) { total, entry in
            (total.0 + entry.packing.byteCount, total.1 + (entry.gradient == nil ? 0 : entry.packing.byteCount))
        }
    }
}

extension TrainingParameters: ParameterSource {
    /// The current values, so that an ``InferencePlan`` can be made of what has been learned so far.
    public func values(of parameter: Parameter) throws(EngineError) -> TensorView {
        guard entries[parameter.name] != nil else { return try source.values(of: parameter) }
        return TensorView(floats: try values(of: parameter.name), shape: parameter.shape)
    }
}
