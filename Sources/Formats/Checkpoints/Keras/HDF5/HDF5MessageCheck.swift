// What each message of an object header may say (HDF5 File Format Specification 3.0, section IV.A.2). Only bounds and
// consistency are checked; meaning is left to libhdf5.

extension HDF5Check {
    /// Checks the messages of one object, and the structures they lead to.
    mutating func checkMessages(_ messages: [Message], name: String) throws(FormatError) {
        var type: HDF5TypeFacts?
        var extent: Shape?
        let hasFilters = messages.contains { $0.kind == 0x0B }
        for message in messages {
            var body = message.body
            switch message.kind {
            case 0x01:
                guard extent == nil else { throw body.damaged("one dataspace", "two") }
                extent = try body.dataspace() ?? [0]
            case 0x03:
                guard type == nil else { throw body.damaged("one datatype", "two") }
                type = try body.datatype()
            default: continue
            }
        }
        for message in messages {
            var body = message.body
            switch message.kind {
            case 0x02: try checkLinkInfo(&body)
            case 0x04: try checkOldFill(&body, type: type)
            case 0x05: try checkFill(&body, type: type)
            case 0x06: try checkLink(&body)
            case 0x07: throw body.unsupported("values kept in another file")
            case 0x08: try checkLayout(&body, type: type, extent: extent, hasFilters: hasFilters)
            case 0x0B: try checkFilters(&body)
            case 0x0C: try checkAttribute(&body)
            case 0x0F: throw body.unsupported("a table of shared messages")
            case 0x11: try checkSymbolTable(&body, name: name)
            case 0x15: try checkAttributeInfo(&body)
            case 0x16: try body.skip(5)
            case 0x18: throw body.unsupported("an image of the metadata cache")
            default: continue
            }
        }
    }

    private func checkOldFill(_ body: inout HDF5Cursor, type: HDF5TypeFacts?) throws(FormatError) {
        try checkFillValue(&body, size: body.integer(UInt32.self), type: type)
    }

    private func checkFill(_ body: inout HDF5Cursor, type: HDF5TypeFacts?) throws(FormatError) {
        let version = try body.integer(UInt8.self)
        switch version {
        case 1, 2:
            try body.skip(2)
            let isDefined = try body.integer(UInt8.self)
            guard version == 1 || isDefined != 0 else { return }
            let size = try body.integer(UInt32.self)
            // −1 is "undefined".
            if size != Int(UInt32.max) { try checkFillValue(&body, size: size, type: type) }
        case 3:
            let flags = try body.integer(UInt8.self)
            guard flags & 0x20 != 0 else { return }
            try checkFillValue(&body, size: body.integer(UInt32.self), type: type)
        default: throw body.damaged("fill value version 1 to 3", "\(version)")
        }
    }

    private func checkFillValue(_ body: inout HDF5Cursor, size: Int, type: HDF5TypeFacts?) throws(FormatError) {
        guard size == 0 || size == type?.size else {
            throw body.damaged("a fill value of \(type?.size ?? 0) bytes", "\(size)")
        }
        try body.skip(size)
    }

    private func checkFilters(_ body: inout HDF5Cursor) throws(FormatError) {
        let version = try body.integer(UInt8.self)
        let count = try body.integer(UInt8.self)
        guard version == 1 || version == 2 else { throw body.damaged("filter version 1 or 2", "\(version)") }
        guard (1...32).contains(count) else { throw body.damaged("1 to 32 filters", "\(count)") }
        try body.skip(version == 1 ? 6 : 0)
        for _ in 0..<count {
            let filter = try body.integer(UInt16.self)
            let nameLength = version == 1 || filter >= 256 ? try body.integer(UInt16.self) : 0
            try body.skip(2)
            let values = try body.integer(UInt16.self)
            if nameLength > 0 {
                var text = body
                guard try text.terminatedText() <= nameLength else {
                    throw body.damaged("a filter's name in \(nameLength) bytes", "a longer one")
                }
            }
            try body.skip(nameLength, paddedTo: version == 1 ? 8 : 1)
            try body.skip(4 * (values + (version == 1 ? values % 2 : 0)))
        }
    }

    /// A link, in the header itself or in a heap. What libhdf5 would refuse must be refused here: when it meets such a
    /// link while it lists a group, it frees table rows that it never filled.
    func checkLink(_ body: inout HDF5Cursor) throws(FormatError) {
        let version = try body.integer(UInt8.self)
        guard version == 1 else { throw body.damaged("link version 1", "\(version)") }
        let flags = try body.integer(UInt8.self)
        guard flags <= 0x1F else { throw body.damaged("link flags up to 31", "\(flags)") }
        let kind = flags & 8 == 0 ? 0 : try body.integer(UInt8.self)
        try body.skip(flags & 4 == 0 ? 0 : 8)
        let characterSet = flags & 0x10 == 0 ? 0 : try body.integer(UInt8.self)
        guard characterSet <= 1 else { throw body.damaged("character set 0 or 1", "\(characterSet)") }
        guard let length = Int(exactly: try body.integer(byteCount: 1 << (flags & 3))), length > 0 else {
            throw body.damaged("a link's name", "none")
        }
        try body.skip(length)
        switch kind {
        case 0: try body.skip(8)
        case 1, 64...255:
            // A path, or what an external link leads to: libhdf5 reads its first byte unseen.
            let size = try body.integer(UInt16.self)
            guard size > 0 else { throw body.damaged("a link's target", "none") }
            try body.skip(size)
        default: throw body.damaged("link kind 0, 1 or above 63", "\(kind)")
        }
    }

    private func checkAttributeInfo(_ body: inout HDF5Cursor) throws(FormatError) {
        try body.skip(1)
        let flags = try body.integer(UInt8.self)
        try body.skip(flags & 1 == 0 ? 0 : 2)
        let heap = try body.address()
        try body.skip(flags & 2 == 0 ? 8 : 16)
        guard heap == HDF5Cursor.undefined else { throw body.unsupported("attributes kept in a heap") }
    }

    private mutating func checkAttribute(_ body: inout HDF5Cursor) throws(FormatError) {
        let version = try body.integer(UInt8.self)
        guard (1...3).contains(version) else { throw body.damaged("attribute version 1 to 3", "\(version)") }
        let flags = try body.integer(UInt8.self)
        guard version == 1 || flags & 3 == 0 else { throw body.unsupported("attributes of committed types") }
        let nameSize = try body.integer(UInt16.self)
        let typeSize = try body.integer(UInt16.self)
        let spaceSize = try body.integer(UInt16.self)
        try body.skip(version == 3 ? 1 : 0)
        let padding = version == 1 ? 8 : 1
        var name = body
        guard try name.terminatedText() <= nameSize else {
            throw body.damaged("an attribute's name in \(nameSize) bytes", "a longer one")
        }
        try body.skip(nameSize, paddedTo: padding)
        var typePart = body
        try body.skip(typeSize, paddedTo: padding)
        var spacePart = body
        try body.skip(spaceSize, paddedTo: padding)
        var typeRegion = try typePart.part(typeSize)
        var spaceRegion = try spacePart.part(spaceSize)
        let type = try typeRegion.datatype()
        let extent = try spaceRegion.dataspace() ?? [0]
        guard let byteCount = Shape(extent.axes + [type.size]).checkedElementCount, byteCount <= body.remaining else {
            throw body.damaged("\(extent) values of \(type.size) bytes", "\(body.remaining) bytes")
        }
        guard type.isVariableLengthString else { return }
        for _ in 0..<extent.elementCount { try globalHeaps.checkReference(&body) }
    }
}
