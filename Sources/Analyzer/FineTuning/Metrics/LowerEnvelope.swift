// The lower envelope of parabolas of equal width, the heart of the exact Euclidean distance transform.
// P. F. Felzenszwalb, D. P. Huttenlocher, "Distance transforms of sampled functions", Theory of Computing 8, 2012.

/// The smallest of many functions height + (scale × (x − position))², found for all whole x in linear time.
struct LowerEnvelope: ~Copyable {
    private let positions: UnsafeMutableBufferPointer<Int>
    private let heights: UnsafeMutableBufferPointer<Double>
    /// Where each parabola begins to be the smallest.
    private let starts: UnsafeMutableBufferPointer<Double>
    private let scaleSquared: Double
    private var count = 0
    private var current = 0

    /// - Parameters:
    ///   - capacity: how many positions there are.
    ///   - scale: the distance between neighbouring positions, above 0.
    init(capacity: Int, scale: Double) {
        positions = .allocate(capacity: capacity)
        heights = .allocate(capacity: capacity)
        starts = .allocate(capacity: capacity)
        scaleSquared = scale * scale
    }

    deinit {
        positions.deallocate()
        heights.deallocate()
        starts.deallocate()
    }

    /// Forgets all parabolas.
    @inline(__always)
    mutating func clear() {
        count = 0
        current = 0
    }

    /// Whether there is no parabola.
    var isEmpty: Bool { count == 0 }

    /// Adds a parabola right of all others; `height` is finite.
    @inline(__always)
    mutating func add(position: Int, height: Double) {
        var start = -Double.infinity
        while count > 0 {
            let last = positions[count - 1]
            // The crossing of the two, from the middle between them.
            let middle = 0.5 * Double(position + last)
            start = middle + (height - heights[count - 1]) / (2 * scaleSquared * Double(position - last))
            if start > starts[count - 1] { break }
            count -= 1
            start = -Double.infinity
        }
        positions[count] = position
        heights[count] = height
        starts[count] = start
        count += 1
    }

    /// The envelope's value; positions must be asked in ascending order after the last ``add(position:height:)``.
    @inline(__always)
    mutating func value(at position: Int) -> Double {
        let place = Double(position)
        while current + 1 < count, starts[current + 1] < place { current += 1 }
        let gap = Double(position - positions[current])
        return heights[current] + scaleSquared * gap * gap
    }
}
