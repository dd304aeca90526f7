// ONNX operators that pool, pad, cut and enlarge maps.

import Formats

extension ONNXImporter {
    /// The padding of `pads`, which counts begins before ends; nil when it is not four sizes.
    func fixedPadding(_ call: ONNXCall) -> Padding? {
        guard ["NOTSET", "VALID"].contains(call.text("auto_pad", default: "NOTSET")) else { return nil }
        let pads = call.text("auto_pad", default: "NOTSET") == "VALID" ? nil : call.integers("pads")
        guard let pads else { return Padding.none }
        guard pads.count == 4, pads.allSatisfy({ (0..<1 << 12).contains($0) }) else { return nil }
        return Padding(top: pads[0], left: pads[1], bottom: pads[2], right: pads[3])
    }

    /// The padding of a window operator, by `pads` or `auto_pad`.
    func padding(
        _ call: ONNXCall, size: Size2, stride: Size2, dilation: Size2
    ) throws(EngineError) -> PaddingRule {
        switch call.text("auto_pad", default: "NOTSET") {
        case "SAME_UPPER": return .same
        case "SAME_LOWER":
            // Upper and lower differ where an odd number of rows is added.
            let reach = Size2((size.height - 1) * dilation.height, (size.width - 1) * dilation.width)
            guard stride == Size2(1), reach.height % 2 == 0, reach.width % 2 == 0 else {
                throw call.unsupported("its auto_pad SAME_LOWER is not supported; export with explicit pads")
            }
            return .same
        default:
            guard let padding = fixedPadding(call) else { throw call.unsupported("its pads must be four sizes") }
            return .fixed(padding)
        }
    }

    /// The input and padding of a window operator. Padding before it that was computed from the image's size must be
    /// TensorFlow's "same", and becomes that.
    func padded(
        _ call: ONNXCall, size: Size2, stride: Size2, dilation: Size2, value: Float
    ) throws(EngineError) -> (input: Graph.NodeID, padding: PaddingRule) {
        let input = try call.image()
        let padding = try padding(call, size: size, stride: stride, dilation: dilation)
        guard sizedPads.contains(input), case .pad(let before, let filled) = graph.nodes[input].op else {
            return (input, padding)
        }
        let source = graph.nodes[input].inputs[0]
        let shape = shapes[source]
        let same = PaddingRule.same.resolved(
            input: Size2(shape[2], shape[3]), window: size, stride: stride, dilation: dilation)
        let isFilled = filled == value || value < -3e38 && filled < -3e38
        if padding == .fixed(.none), before == same, isFilled || before == .none { return (source, .same) }
        guard before == .none else {
            throw call.unsupported("the padding before it depends on the image's size in a way that is not supported")
        }
        return (input, padding)
    }

    /// Refuses padding that was computed from the image's size, but for windows.
    func checkPadding(_ call: ONNXCall) throws(EngineError) {
        guard !["Conv", "MaxPool", "AveragePool", "Shape"].contains(call.node.kind) else { return }
        for case .map(let node, _)? in call.inputs where sizedPads.contains(node) {
            if case .pad(.none, _) = graph.nodes[node].op { continue }
            throw call.unsupported("the padding before it depends on the image's size")
        }
    }

    /// Maximum or mean over windows.
    mutating func pool(_ call: ONNXCall) throws(EngineError) -> Graph.NodeID {
        let size = try call.pair("kernel_shape")
        let stride = try call.pair("strides", default: Size2(1))
        guard try call.pair("dilations", default: Size2(1)) == Size2(1) else {
            throw call.unsupported("windows with gaps are not supported")
        }
        let isMaximum = call.node.kind == "MaxPool"
        let (input, padding) = try padded(
            call, size: size, stride: stride, dilation: Size2(1), value: isMaximum ? -.infinity : 0)
        if size == Size2(1), stride == Size2(1), padding == .fixed(.none) || padding == .same { return input }
        let window = Op.Window(
            size: size, stride: stride, padding: padding, roundsUp: call.integer("ceil_mode", default: 0) == 1)
        let op: Op =
            isMaximum
            ? .maxPool(window)
            : .averagePool(window, countsPadding: call.integer("count_include_pad", default: 0) == 1)
        return try add(op, [input], name: call.output)
    }

