// Levels of a graph whose author named none, as in imported networks: what a U-Net would take as skips.

import Formats

extension Graph {
    /// How a node's map relates to the image.
    struct Resolution: Hashable {
        /// Image rows and columns for each of the map's.
        var rows = 1.0, columns = 1.0
        /// Whether it was enlarged on the way, as a decoder does.
        var isEnlarged = false
        /// Whether a learned kernel is behind it.
        var isLearned = false
    }

    /// Every node's resolution. Padding and unpadded windows do not count, only strides and enlargements do; where maps
    /// meet, the first input that is no pooled vector counts.
    var resolutions: [Resolution] {
        var resolutions: [Resolution] = []
        var vectors = Set<NodeID>()
        for (id, node) in nodes.enumerated() {
            let maps = node.inputs.filter { !vectors.contains($0) }
            var resolution = (maps.first ?? node.inputs.first).map { resolutions[$0] } ?? Resolution()
            for input in node.inputs {
                resolution.isEnlarged = resolution.isEnlarged || resolutions[input].isEnlarged
                resolution.isLearned = resolution.isLearned || resolutions[input].isLearned
            }
            if !node.inputs.isEmpty, maps.isEmpty { vectors.insert(id) }
            if case .globalAveragePool = node.op { vectors.insert(id) }
            resolution.apply(node.op)
            resolutions.append(resolution)
        }
        return resolutions
    }

    /// The last map at each resolution, from shallow to deep: learned maps of the image that were not enlarged on the
    /// way and not merely padded, and that are larger than 1×1.
    ///
    /// Where a resolution has maps that everything deeper passes through, the last of those is taken: what lies between
    /// two such maps is the inside of a block, as the first half of a residual block that shrinks the map.
    ///
    /// - Parameter shapes: every node's output shape for an image of the usual size.
    func lastMapAtEachResolution(shapes: [Shape]) -> [NodeID] {
        let resolutions = resolutions
        let candidates = nodes.indices.filter { id in
            if case .pad(let padding, _) = nodes[id].op, padding.isAdded { return false }
            let isMap = shapes[id][2] > 1 || shapes[id][3] > 1
            return isMap && resolutions[id].isLearned && !resolutions[id].isEnlarged
        }
        func area(_ id: NodeID) -> Double { resolutions[id].rows * resolutions[id].columns }
        guard let deepest = candidates.max(by: { (area($0), $0) < (area($1), $1) }) else { return [] }
        let passages = passages(to: deepest)
        var last: [Resolution: NodeID] = [:]
        for id in candidates { last[resolutions[id]] = id }
        var lastPassage: [Resolution: NodeID] = [:]
        for id in candidates where passages.contains(id) { lastPassage[resolutions[id]] = id }
        return last.merging(lastPassage) { $1 }.values.map(beforeDownsamplingNorm).sorted()
    }

    /// What a norm reads that only a shrinking convolution reads on: both are the way down (ConvNeXt), and the map before
    /// them is the stage's.
    private func beforeDownsamplingNorm(_ id: NodeID) -> NodeID {
        guard case .layerNorm = nodes[id].op, let input = nodes[id].inputs.first else { return id }
        let readers = nodes.filter { $0.inputs.contains(id) }
        let shrinks = readers.allSatisfy { reader in
            guard case .convolution(let convolution) = reader.op else { return false }
            return convolution.stride != Size2(1)
        }
        return shrinks && !readers.isEmpty ? input : id
    }

    /// The nodes that every path from the input to `end` passes: those that no edge skips.
    private func passages(to end: NodeID) -> Set<NodeID> {
        let order = ancestors(of: [end])
        var passages = Set<NodeID>()
        // The last node that reads an earlier one than the node looked at.
        var reach = 0
        var lastUse: [NodeID: NodeID] = [:]
        for id in order { for input in nodes[id].inputs { lastUse[input] = max(lastUse[input] ?? id, id) } }
        for id in order {
            if reach <= id { passages.insert(id) }
            reach = max(reach, lastUse[id] ?? id)
        }
        return passages
    }

    /// The same network without the nodes that no level needs.
    public func pruned() -> Graph {
        var kept = Graph(inputChannels: inputChannels)
        kept.hasTokenLevels = hasTokenLevels
        var places: [NodeID: NodeID] = [0: 0]
        for id in ancestors(of: levels) where id > 0 {
            places[id] = kept.add(nodes[id].op, nodes[id].inputs.compactMap { places[$0] }, name: nodes[id].name)
        }
        kept.levels = levels.compactMap { places[$0] }
        return kept
    }
}

extension Graph.Resolution {
    /// What an operation does to the resolution of its input.
    fileprivate mutating func apply(_ op: Op) {
        switch op {
        case .convolution(let convolution):
            shrink(by: convolution.stride)
            isLearned = true
        case .transposedConvolution(let convolution, _):
            enlarge(by: convolution.stride)
            isLearned = true
        case .windowAttention, .selfAttention: isLearned = true
        case .maxPool(let window), .averagePool(let window, _): shrink(by: window.stride)
        case .subsample(let stride): shrink(by: Size2(stride))
        case .spaceToDepth(let block, _): shrink(by: Size2(block))
        case .depthToSpace(let block, _): enlarge(by: Size2(block))
        case .upsample(let factor, _): enlarge(by: factor)
        default: break
        }
    }

    private mutating func shrink(by factor: Size2) {
        rows *= Double(factor.height)
        columns *= Double(factor.width)
    }

    private mutating func enlarge(by factor: Size2) {
        rows /= Double(factor.height)
        columns /= Double(factor.width)
        isEnlarged = isEnlarged || factor != Size2(1)
    }
}

extension Padding {
    /// Whether any side is added to rather than cut.
    fileprivate var isAdded: Bool { top > 0 || left > 0 || bottom > 0 || right > 0 }
}
