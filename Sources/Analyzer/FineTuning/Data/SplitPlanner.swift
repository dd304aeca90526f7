// Which groups are held back: a random order, bent a little so that classes stay in training.

/// The foreground classes that a group's images show.
struct GroupContent: Sendable, Hashable {
    let group: Int
    var classes: Set<Int>
}

/// Divides groups; positions are those of the list it was made with.
struct SplitPlanner {
    private let contents: [GroupContent]
    /// Positions in an order drawn by the seed.
    private let order: [Int]

    init(_ contents: [GroupContent], seed: UInt64) {
        self.contents = contents
        var generator = CounterGenerator(seed: seed, purpose: .splitting, place: 0)
        order = generator.permutation(of: contents.count)
    }

    /// How many groups there are.
    var count: Int { contents.count }

    /// How many of some groups hold each class.
    private func holders(_ positions: some Sequence<Int>) -> [Int: Int] {
        var result: [Int: Int] = [:]
        for position in positions { for label in contents[position].classes { result[label, default: 0] += 1 } }
        return result
    }

    /// The groups to hold back: `wanted` of them, but at least one and not all.
    func held(_ wanted: Int) -> Set<Int> {
        var held: Set<Int> = []
        var remaining = order
        let wanted = min(max(wanted, 1), count - 1)
        while held.count < wanted {
            let kept = holders(remaining)
            let shown = Set(holders(held).keys)
            // Fewest classes lost to training, then most classes new to validation, then the drawn order.
            let ranks = remaining.map { position -> (lost: Int, new: Int) in
                let classes = contents[position].classes
                return (classes.count { kept[$0] == 1 }, classes.subtracting(shown).count)
            }
            guard
                let best = ranks.indices.min(by: {
                    (ranks[$0].lost, -ranks[$0].new, $0) < (ranks[$1].lost, -ranks[$1].new, $1)
                })
            else { break }
            held.insert(remaining.remove(at: best))
        }
        return held
    }

    /// The part of each group, 0..<parts; sizes differ by one at most.
    func dealt(into parts: Int) -> [Int] {
        var part = [Int](repeating: -1, count: count)
        var sizes = [Int](repeating: 0, count: parts)
        var held = [[Int: Int]](repeating: [:], count: parts)
        let totals = holders(contents.indices)
        // Rarest first; without any class last.
        let rarest = contents.map { content in content.classes.map { (totals[$0] ?? 0, $0) }.min { $0 < $1 } }
        let dealing = order.indices.sorted { first, second in
            let (a, b) = (rarest[order[first]], rarest[order[second]])
            let (x, y) = (a ?? (Int.max, Int.max), b ?? (Int.max, Int.max))
            return (x.0, x.1, first) < (y.0, y.1, second)
        }
        for position in dealing.map({ order[$0] }) {
            let label = rarest[position]?.1
            let open = openParts(sizes)
            let chosen = open.min { first, second in
                let counts = (label.flatMap { held[first][$0] } ?? 0, label.flatMap { held[second][$0] } ?? 0)
                return (counts.0, sizes[first], first) < (counts.1, sizes[second], second)
            }
            guard let chosen else { break }
            part[position] = chosen
            sizes[chosen] += 1
            for label in contents[position].classes { held[chosen][label, default: 0] += 1 }
        }
        return part
    }

    /// Parts that may still grow: below count / parts, or one more for the first to get there while that leaves sizes one
    /// apart.
    private func openParts(_ sizes: [Int]) -> [Int] {
        let (base, extra) = (count / sizes.count, count % sizes.count)
        let grown = sizes.count { $0 > base }
        return sizes.indices.filter { sizes[$0] < base || (sizes[$0] == base && grown < extra) }
    }
}
