// Checks of version 2 B-trees, which find links by name and chunks by place (HDF5 File Format Specification 3.0, section
// III.A.2). Their checksums guard against damage, not against a file made to deceive: libhdf5 1.10 computes the sizes of
// its tables from the header without a look at the results.

/// What a version 2 B-tree of some kind must look like: libhdf5 writes each kind with fixed sizes.
struct HDF5NewTree {
    /// 5 links by name, 6 links by creation order, 10 and 11 chunks without and with filters.
    let kind: Int
    let recordSize: Int
    let nodeSize: Int

    /// The most records of a node, and how wide their counts are written.
    private struct Level {
        let most: Int
        /// The most records at and below a node.
        let mostBelow: Int
        let countWidth: Int
        let belowWidth: Int
    }

    /// Levels from the leaves up to `depth`; nil for a depth that no tree of a real file has.
    private func levels(depth: Int) -> [Level]? {
        let leaf = (nodeSize - 10) / recordSize
        guard depth <= 8, leaf > 0 else { return nil }
        let countWidth = Self.width(of: leaf)
        var levels = [Level(most: leaf, mostBelow: leaf, countWidth: countWidth, belowWidth: 0)]
        for _ in 0..<depth {
            let below = levels[levels.count - 1]
            let pointer = 8 + countWidth + below.belowWidth
            let most = (nodeSize - 10 - pointer) / (recordSize + pointer)
            let mostBelow = (most + 1).multipliedReportingOverflow(by: below.mostBelow)
            guard most > 0, !mostBelow.overflow, mostBelow.partialValue < 1 << 56 else { return nil }
            let total = mostBelow.partialValue + most
            levels.append(
                Level(most: most, mostBelow: total, countWidth: countWidth, belowWidth: Self.width(of: total)))
        }
        return levels
    }

    /// The bytes that a count up to `limit` takes.
    static func width(of limit: Int) -> Int { (Int.bitWidth - 1 - limit.leadingZeroBitCount) / 8 + 1 }

    /// Walks a tree and hands every record to `visit`.
    func walk(
        _ check: inout HDF5Check, at address: UInt64, section: String,
        _ visit: (inout HDF5Check, inout HDF5Cursor) throws(FormatError) -> Void
    ) throws(FormatError) {
        var head = try check.cursor(at: address, length: 38, section: section)
        try head.signature("BTHD")
        let version = try head.integer(UInt8.self)
        let found = (try head.integer(UInt8.self), try head.integer(UInt32.self), try head.integer(UInt16.self))
        guard version == 0, found == (kind, nodeSize, recordSize) else {
            throw head.damaged(
                "tree \(kind) of nodes of \(nodeSize) and records of \(recordSize) bytes",
                "tree \(found.0), \(found.1) and \(found.2) bytes")
        }
        let depth = try head.integer(UInt16.self)
        let percentages = (try head.integer(UInt8.self), try head.integer(UInt8.self))
        guard let levels = levels(depth: depth), percentages == (100, 40) else {
            throw head.damaged("a tree as libhdf5 makes it", "depth \(depth), split at \(percentages)")
        }
        let root = try head.address()
        let rootCount = try head.integer(UInt16.self)
        let total = try head.integer(UInt64.self)
        var pending = rootCount == 0 ? [] : [(address: root, level: depth, count: rootCount)]
        var counted = 0
        while let next = pending.popLast() {
            var node = try check.cursor(at: next.address, length: nodeSize, section: section)
            let level = levels[next.level]
            try node.signature(next.level == 0 ? "BTLF" : "BTIN")
            guard try node.integer(UInt8.self) == 0, try node.integer(UInt8.self) == kind, next.count <= level.most
            else { throw node.damaged("a node of at most \(level.most) records", "\(next.count) or another tree's") }
            try check.spend(1 + next.count)
            counted += next.count
            for _ in 0..<next.count {
                var record = try node.part(recordSize)
                try visit(&check, &record)
            }
            guard next.level > 0 else { continue }
            for _ in 0...next.count {
                let child = try node.address()
                let count = try node.integer(byteCount: level.countWidth)
                try node.skip(levels[next.level - 1].belowWidth)
                pending.append((child, next.level - 1, Int(clamping: count)))
            }
        }
        guard counted == total else { throw head.damaged("\(total) records in the tree", "\(counted)") }
    }
}