    /// Constant rows, columns or zero channels around a map.
    mutating func pad(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        guard call.text("mode", default: "constant") == "constant" else {
            throw call.unsupported("only constant padding is supported")
        }
        guard let pads = try integers(call, input: 1, or: "pads") else { throw call.unsupported("it has no pads") }
        var value = Double(call.float("value", default: 0))
        if let constant = try call.constant(2) { value = try numbers(constant).values.first ?? 0 }
        let padded = try integers(call, input: 3, or: "axes") ?? Array(axes.indices)
        let isSized = try call.constant(1)?.dependsOnSize ?? false
        guard pads.count == 2 * padded.count, pads.allSatisfy({ (-1 << 12...1 << 12).contains($0) }) else {
            throw call.unsupported("its pads do not fit")
        }
        var padding = Padding.none
        var channels = 0
        for (index, place) in padded.enumerated() {
            let (before, after) = (pads[index], pads[index + padded.count])
            switch axes[try Self.axis(place, axes.count, call)] {
            case .row: (padding.top, padding.bottom) = (before, after)
            case .column: (padding.left, padding.right) = (before, after)
            case .channel where before == 0 && after >= 0 && value == 0: channels = after
            case _ where before == 0 && after == 0: continue
            default: throw call.unsupported("it pads another axis than rows and columns")
            }
        }
        var result = node
        if channels > 0 {
            let name = padding == .none ? call.output : "\(call.output) part 1"
            result = try add(.padChannels(to: self.channels(node) + channels), [result], name: name)
        }
        if padding != .none || isSized {
            result = try add(.pad(padding, value: Float(value)), [result], name: call.output)
            if isSized { sizedPads.insert(result) }
        }
        return .map(result, axes)
    }

    /// Every n-th row and column, or a cut from the edges.
    mutating func slice(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        let starts = try integers(call, input: 1, or: "starts") ?? []
        let ends = try integers(call, input: 2, or: "ends") ?? []
        let places = try integers(call, input: 3, or: "axes") ?? Array(starts.indices)
        let steps = try integers(call, input: 4, or: "steps") ?? [Int](repeating: 1, count: starts.count)
        guard starts.count == ends.count, places.count == starts.count, steps.count == starts.count else {
            throw call.unsupported("its bounds do not fit")
        }
        let sizes = sizes(node, axes)
        var cut = Padding.none
        var kept = Array(0..<channels(node))
        var strides = Size2(1)
        for (index, place) in places.enumerated() {
            let axis = try Self.axis(place, axes.count, call)
            let (start, end, step, size) = (starts[index], ends[index], steps[index], sizes[axis])
            if start == 0, end >= size, step == 1 { continue }
            if axes[axis] == .channel {
                guard (1..<64).contains(step) else { throw call.unsupported("its step \(step) is not supported") }
                func bound(_ place: Int) -> Int { min(max(place < 0 ? place &+ size : place, 0), size) }
                kept = Array(stride(from: bound(start), to: bound(end), by: step))
                guard !kept.isEmpty else { throw call.unsupported("it keeps no channel") }
                continue
            }
            // A cut counted from the other edge, or none, holds for images of any size.
            guard start >= 0, start < size, end < 0 || end >= size, end > -size, (1..<64).contains(step) else {
                throw call.unsupported("its bounds depend on the image's size")
            }
            let after = end < 0 ? end : 0
            switch axes[axis] {
            case .row: (cut.top, cut.bottom, strides.height) = (-start, after, step)
            case .column: (cut.left, cut.right, strides.width) = (-start, after, step)
            default: throw call.unsupported("it cuts another axis than rows and columns")
            }
        }
        let isPicked = kept.count < channels(node)
        var result = try picked(
            node, channels: kept,
            name: cut == .none && strides == Size2(1) ? call.output : "\(call.output) channels")
        if isPicked, cut == .none, strides == Size2(1) { return .map(result, axes) }
        if cut != .none {
            let name = strides == Size2(1) ? call.output : "\(call.output) part 1"
            result = try add(.pad(cut, value: 0), [result], name: name)
        }
        guard strides != Size2(1) else { return .map(result, axes) }
        guard strides.height == strides.width else { throw call.unsupported("its steps differ") }
        return .map(try add(.subsample(stride: strides.height), [result], name: call.output), axes)
    }

