// Operations that only move values: subsampling, padding, concatenation, enlarging, space to depth.

import CKernels
import COneDNN
import Formats

extension PlanBuilder {
    /// Every `stride`-th position, with zero channels up to the output's count.
    func addSubsample(_ node: FusedNode, stride: Int) throws(EngineError) {
        let source = try layout(of: node.inputs[0]), target = try layout(of: node.output)
        guard case .blocked = order else { return try addChannelsLastSubsample(node, stride, source, target) }
        let from = try memory(of: node.inputs[0]), to = try memory(of: node.output)
        addLoop(target.batch * target.blocks, { CK_subsample($0, $1) }) { memory in
            CK_Subsample(
                source: memory.floats(from), destination: memory.floats(to), source_blocks: Int64(source.blocks),
                destination_blocks: Int64(target.blocks), lanes: Int64(target.lanes),
                source_height: Int64(source.height), source_width: Int64(source.width), height: Int64(target.height),
                width: Int64(target.width), stride: Int64(stride))
        }
    }

    private func addChannelsLastSubsample(
        _ node: FusedNode, _ stride: Int, _ source: MapLayout, _ target: MapLayout
    ) throws(EngineError) {
        let from = try memory(of: node.inputs[0]), to = try memory(of: node.output)
        let threads = threads
        append(kernel: { memory in
            let (from, to) = (memory.floats(from), memory.floats(to))
            return {
                parallelFor(target.batch * target.height, threads: threads) { index in
                    let (image, row) = (index / target.height, index % target.height)
                    for column in 0..<target.width {
                        let at =
                            ((image * source.height + row * stride) * source.width + column * stride) * source.channels
                        let output = to + (index * target.width + column) * target.channels
                        output.update(from: from + at, count: source.channels)
                        (output + source.channels).update(repeating: 0, count: target.channels - source.channels)
                    }
                }
            }
        })
    }

    /// Constant rows and columns around a map.
    func addPad(_ node: FusedNode, _ padding: Padding, value: Float) throws(EngineError) {
        addPad(
            from: (try memory(of: node.inputs[0]), try layout(of: node.inputs[0])),
            to: (try memory(of: node.output), try layout(of: node.output)), padding, value: value)
    }

    /// The same between any two pieces of memory.
    func addPad(
        from source: (memory: MemoryReference, layout: MapLayout),
        to target: (memory: MemoryReference, layout: MapLayout),
        _ padding: Padding, value: Float
    ) {
        let (from, to) = (source.layout, target.layout)
        addLoop(to.batch * to.blocks, { CK_pad($0, $1) }) { memory in
            CK_Pad(
                source: memory.floats(source.memory), destination: memory.floats(target.memory),
                blocks: Int64(to.blocks), lanes: Int64(to.lanes), channels: Int64(to.channels),
                source_height: Int64(from.height), source_width: Int64(from.width), height: Int64(to.height),
                width: Int64(to.width), top: Int64(padding.top), left: Int64(padding.left), value: value)
        }
    }

    /// Enlarges a map by whole factors.
    func addUpsample(_ node: FusedNode, _ interpolation: Op.Interpolation) throws(EngineError) {
        let source = try layout(of: node.inputs[0]).described(), target = try layout(of: node.output).described()
        let kind = interpolation == .nearest ? CDNN_NEAREST : CDNN_BILINEAR
        let primitive = try Primitive("dnnl_resampling (\(node.name))") {
            CDNN_resampling_create(stream.handle, Int32(kind.rawValue), source.handle, target.handle, $0)
        }
        append(
            primitive, layer: node.name,
            [(.source, try memory(of: node.inputs[0])), (.destination, try memory(of: node.output))])
    }

