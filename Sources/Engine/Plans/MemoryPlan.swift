// Packs buffers whose lifetimes do not overlap into one arena.

/// A buffer that is written at step `first` and last read at step `last`.
struct BufferLifetime {
    var byteCount: Int
    var first: Int
    var last: Int
}

/// Where each buffer lies in the arena, and the arena's size.
struct MemoryPlan {
    let offsets: [Int]
    let byteCount: Int

    /// Places large buffers first, each at the lowest offset that is free over its whole life.
    init(_ buffers: [BufferLifetime]) {
        var offsets = [Int](repeating: 0, count: buffers.count)
        var placed: [Int] = []
        var total = 0
        let order = buffers.indices.sorted { (-buffers[$0].byteCount, $0) < (-buffers[$1].byteCount, $1) }
        for index in order {
            let buffer = buffers[index]
            let size = Self.rounded(buffer.byteCount)
            let neighbours = placed.filter { buffers[$0].first <= buffer.last && buffer.first <= buffers[$0].last }
                .sorted { offsets[$0] < offsets[$1] }
            var offset = 0
            for other in neighbours {
                if offset + size <= offsets[other] { break }
                offset = max(offset, offsets[other] + Self.rounded(buffers[other].byteCount))
            }
            offsets[index] = offset
            total = max(total, offset + size)
            placed.append(index)
        }
        self.offsets = offsets
        byteCount = total
    }

    /// Buffers begin on cache lines.
    private static func rounded(_ byteCount: Int) -> Int { (byteCount + 63) / 64 * 64 }
}
