// What values a volume holds: extremes, moments, exact percentiles and a histogram.

/// Statistics of physical values. NaN and infinities are counted and otherwise left out.
public struct VoxelStatistics: Sendable, Hashable {
    /// Finite values.
    public private(set) var count = 0
    /// NaN and infinite values.
    public private(set) var nonFiniteCount = 0
    /// The smallest finite value; 0 when there is none.
    public private(set) var minimum = 0.0
    /// The largest finite value; 0 when there is none.
    public private(set) var maximum = 0.0
    /// The mean of the finite values.
    public private(set) var mean = 0.0
    /// Their standard deviation (divided by n).
    public private(set) var standardDeviation = 0.0
    /// The values asked for, in the order of the request.
    public private(set) var percentiles: [Double] = []

    /// Statistics of a run of values that can be visited twice.
    ///
    /// - Parameters:
    ///   - percents: percentiles wanted, 0…100; interpolated linearly between ranks as NumPy does. They are exact for
    ///     values that float32 holds, else those of the values rounded to float32.
    ///   - visit: calls its argument with every value and how often it occurs there, the same ones each time.
    public init(percents: [Double] = [], visiting visit: ((_ value: Double, _ times: Int) -> Void) -> Void) {
        var tally = Tally(countsBins: !percents.isEmpty)
        visit { tally.add($0, times: $1) }
        count = tally.count
        nonFiniteCount = tally.nonFiniteCount
        guard count > 0 else {
            percentiles = percents.map { _ in 0 }
            return
        }
        minimum = tally.minimum
        maximum = tally.maximum
        mean = tally.shift + tally.sum / Double(count)
        let deviation = tally.sum / Double(count)
        standardDeviation = max(0, tally.squares / Double(count) - deviation * deviation).squareRoot()
        guard !percents.isEmpty else { return }
        percentiles = Self.percentiles(percents, tally: tally, visit)
    }

    /// Two radix steps: the upper half of each value's sortable bits was counted, now the lower half in the bins that
    /// hold a wanted rank.
    private static func percentiles(
        _ percents: [Double], tally: Tally, _ visit: ((Double, Int) -> Void) -> Void
    ) -> [Double] {
        let positions = percents.map { min(max($0, 0), 100) / 100 * Double(tally.count - 1) }
        let ranks = Set(positions.flatMap { [Int($0), min(Int($0) + 1, tally.count - 1)] }).sorted()
        var starts: [Int: Int] = [:]  // bin → values below it
        var below = 0
        var rank = ranks.startIndex
        for bin in tally.bins.indices {
            while rank < ranks.endIndex, ranks[rank] < below + tally.bins[bin] {
                starts[bin] = below
                rank += 1
            }
            below += tally.bins[bin]
        }
        var wanted = [Int](repeating: -1, count: 1 << 16)
        for (slot, bin) in starts.keys.sorted().enumerated() { wanted[bin] = slot << 16 }
        var fine = [Int](repeating: 0, count: starts.count << 16)
        visit { value, times in
            guard value.isFinite else { return }
            let bits = sortableBits(value)
            let slot = wanted[Int(bits >> 16)]
            if slot >= 0 { fine[slot + Int(bits & 0xFFFF)] += times }
        }
        var values: [Int: Double] = [:]
        for (slot, bin) in starts.keys.sorted().enumerated() {
            var seen = starts[bin] ?? 0
            for low in 0..<1 << 16 where fine[slot << 16 + low] > 0 {
                for rank in ranks where rank >= seen && rank < seen + fine[slot << 16 + low] {
                    values[rank] = Double(value(ofSortableBits: UInt32(bin << 16 + low)))
                }
                seen += fine[slot << 16 + low]
            }
        }
        return positions.map { position in
            let low = values[Int(position)] ?? 0
            let high = values[min(Int(position) + 1, tally.count - 1)] ?? low
            return low + (high - low) * (position - position.rounded(.down))
        }
    }

