// Early layers have large maps and few weights: run on a whole batch they spend their time moving maps to memory and
// back. A plan therefore runs them a few images at a time, so that a layer finds its input in the caches, and the later
// layers, whose weights outweigh their maps, on the whole batch at once.

import Formats

/// How many layers run slice by slice, and on how many images.
struct BatchSlices: Equatable {
    /// Nodes, from the first, that run once per slice.
    private(set) var nodeCount = 0
    /// Images in a slice.
    private(set) var batch: Int
    /// Slices in a batch.
    private(set) var count = 1

    /// One slice: the batch.
    init(wholeBatch: Int) { batch = wholeBatch }

    /// The division with the least estimated traffic to memory. Depends on shapes only, never on the machine or its
    /// threads, for a kernel may differ with the number of images.
    init(_ nodes: [FusedNode], order: MapLayout.Order, shapes: [Shape]) {
        self.init(wholeBatch: shapes[0][0])
        let costs = nodes.map { NodeTraffic($0, order: order, shapes: shapes) }
        let cacheBytes = 16 << 20
        let whole = batch
        let unsliced = costs.map { $0.bytes(images: whole, times: 1, cacheBytes: cacheBytes) }
        var least = unsliced.reduce(0, +)
        for images in 1..<max(whole, 1) where whole % images == 0 {
            var total = unsliced.reduce(0, +)
            for (index, cost) in costs.enumerated() {
                total += cost.bytes(images: images, times: whole / images, cacheBytes: cacheBytes) - unsliced[index]
                // Among equals larger slices need fewer steps.
                if total < least || (total == least && count > 1 && images > batch) {
                    (least, nodeCount, batch, count) = (total, index + 1, images, whole / images)
                }
            }
        }
        if nodeCount == 0 { (batch, count) = (whole, 1) }
    }
}

/// What one node moves between caches and memory.
private struct NodeTraffic {
    let mapBytesPerImage: Int
    let weightBytes: Int

    init(_ node: FusedNode, order: MapLayout.Order, shapes: [Shape]) {
        let values = Set(node.inputs + [node.residual].compactMap { $0 } + [node.output])
        mapBytesPerImage = values.reduce(0) { $0 + MapLayout(order, shapes[$1]).byteCount / shapes[$1][0] }
        weightBytes = node.op.weightCount * MemoryLayout<Float>.stride
    }

    /// Maps that fit the caches together are free; weights are read once per slice.
    func bytes(images: Int, times: Int, cacheBytes: Int) -> Int {
        let maps = mapBytesPerImage * images
        return (weightBytes + (maps > cacheBytes ? maps : 0)) * times
    }
}

extension Op {
    /// Weights that a run reads, as the kernels store them.
    fileprivate var weightCount: Int {
        switch self {
        case .convolution(let convolution):
            // Winograd's 36 values stand for 9.
            let grows = convolution.weight.shape.axes.dropFirst(2) == [3, 3] && convolution.stride == Size2(1)
            return convolution.weight.shape.elementCount * (grows ? 4 : 1)
        case .transposedConvolution(let convolution, _): return convolution.weight.shape.elementCount
        case .windowAttention(let attention):
            return attention.qkv.shape.elementCount + attention.projection.shape.elementCount
        default: return 0
        }
    }
}
