// Builds a graph from a Keras description: walks the layers in the order of their calls, nested models included.

import Formats

/// What a layer call yields.
enum KerasValue {
    /// A map of the graph (vectors are N×C×1×1).
    case map(Graph.NodeID)
    /// Something that is no longer a map, such as flattened features: heads are made of those, levels are not. A layer
    /// that could not be run on vectors is remembered, should a map need it after all.
    case head(EngineError?)

    /// A head for no particular reason.
    static let head = KerasValue.head(nil)
    /// A map that cannot be computed, because of a layer that is not run.
    case blocked(EngineError)
}

/// Translates Keras layers to operations.
///
/// Everything is N×C×h×w inside, whatever the description's `data_format`. A parameter is named by the layer names that
/// lead to it and the variable's name, joined by slashes.
struct KerasImporter {
    private(set) var graph: Graph
    /// The output shape of every node for an input of the described size.
    private(set) var shapes: [Shape]
    /// Whether values in the description are N×C×h×w.
    let isChannelsFirst: Bool
    /// Keras' major version, which decides some defaults.
    let majorVersion: Int
    /// The layers that were translated, by the names that lead to them.
    private(set) var layers: [[String]] = []
    /// Every variable that a layer reads: where it is, and how it is stored.
    private(set) var variables: [String: KerasVariable] = [:]
    /// What blocked a map that a level may need, with the maps it was made of.
    private var blocks: [(error: EngineError, inputs: [Graph.NodeID])] = []

    /// Bounds on the work that a description may ask for.
    private static let roundLimit = 100, callLimit = 50_000

    /// Starts with an input of the given size.
    init(channels: Int, size: Size2, isChannelsFirst: Bool, majorVersion: Int) {
        graph = Graph(inputChannels: channels)
        shapes = [[1, channels, size.height, size.width]]
        self.isChannelsFirst = isChannelsFirst
        self.majorVersion = majorVersion
    }

    /// Translates a model for the given inputs and returns its outputs.
    mutating func run(
        _ model: KerasModelConfig, inputs: [KerasValue], path: [String]
    ) throws(EngineError) -> [KerasValue] {
        if model.isSequential {
            var value = inputs.first ?? .head
            for layer in model.layers where layer.className != "InputLayer" {
                value = try call(layer, [value], path: path).first ?? .head
            }
            return [value]
        }
        var values: [KerasModelConfig.Reference: KerasValue] = [:]
        for (reference, value) in zip(model.inputs, inputs) { values[reference] = value }
        let firstCalls = Self.firstCalls(model)
        var pending: [(layer: KerasModelConfig.Layer, call: Int)] = model.layers.flatMap { layer in
            layer.calls.indices.map { (layer, $0) }
        }
        // Descriptions list layers in the order of their first calls, or nearly: few rounds suffice.
        var rounds = 0
        while !pending.isEmpty {
            var waiting: [(layer: KerasModelConfig.Layer, call: Int)] = []
            for (layer, call) in pending {
                let arguments = layer.calls[call].map { values[$0] }
                guard !arguments.isEmpty, arguments.allSatisfy({ $0 != nil }) else {
                    waiting.append((layer, call))
                    continue
                }
                let results = try self.call(layer, arguments.compactMap { $0 }, path: path)
                for (output, value) in results.enumerated() {
                    let number = call + (firstCalls[layer.name] ?? 0)
                    values[.init(layer: layer.name, call: number, output: output)] = value
                }
            }
            rounds += 1
            if let stuck = waiting.first, waiting.count == pending.count || rounds > Self.roundLimit {
                throw stuck.layer.settings.unsupported("its inputs are not in the network description")
            }
            pending = waiting
        }
        return model.outputs.map { values[$0] ?? .head }
    }

    /// The number of the first call of nested models: descriptions count from 1 where the model was built with an input
    /// of its own.
    private static func firstCalls(_ model: KerasModelConfig) -> [String: Int] {
        var used: [String: (first: Int, last: Int)] = [:]
        for reference in model.layers.flatMap({ $0.calls.flatMap { $0 } }) + model.outputs {
            let known = used[reference.layer] ?? (reference.call, reference.call)
            used[reference.layer] = (min(known.first, reference.call), max(known.last, reference.call))
        }
        var first: [String: Int] = [:]
        for layer in model.layers where layer.isModel {
            guard let used = used[layer.name], used.first > 0, used.last >= layer.calls.count else { continue }
            first[layer.name] = 1
        }
        return first
    }

