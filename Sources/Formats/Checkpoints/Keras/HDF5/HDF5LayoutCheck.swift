// Checks of where a data set says its values are (HDF5 File Format Specification 3.0, sections III.A and IV.A.2.i) and
// of the version 1 B-trees that index chunks and symbol tables.

extension HDF5Check {
    /// Checks a layout message and, for chunks, the tree that indexes them.
    mutating func checkLayout(
        _ body: inout HDF5Cursor, type: HDF5TypeFacts?, extent: Shape?, hasFilters: Bool
    ) throws(FormatError) {
        guard let type, let extent else { throw body.damaged("a datatype and a dataspace", "a layout alone") }
        let version = try body.integer(UInt8.self)
        switch version {
        case 1, 2:
            let rank = try body.integer(UInt8.self)
            let kind = try body.integer(UInt8.self)
            try body.skip(5)
            let address = kind == 0 ? 0 : try body.address()
            let axes = try chunkAxes(&body, count: rank, byteCount: 4)
            switch kind {
            case 0: try body.skip(body.integer(UInt32.self))
            case 1: return
            case 2:
                let chunk = axes + [try body.integer(UInt32.self)]
                try checkChunk(body, chunk, type: type, extent: extent)
                try checkChunkTree(body, address: address, chunk: chunk, hasFilters: hasFilters)
            default: throw body.damaged("layout class 0 to 2", "\(kind)")
            }
        case 3:
            switch try body.integer(UInt8.self) {
            case 0: try body.skip(body.integer(UInt16.self))
            case 1: try body.skip(16)
            case 2:
                let count = try body.integer(UInt8.self)
                let address = try body.address()
                let chunk = try chunkAxes(&body, count: count, byteCount: 4)
                try checkChunk(body, chunk, type: type, extent: extent)
                try checkChunkTree(body, address: address, chunk: chunk, hasFilters: hasFilters)
            case let kind: throw body.damaged("layout class 0 to 2", "\(kind)")
            }
        case 4: try checkLayoutVersion4(&body, type: type, extent: extent, hasFilters: hasFilters)
        case 5: throw body.unsupported("layout version 5, which HDF5 2 writes with libver='latest'")
        default: throw body.damaged("layout version 1 to 4", "\(version)")
        }
    }

    private mutating func checkLayoutVersion4(
        _ body: inout HDF5Cursor, type: HDF5TypeFacts, extent: Shape, hasFilters: Bool
    ) throws(FormatError) {
        switch try body.integer(UInt8.self) {
        case 0: try body.skip(body.integer(UInt16.self))
        case 1: try body.skip(16)
        case 2:
            let flags = try body.integer(UInt8.self)
            let count = try body.integer(UInt8.self)
            let width = try body.integer(UInt8.self)
            guard (1...8).contains(width) else { throw body.damaged("chunk sizes of 1 to 8 bytes", "\(width)") }
            let chunk = try chunkAxes(&body, count: count, byteCount: width)
            try checkChunk(body, chunk, type: type, extent: extent)
            try checkChunkIndex(&body, chunk: chunk, flags: flags, hasFilters: hasFilters)
        case 3: throw body.unsupported("virtual data sets, whose values are in other files")
        case let kind: throw body.damaged("layout class 0 to 3", "\(kind)")
        }
    }

    private func chunkAxes(
        _ body: inout HDF5Cursor, count: Int, byteCount: Int
    ) throws(FormatError) -> [Int] {
        guard (1...33).contains(count) else { throw body.damaged("1 to 33 chunk sizes", "\(count)") }
        var axes: [Int] = []
        for _ in 0..<count { axes.append(Int(clamping: try body.integer(byteCount: byteCount))) }
        return axes
    }

    /// A chunk has the rank of its data set, plus one axis of the size of an element; libhdf5 divides by its sizes.
    private func checkChunk(
        _ body: HDF5Cursor, _ axes: [Int], type: HDF5TypeFacts, extent: Shape
    ) throws(FormatError) {
        guard axes.count == extent.rank + 1, axes.last == type.size, !axes.contains(0),
            let byteCount = Shape(axes).checkedElementCount, byteCount <= Int(UInt32.max)
        else { throw body.damaged("chunks of \(extent.rank) axes and \(type.size)-byte values", "\(Shape(axes))") }
    }

