// From one dialect's layout to another's: seen in a shape, axes permuted, seen in another shape.

/// How a tensor's values are laid out anew.
struct TensorRearrangement: Sendable, Hashable {
    /// The shape in which the axes are permuted.
    let seen: Shape
    /// The new order of those axes; nil when the values stay where they are.
    let order: [Int]?
    /// The shape of the result.
    let result: Shape

    /// The way from `source`'s layout of a variable to `target`'s; nil when the tensor's shape does not fit the layout.
    init?(_ variable: DialectVariable, shape: Shape, from source: Dialect, to target: Dialect) {
        if source.isPyTorch, target.isPyTorch {
            let wanted = variable.shapes[target] ?? shape
            guard wanted.elementCount == shape.elementCount else { return nil }
            self.init(seen: shape, order: nil, result: wanted)
            return
        }
        if !source.isPyTorch, !target.isPyTorch {
            self.init(seen: shape, order: nil, result: shape)
            return
        }
        let isToKeras = source.isPyTorch
        switch variable.layout {
        case .same:
            let wanted = variable.shapes[isToKeras ? .timm : target] ?? shape
            guard wanted.elementCount == shape.elementCount else { return nil }
            self.init(seen: shape, order: nil, result: wanted)
        case .kernel, .transposedKernel:
            guard shape.rank == 4 else { return nil }
            self.init(seen: shape, order: isToKeras ? [2, 3, 1, 0] : [3, 2, 0, 1])
        case .depthwiseKernel:
            guard shape.rank == 4, !isToKeras || shape[1] == 1 else { return nil }
            let permuted = TensorRearrangement(seen: shape, order: [2, 3, 0, 1])
            let axes = permuted.result.axes
            self.init(
                seen: shape, order: [2, 3, 0, 1],
                result: isToKeras ? permuted.result : [axes[0] * axes[1], 1, axes[2], axes[3]])
        case .linear:
            // A 1×1 convolution is a Linear seen otherwise.
            let flat = Shape(isToKeras && shape.rank == 4 ? Array(shape.axes.prefix(2)) : shape.axes)
            guard flat.rank == 2, flat.elementCount == shape.elementCount else { return nil }
            let permuted = TensorRearrangement(seen: flat, order: [1, 0])
            self.init(seen: flat, order: [1, 0], result: variable.shapes[target] ?? permuted.result)
            guard result.elementCount == shape.elementCount else { return nil }
        case .flattenedLinear(let channels, let height, let width):
            let outputs = shape[isToKeras ? 0 : shape.rank - 1]
            let flat = channels * height * width
            guard shape.rank >= 2, shape.elementCount == outputs * flat else { return nil }
            if isToKeras {
                self.init(seen: [outputs, channels, height, width], order: [2, 3, 1, 0], result: [flat, outputs])
            } else {
                self.init(
                    seen: [height, width, channels, outputs], order: [3, 2, 0, 1],
                    result: variable.shapes[target] ?? [outputs, flat])
            }
        }
    }

    private init(seen: Shape, order: [Int]?, result: Shape? = nil) {
        self.seen = seen
        self.order = order
        self.result = result ?? order.map { Shape($0.map { seen[$0] }) } ?? seen
    }

    /// Lays out a tensor anew.
    func callAsFunction(_ view: TensorView) -> TensorView {
        guard let order else { return TensorView(dtype: view.dtype, shape: result, bytes: view.bytes) }
        let strides = seen.rowMajorStrides
        let layout = StridedLayout(
            offset: 0, sizes: order.map { seen[$0] }, strides: order.map { strides[$0] })
        let bytes = layout.gathered(from: view.bytes, elementByteCount: view.dtype.bitWidth / 8)
        return TensorView(dtype: view.dtype, shape: result, bytes: bytes)
    }
}