    /// Bits of the nearest finite float32 that sort as the floats do.
    private static func sortableBits(_ value: Double) -> UInt32 {
        let greatest = Float.greatestFiniteMagnitude
        let bits = min(max(Float(value), -greatest), greatest).bitPattern
        return bits >> 31 == 1 ? ~bits : bits | 0x8000_0000
    }

    private static func value(ofSortableBits bits: UInt32) -> Float {
        Float(bitPattern: bits >> 31 == 1 ? bits & 0x7FFF_FFFF : ~bits)
    }

    /// Sums of one pass; moments are taken around the first value, which keeps them exact for a large mean.
    private struct Tally {
        var count = 0
        var nonFiniteCount = 0
        var minimum = Double.infinity
        var maximum = -Double.infinity
        var shift = 0.0
        var sum = 0.0
        var squares = 0.0
        var bins: [Int]

        init(countsBins: Bool) { bins = countsBins ? [Int](repeating: 0, count: 1 << 16) : [] }

        mutating func add(_ value: Double, times: Int) {
            guard value.isFinite else {
                nonFiniteCount += times
                return
            }
            if count == 0 { shift = value }
            count += times
            minimum = min(minimum, value)
            maximum = max(maximum, value)
            let difference = value - shift
            sum += difference * Double(times)
            squares += difference * difference * Double(times)
            if !bins.isEmpty { bins[Int(sortableBits(value) >> 16)] += times }
        }
    }
}

extension Volume {
    /// Statistics of one frame's physical values, or of all values when `frame` is nil.
    public func statistics(frame: Int? = nil, percents: [Double] = []) -> VoxelStatistics {
        let size = voxels.shape.elementCount / max(frameCount, 1)
        let grid = frame.map { run(start: $0 * size, count: size) } ?? run(start: 0, count: voxels.shape.elementCount)
        guard let counts = valueCounts(grid) else {
            return VoxelStatistics(percents: percents) { body in forEachValue(grid) { body($0, 1) } }
        }
        // Values of 8 and 16 bits are counted once; all else follows from the counts.
        return VoxelStatistics(percents: percents) { body in
            for (index, count) in counts.times.enumerated() where count > 0 {
                body(scaling(Double(index + counts.lowest)), count)
            }
        }
    }

    /// Equal bins of the finite physical values, or one bin a value when there are at most `binCount` different
    /// integers.
    public func histogram(binCount: Int = 16) -> ValueHistogram {
        let grid = run(start: 0, count: voxels.shape.elementCount)
        var distinct: [Double: Int] = [:]
        forEachValue(grid) { value in
            if distinct.count <= binCount, value.isFinite { distinct[value, default: 0] += 1 }
        }
        if distinct.count <= binCount, distinct.keys.allSatisfy({ $0 == $0.rounded() }) {
            let sorted = distinct.sorted { $0.key < $1.key }
            return ValueHistogram(
                bins: sorted.map { ValueHistogram.Bin(low: $0.key, high: $0.key, count: $0.value) }, isExact: true)
        }
        let statistics = statistics()
        let width = (statistics.maximum - statistics.minimum) / Double(binCount)
        guard width > 0, width.isFinite else { return ValueHistogram(bins: [], isExact: false) }
        var counts = [Int](repeating: 0, count: binCount)
        forEachValue(grid) { value in
            guard value.isFinite else { return }
            counts[min(binCount - 1, Int((value - statistics.minimum) / width))] += 1
        }
        let bins = counts.enumerated().map { index, count in
            ValueHistogram.Bin(
                low: statistics.minimum + width * Double(index), high: statistics.minimum + width * Double(index + 1),
                count: count)
        }
        return ValueHistogram(bins: bins, isExact: false)
    }
}

/// How often values occur.
public struct ValueHistogram: Sendable, Hashable {
    /// The bins in rising order.
    public let bins: [Bin]
    /// Whether each bin is one value.
    public let isExact: Bool

    /// Values from `low` up to `high`.
    public struct Bin: Sendable, Hashable {
        /// The lower end.
        public let low: Double
        /// The upper end.
        public let high: Double
        /// How many values lie within.
        public let count: Int
    }
}
