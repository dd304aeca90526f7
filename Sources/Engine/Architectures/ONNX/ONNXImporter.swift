// Builds a graph from an ONNX graph: walks its operators in their order, folding what does not depend on the image.

import Formats

/// Translates ONNX operators to operations.
///
/// Everything is N×C×h×w inside; transposed and flattened values are the same maps with other names for their axes. A
/// parameter is named as the ONNX value that it is made of.
struct ONNXImporter {
    let file: ONNXCheckpoint
    var model: ONNXModel { file.model }
    /// Reads a stored tensor: from the ONNX file, or from a checkpoint bound to it.
    let read: (ONNXWeight) throws(EngineError) -> TensorView
    let patterns: ONNXPatterns
    private(set) var graph: Graph
    /// The output shape of every node for an input of the described size.
    private(set) var shapes: [Shape]
    /// The order of the image's axes.
    let inputAxes: [ONNXAxis]
    var values: [String: ONNXValue] = [:]
    /// How many operators were translated.
    private(set) var operatorCount = 0
    /// Where each parameter's values come from.
    private(set) var sources: [String: ParameterSourceTensor] = [:]
    /// Stored tensors whose values went into operations.
    private(set) var folded: Set<ONNXWeight> = []
    /// How many numbers may still be computed.
    private var numberBudget = ONNXImporter.numberLimit
    /// Pads that were computed from the sizes of a map.
    var sizedPads: Set<Graph.NodeID> = []
    /// Operators done together with an earlier one.
    var done: Set<Int> = []
    /// What blocked a map that a level may need, with the maps it was made of.
    private var blocks: [(error: EngineError, inputs: [Graph.NodeID])] = []
    private var unknownKinds: [String] = []

    private static let nodeLimit = 100_000, numberLimit = 1 << 26

    /// A parameter's values: a stored tensor, or numbers.
    enum ParameterSourceTensor {
        case weight(ONNXWeight, WeightTransform)
        case numbers(TensorView)
    }

    /// Starts with the image input.
    ///
    /// - Throws: ``EngineError`` when the graph has none.
    init(
        _ file: ONNXCheckpoint, read: @escaping (ONNXWeight) throws(EngineError) -> TensorView
    ) throws(EngineError) {
        self.file = file
        self.read = read
        patterns = ONNXPatterns(file.model.graph) { try? file.values(of: $0) }
        let model = file.model
        let input = try ONNXInput(model)
        graph = Graph(inputChannels: input.channels)
        inputAxes = input.axes
        shapes = [[input.batch, input.channels, input.size.height, input.size.width]]
        for tensor in model.graph.initializers { values[tensor.name] = .constant(Self.stored(tensor, tensor.name)) }
        for info in model.graph.inputs where values[info.name] == nil {
            values[info.name] = info.name == input.name ? .map(0, input.axes) : .head(nil)
        }
    }

    static func stored(_ tensor: ONNXTensor, _ name: String, isConstant: Bool = false) -> ONNXConstant {
        let isReal = tensor.dtype?.isFloatingPoint ?? false
        let weight = ONNXWeight(
            names: [name], shape: tensor.shape, isLearned: isReal && !isConstant)
        return ONNXConstant(
            shape: tensor.shape.axes, content: .weight(weight, order: Array(tensor.shape.axes.indices)))
    }

    /// Translates every operator.
    ///
    /// - Throws: ``EngineError`` for a graph that is not in order.
    mutating func run() throws(EngineError) {
        for (index, node) in model.graph.nodes.enumerated() where !done.contains(index) {
            if patterns.skipped.contains(index) { continue }
            let names = patterns.ends[index].map { [$0.input] } ?? node.inputs
            var inputs: [ONNXValue?] = []
            for name in names {
                if !name.isEmpty, values[name] == nil {
                    throw .unsupportedLayer(
                        name: node.name.isEmpty ? node.outputs.first ?? "" : node.name, kind: "ONNX \(node.kind)",
                        advice: "its input '\(name)' is computed nowhere before it; the file is damaged")
                }
                inputs.append(name.isEmpty ? nil : values[name])
            }
            let call = ONNXCall(node: node, index: index, inputs: inputs, opset: model.opset)
            let value = evaluate(call)
            for (place, output) in node.outputs.enumerated() where !output.isEmpty && values[output] == nil {
                values[output] = place == 0 ? value : .head(call.unsupported("only its first output is supported"))
            }
        }
    }

