// How many pixels of a class, and of all others, have each probability: all that ROC AUC and average precision need.

/// The distinct probabilities of one class with their counts, in ascending order.
///
/// Exact as long as there are no more distinct values than `limit`. Beyond that, neighbouring values are taken together
/// by dropping low bits of the float until they fit, and the measures say how far they may be off. The outcome does not
/// depend on the order in which pixels come, nor on how parts are merged.
struct RankedScores: Sendable {
    /// Float bits of the probabilities without the dropped bits, ascending, no value twice. Bits of floats that are not
    /// negative are in the order of their values.
    private(set) var values: [UInt32] = []
    /// How many pixels of the class have each value.
    private(set) var positives: [Int] = []
    /// How many other pixels have each value.
    private(set) var negatives: [Int] = []
    /// Whether a value stands for several.
    private(set) var isMixed: [Bool] = []
    /// How many low bits of the floats are dropped.
    private(set) var droppedBits: UInt32 = 0
    /// How many distinct values are kept.
    let limit: Int
    /// Pixels not sorted yet: float bits, then a bit for the class.
    private var pending: [UInt32] = []
    private static let pendingLimit = 1 << 22

    /// No pixels yet.
    ///
    /// - Parameter limit: how many distinct values are kept, at least 65 536 (what remains when all but 16 bits are
    ///   dropped).
    init(limit: Int) { self.limit = max(limit, 1 << 16) }

    /// Adds pixels; `probabilities` and `truth` have as many elements, and no probability is negative or NaN.
    mutating func add(
        _ probabilities: UnsafeBufferPointer<Float>, truth: UnsafeBufferPointer<UInt8>, label: UInt8,
        ignoreLabel: UInt8?
    ) {
        var start = 0
        while start < probabilities.count {
            let end = min(probabilities.count, start + Self.pendingLimit - pending.count)
            for index in start..<end where ignoreLabel == nil || truth[index] != ignoreLabel {
                // Adding 0 makes −0 the same as 0.
                let bits = (probabilities[index] + 0).bitPattern & 0x7FFF_FFFF
                pending.append(bits << 1 | (truth[index] == label ? 1 : 0))
            }
            start = end
            if pending.count >= Self.pendingLimit { sort() }
        }
    }

    /// Adds the pixels of another count with the same limit.
    mutating func merge(_ other: RankedScores) {
        var other = other
        other.sort()
        sort()
        mergeSorted(&other)
    }

    /// Sorts what has not been sorted.
    mutating func sort() {
        guard !pending.isEmpty else { return }
        var run = RankedScores(limit: limit)
        radixSort(&pending)
        run.count(sorted: pending)
        pending.removeAll(keepingCapacity: pending.count >= Self.pendingLimit)
        mergeSorted(&run)
    }

    /// Counts sorted pixels, each float bits and a bit for the class.
    private mutating func count(sorted pixels: [UInt32]) {
        var index = 0
        while index < pixels.count {
            let bits = pixels[index] >> 1
            var counts = (0, 0)
            while index < pixels.count, pixels[index] >> 1 == bits {
                if pixels[index] & 1 == 1 { counts.1 += 1 } else { counts.0 += 1 }
                index += 1
            }
            append(bits, positives: counts.1, negatives: counts.0, isMixed: false)
        }
    }

    private mutating func mergeSorted(_ other: inout RankedScores) {
        let dropped = max(droppedBits, other.droppedBits)
        drop(to: dropped)
        other.drop(to: dropped)
        if values.isEmpty {
            swap(&values, &other.values)
            swap(&positives, &other.positives)
            swap(&negatives, &other.negatives)
            swap(&isMixed, &other.isMixed)
        } else if !other.values.isEmpty {
            self = Self.merged(self, other)
        }
        while values.count > limit { drop(to: droppedBits + 1) }
    }

    /// Both counts in one; they have dropped the same bits.
    private static func merged(_ left: RankedScores, _ right: RankedScores) -> RankedScores {
        var result = RankedScores(limit: left.limit)
        result.droppedBits = left.droppedBits
        result.reserve(left.values.count + right.values.count)
        var (i, j) = (0, 0)
        while i < left.values.count || j < right.values.count {
            let first = i < left.values.count ? left.values[i] : .max
            let second = j < right.values.count ? right.values[j] : .max
            let takesLeft = first <= second
            let takesRight = second <= first
            result.append(
                takesLeft ? first : second,
                positives: (takesLeft ? left.positives[i] : 0) + (takesRight ? right.positives[j] : 0),
                negatives: (takesLeft ? left.negatives[i] : 0) + (takesRight ? right.negatives[j] : 0),
                isMixed: (takesLeft && left.isMixed[i]) || (takesRight && right.isMixed[j]))
            if takesLeft { i += 1 }
            if takesRight { j += 1 }
        }
        return result
    }

    /// Drops bits until `bits` are dropped, counting values together that become the same.
    private mutating func drop(to bits: UInt32) {
        guard bits > droppedBits else { return }
        let shift = bits - droppedBits
        var coarse = RankedScores(limit: limit)
        coarse.droppedBits = bits
        coarse.reserve(values.count)
        for index in values.indices {
            // A value with low bits would read back as another when two parts are merged, so it counts as mixed.
            coarse.append(
                values[index] >> shift, positives: positives[index], negatives: negatives[index],
                isMixed: isMixed[index] || values[index] & (1 << shift - 1) != 0)
        }
        (values, positives, negatives) = (coarse.values, coarse.positives, coarse.negatives)
        (isMixed, droppedBits) = (coarse.isMixed, bits)
    }

    private mutating func append(_ value: UInt32, positives positive: Int, negatives negative: Int, isMixed mixed: Bool)
    {
        if let last = values.indices.last, values[last] == value {
            positives[last] += positive
            negatives[last] += negative
            isMixed[last] = isMixed[last] || mixed
        } else {
            values.append(value)
            positives.append(positive)
            negatives.append(negative)
            isMixed.append(mixed)
        }
    }

    private mutating func reserve(_ count: Int) {
        values.reserveCapacity(count)
        positives.reserveCapacity(count)
        negatives.reserveCapacity(count)
        isMixed.reserveCapacity(count)
    }
}

/// Sorts numbers in three passes of 11 bits; a pass whose bits are all equal is left out.
private func radixSort(_ keys: inout [UInt32]) {
    guard keys.count > 1 else { return }
    var spare = [UInt32](repeating: 0, count: keys.count)
    for shift in [0, 11, 22] as [UInt32] {
        var offsets = [Int](repeating: 0, count: 1 << 11)
        for key in keys { offsets[Int(key >> shift & 0x7FF)] += 1 }
        if offsets.contains(keys.count) { continue }
        var total = 0
        for digit in offsets.indices {
            let count = offsets[digit]
            offsets[digit] = total
            total += count
        }
        keys.withUnsafeBufferPointer { keys in
            spare.withUnsafeMutableBufferPointer { spare in
                offsets.withUnsafeMutableBufferPointer { offsets in
                    for key in keys {
                        let digit = Int(key >> shift & 0x7FF)
                        spare[offsets[digit]] = key
                        offsets[digit] += 1
                    }
                }
            }
        }
        swap(&keys, &spare)
    }
}
