// Pooling windows, with PyTorch's rounding rules expressed as oneDNN's paddings.

import COneDNN
import Formats

extension PlanBuilder {
    /// Appends one pooling of the node's input.
    func addPooling(_ node: FusedNode, _ window: Op.Window, kind: CDNN_PoolingKind) throws(EngineError) {
        let source = try layout(of: node.inputs[0])
        var padding = window.padding.resolved(
            input: Size2(source.height, source.width), window: window.size, stride: window.stride, dilation: Size2(1))
        padding.top += node.extraPadding.top
        padding.left += node.extraPadding.left
        padding.bottom += node.extraPadding.bottom
        padding.right += node.extraPadding.right
        try addPooling(node, window, kind, from: (try memory(of: node.inputs[0]), source), padding)
    }

    /// PyTorch's average with ceil_mode and count_include_pad: a window counts the padding that was asked for but not
    /// the rows beyond it that only rounding up reaches. So the zeros are written out, and the rest is not counted.
    func addPaddedAverage(_ node: FusedNode, _ window: Op.Window) throws(EngineError) {
        let source = try layout(of: node.inputs[0])
        let padding = window.padding.resolved(
            input: Size2(source.height, source.width), window: window.size, stride: window.stride, dilation: Size2(1))
        var padded = source
        padded.height += padding.top + padding.bottom
        padded.width += padding.left + padding.right
        let memory = temporary(byteCount: padded.byteCount)
        addPad(from: (try self.memory(of: node.inputs[0]), source), to: (memory, padded), padding, value: 0)
        try addPooling(node, window, CDNN_POOL_AVERAGE, from: (memory, padded), .none)
    }

    private func addPooling(
        _ node: FusedNode, _ window: Op.Window, _ kind: CDNN_PoolingKind,
        from source: (memory: MemoryReference, layout: MapLayout), _ padding: Padding
    ) throws(EngineError) {
        let from = try source.layout.described(), to = try layout(of: node.output).described()
        var spec = try poolingSpecification(node, window, kind, source: source.layout, padding)
        spec.source = from.handle
        spec.destination = to.handle
        let primitive = try Primitive("dnnl_pooling (\(node.name))") { CDNN_pooling_create(stream.handle, &spec, $0) }
        withExtendedLifetime((from, to)) {}
        append(
            primitive, layer: node.name, [(.source, source.memory), (.destination, try memory(of: node.output))])
    }

    /// A pooling's sizes and paddings; the layouts are the caller's to fill in.
    func poolingSpecification(
        _ node: FusedNode, _ window: Op.Window, _ kind: CDNN_PoolingKind, source: MapLayout, _ padding: Padding
    ) throws(EngineError) -> CDNN_pooling {
        let target = try layout(of: node.output)
        // oneDNN derives the output's size from the padding, so a last partial window needs its rows counted.
        let bottom =
            (target.height - 1) * window.stride.height + window.size.height - source.height - padding.top
        let right = (target.width - 1) * window.stride.width + window.size.width - source.width - padding.left
        var spec = CDNN_pooling()
        spec.kind = Int32(kind.rawValue)
        spec.kernel = (Int64(window.size.height), Int64(window.size.width))
        spec.stride = (Int64(window.stride.height), Int64(window.stride.width))
        spec.before = (Int64(padding.top), Int64(padding.left))
        spec.after = (Int64(max(padding.bottom, bottom)), Int64(max(padding.right, right)))
        return spec
    }
}