    /// The value of an operator's first output.
    private mutating func evaluate(_ call: ONNXCall) -> ONNXValue {
        var nodes: [Graph.NodeID] = []
        var isComplete = true
        var isBlocked = false
        for case let input? in call.inputs {
            switch input {
            case .map(let node, _): nodes.append(node)
            case .constant: continue
            case .blocked:
                isBlocked = true
                isComplete = false
            case .head, .beyond: isComplete = false
            }
        }
        if isBlocked || nodes.contains(where: { isMap($0) }) { note(call) }
        if !isComplete { return unavailable(call, nodes) }
        do throws(EngineError) {
            if nodes.isEmpty { return .constant(try fold(call)) }
            operatorCount += 1
            return try translate(call)
        } catch {
            guard nodes.contains(where: { isMap($0) }) else { return .head(error) }
            blocks.append((error, nodes))
            return .blocked(error)
        }
    }

    /// Remembers operators of kinds that are not known at all.
    private mutating func note(_ call: ONNXCall) {
        let kind = (call.node.domain.isEmpty ? "" : call.node.domain + ".") + call.node.kind
        guard !Self.kinds.contains(kind), patterns.ends[call.index] == nil, !unknownKinds.contains(kind) else { return }
        if unknownKinds.count < 64 { unknownKinds.append(kind) }
    }

    /// The value of an operator that lacks an input: blocked if a map is blocked or spoilt by a head, else part of a head.
    private mutating func unavailable(_ call: ONNXCall, _ nodes: [Graph.NodeID]) -> ONNXValue {
        var origin: EngineError?
        for case let input? in call.inputs {
            switch input {
            case .blocked(let error): return .blocked(error)
            case .beyond: return .beyond
            case .head(let error): origin = origin ?? error
            default: continue
            }
        }
        guard nodes.contains(where: { isMap($0) }) else { return .head(origin) }
        let error = origin ?? call.unsupported("it joins a map with values that are no map")
        blocks.append((error, nodes))
        return .blocked(error)
    }

    /// Whether a node has more than one position.
    func isMap(_ node: Graph.NodeID) -> Bool { shapes[node][2] > 1 || shapes[node][3] > 1 }

    /// The channels of a node.
    func channels(_ node: Graph.NodeID) -> Int { shapes[node][1] }

    /// The sizes of a map as the ONNX graph sees it.
    func sizes(_ node: Graph.NodeID, _ axes: [ONNXAxis]) -> [Int] {
        let shape = shapes[node]
        return axes.map { axis in
            switch axis {
            case .batch: shape[0]
            case .channel: shape[1]
            case .row: shape[2]
            case .column: shape[3]
            case .position: shape[2] * shape[3]
            case .group(let count): count
            case .within(let groups): shape[1] / groups * shape[2] * shape[3]
            case .member(let groups): shape[1] / groups
            }
        }
    }

    /// Adds an operation after checking that its inputs fit.
    ///
    /// - Throws: ``EngineError`` with `.shape` when they do not, or when a size passes all reason.
    mutating func add(_ op: Op, _ inputs: [Graph.NodeID], name: String) throws(EngineError) -> Graph.NodeID {
        let node = Graph.Node(op: op, inputs: inputs, name: name)
        let shape = try node.outputShape(of: inputs.map { shapes[$0] })
        guard shape.axes.allSatisfy({ (1...1 << 24).contains($0) }), (shape.checkedElementCount ?? .max) < 1 << 40,
            shapes.count < Self.nodeLimit
        else {
            throw .shape(operation: "ONNX operator '\(name)'", expected: "maps of a reasonable size", found: "\(shape)")
        }
        if case .affine(let scale, _) = op { try spend(2 * scale.count, "operator '\(name)'") }
        shapes.append(shape)
        return graph.add(op, inputs, name: name)
    }

