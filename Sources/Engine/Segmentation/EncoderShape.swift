// What a decoder needs to know of an encoder: at which resolutions its levels are.

import Formats

/// An encoder's levels with their strides.
struct EncoderShape: Sendable, Hashable {
    /// One level.
    struct Level: Sendable, Hashable {
        /// Image pixels for each position, along both axes.
        let stride: Int
        let channels: Int
        let node: Graph.NodeID
    }

    /// From shallow to deep; the last is the decoder's input.
    let levels: [Level]

    /// Measures an encoder by a probe image.
    ///
    /// - Throws: ``EngineError/shape(operation:expected:found:)`` for an encoder whose levels have no whole strides, or
    ///   strides that are no powers of two.
    init(of graph: Graph) throws(EngineError) {
        let side = 512
        let shapes = try graph.outputShapes(input: [1, graph.inputChannels, side, side])
        var levels: [Level] = []
        for (index, node) in graph.levels.enumerated() {
            let shape = shapes[node]
            let stride = side / max(1, shape[2])
            guard shape[2] == shape[3], shape[2] * stride == side, stride.nonzeroBitCount == 1 else {
                throw .shape(
                    operation: "level \(index + 1) of the encoder",
                    expected: "a map that is 1, 2, 4, 8… times smaller than the image, as a U-Net's decoder needs",
                    found: "\(shape[2])×\(shape[3]) for \(side)×\(side)")
            }
            // Of levels at one resolution the deepest is the skip.
            if levels.last?.stride == stride { levels.removeLast() }
            levels.append(Level(stride: stride, channels: shape[1], node: node))
        }
        guard let deepest = levels.last, zip(levels, levels.dropFirst()).allSatisfy({ $0.stride < $1.stride }) else {
            throw .shape(
                operation: "the encoder", expected: "levels that grow coarser", found: "\(levels.map(\.stride))")
        }
        guard deepest.stride > 1 else {
            throw .shape(operation: "the encoder", expected: "a level below the image's size", found: "none")
        }
        self.levels = levels
    }

    /// The decoder's input.
    var bottom: Level { levels[levels.count - 1] }

    /// What image sides must be multiples of.
    var stride: Int { bottom.stride }

    /// How often the decoder doubles the resolution to reach the image's.
    var doublings: Int { stride.trailingZeroBitCount }

    /// The skip at a resolution, if there is one above the bottom.
    func skip(stride: Int) -> Level? { levels.dropLast().last { $0.stride == stride } }
}
