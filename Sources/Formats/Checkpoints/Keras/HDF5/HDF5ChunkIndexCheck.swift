// Checks of the newer chunk indexes: fixed arrays, extensible arrays and version 2 B-trees (HDF5 File Format
// Specification 3.0, section VII). Their checksums guard against damage, not against a file made to deceive: libhdf5 1.10
// sizes its tables by these headers, and asks every index up to the highest whether a chunk is there.

extension HDF5Check {
    /// Checks the index of a layout message of version 4, whose parameters come next.
    ///
    /// - Parameters:
    ///   - chunk: the chunk's axes and the size of an element.
    ///   - flags: the layout's flags.
    mutating func checkChunkIndex(
        _ body: inout HDF5Cursor, chunk: [Int], flags: Int, hasFilters: Bool
    ) throws(FormatError) {
        let kind = try body.integer(UInt8.self)
        let parameterSizes = [1: flags & 2 == 0 ? 0 : 12, 2: 0, 3: 1, 4: 5, 5: 6]
        guard let parameterSize = parameterSizes[kind] else { throw body.damaged("chunk index 1 to 5", "\(kind)") }
        try body.skip(parameterSize)
        let address = try body.address()
        guard address != HDF5Cursor.undefined else { return }
        let chunkSize = Shape(chunk).elementCount
        // An entry is an address; with filters also the stored size, a byte wider than it needs, and the filter mask.
        let sizeWidth = min(8, 1 + HDF5NewTree.width(of: chunkSize))
        let entrySize = 8 + (hasFilters ? sizeWidth + 4 : 0)
        let form = [0, hasFilters ? 1 : 0, entrySize]
        switch kind {
        case 3: try checkFixedArray(at: address, form: form, section: body.section)
        case 4: try checkExtensibleArray(at: address, form: form, section: body.section)
        case 5:
            let tree = HDF5NewTree(
                kind: hasFilters ? 11 : 10, recordSize: entrySize + 8 * (chunk.count - 1), nodeSize: 2048)
            try tree.walk(&self, at: address, section: body.section) { (_, _) throws(FormatError) in }
        default: return
        }
    }

    private mutating func checkFixedArray(at address: UInt64, form: [Int], section: String) throws(FormatError) {
        var head = try cursor(at: address, length: 28, section: section)
        try head.signature("FAHD")
        var found: [Int] = []
        for _ in 0..<4 { found.append(try head.integer(UInt8.self)) }
        guard found == form + [10] else { throw head.damaged("a chunk array as libhdf5 makes it", "numbers \(found)") }
        let count = try head.integer(UInt64.self)
        guard count > 0, count <= bytes.count / form[2] else {
            throw head.damaged("at most \(bytes.count / form[2]) chunks", "\(count)")
        }
        try spend(count)
    }

    private mutating func checkExtensibleArray(at address: UInt64, form: [Int], section: String) throws(FormatError) {
        var head = try cursor(at: address, length: 72, section: section)
        try head.signature("EAHD")
        var found: [Int] = []
        for _ in 0..<8 { found.append(try head.integer(UInt8.self)) }
        guard found == form + [32, 4, 16, 4, 10] else {
            throw head.damaged("a chunk array as libhdf5 makes it", "numbers \(found)")
        }
        try head.skip(32)
        // The highest index that was ever set, plus one.
        let count = try head.integer(UInt64.self)
        guard count <= 1 << 31 else { throw head.damaged("at most 2³¹ chunks", "\(count)") }
        try spend(count)
    }
}
