// How many pixels of a class, and of all others, have each probability: all that ROC AUC and average precision need.

/// The distinct probabilities of one class with their counts, in ascending order.
///
/// Exact as long as there are no more distinct values than `limit`. Beyond that, neighbouring values are taken together
/// by dropping low bits of the float until they fit, and the measures say how far they may be off. The outcome does not
/// depend on the order in which pixels come, nor on how parts are merged.
struct RankedScores: Sendable {
    /// A probability with its pixels.
    struct Entry: Sendable, Hashable {
        /// The float's bits without the dropped ones; bits of floats that are not negative are in the order of values.
        var value: UInt32
        /// Whether it stands for several probabilities.
        var isMixed: Bool
        /// How many pixels of the class have it.
        var positives: Int
        /// How many other pixels have it.
        var negatives: Int
    }

    /// The probabilities in ascending order, none twice.
    private(set) var entries: [Entry] = []
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
        pending.reserveCapacity(min(Self.pendingLimit, pending.count + probabilities.count))
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
        run.entries = Self.counted(sorted: pending)
        pending.removeAll(keepingCapacity: pending.count >= Self.pendingLimit)
        mergeSorted(&run)
    }

    /// Counts sorted pixels, each float bits and a bit for the class.
    private static func counted(sorted pixels: [UInt32]) -> [Entry] {
        var entries: [Entry] = []
        entries.reserveCapacity(min(pixels.count, pendingLimit))
        pixels.withUnsafeBufferPointer { pixels in
            var index = 0
            while index < pixels.count {
                let first = index
                let bits = pixels[index] >> 1
                var positives = 0
                while index < pixels.count, pixels[index] >> 1 == bits {
                    positives &+= Int(pixels[index] & 1)
                    index &+= 1
                }
                entries.append(
                    Entry(value: bits, isMixed: false, positives: positives, negatives: index - first - positives))
            }
        }
        return entries
    }

    private mutating func mergeSorted(_ other: inout RankedScores) {
        let dropped = max(droppedBits, other.droppedBits)
        drop(to: dropped)
        other.drop(to: dropped)
        if entries.isEmpty {
            swap(&entries, &other.entries)
        } else if !other.entries.isEmpty {
            entries = Self.merged(entries, other.entries)
        }
        while entries.count > limit { drop(to: droppedBits + 1) }
    }

    /// Both counts in one; they have dropped the same bits.
    private static func merged(_ left: [Entry], _ right: [Entry]) -> [Entry] {
        var result: [Entry] = []
        result.reserveCapacity(left.count + right.count)
        left.withUnsafeBufferPointer { left in
            right.withUnsafeBufferPointer { right in
                var (i, j) = (0, 0)
                while i < left.count, j < right.count {
                    if left[i].value < right[j].value {
                        result.append(left[i])
                        i &+= 1
                    } else if left[i].value > right[j].value {
                        result.append(right[j])
                        j &+= 1
                    } else {
                        result.append(left[i].joined(right[j]))
                        i &+= 1
                        j &+= 1
                    }
                }
                result.append(contentsOf: left[i...])
                result.append(contentsOf: right[j...])
            }
        }
        return result
    }

    /// Drops bits until `bits` are dropped, counting values together that become the same.
    private mutating func drop(to bits: UInt32) {
        guard bits > droppedBits else { return }
        let shift = bits - droppedBits
        droppedBits = bits
        var kept = 0
        entries.withUnsafeMutableBufferPointer { entries in
            for index in entries.indices {
                var entry = entries[index]
                // The bits dropped must not matter when parts are merged: only values without any stay pure.
                entry.isMixed = entry.isMixed || entry.value & (1 << shift - 1) != 0
                entry.value >>= shift
                if kept > 0, entries[kept - 1].value == entry.value {
                    entries[kept - 1] = entries[kept - 1].joined(entry)
                } else {
                    entries[kept] = entry
                    kept += 1
                }
            }
        }
        entries.removeLast(entries.count - kept)
    }
}

extension RankedScores.Entry {
    /// Both counts under one value.
    fileprivate func joined(_ other: Self) -> Self {
        Self(
            value: value, isMixed: isMixed || other.isMixed, positives: positives + other.positives,
            negatives: negatives + other.negatives)
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
