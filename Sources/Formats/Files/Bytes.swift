// Bytes that are lent, not copied: a slice of a mapped file or of memory we own. The only unsafe pointers into file
// contents live here.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A read-only run of bytes that keeps its owner alive.
public struct Bytes: Sendable {
    let owner: ByteOwner
    let start: Int
    /// How many bytes there are.
    public let count: Int

    init(owner: ByteOwner, start: Int, count: Int) {
        self.owner = owner
        self.start = start
        self.count = count
    }

    /// Copies the memory of an array.
    public init<Element: BitwiseCopyable>(copying elements: [Element]) {
        let byteCount = elements.count * MemoryLayout<Element>.stride
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        elements.withUnsafeBytes { memory.copyMemory(from: $0) }
        self.init(owner: ByteOwner(UnsafeRawBufferPointer(memory), kind: .allocated), start: 0, count: byteCount)
    }

    /// Allocates `byteCount` bytes and lets `fill` write them; 64-byte aligned.
    public init<Failure: Error>(
        byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
        let owner = ByteOwner(UnsafeRawBufferPointer(memory), kind: .allocated)
        try fill(memory)
        self.init(owner: owner, start: 0, count: byteCount)
    }

    /// Allocates `byteCount` bytes of undefined content for as much as a file turns out to need; 64-byte aligned.
    ///
    /// Large blocks are mapped by themselves, in huge pages where there are any: they cost a fifth of the page faults,
    /// and go back to the system when they are freed, whatever became of the heap meanwhile.
    ///
    /// - Throws: ``FormatError`` with `.limitExceeded` when the machine does not have so much memory.
    static func allocated(byteCount: Int, path: String, what: String) throws(FormatError) -> Bytes {
        func tooMuch() -> FormatError {
            FormatError(
                path,
                .limitExceeded(
                    what: what, claimed: "\(byteCount) bytes",
                    limit: "\(physicalMemory()) bytes, the memory of this machine, or of what is free of it"))
        }
        guard byteCount <= physicalMemory() else { throw tooMuch() }
        guard byteCount < 1 << 20 else {
            guard let memory = mapMemory(byteCount) else { throw tooMuch() }
            return Bytes(owner: ByteOwner(memory, kind: .fresh), start: 0, count: byteCount)
        }
        var memory: UnsafeMutableRawPointer?
        guard posix_memalign(&memory, 64, max(byteCount, 64)) == 0 else { throw tooMuch() }
        let owner = ByteOwner(UnsafeRawBufferPointer(start: memory, count: max(0, byteCount)), kind: .fromC)
        return Bytes(owner: owner, start: 0, count: max(0, byteCount))
    }

    /// The bytes at `range`, or nil when it does not lie within.
    public func slice(_ offset: Int, _ length: Int) -> Bytes? {
        guard offset >= 0, length >= 0, offset <= count, length <= count - offset else { return nil }
        return Bytes(owner: owner, start: start + offset, count: length)
    }

    /// Lends the bytes; the pointer is valid only inside `body`.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(owner) {} }
        return try body(UnsafeRawBufferPointer(rebasing: owner.memory[start..<start + count]))
    }

    /// Whether the first byte lies at a multiple of `alignment`.
    public func isAligned(to alignment: Int) -> Bool {
        guard let base = owner.memory.baseAddress else { return true }
        return (Int(bitPattern: base) + start) % alignment == 0
    }

    /// A copy as an array.
    public var array: [UInt8] { withUnsafeBytes { Array($0) } }

    /// The byte at `index`.
    public subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count)
        return owner.memory[start + index]
    }

    /// A little-endian integer at `offset`, whatever its alignment; nil past the end.
    public func littleEndian<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value?
    {
        guard slice(offset, MemoryLayout<Value>.size) != nil else { return nil }
        return Value(littleEndian: owner.memory.loadUnaligned(fromByteOffset: start + offset, as: type))
    }

    /// A big-endian integer at `offset`, whatever its alignment; nil past the end.
    public func bigEndian<Value: FixedWidthInteger & BitwiseCopyable>(at offset: Int, as type: Value.Type) -> Value? {
        littleEndian(at: offset, as: type)?.byteSwapped
    }

    /// The bytes as UTF-8 text, or nil when they are not.
    public var utf8: String? { withUnsafeBytes { String(validating: $0, as: UTF8.self) } }

    /// Whether the bytes begin with `prefix`.
    public func starts(with prefix: [UInt8]) -> Bool {
        count >= prefix.count && withUnsafeBytes { $0.prefix(prefix.count).elementsEqual(prefix) }
    }
}

/// Owns the memory behind ``Bytes`` and releases it with the last slice.
final class ByteOwner: @unchecked Sendable {  // Sendable: the memory is never written after creation.
    enum Kind {
        case allocated, fromC
        /// A file, whose bytes can be read again.
        case mapped
        /// Memory of its own, whose bytes cannot.
        case fresh
    }

    let memory: UnsafeRawBufferPointer
    private let kind: Kind
    var isMapped: Bool { kind == .mapped }

    init(_ memory: UnsafeRawBufferPointer, kind: Kind) {
        self.memory = memory
        self.kind = kind
    }

    deinit {
        switch kind {
        case .allocated: memory.deallocate()
        case .fromC: free(UnsafeMutableRawPointer(mutating: memory.baseAddress))
        case .mapped, .fresh: unmap(memory)
        }
    }
}

/// The machine's memory in bytes.
private func physicalMemory() -> Int { sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE)) }