    /// Enlargement by whole factors. What is not supported belongs to a decoder, where no level is taken.
    mutating func resize(_ call: ONNXCall) throws(EngineError) -> ONNXValue {
        let (node, axes) = try call.map()
        let sizes = sizes(node, axes)
        let isUpsample = call.node.kind == "Upsample"
        var factors: [Double] = []
        if !isUpsample, let target = try call.constant(3), target.count > 0 {
            factors = zip(try integers(target), sizes).map { Double($0) / Double($1) }
        } else if let scales = try call.constant(isUpsample || call.opset < 11 ? 1 : 2) {
            factors = try numbers(scales).values
        } else if case .floats(let scales) = call.node.attributes["scales"] {
            factors = scales.map { Double($0) }
        }
        if call.integers("axes") == nil, factors.count == axes.count, factors.allSatisfy({ $0 == 1 }) {
            return .map(node, axes)
        }
        guard axes == .channelsFirst, call.integers("axes") == nil, factors.count == 4, factors[0] == 1,
            factors[1] == 1,
            let factor = Self.whole(factors[2], factors[3]), let interpolation = interpolation(call, factor)
        else {
            // Only what shrinks can still lead to a level.
            if factors.count == axes.count, factors.contains(where: { $0 < 1 }) {
                throw call.unsupported("it resizes by other than whole factors")
            }
            return .beyond
        }
        return .map(try add(.upsample(factor, interpolation), [node], name: call.output), axes)
    }

    private static func whole(_ rows: Double, _ columns: Double) -> Size2? {
        guard (1...64).contains(rows), (1...64).contains(columns), rows == rows.rounded(),
            columns == columns.rounded()
        else { return nil }
        return Size2(Int(rows), Int(columns))
    }

    /// Our interpolation, if it takes the same source positions.
    private func interpolation(_ call: ONNXCall, _ factor: Size2) -> Op.Interpolation? {
        let isUpsample = call.node.kind == "Upsample" || call.opset < 11
        let place = call.text("coordinate_transformation_mode", default: isUpsample ? "asymmetric" : "half_pixel")
        let rounding = call.text("nearest_mode", default: isUpsample ? "floor" : "round_prefer_floor")
        switch call.text("mode", default: "nearest") {
        case "nearest":
            let isFloor = place == "asymmetric" && rounding == "floor"
            let isHalf = place.hasSuffix("half_pixel") && rounding.hasPrefix("round_prefer")
            let isDouble = place == "asymmetric" && rounding == "round_prefer_floor" && factor == Size2(2)
            return isFloor || isHalf || isDouble ? .nearest : nil
        case "linear", "bilinear": return place.hasSuffix("half_pixel") && !isUpsample ? .bilinear : nil
        default: return nil
        }
    }

    /// Blocks of positions into channels, block by block.
    mutating func spaceToDepth(_ call: ONNXCall) throws(EngineError) -> Graph.NodeID {
        let input = try call.image()
        let block = call.integer("blocksize", default: 0)
        guard (1...16).contains(block), shapes[input][2] % block == 0, shapes[input][3] % block == 0 else {
            throw call.unsupported("its blocks do not fill the map")
        }
        let order = (0..<block).flatMap { row in (0..<block).map { Size2(row, $0) } }
        return try add(.spaceToDepth(block: block, order: order), [input], name: call.output)
    }
}
