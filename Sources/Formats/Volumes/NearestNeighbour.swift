// Resizing without inventing values: each pixel takes the one of the source under its centre.

/// A plane in another size, row-major: the pixel at (2i + 1) / 2n of the whole takes the source's pixel there.
///
/// - Precondition: the plane has `source` height × width values, at least one; the new sizes are above 0.
public func resizedNearest<Value>(
    _ plane: [Value], from source: (height: Int, width: Int), to size: (height: Int, width: Int)
) -> [Value] {
    precondition(plane.count == source.height * source.width && !plane.isEmpty, "a plane of its size")
    guard source != size else { return plane }
    func sources(_ size: Int, of whole: Int) -> [Int] {
        (0..<size).map { min(whole - 1, (2 * $0 + 1) * whole / (2 * size)) }
    }
    let columns = sources(size.width, of: source.width)
    return [Value](unsafeUninitializedCapacity: size.height * size.width) { buffer, count in
        for (row, from) in sources(size.height, of: source.height).enumerated() {
            for (column, other) in columns.enumerated() {
                buffer.initializeElement(at: row * size.width + column, to: plane[from * source.width + other])
            }
        }
        count = size.height * size.width
    }
}
