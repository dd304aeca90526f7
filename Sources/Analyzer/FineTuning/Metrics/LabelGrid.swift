// Where a class lies in a label map: its bounding box and its surface.

/// Sizes of a volume of labels, or of an image (depth 1), row-major.
struct GridSize: Sendable, Hashable {
    var depth: Int
    var height: Int
    var width: Int

    var count: Int { depth * height * width }
    var plane: Int { height * width }
}

/// A box of voxels; the upper bounds are not part of it.
struct GridBox: Sendable, Hashable {
    var low: SIMD3<Int>
    var high: SIMD3<Int>

    /// Its sizes.
    var size: GridSize { GridSize(depth: high[0] - low[0], height: high[1] - low[1], width: high[2] - low[2]) }

    /// The smallest box around all voxels of a class in a map; nil where there are none.
    init?(around label: UInt8, in labels: UnsafePointer<UInt8>, _ grid: GridSize) {
        var low = SIMD3(Int.max, Int.max, Int.max)
        var high = SIMD3(-1, -1, -1)
        for z in 0..<grid.depth {
            for y in 0..<grid.height {
                let row = UnsafeBufferPointer(start: labels + (z * grid.height + y) * grid.width, count: grid.width)
                guard let first = row.firstIndex(of: label), let last = row.lastIndex(of: label) else { continue }
                low.replace(with: SIMD3(z, y, first), where: SIMD3(z, y, first) .< low)
                high.replace(with: SIMD3(z, y, last), where: SIMD3(z, y, last) .> high)
            }
        }
        guard high[0] >= 0 else { return nil }
        self.low = low
        self.high = high &+ 1
    }

    /// The smallest box around two.
    func union(_ other: GridBox) -> GridBox {
        var result = self
        result.low.replace(with: other.low, where: other.low .< low)
        result.high.replace(with: other.high, where: other.high .> high)
        return result
    }
}

/// A class's surface within a box that holds all of the class: 1 where it is, row-major over the box.
///
/// A voxel is on the surface when it belongs to the class and one of its neighbours that share a face (4 in an image, 6 in
/// a volume) does not or lies outside the map: the mask without its erosion, as medpy computes it with connectivity 1.
func surface(
    of label: UInt8, in labels: UnsafePointer<UInt8>, _ grid: GridSize, box: GridBox
) -> (mask: [UInt8], count: Int) {
    let size = box.size
    var mask = [UInt8](repeating: 0, count: size.count)
    var count = 0
    mask.withUnsafeMutableBufferPointer { mask in
        guard let base = mask.baseAddress else { return }
        for z in 0..<size.depth {
            for y in 0..<size.height {
                let source = ((z + box.low[0]) * grid.height + y + box.low[1]) * grid.width + box.low[2]
                let isRim =
                    y == 0 || y + 1 == size.height || (grid.depth > 1 && (z == 0 || z + 1 == size.depth))
                let rows = SurfaceRow(
                    middle: labels + source, label: label, rowStep: grid.width,
                    planeStep: grid.depth > 1 ? grid.plane : 0)
                count += rows.mark(base + (z * size.height + y) * size.width, width: size.width, isRim: isRim)
            }
        }
    }
    return (mask, count)
}

/// A row of labels and the way to its neighbours.
private struct SurfaceRow {
    let middle: UnsafePointer<UInt8>
    let label: UInt8
    let rowStep: Int
    /// 0 in an image: the row is its own neighbour then.
    let planeStep: Int

    /// Marks the surface of a row of the box and counts it. `isRim` says that neighbouring rows lie outside the box, so
    /// that nothing of the class can be there.
    func mark(_ marks: UnsafeMutablePointer<UInt8>, width: Int, isRim: Bool) -> Int {
        if isRim {
            for x in 0..<width { marks[x] = middle[x] == label ? 1 : 0 }
        } else {
            marks[0] = middle[0] == label ? 1 : 0
            marks[width - 1] = middle[width - 1] == label ? 1 : 0
            let (above, below) = (middle - rowStep, middle + rowStep)
            let (before, behind) = (middle - planeStep, middle + planeStep)
            for x in stride(from: 1, to: width - 1, by: 1) {
                // Differences to the label, 0 where equal: one "or" tells whether all neighbours belong to the class.
                let across = (middle[x - 1] ^ label) | (middle[x + 1] ^ label)
                let along = (above[x] ^ label) | (below[x] ^ label) | (before[x] ^ label) | (behind[x] ^ label)
                marks[x] = (middle[x] == label ? 1 : 0) & (across | along != 0 ? 1 : 0)
            }
        }
        var count = 0
        for x in 0..<width { count &+= Int(marks[x]) }
        return count
    }
}