    /// Counts numbers that are kept.
    ///
    /// - Throws: ``EngineError`` when a file asks for too many.
    mutating func spend(_ count: Int, _ what: String) throws(EngineError) {
        guard count <= numberBudget else {
            throw .shape(operation: what, expected: "constants of a reasonable size", found: "\(count) numbers")
        }
        numberBudget -= count
    }

    /// A parameter made of a constant: its axes in a new order, then seen in `shape`.
    mutating func parameter(
        _ constant: ONNXConstant, order: [Int]? = nil, shape: Shape, name: String
    ) throws(EngineError) -> Parameter {
        guard constant.count == shape.checkedElementCount else {
            throw .shape(operation: "weight of '\(name)'", expected: "\(shape)", found: "\(Shape(constant.shape))")
        }
        if case .weight(let weight, let stored) = constant.content,
            order == nil || constant.shape == stored.map({ weight.shape[$0] })
        {
            let whole = order.map { $0.map { stored[$0] } } ?? stored
            let transform: WeightTransform = whole == Array(whole.indices) ? .identity : .permuted(whole)
            return register(weight.name, shape, .weight(weight, transform))
        }
        let (values, origins) = try numbers(constant)
        use(origins)
        let view = TensorView(floats: values.map { Float($0) }, shape: Shape(constant.shape))
        let ordered = order.map { TensorView(floats: permuted(view, order: $0), shape: shape) }
        return register("\(name) (computed)", shape, .numbers(ordered ?? view))
    }

    /// Names a parameter; one tensor that is used in two ways makes two parameters.
    private mutating func register(
        _ name: String, _ shape: Shape, _ source: ParameterSourceTensor
    ) -> Parameter {
        var unique = name
        var number = 1
        while let known = sources[unique], !Self.isSame(known, source) || registered[unique] != shape {
            number += 1
            unique = "\(name) (\(number))"
        }
        sources[unique] = source
        registered[unique] = shape
        return Parameter(unique, shape)
    }

    private var registered: [String: Shape] = [:]

    /// A parameter whose values the graph fixes.
    mutating func fixedParameter(_ name: String, _ values: TensorView) throws(EngineError) -> Parameter {
        register(name, values.shape, .numbers(values))
    }

    /// The 1×1 kernel that gives each channel the mean of its group's.
    mutating func averagingMatrix(_ channels: Int, _ groups: Int) throws(EngineError) -> Parameter {
        let parameter = Parameter("mean of \(groups) groups of \(channels) channels", [channels, channels, 1, 1])
        guard sources[parameter.name] == nil else { return parameter }
        try spend(channels * channels, parameter.name)
        let width = channels / groups
        var values = [Float](repeating: 0, count: channels * channels)
        for channel in 0..<channels {
            let first = channel / width * width
            for other in first..<first + width { values[channel * channels + other] = 1 / Float(width) }
        }
        sources[parameter.name] = .numbers(TensorView(floats: values, shape: parameter.shape))
        registered[parameter.name] = parameter.shape
        return parameter
    }

    private static func isSame(_ one: ParameterSourceTensor, _ other: ParameterSourceTensor) -> Bool {
        if case .weight(let weight, let transform) = one, case .weight(weight, transform) = other {
            true
        } else {
            false
        }
    }

    /// Says that numbers computed from stored tensors went into an operation.
    mutating func use(_ origins: [ONNXWeight]) { folded.formUnion(origins.filter { $0 != .imageSize }) }

    /// Takes the last maps as levels and drops what they do not need.
    ///
    /// - Throws: ``EngineError`` with the first blocked operator that a level may depend on: one that is not behind an
    ///   enlargement, as decoders are. It lists every kind of operator that is not known.
    mutating func finish() throws(EngineError) -> Graph {
        let resolutions = graph.resolutions
        for block in blocks where block.inputs.contains(where: { isMap($0) && !resolutions[$0].isEnlarged }) {
            guard case .unsupportedLayer(let name, let kind, _) = block.error, !unknownKinds.isEmpty else {
                throw block.error
            }
            let list = unknownKinds.joined(separator: ", ")
            throw .unsupportedLayer(
                name: name, kind: kind,
                advice: "operators of the graph that are not run here: \(list); export the encoder without them")
        }
        graph.levels = graph.lastMapAtEachResolution(shapes: shapes)
        return graph.pruned()
    }
}
