// Stochastic depth put into an encoder that was read without it: no checkpoint says what rate it was trained with.

import Formats

extension Graph {
    /// Puts stochastic depth (timm's: kept branches are divided by the probability of keeping) on every residual branch,
    /// with a rate that grows linearly over the blocks from 0 to `rate`.
    func withDropPath(rate: Float) -> Graph {
        var branches: [NodeID: Int] = [:]
        var blocks: [String] = []
        for (id, node) in nodes.enumerated() {
            guard case .add = node.op, node.inputs.count == 2 else { continue }
            // layers.0.blocks.1.add1 and .add2 belong to one block.
            let block = node.name.split(separator: ".").dropLast().joined(separator: ".")
            if blocks.last != block { blocks.append(block) }
            branches[id] = blocks.count - 1
        }
        guard blocks.count > 1 else { return self }
        var result = Graph(inputChannels: inputChannels)
        result.hasTokenLevels = hasTokenLevels
        var places: [NodeID: NodeID] = [0: 0]
        for (id, node) in nodes.enumerated().dropFirst() {
            var inputs = node.inputs.compactMap { places[$0] }
            if let block = branches[id], block > 0 {
                let branch = residualBranch(of: node)
                let rate = rate * Float(block) / Float(blocks.count - 1)
                let path = Op.DropPath(rate: rate, rescales: true)
                inputs[branch] = result.add(.dropPath(path), inputs[branch], name: "\(node.name).drop_path")
            }
            places[id] = result.add(node.op, inputs, name: node.name)
        }
        result.levels = levels.compactMap { places[$0] }
        return result
    }

    /// Which input of a sum is the branch rather than the shortcut: the one with more layers of its own.
    private func residualBranch(of node: Node) -> Int {
        let first = Set(ancestors(of: [node.inputs[0]])), second = Set(ancestors(of: [node.inputs[1]]))
        return first.subtracting(second).count >= second.subtracting(first).count ? 0 : 1
    }
}
