// Checks of the messages that describe an element type and an extent (HDF5 File Format Specification 3.0, sections
// IV.A.2.b and IV.A.2.d). libhdf5 1.10 trusts every count and length in them.

/// What the checks need to know of a datatype message.
struct HDF5TypeFacts {
    /// Bytes of one element.
    let size: Int
    /// Whether elements are references into the global heap.
    let isVariableLengthString: Bool
}

extension HDF5Cursor {
    /// Passes over a datatype message and returns its facts.
    mutating func datatype(depth: Int = 0) throws(FormatError) -> HDF5TypeFacts {
        guard depth < 8 else { throw damaged("a datatype nested less than 8 levels", "more") }
        let head = try integer(UInt32.self)
        let typeClass = head & 0xF
        let version = head >> 4 & 0xF
        let flags = head >> 8
        let size = try integer(UInt32.self)
        guard !(4...5).contains(version) else {
            throw unsupported("datatype version \(version), which HDF5 1.12 and later write with libver='latest'")
        }
        guard (1...3).contains(version), size > 0 else {
            throw damaged("datatype version 1 to 3 of some size", "version \(version), \(size) bytes")
        }
        switch typeClass {
        case 0, 4: try skip(4)
        case 1: try skip(12)
        case 2: try skip(2)
        case 3, 7: break
        case 5: try skip(flags & 0xFF)
        case 6: try compoundMembers(flags & 0xFFFF, version: version, size: size, depth: depth)
        case 8: try enumerationMembers(flags & 0xFFFF, version: version, size: size, depth: depth)
        case 9:
            guard size == 16 else { throw damaged("variable-length elements of 16 bytes", "\(size)") }
            // libhdf5 allocates a string's length times the size of its characters.
            let base = try datatype(depth: depth + 1)
            guard flags & 0xF != 1 || base.size == 1 else {
                throw damaged("characters of 1 byte", "\(base.size)")
            }
        case 10: try arrayExtent(version: version, size: size, depth: depth)
        default: throw damaged("a datatype class from 0 to 10", "\(typeClass)")
        }
        return HDF5TypeFacts(size: size, isVariableLengthString: typeClass == 9 && flags & 0xF == 1)
    }

    /// A name, NUL-terminated, padded to 8 bytes before version 3.
    private mutating func memberName(version: Int) throws(FormatError) {
        let length = try terminatedText()
        try skip(version < 3 ? (8 - length % 8) % 8 : 0)
    }

    private mutating func compoundMembers(
        _ count: Int, version: Int, size: Int, depth: Int
    ) throws(FormatError) {
        guard count > 0 else { throw damaged("compound members", "none") }
        let offsetSize = version < 3 ? 4 : (size <= 0xFF ? 1 : size <= 0xFFFF ? 2 : size <= 0xFF_FFFF ? 3 : 4)
        var end = 0
        for _ in 0..<count {
            try memberName(version: version)
            let offset = Int(try integer(byteCount: offsetSize))
            if version == 1 {
                let rank = try integer(UInt8.self)
                guard rank == 0 else { throw unsupported("array members of compound types") }
                try skip(3 + 4 + 4 + 16)
            }
            let member = try datatype(depth: depth + 1)
            // In order and apart, as every writer has them.
            guard offset >= end, offset <= size, member.size <= size - offset else {
                throw damaged("a member within \(end)..<\(size)", "\(member.size) bytes at \(offset)")
            }
            end = offset + member.size
        }
    }

    private mutating func enumerationMembers(
        _ count: Int, version: Int, size: Int, depth: Int
    ) throws(FormatError) {
        let base = try datatype(depth: depth + 1)
        guard base.size == size, !base.isVariableLengthString else {
            throw damaged("enumeration values of \(size) bytes", "\(base.size)")
        }
        for _ in 0..<count { try memberName(version: version) }
        let (values, overflow) = count.multipliedReportingOverflow(by: size)
        guard !overflow else { throw damaged("enumeration values", "\(count) × \(size) bytes") }
        try skip(values)
    }

    private mutating func arrayExtent(version: Int, size: Int, depth: Int) throws(FormatError) {
        guard version > 1 else { throw damaged("array version 2 or 3", "\(version)") }
        let rank = try integer(UInt8.self)
        guard (1...32).contains(rank) else { throw damaged("1 to 32 dimensions", "\(rank)") }
        try skip(version < 3 ? 3 : 0)
        var axes: [Int] = []
        for _ in 0..<rank { axes.append(try integer(UInt32.self)) }
        try skip(version < 3 ? 4 * rank : 0)
        let base = try datatype(depth: depth + 1)
        guard Shape(axes + [base.size]).checkedElementCount == size else {
            throw damaged("an array of \(size) bytes", "\(Shape(axes)) elements of \(base.size)")
        }
    }

    /// Passes over a dataspace message and returns its extent; nil for the null space, which has no elements.
    mutating func dataspace() throws(FormatError) -> Shape? {
        let version = try integer(UInt8.self)
        let rank = try integer(UInt8.self)
        let flags = try integer(UInt8.self)
        guard version == 1 || version == 2 else { throw damaged("dataspace version 1 or 2", "\(version)") }
        guard rank <= 32 else { throw damaged("at most 32 dimensions", "\(rank)") }
        let kind = try integer(UInt8.self)
        try skip(version == 1 ? 4 : 0)
        var axes: [Int] = []
        for _ in 0..<rank { axes.append(try integer(UInt64.self)) }
        try skip(8 * rank * (flags & 1))
        // Bit 1 is a permutation, which no version of the library ever wrote or reads.
        guard version == 2 || flags & 2 == 0 else { throw damaged("dimensions in order", "a permutation") }
        // Empty axes do not excuse the others: strides are products of them.
        guard Shape(axes.map { max($0, 1) }).checkedElementCount != nil else {
            throw damaged("an extent that a machine can hold", "\(Shape(axes))")
        }
        return version == 2 && kind == 2 ? nil : Shape(axes)
    }
}