    /// Without filters, `H5Dread_chunk` reads as many bytes as the tree says into a buffer of a chunk's size.
    private mutating func checkChunkTree(
        _ body: HDF5Cursor, address: UInt64, chunk: [Int], hasFilters: Bool
    ) throws(FormatError) {
        guard address != HDF5Cursor.undefined else { return }
        let byteCount = Shape(chunk).elementCount
        // A key is the stored size, the filter mask and an offset for each axis and for the element.
        let layout = HDF5TreeLayout(kind: 1, keySize: 8 + 8 * chunk.count, k: superblock.chunkInternalK)
        try checkTree(layout, at: address, section: body.section) { (_, _, key) throws(FormatError) in
            var key = key
            let size = try key.integer(UInt32.self)
            guard hasFilters || size == byteCount else { throw key.damaged("chunks of \(byteCount) bytes", "\(size)") }
        }
    }

    /// Checks a group of the old format: a B-tree over symbol tables, and the heap of their names.
    mutating func checkSymbolTable(_ body: inout HDF5Cursor, name: String) throws(FormatError) {
        let tree = try body.address()
        let heap = try HDF5LocalHeap(
            bytes, path: path, base: superblock.base, address: body.address(), section: body.section)
        try spend(heap.freeBlockCount)
        let layout = HDF5TreeLayout(kind: 0, keySize: 8, k: superblock.groupInternalK)
        let section = body.section
        try checkTree(layout, at: tree, section: section) { (check, address, _) throws(FormatError) in
            try check.checkSymbols(at: address, names: heap, section: section)
        }
    }

    /// Checks one node of a group's symbol table.
    private mutating func checkSymbols(
        at address: UInt64, names: HDF5LocalHeap, section: String
    ) throws(FormatError) {
        let start = hdf5Offset(address, base: superblock.base, in: bytes)
        let size = 8 + 2 * superblock.groupLeafK * 40
        var node = try HDF5Cursor(bytes, path: path, section: section, start: start, length: size)
        try node.signature("SNOD")
        try node.skip(2)
        let count = try node.integer(UInt16.self)
        guard count <= 2 * superblock.groupLeafK else {
            throw node.damaged("at most \(2 * superblock.groupLeafK) links", "\(count)")
        }
        try spend(count)
        for _ in 0..<count {
            try names.checkText(at: node.address())
            try node.skip(8)
            let kind = try node.integer(UInt32.self)
            try node.skip(4)
            guard kind <= 2 else { throw node.damaged("link kind 0 to 2", "\(kind)") }
            // Kind 2 is a soft link, whose target is a text of the same heap.
            if kind == 2 { try names.checkText(at: UInt64(node.integer(UInt32.self))) }
            try node.skip(kind == 2 ? 12 : 16)
        }
    }

    /// Walks a version 1 B-tree: levels count down to 0, every node is visited once, and `leaf` gets the addresses
    /// below the lowest nodes with their keys.
    private mutating func checkTree(
        _ layout: HDF5TreeLayout, at address: UInt64, section: String,
        leaf: (inout HDF5Check, UInt64, HDF5Cursor) throws(FormatError) -> Void
    ) throws(FormatError) {
        var visited: Set<UInt64> = []
        var pending = [(address: address, level: Int?.none)]
        while let (address, expectedLevel) = pending.popLast() {
            let start = hdf5Offset(address, base: superblock.base, in: bytes)
            var node = try HDF5Cursor(bytes, path: path, section: section, start: start, length: layout.nodeSize)
            guard visited.insert(address).inserted else { throw node.damaged("a tree", "a circle") }
            try node.signature("TREE")
            let kind = try node.integer(UInt8.self)
            let level = try node.integer(UInt8.self)
            let count = try node.integer(UInt16.self)
            guard kind == layout.kind, level == expectedLevel ?? level, count <= 2 * layout.k else {
                throw node.damaged(
                    "tree \(layout.kind), level \(expectedLevel ?? level), at most \(2 * layout.k) children",
                    "tree \(kind), level \(level), \(count) children")
            }
            try node.skip(16)
            try spend(1 + count)
            for _ in 0..<count {
                let key = try node.part(layout.keySize)
                let child = try node.address()
                if level > 0 { pending.append((child, level - 1)) } else { try leaf(&self, child, key) }
            }
        }
    }
}

/// The sizes of a version 1 B-tree's nodes.
private struct HDF5TreeLayout {
    /// 0 for groups, 1 for chunks.
    let kind: Int
    let keySize: Int
    /// Half of the most children.
    let k: Int

    var nodeSize: Int { 24 + 2 * k * (8 + keySize) + keySize }
}