    /// Channels of several maps one after another.
    func addConcatenation(_ node: FusedNode) throws(EngineError) {
        let target = try layout(of: node.output)
        let to = try memory(of: node.output)
        var first = 0
        for input in node.inputs {
            let source = try layout(of: input)
            let from = try memory(of: input)
            switch order {
            case .blocked where first % target.lanes == 0:
                addBlockCopy(from, source, to, target, firstBlock: first / target.lanes)
            case .blocked:
                addLoop(target.batch, { CK_copy_channels($0, $1) }) { [first] memory in
                    CK_CopyChannels(
                        source: memory.floats(from), destination: memory.floats(to), channels: Int64(source.channels),
                        first: Int64(first), source_blocks: Int64(source.blocks),
                        destination_blocks: Int64(target.blocks), lanes: Int64(target.lanes),
                        positions: Int64(target.positions))
                }
            case .channelsLast, .plain: addRowCopy(from, source, to, target, firstChannel: first)
            }
            first += source.channels
        }
    }

    /// Copies whole channel blocks, which lie one after another in each image.
    private func addBlockCopy(
        _ from: MemoryReference, _ source: MapLayout, _ to: MemoryReference, _ target: MapLayout, firstBlock: Int
    ) {
        let threads = threads
        append(kernel: { memory in
            let (from, to) = (memory.floats(from), memory.floats(to))
            let block = target.positions * target.lanes
            return {
                parallelFor(target.batch, threads: threads) { image in
                    (to + (image * target.blocks + firstBlock) * block)
                        .update(from: from + image * source.blocks * block, count: source.blocks * block)
                }
            }
        })
    }

    /// Copies the channels of each position of channels-last maps.
    private func addRowCopy(
        _ from: MemoryReference, _ source: MapLayout, _ to: MemoryReference, _ target: MapLayout, firstChannel: Int
    ) {
        let threads = threads
        append(kernel: { memory in
            let (from, to) = (memory.floats(from), memory.floats(to))
            return {
                parallelFor(target.batch * target.height, threads: threads) { row in
                    for position in row * target.width..<(row + 1) * target.width {
                        (to + position * target.channels + firstChannel)
                            .update(from: from + position * source.channels, count: source.channels)
                    }
                }
            }
        })
    }

    /// Neighbourhoods into channels, channels-last.
    func addSpaceToDepth(_ node: FusedNode, block: Int, order: [Size2]) throws(EngineError) {
        moveNeighbourhoods(
            map: (try memory(of: node.inputs[0]), try layout(of: node.inputs[0])),
            groups: (try memory(of: node.output), try layout(of: node.output)), block: block, order: order,
            intoGroups: true)
    }

    /// Channels into neighbourhoods, channels-last.
    func addDepthToSpace(_ node: FusedNode, block: Int, order: [Size2]) throws(EngineError) {
        moveNeighbourhoods(
            map: (try memory(of: node.output), try layout(of: node.output)),
            groups: (try memory(of: node.inputs[0]), try layout(of: node.inputs[0])), block: block, order: order,
            intoGroups: false)
    }

    /// Copies between a map and the one whose channels are its neighbourhoods' positions, one way or the other.
    func moveNeighbourhoods(
        map: (memory: MemoryReference, layout: MapLayout), groups: (memory: MemoryReference, layout: MapLayout),
        block: Int, order: [Size2], intoGroups: Bool
    ) {
        let offsets = order.map { Int64($0.height) } + order.map { Int64($0.width) }
        let table = AlignedBuffer(byteCount: offsets.count * MemoryLayout<Int64>.stride)
        offsets.withUnsafeBytes { table.memory.copyMemory(from: $0) }
        let places = constant(table)
        let (large, small) = (map.layout, groups.layout)
        let (from, to) = intoGroups ? (map.memory, groups.memory) : (groups.memory, map.memory)
        let run = intoGroups ? CK_space_to_depth : CK_space_to_depth_backward
        addLoop(small.batch * small.height, { run($0, $1) }) { memory in
            let places = memory.address(places).assumingMemoryBound(to: Int64.self)
            return CK_SpaceToDepth(
                source: memory.floats(from), destination: memory.floats(to), row_offsets: places,
                column_offsets: places + order.count, channels: Int64(large.channels), block: Int64(block),
                source_height: Int64(large.height), source_width: Int64(large.width), height: Int64(small.height),
                width: Int64(small.width))
        }
    }
}
