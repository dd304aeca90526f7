// Pooling, padding, subsampling, upsampling and space-to-depth: operations that move or summarise positions.

import Formats

extension ReferenceMap {
    /// Applies an operation without parameters that changes positions or channels.
    func resampled(_ op: Op, shape: Shape) -> ReferenceMap {
        switch op {
        case .maxPool(let window): return pooled(window, shape: shape) { values, _ in values.max() ?? -.infinity }
        case .averagePool(let window, let countsPadding):
            return pooled(window, shape: shape) { values, paddedArea in
                return values.reduce(0, +) / Double(countsPadding ? paddedArea : max(values.count, 1))
            }
        case .globalAveragePool:
            return ReferenceMap(shape: shape) { n, c, _, _ in
                let first = (n * channels + c) * area
                return exact[first..<first + area].reduce(0, +) / Double(area)
            }
        case .subsample(let stride):
            return ReferenceMap(shape: shape) { n, c, y, x in self[n, c, y * stride, x * stride] }
        case .padChannels:
            return ReferenceMap(shape: shape) { n, c, y, x in c < channels ? self[n, c, y, x] : 0 }
        case .pad(let padding, let value):
            return ReferenceMap(shape: shape) { n, c, y, x in
                inside(n, c, y - padding.top, x - padding.left) ?? Double(value)
            }
        case .upsample(let factor, .nearest):
            return ReferenceMap(shape: shape) { n, c, y, x in self[n, c, y / factor.height, x / factor.width] }
        case .upsample(let factor, .bilinear): return bilinearlyUpsampled(factor, shape: shape)
        case .spaceToDepth(let block, let order):
            return ReferenceMap(shape: shape) { n, c, y, x in
                let offset = order[c / channels]
                return inside(n, c % channels, y * block + offset.height, x * block + offset.width) ?? 0
            }
        case .depthToSpace(let block, let order):
            return ReferenceMap(shape: shape) { n, c, y, x in
                let group = order.firstIndex(of: Size2(y % block, x % block)) ?? 0
                return self[n, group * shape[1] + c, y / block, x / block]
            }
        default: return self
        }
    }

    /// The value at a position, or nil outside the map.
    private func inside(_ n: Int, _ c: Int, _ y: Int, _ x: Int) -> Double? {
        y >= 0 && y < height && x >= 0 && x < width ? self[n, c, y, x] : nil
    }

    /// Summarises each window: `summary` gets its values inside the map and its area inside map and padding together.
    private func pooled(_ window: Op.Window, shape: Shape, _ summary: ([Double], Int) -> Double) -> ReferenceMap {
        let padding = window.padding.resolved(
            input: Size2(height, width), window: window.size, stride: window.stride, dilation: Size2(1))
        return ReferenceMap(shape: shape) { n, c, y, x in
            let top = y * window.stride.height - padding.top
            let left = x * window.stride.width - padding.left
            let bottom = min(top + window.size.height, height + padding.bottom)
            let right = min(left + window.size.width, width + padding.right)
            var inside: [Double] = []
            for row in max(top, 0)..<max(min(bottom, height), max(top, 0)) {
                for column in max(left, 0)..<max(min(right, width), max(left, 0)) {
                    inside.append(self[n, c, row, column])
                }
            }
            return summary(inside, (bottom - top) * (right - left))
        }
    }

    /// Half-pixel centres: output position y looks at (y + ½)/factor − ½, clamped to the map.
    private func bilinearlyUpsampled(_ factor: Size2, shape: Shape) -> ReferenceMap {
        func sources(_ position: Int, _ factor: Int, _ size: Int) -> (Int, Int, Double) {
            let source = max(0, (Double(position) + 0.5) / Double(factor) - 0.5)
            let first = min(Int(source), size - 1)
            return (first, min(first + 1, size - 1), source - Double(first))
        }
        return ReferenceMap(shape: shape) { n, c, y, x in
            let (top, bottom, down) = sources(y, factor.height, height)
            let (left, right, along) = sources(x, factor.width, width)
            let upper = self[n, c, top, left] * (1 - along) + self[n, c, top, right] * along
            let lower = self[n, c, bottom, left] * (1 - along) + self[n, c, bottom, right] * along
            return upper * (1 - down) + lower * down
        }
    }
}
