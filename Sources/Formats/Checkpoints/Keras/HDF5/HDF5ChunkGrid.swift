// The grid of chunks that covers an array, and copying one chunk into it.

/// Chunks of equal size over a row-major array; the last ones along an axis may stick out.
struct HDF5ChunkGrid: Sendable {
    /// The most chunks that are looked up one by one: a second or two.
    static let mostChunks = 1_000_000

    let shape: Shape
    let chunk: [Int]
    let elementSize: Int
    /// Chunks along each axis.
    let counts: [Int]

    /// Cuts `shape` into chunks of the same rank.
    init(shape: Shape, chunk: [Int], elementSize: Int) {
        self.shape = shape
        self.chunk = chunk
        self.elementSize = elementSize
        counts = zip(shape.axes, chunk).map { size, step in size / step + (size % step == 0 ? 0 : 1) }
    }

    /// How many chunks there are; see ``checked(path:section:)``.
    var count: Int { Shape(counts).checkedElementCount ?? Int.max }

    /// The grid itself, unless it has too many chunks.
    func checked(path: String, section: String) throws(FormatError) -> HDF5ChunkGrid {
        guard count <= Self.mostChunks else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "\(section): its chunk count", claimed: "\(Shape(counts))", limit: "\(Self.mostChunks)"))
        }
        return self
    }

    /// The first element's coordinates in chunk `index`, counted row-major.
    func corner(of index: Int) -> [Int] {
        var rest = index
        var corner = [Int](repeating: 0, count: counts.count)
        for axis in counts.indices.reversed() {
            corner[axis] = rest % counts[axis] * chunk[axis]
            rest /= counts[axis]
        }
        return corner
    }

    /// Whether the chunk at `corner` sticks out of the array.
    func isPartial(at corner: [Int]) -> Bool {
        corner.indices.contains { shape[$0] - corner[$0] < chunk[$0] }
    }

    /// Copies the part of a whole chunk that lies within the array, row by row.
    func copy(_ source: UnsafeRawBufferPointer, at corner: [Int], into output: UnsafeMutableRawBufferPointer) {
        let size = corner.indices.map { min(chunk[$0], shape[$0] - corner[$0]) }
        let from = Shape(chunk).rowMajorStrides
        let to = shape.rowMajorStrides
        let rowByteCount = (size.last ?? 1) * elementSize
        for row in 0..<size.dropLast().reduce(1, *) {
            var rest = row
            var sourceIndex = 0
            var outputIndex = corner.last ?? 0
            for axis in size.indices.dropLast().reversed() {
                let position = rest % size[axis]
                rest /= size[axis]
                sourceIndex += position * from[axis]
                outputIndex += (corner[axis] + position) * to[axis]
            }
            UnsafeMutableRawBufferPointer(rebasing: output[(outputIndex * elementSize)...].prefix(rowByteCount))
                .copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: source[(sourceIndex * elementSize)...].prefix(rowByteCount)))
        }
    }
}
