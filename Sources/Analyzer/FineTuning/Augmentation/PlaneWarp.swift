// The one resampling of an augmentation: bilinear for images, nearest neighbour for labels, 0 from outside.

/// Resamples images of one size. Image and labels use the same coordinates, so they cannot part.
///
/// As `torch.nn.functional.grid_sample(align_corners=False, padding_mode="zeros")`: a pixel outside counts as 0, so the
/// outermost half pixel fades. Labels take the pixel whose centre is nearest (of two equally near ones the right and lower).
///
/// Coordinates are whole numbers of 2⁻³² pixels: floor and fraction are then a shift and a mask, and stepping along a row
/// adds no error.
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
        withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * width) { buffer in
            guard let xs = buffer.baseAddress else { return }
            let coordinates = RowCoordinates(xs: xs, ys: xs + width, width: width)
            for row in 0..<height {
                if let elastic, let axes {
                    coordinates.fill(row, map, points: elastic.points(ofRow: row, axes.rows), axes.columns)
                } else {
                    coordinates.fill(row, map)
                }
                sample(source, channels, coordinates, to: image + row * width)
                sampleNearest(labelSource, coordinates, to: labels + row * width)
            }
        }
    }

    private func sample(
        _ source: UnsafePointer<Float>, _ channels: Int, _ coordinates: RowCoordinates,
        to row: UnsafeMutablePointer<Float>
    ) {
        let (lastColumn, lastRow) = (UInt32(width - 1), UInt32(height - 1))
        let plane = height * width
        for index in 0..<width {
            let (x, y) = (coordinates.xs[index], coordinates.ys[index])
            let (left, top) = (wholePart(x), wholePart(y))
            let (right, down) = (fraction(x), fraction(y))
            guard UInt32(bitPattern: left) < lastColumn, UInt32(bitPattern: top) < lastRow else {
                for channel in 0..<channels {
                    row[channel * plane + index] = sampleEdge(source + channel * plane, left, top, right, down)
                }
                continue
            }
            var corner = source + (Int(top) &* width &+ Int(left))
            var target = row + index
            for _ in 0..<channels {
                let upper = corner[0] * (1 - right) + corner[1] * right
                let lower = corner[width] * (1 - right) + corner[width &+ 1] * right
                target.pointee = upper * (1 - down) + lower * down
                corner += plane
                target += plane
            }
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
        let half = RowCoordinates.one / 2
        for index in 0..<width {
            let (x, y) = (wholePart(coordinates.xs[index] &+ half), wholePart(coordinates.ys[index] &+ half))
            let isInside = UInt32(bitPattern: x) < columns && UInt32(bitPattern: y) < rows
            row[index] = isInside ? source[Int(y) &* width &+ Int(x)] : 0
        }
    }
}

/// The whole pixel of a coordinate, rounded down.
@inline(__always)
private func wholePart(_ value: Int64) -> Int32 { Int32(truncatingIfNeeded: value >> 32) }

/// What is left of a coordinate, 0..<1, to 24 bits.
@inline(__always)
private func fraction(_ value: Int64) -> Float {
    Float(Int32(truncatingIfNeeded: UInt32(truncatingIfNeeded: value) >> 8)) * 0x1p-24
}

/// The input coordinates of one output row, in 2⁻³² pixels.
private struct RowCoordinates {
    let xs: UnsafeMutablePointer<Int64>
    let ys: UnsafeMutablePointer<Int64>
    let width: Int

    /// One pixel.
    static var one: Int64 { 1 << 32 }

    /// Coordinates beyond ±2²⁹ pixels are outside of any image, and cannot overflow.
    private static func fixed(_ value: Double) -> Int64 {
        Int64((min(max(value, -0x1p29), 0x1p29) * 0x1p32).rounded())
    }

    /// The same for small moves, rounded towards 0.
    private static func fixed(_ value: Float) -> Int64 { Int64(min(max(value, -0x1p29), 0x1p29) * 0x1p32) }

    /// The affine map alone.
    func fill(_ row: Int, _ map: PlaneMap) {
        let start = map.origin + map.row * Double(row)
        let (x, y) = (Self.fixed(start.x), Self.fixed(start.y))
        let (stepX, stepY) = (Self.fixed(map.column.x), Self.fixed(map.column.y))
        for index in 0..<width {
            xs[index] = x &+ stepX &* Int64(index)
            ys[index] = y &+ stepY &* Int64(index)
        }
    }

    /// Displacements first, then the affine map.
    func fill(_ row: Int, _ map: PlaneMap, points: [SIMD2<Float>], _ columns: ElasticField.Axis) {
        fill(row, map)
        let (column, down) = (SIMD2<Float>(map.column), SIMD2<Float>(map.row))
        for index in 0..<width {
            let (first, weights) = (columns.first[index], columns.weights[index])
            var displacement = points[first] * weights[0] + points[first + 1] * weights[1]
            displacement += points[first + 2] * weights[2] + points[first + 3] * weights[3]
            let move = column * displacement.x + down * displacement.y
            xs[index] &+= Self.fixed(move.x)
            ys[index] &+= Self.fixed(move.y)
        }
    }
}
