// The one resampling of an augmentation: bilinear for images, nearest neighbour for labels, 0 from outside.

/// Resamples images of one size. Image and labels use the same coordinates, so they cannot part.
///
/// As `torch.nn.functional.grid_sample(align_corners=False, padding_mode="zeros")`: a pixel outside counts as 0, so the
/// outermost half pixel fades. Labels take the pixel whose centre is nearest (of two equally near ones the right and lower).
struct PlaneWarp {
    let height: Int
    let width: Int
    private let map: PlaneMap
    private let elastic: ElasticField?

    /// Prepares the resampling of a draw.
    init(_ draw: AugmentationDraw, height: Int, width: Int) {
        (self.height, self.width) = (height, width)
        map = PlaneMap(draw, height: height, width: width)
        elastic = draw.elastic
    }

    /// Fills `image` (channels × height × width) and `labels` (height × width) from their sources.
    ///
    /// - Precondition: the pointers are as long as that, and sources and results do not overlap.
    func apply(
        image source: UnsafePointer<Float>, channels: Int, to image: UnsafeMutablePointer<Float>,
        labels labelSource: UnsafePointer<UInt8>, to labels: UnsafeMutablePointer<UInt8>
    ) {
        let axes = elastic.map { _ in (rows: ElasticField.Axis(size: height), columns: ElasticField.Axis(size: width)) }
        withUnsafeTemporaryAllocation(of: Float.self, capacity: 2 * width) { buffer in
            guard let xs = buffer.baseAddress else { return }
            let coordinates = RowCoordinates(xs: xs, ys: xs + width, width: width)
            for row in 0..<height {
                if let elastic, let axes {
                    coordinates.fill(row, map, points: elastic.points(ofRow: row, axes.rows), axes.columns)
                } else {
                    coordinates.fill(row, map)
                }
                for channel in 0..<channels {
                    let plane = channel * height * width
                    sample(source + plane, coordinates, to: image + plane + row * width)
                }
                sampleNearest(labelSource, coordinates, to: labels + row * width)
            }
        }
    }

    private func sample(
        _ source: UnsafePointer<Float>, _ coordinates: RowCoordinates, to row: UnsafeMutablePointer<Float>
    ) {
        let (lastColumn, lastRow) = (UInt32(width - 1), UInt32(height - 1))
        for index in 0..<width {
            let (x, y) = (coordinates.xs[index], coordinates.ys[index])
            let (left, top) = (wholePart(x), wholePart(y))
            let (right, down) = (x - Float(left), y - Float(top))
            guard UInt32(bitPattern: left) < lastColumn, UInt32(bitPattern: top) < lastRow else {
                row[index] = sampleEdge(source, left, top, right, down)
                continue
            }
            let corner = source + (Int(top) &* width &+ Int(left))
            let upper = corner[0] * (1 - right) + corner[1] * right
            let lower = corner[width] * (1 - right) + corner[width &+ 1] * right
            row[index] = upper * (1 - down) + lower * down
        }
    }

    /// The same sum, pixels outside counting as 0.
    private func sampleEdge(
        _ source: UnsafePointer<Float>, _ left: Int32, _ top: Int32, _ right: Float, _ down: Float
    ) -> Float {
        guard left >= -1, top >= -1, left < width, top < height else { return 0 }
        func pixel(_ x: Int, _ y: Int) -> Float {
            x >= 0 && y >= 0 && x < width && y < height ? source[y * width + x] : 0
        }
        let (x, y) = (Int(left), Int(top))
        let upper = pixel(x, y) * (1 - right) + pixel(x + 1, y) * right
        let lower = pixel(x, y + 1) * (1 - right) + pixel(x + 1, y + 1) * right
        return upper * (1 - down) + lower * down
    }

    private func sampleNearest(
        _ source: UnsafePointer<UInt8>, _ coordinates: RowCoordinates, to row: UnsafeMutablePointer<UInt8>
    ) {
        let (columns, rows) = (UInt32(width), UInt32(height))
        for index in 0..<width {
            let (x, y) = (wholePart(coordinates.xs[index] + 0.5), wholePart(coordinates.ys[index] + 0.5))
            let isInside = UInt32(bitPattern: x) < columns && UInt32(bitPattern: y) < rows
            row[index] = isInside ? source[Int(y) &* width &+ Int(x)] : 0
        }
    }
}

/// The largest whole number that is not above `value`.
///
/// - Precondition: the value lies within ±2³⁰, which ``RowCoordinates`` sees to.
@inline(__always)
private func wholePart(_ value: Float) -> Int32 {
    let towardsZero = Int32(value)
    return Float(towardsZero) > value ? towardsZero &- 1 : towardsZero
}

/// The input coordinates of one output row.
private struct RowCoordinates {
    let xs: UnsafeMutablePointer<Float>
    let ys: UnsafeMutablePointer<Float>
    let width: Int

    /// Coordinates beyond this are outside of any image.
    private static var limit: Float { 1e6 }

    private func store(_ x: Float, _ y: Float, at index: Int) {
        xs[index] = min(max(x, -Self.limit), Self.limit)
        ys[index] = min(max(y, -Self.limit), Self.limit)
    }

    /// The affine map alone.
    func fill(_ row: Int, _ map: PlaneMap) {
        let start = map.origin + map.row * Double(row)
        let (x, y) = (Float(start.x), Float(start.y))
        let (stepX, stepY) = (Float(map.column.x), Float(map.column.y))
        for index in 0..<width { store(x + stepX * Float(index), y + stepY * Float(index), at: index) }
    }

    /// Displacements first, then the affine map.
    func fill(_ row: Int, _ map: PlaneMap, points: [SIMD2<Float>], _ columns: ElasticField.Axis) {
        let start = SIMD2<Float>(map.origin + map.row * Double(row))
        let (column, down) = (SIMD2<Float>(map.column), SIMD2<Float>(map.row))
        for index in 0..<width {
            let (first, weights) = (columns.first[index], columns.weights[index])
            var displacement = points[first] * weights[0] + points[first + 1] * weights[1]
            displacement += points[first + 2] * weights[2] + points[first + 3] * weights[3]
            let place = start + column * (Float(index) + displacement.x) + down * displacement.y
            store(place.x, place.y, at: index)
        }
    }
}
