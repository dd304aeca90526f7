// Compiles a graph for one input shape and runs it.

import COneDNN
public import Formats

/// A network made ready to run on one input shape: BatchNorm folded, activations and sums fused, memory planned.
///
/// One plan serves one thread at a time; the kernels inside use `threads` threads. Results do not depend on their
/// number.
public final class InferencePlan {
    /// The input's shape N×C×H×W; fewer images than N may be given to ``features(of:)``.
    public let input: Shape
    /// The levels it computes, in the order asked for.
    public let levels: [LevelShape]
    /// Multiply-add operations of the convolutions, counted as 2 floating-point operations each, for one whole batch by
    /// direct convolution.
    public let floatingPointOperations: Int
    /// Which kernel runs each layer, for diagnosis: layer name and kernel name.
    public let kernels: [(layer: String, kernel: String)]
    private let stream: Stream
    private let steps: [PlanStep]
    private let memory: MemoryResolver
    private let constants: [AlignedBuffer]
    private let inputBuffer: Int
    private let threads: Int

    /// Prepares a graph.
    ///
    /// - Parameters:
    ///   - levels: 1-based numbers of the levels to compute; nil for all. Nothing that they do not need is computed.
    ///   - threads: how many threads the kernels may use. It never changes the values.
    /// - Throws: ``EngineError`` when shapes do not fit, a parameter is missing or not finite.
    public init(
        _ graph: Graph, parameters: some ParameterSource, input: Shape, levels: [Int]? = nil, threads: Int
    ) throws(EngineError) {
        let shapes = try graph.outputShapes(input: input)
        let wanted = levels ?? Array(1...max(1, graph.levels.count))
        for level in wanted where !graph.levels.indices.contains(level - 1) {
            throw .shape(operation: "level", expected: "1…\(graph.levels.count)", found: "\(level)")
        }
        CDNN_set_threads(Int32(threads))
        let levelNodes = wanted.map { graph.levels[$0 - 1] }
        let order = MapLayout.preferredOrder(for: graph, nodes: graph.ancestors(of: levelNodes), shapes: shapes)
        let nodes = Fusion(graph, shapes: shapes, levelNodes: levelNodes, order: order).run()
        let builder = try PlanBuilder(graph, shapes: shapes, parameters: parameters, threads: threads, order: order)
        builder.planMemory(of: nodes)
        for (index, node) in nodes.enumerated() {
            builder.begin(index)
            try builder.add(node)
            for (position, level) in levelNodes.enumerated() where level == node.output {
                try builder.emit(level: position, value: level)
            }
        }
        (steps, memory) = try builder.finish()
        stream = builder.stream
        constants = builder.constants
        inputBuffer = builder.inputBuffer
        kernels = builder.kernelNames
        self.input = input
        self.threads = threads
        self.levels = zip(wanted, levelNodes).map { level, node in
            LevelShape(level: level, channels: shapes[node][1], height: shapes[node][2], width: shapes[node][3])
        }
        floatingPointOperations = graph.floatingPointOperations(of: graph.ancestors(of: levelNodes), shapes: shapes)
    }

    /// Runs the network on n×C×H×W values in NCHW order, n at most the plan's N, and returns the requested levels.
    ///
    /// - Throws: ``EngineError`` with `.shape` when the count does not fit.
    public func features(of images: [Float]) throws(EngineError) -> [LevelFeatures] {
        let perImage = input.elementCount / input[0]
        let count = images.count / perImage
        guard count * perImage == images.count, (1...input[0]).contains(count) else {
            throw .shape(
                operation: "input", expected: "1…\(input[0]) images of \(perImage) values",
                found: "\(images.count) values")
        }
        CDNN_set_threads(Int32(threads))
        let target = memory.address(.buffer(inputBuffer))
        images.withUnsafeBytes {
            target.copyMemory(from: $0.baseAddress ?? UnsafeRawPointer(target), byteCount: $0.count)
        }
        let unused = (input.elementCount - images.count) * MemoryLayout<Float>.stride
        (target + images.count * MemoryLayout<Float>.stride).initializeMemory(
            as: UInt8.self, repeating: 0, count: unused)
        return try run(imageCount: count)
    }

    private func run(imageCount: Int) throws(EngineError) -> [LevelFeatures] {
        // Every level's values are written whole, slice by slice, before they are handed out.
        var values = levels.map { level in
            [Float](unsafeUninitializedCapacity: level.elementCount * input[0]) { $1 = level.elementCount * input[0] }
        }
        // A slice without images leaves what it would have written as it was, and nobody reads it.
        for step in steps where step.firstImage < imageCount {
            switch step.work {
            case .primitive(let primitive): try primitive.run(on: stream)
            case .kernel(let run):
                try stream.wait()
                run()
            case .emit(let index, let copy):
                try emit(copy, to: &values[index], at: step.firstImage * levels[index].elementCount)
            }
        }
        try stream.wait()
        return levels.indices.map { index in
            let level = levels[index]
            values[index].removeLast(values[index].count - level.elementCount * imageCount)
            return LevelFeatures(
                level: level.level, shape: [imageCount, level.channels, level.height, level.width],
                values: values[index])
        }
    }

    private func emit(_ step: Step, to values: inout [Float], at offset: Int) throws(EngineError) {
        var failure: EngineError?
        values.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return }
            do throws(EngineError) {
                try step.set(.destination, base + offset)
                try step.run(on: stream)
                try stream.wait()
            } catch { failure = error }
        }
        if let failure { throw failure }
    }
}

extension Graph {
    /// Two operations per multiply-add of the convolutions and attention projections among `nodes`.
    func floatingPointOperations(of nodes: [NodeID], shapes: [Shape]) -> Int {
        nodes.reduce(0) { total, id in
            let output = shapes[id]
            let positions = output[0] * output[2] * output[3]
            switch self.nodes[id].op {
            case .convolution(let convolution): return total + 2 * positions * convolution.weight.shape.elementCount
            case .transposedConvolution(let convolution, _):
                let input = shapes[self.nodes[id].inputs[0]]
                return total + 2 * input[0] * input[2] * input[3] * convolution.weight.shape.elementCount
            case .windowAttention(let attention):
                let tokens = attention.window * attention.window
                return total + 2 * positions * (4 + 0) * output[1] * output[1] + 4 * positions * tokens * output[1]
            case .selfAttention: return total + 4 * positions * output[2] * output[3] * output[1]
            default: return total
            }
        }
    }
}
