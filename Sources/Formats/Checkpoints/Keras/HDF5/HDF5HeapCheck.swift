// Checks of the two heaps of HDF5's first format: local heaps hold the names of a group's links, global heaps the
// variable-length strings of attributes (HDF5 File Format Specification 3.0, sections III.D and III.E). Neither has a
// checksum. libhdf5 1.10 copies as many bytes as an object claims into a buffer of the size that its reference claims,
// follows free lists wherever they lead, and looks for the end of a name beyond its heap.

/// A local heap whose bounds and free list were checked.
struct HDF5LocalHeap {
    private let data: HDF5Cursor
    /// How many blocks the free list has.
    private(set) var freeBlockCount = 0

    init(_ bytes: Bytes, path: String, base: Int, address: UInt64, section: String) throws(FormatError) {
        let section = "names of \(section)"
        var head = try HDF5Cursor(
            bytes, path: path, section: section, start: hdf5Offset(address, base: base, in: bytes), length: 32)
        try head.signature("HEAP")
        let version = try head.integer(UInt8.self)
        guard version == 0 else { throw head.damaged("version 0", "\(version)") }
        try head.skip(3)
        let size = try head.integer(UInt64.self)
        let firstFree = try head.address()
        let start = hdf5Offset(try head.address(), base: base, in: bytes)
        data = try HDF5Cursor(bytes, path: path, section: section, start: start, length: size)
        try checkFreeList(firstFree, bytes: bytes, start: start, size: size)
    }

    /// Free blocks are chained by offset; 1 ends the chain. A chain that visits more blocks than fit is a circle.
    private mutating func checkFreeList(_ first: UInt64, bytes: Bytes, start: Int, size: Int) throws(FormatError) {
        var next = first
        while next != 1 {
            guard size >= 16, next <= UInt64(size - 16), freeBlockCount <= size / 16 else {
                throw data.damaged("free blocks within \(size) bytes", "one at \(next)")
            }
            var block = try HDF5Cursor(
                bytes, path: data.path, section: data.section, start: start + Int(next), length: 16)
            let offset = Int(next)
            next = try block.address()
            let length = try block.address()
            guard length <= UInt64(size - offset) else {
                throw data.damaged("free blocks within \(size) bytes", "one of \(length) at \(offset)")
            }
            freeBlockCount += 1
        }
    }

    /// Checks that a name ends within the heap.
    func checkText(at offset: UInt64) throws(FormatError) {
        guard let offset = Int(exactly: offset) else { throw data.damaged("a name", "offset \(offset)") }
        var text = data
        try text.skip(offset)
        try text.terminatedText()
    }
}

/// Global heap collections, each read once.
struct HDF5GlobalHeaps {
    let path: String
    let bytes: Bytes
    let base: Int
    /// Object sizes by index, by the collection's address.
    private var collections: [UInt64: [Int: Int]] = [:]

    init(path: String, bytes: Bytes, base: Int) {
        self.path = path
        self.bytes = bytes
        self.base = base
    }

    /// Checks one variable-length element: a length, the address of a collection and the index of an object in it.
    mutating func checkReference(_ element: inout HDF5Cursor) throws(FormatError) {
        let length = try element.integer(UInt32.self)
        let address = try element.address()
        let index = try element.integer(UInt32.self)
        if length == 0 && address == 0 { return }
        if collections[address] == nil { collections[address] = try readCollection(at: address) }
        let size = collections[address]?[index]
        guard size == length else {
            let found = size.map { "\($0)" } ?? "no such object"
            throw element.damaged("text \(index) of \(length) bytes in the heap at \(address)", found)
        }
    }

    private func readCollection(at address: UInt64) throws(FormatError) -> [Int: Int] {
        let start = hdf5Offset(address, base: base, in: bytes)
        var head = try HDF5Cursor(bytes, path: path, section: "text heap", start: start, length: 16)
        try head.signature("GCOL")
        let version = try head.integer(UInt8.self)
        guard version == 1 else { throw head.damaged("version 1", "\(version)") }
        try head.skip(3)
        let size = try head.integer(UInt64.self)
        guard size >= 4096 else { throw head.damaged("at least 4096 bytes", "\(size)") }
        var objects = try HDF5Cursor(bytes, path: path, section: "text heap", start: start, length: size)
        try objects.skip(16)
        var sizes: [Int: Int] = [:]
        while objects.remaining >= 16 {
            let index = try objects.integer(UInt16.self)
            try objects.skip(6)
            let size = try objects.integer(UInt64.self)
            // Object 0 is the free space; its size counts its own head of 16 bytes.
            if index == 0 {
                guard size >= 16 else { throw objects.damaged("free space of at least 16 bytes", "\(size)") }
                try objects.skip(size - 16)
            } else {
                try objects.skip(size, paddedTo: 8)
                guard sizes.updateValue(size, forKey: index) == nil else {
                    throw objects.damaged("distinct objects", "object \(index) twice")
                }
            }
        }
        return sizes
    }
}

/// The file offset of an address; one past any file when it overflows, which the bounds check of a cursor refuses.
func hdf5Offset(_ address: UInt64, base: Int, in bytes: Bytes) -> Int {
    guard address <= UInt64(Int.max / 2) else { return bytes.count + 1 }
    return base + Int(address)
}
