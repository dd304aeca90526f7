// A network as data: a static graph of operations, its levels, and the parameters it needs.

import Formats

/// A network: operations in topological order, each with one output map.
public struct Graph: Sendable, Hashable {
    /// A node's position in ``nodes``.
    public typealias NodeID = Int

    /// One operation and where its inputs come from.
    public struct Node: Sendable, Hashable, Codable {
        /// What is computed.
        public var op: Op
        /// The nodes it reads, all earlier in the list.
        public var inputs: [NodeID]
        /// The layer's name in the network, for messages.
        public var name: String
    }

    /// The operations; the first is the input.
    public private(set) var nodes: [Node]
    /// The feature maps handed to decoders and scores, from shallow to deep: the last map at each resolution.
    public var levels: [NodeID]
    /// Whether the levels are token sequences in the original network. It changes nothing in the values, which are
    /// maps here, but the authors' pooling averages tokens over channels.
    public var hasTokenLevels = false

    /// A graph with only its input.
    public init(inputChannels: Int) {
        nodes = [Node(op: .input(channels: inputChannels), inputs: [], name: "input")]
        levels = []
    }

    /// The input's channel count.
    public var inputChannels: Int {
        if case .input(let channels) = nodes[0].op { channels } else { 0 }
    }

    /// Appends an operation and returns its id.
    ///
    /// - Precondition: `inputs` are nodes already there.
    @discardableResult
    public mutating func add(_ op: Op, _ inputs: [NodeID], name: String) -> NodeID {
        precondition(inputs.allSatisfy { nodes.indices.contains($0) }, "a node reads only earlier nodes")
        nodes.append(Node(op: op, inputs: inputs, name: name))
        return nodes.count - 1
    }

    /// Appends an operation with one input and returns its id.
    @discardableResult
    public mutating func add(_ op: Op, _ input: NodeID, name: String) -> NodeID { add(op, [input], name: name) }

    /// Every parameter of every operation, in order, each name once.
    public var parameters: [Parameter] {
        var seen = Set<String>()
        return nodes.flatMap(\.op.parameters).filter { seen.insert($0.name).inserted }
    }

    /// The nodes that `targets` need, in order.
    public func ancestors(of targets: [NodeID]) -> [NodeID] {
        var needed = Set(targets)
        for id in nodes.indices.reversed() where needed.contains(id) { needed.formUnion(nodes[id].inputs) }
        return nodes.indices.filter { needed.contains($0) }
    }

    /// The same network with every operation replaced, each by one of the same inputs.
    func mapOperations(_ transform: (Op) -> Op) -> Graph {
        var result = self
        for index in result.nodes.indices { result.nodes[index].op = transform(result.nodes[index].op) }
        return result
    }
}