    /// Translates one call of a layer.
    private mutating func call(
        _ layer: KerasModelConfig.Layer, _ inputs: [KerasValue], path: [String]
    ) throws(EngineError) -> [KerasValue] {
        if layer.isModel {
            return try run(KerasModelConfig(layer.settings.entry), inputs: inputs, path: path + [layer.name])
        }
        var nodes: [Graph.NodeID] = []
        for input in inputs {
            switch input {
            case .map(let node): nodes.append(node)
            case .head, .blocked: continue
            }
        }
        if nodes.count < inputs.count { return [unavailable(layer, inputs, nodes)] }
        layers.append(path + [layer.name])
        guard layers.count <= Self.callLimit else {
            throw layer.settings.unsupported("the description asks for more than \(Self.callLimit) layer calls")
        }
        do throws(EngineError) {
            return [try translate(layer, nodes, KerasLayerPath(names: path + [layer.name]))]
        } catch {
            guard nodes.contains(where: { isMap($0) }) else { return [.head(error)] }
            blocks.append((error, nodes))
            return [.blocked(error)]
        }
    }

    /// The value of a call that lacks an input: blocked if a map is blocked or spoilt by a head, else part of a head.
    private mutating func unavailable(
        _ layer: KerasModelConfig.Layer, _ inputs: [KerasValue], _ nodes: [Graph.NodeID]
    ) -> KerasValue {
        for case .blocked(let error) in inputs { return .blocked(error) }
        var origin: EngineError?
        for case .head(let error?) in inputs { origin = origin ?? error }
        guard nodes.contains(where: { isMap($0) }) else { return .head(origin) }
        let error = origin ?? layer.settings.unsupported("it joins a map with values that are no map")
        blocks.append((error, nodes))
        return .blocked(error)
    }

    /// Whether a node has more than one position.
    func isMap(_ node: Graph.NodeID) -> Bool { shapes[node][2] > 1 || shapes[node][3] > 1 }

    /// The channels of a node.
    func channels(_ node: Graph.NodeID) -> Int { shapes[node][1] }

    /// A parameter of a layer, named by the names that lead to the layer and its own, joined by slashes.
    ///
    /// - Parameter order: the stored axes that make the parameter's, for kernels.
    mutating func parameter(
        _ path: KerasLayerPath, _ variable: String, _ shape: Shape, order: [Int]? = nil
    ) -> Parameter {
        let name = "\(path.name)/\(variable)"
        variables[name] = KerasVariable(
            layer: path.names, name: variable, transform: order.map { .permuted($0) } ?? .identity)
        return Parameter(name, shape)
    }

    /// Adds an operation after checking that its inputs fit.
    ///
    /// - Throws: ``EngineError`` with `.shape` when they do not, or when a size passes all reason.
    mutating func add(_ op: Op, _ inputs: [Graph.NodeID], name: String) throws(EngineError) -> Graph.NodeID {
        let node = Graph.Node(op: op, inputs: inputs, name: name)
        let shape = try node.outputShape(of: inputs.map { shapes[$0] })
        guard shape.axes.allSatisfy({ (1...1 << 24).contains($0) }), (shape.checkedElementCount ?? .max) < 1 << 40
        else {
            throw .shape(operation: "layer '\(name)'", expected: "maps of a reasonable size", found: "\(shape)")
        }
        shapes.append(shape)
        return graph.add(op, inputs, name: name)
    }

    /// Takes the layers' last maps as levels and drops what they do not need.
    ///
    /// - Throws: ``EngineError`` with the first blocked layer that a level may depend on: one that is not behind an
    ///   enlargement, as decoders are.
    mutating func finish() throws(EngineError) -> Graph {
        let resolutions = graph.resolutions
        for block in blocks where block.inputs.contains(where: { isMap($0) && !resolutions[$0].isEnlarged }) {
            throw block.error
        }
        graph.levels = graph.lastMapAtEachResolution(shapes: shapes)
        return graph.pruned()
    }
}

/// Where a layer's variables are: the names that lead to it.
struct KerasLayerPath {
    let names: [String]

    /// The layer's name with its models', for messages and nodes.
    var name: String { names.joined(separator: "/") }
}

/// A variable of a layer, and how its values become a parameter.
struct KerasVariable {
    let layer: [String]
    let name: String
    let transform: WeightTransform
}
