// How a plan keeps its feature maps in memory: one layout for the whole network, so that nothing is reordered between
// operations.

import COneDNN
import Formats

/// A map's shape and memory order.
struct MapLayout: Hashable {
    enum Order: Hashable {
        /// NCHW, as the network's input arrives.
        case plain
        /// NHWC, for networks that normalise or attend over channels.
        case channelsLast
        /// nChw16c or nChw8c: blocks of channels innermost, padded with zero channels to whole blocks.
        case blocked(lanes: Int)
    }

    var order: Order
    var batch: Int, channels: Int, height: Int, width: Int

    init(_ order: Order, _ shape: Shape) {
        self.order = order
        (batch, channels, height, width) = (shape[0], shape[1], shape[2], shape[3])
    }

    /// Channels including the padding of the last block.
    var storedChannels: Int {
        guard case .blocked(let lanes) = order else { return channels }
        return (channels + lanes - 1) / lanes * lanes
    }

    /// Innermost run of channels that the small kernels walk.
    var lanes: Int {
        switch order {
        case .plain: 1
        case .channelsLast: channels
        case .blocked(let lanes): lanes
        }
    }

    var blocks: Int { storedChannels / lanes }
    var positions: Int { height * width }
    var byteCount: Int { batch * storedChannels * positions * MemoryLayout<Float>.stride }

    /// The layout for oneDNN, with the padding channels as real ones (kernels get zero weights for them) or, for
    /// reading the values out, with the true channel count.
    func described(countsPadding: Bool = true) throws(EngineError) -> Layout {
        let axes = [batch, countsPadding ? storedChannels : channels, height, width]
        switch order {
        case .plain: return try Layout(axes, .plain)
        case .channelsLast: return try Layout(axes, .channelsLast)
        case .blocked(let lanes): return try Layout(axes, lanes == 16 ? .blocked16 : .blocked8)
        }
    }

    /// How many neighbouring groups of a grouped convolution are computed as one so that they fill a vector: kernels
    /// exist for groups of whole blocks only, and multiplying some zeros is far cheaper than the loop that is left.
    static func mergedGroups(_ convolution: Op.Convolution, source: MapLayout, target: MapLayout) -> Int {
        guard case .blocked(let lanes) = source.order, convolution.groups > 1 else { return 1 }
        let inputs = source.channels / convolution.groups, outputs = target.channels / convolution.groups
        guard inputs == outputs, inputs < lanes, lanes % inputs == 0, source.channels % lanes == 0 else { return 1 }
        return lanes / inputs
    }

    /// The layout that fits a network on this machine.
    ///
    /// Blocks of the vector width let every convolution kernel run, Winograd's included. Channels-last is for networks
    /// with layer norms or attention, and for grouped convolutions whose channels do not fill whole blocks.
    static func preferredOrder(for graph: Graph, nodes: [Graph.NodeID], shapes: [Shape]) -> Order {
        let lanes = CDNN_vector_width() == 16 ? 16 : 8
        for id in nodes {
            switch graph.nodes[id].op {
            case .layerNorm, .windowAttention, .spaceToDepth, .depthToSpace, .tokens, .selfAttention, .patchMap:
                return .channelsLast
            case .convolution(let convolution) where convolution.groups > 1:
                let channels = shapes[graph.nodes[id].inputs[0]][1]
                let isDepthwise = convolution.groups == channels && shapes[id][1] == channels
                let order = Order.blocked(lanes: lanes)
                let source = MapLayout(order, shapes[graph.nodes[id].inputs[0]]), target = MapLayout(order, shapes[id])
                let width = channels / convolution.groups * mergedGroups(convolution, source: source, target: target)
                let fillsBlocks = channels % lanes == 0 && shapes[id][1] % lanes == 0 && width % lanes == 0
                if !isDepthwise && !fillsBlocks { return .channelsLast }
            case .transposedConvolution(let convolution, _) where convolution.groups > 1: return .channelsLast
            default: continue
            }
        }
        return .blocked(lanes: lanes)
    }
}
