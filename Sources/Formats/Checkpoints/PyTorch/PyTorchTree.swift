// The tree of containers in a PyTorch pickle: dictionaries, lists, modules and other objects, with tensors at its
// leaves. Pickles share values and may tie them into cycles, so walks keep their own stack and visit each container
// once.

/// A pickle seen as named tensors.
struct PyTorchTree {
    let graph: PickleGraph
    let path: String
    let section: String

    /// A tensor and the keys that lead to it, joined by dots.
    struct Leaf {
        let name: String
        let node: Int
        let value: PyTorchValue
    }

    /// Bounds on what a walk collects, far above real checkpoints: the names of a tree can be much larger than the
    /// pickle that describes it.
    private static let greatestDepth = 128
    private static let greatestNameLength = 1024
    private static let greatestNameBytes = 64 << 20

    private struct Frame {
        let children: [(name: String, node: Int)]
        var next = 0
        let path: String
    }

    /// The tensors below `root` in file order.
    ///
    /// - Parameters:
    ///   - visited: containers to leave out; those that the walk enters are added.
    ///   - isLenient: leaves out what is nested or named too deeply, instead of throwing.
    func leaves(
        below root: Int, visited: inout Set<Int>, isLenient: Bool = false
    ) throws(FormatError) -> [Leaf] {
        var leaves: [Leaf] = []
        var nameBytes = 0
        if let value = graph.torchValue(root) { return [Leaf(name: "tensor", node: root, value: value)] }
        guard visited.insert(root).inserted else { return [] }
        var stack = [Frame(children: children(of: root), path: "")]
        while var frame = stack.popLast() {
            guard frame.next < frame.children.count else { continue }
            let (key, node) = frame.children[frame.next]
            frame.next += 1
            let name = frame.path.isEmpty ? key : "\(frame.path).\(key)"
            stack.append(frame)
            guard name.utf8.count <= Self.greatestNameLength, stack.count <= Self.greatestDepth else {
                if isLenient { continue }
                throw limit("the length and depth of its names", "\(name.utf8.count) bytes at depth \(stack.count)")
            }
            if let value = graph.torchValue(node) {
                nameBytes += name.utf8.count
                guard nameBytes <= Self.greatestNameBytes else {
                    if isLenient { return leaves }
                    throw limit("the bytes of its names", "\(nameBytes)")
                }
                leaves.append(Leaf(name: name, node: node, value: value))
            } else if visited.insert(node).inserted {
                stack.append(Frame(children: children(of: node), path: name))
            }
        }
        return leaves
    }

    private func limit(_ what: String, _ claimed: String) -> FormatError {
        FormatError(
            path,
            .limitExceeded(
                what: "\(section): \(what)", claimed: claimed,
                limit:
                    "\(Self.greatestNameLength) bytes, depth \(Self.greatestDepth) and \(Self.greatestNameBytes) bytes in all"
            ))
    }

    /// Whether there is a tensor at or below a node.
    func holdsTensors(_ root: Int) -> Bool {
        var visited: Set<Int> = [root]
        var stack = [root]
        while let node = stack.popLast() {
            if graph.torchValue(node) != nil { return true }
            for child in children(of: node) where visited.insert(child.node).inserted { stack.append(child.node) }
        }
        return false
    }

    /// Whether a node can hold named tensors.
    func isContainer(_ node: Int) -> Bool {
        switch graph.nodes[node] {
        case .dictionary, .list, .tuple: true
        case .call: graph.torchValue(node) == nil
        default: false
        }
    }

    /// The children that are tensors or containers, by key, index or attribute.
    private func children(of node: Int) -> [(name: String, node: Int)] {
        func isBranch(_ child: Int) -> Bool {
            switch graph.nodes[child] {
            case .dictionary, .list, .tuple, .set, .call: true
            default: false
            }
        }
        func named(_ entries: [PickleEntry]) -> [(name: String, node: Int)] {
            entries.compactMap { entry in
                guard isBranch(entry.value), let name = graph.keyText(entry.key) else { return nil }
                return (name, entry.value)
            }
        }
        switch graph.nodes[node] {
        case .list(let members), .tuple(let members), .set(let members):
            return members.enumerated().filter { isBranch($0.element) }.map { (String($0.offset), $0.element) }
        case .dictionary: return named(graph.entries(node) ?? [])
        case .call(let number):
            if let module = moduleEntries(node) { return named(module) }
            if let entries = graph.entries(node) { return named(entries) }
            if let state = state(of: node) { return named(state) }
            // TorchScript's type tags wrap a value.
            guard graph.dottedName(graph.calls[number].callee)?.hasPrefix("torch.jit._pickle.") == true,
                let inner = graph.calls[number].arguments.first
            else { return [] }
            return children(of: inner, tagDepth: 1)
        default: return []
        }
    }

    /// The children of a value inside a type tag; tags do not nest deeper than a few levels.
    private func children(of node: Int, tagDepth: Int) -> [(name: String, node: Int)] {
        if case .call = graph.nodes[node] { return [] }
        return children(of: node)
    }

    /// The attributes of an object: its state, or the first part of a state of (attributes, slots).
    func state(of node: Int) -> [PickleEntry]? {
        guard let state = graph.states[node] else { return nil }
        if case .tuple(let parts) = graph.nodes[state] { return parts.first.flatMap { graph.entries($0) } }
        return graph.entries(state)
    }

    /// A pickled `torch.nn.Module` as its state_dict would list it: parameters, then buffers that persist, then
    /// submodules.
    private func moduleEntries(_ node: Int) -> [PickleEntry]? {
        guard let state = state(of: node) else { return nil }
        func part(_ name: String) -> Int? { state.last { graph.string($0.key) == name }?.value }
        guard let parameters = part("_parameters"), let modules = part("_modules") else { return nil }
        let transient = part("_non_persistent_buffers_set").map { members(ofSet: $0) } ?? []
        let buffers = part("_buffers").flatMap { graph.entries($0) } ?? []
        let persistent = buffers.filter { entry in
            guard let name = graph.string(entry.key) else { return false }
            return !transient.contains(name)
        }
        return (graph.entries(parameters) ?? []) + persistent + (graph.entries(modules) ?? [])
    }

    /// The strings of a set, written as EMPTY_SET or as `set([…])`.
    private func members(ofSet node: Int) -> Set<String> {
        var members: [Int] = []
        switch graph.nodes[node] {
        case .set(let items): members = items
        case .call(let number): members = graph.calls[number].arguments.first.flatMap { graph.sequence($0) } ?? []
        default: break
        }
        return Set(members.compactMap { graph.string($0) })
    }
}
