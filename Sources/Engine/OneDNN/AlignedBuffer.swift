// Memory for tensors, aligned for vector loads.

/// Owns a run of floats whose address never changes once it is known.
final class AlignedBuffer: @unchecked Sendable {  // Sendable: shared only between a plan's steps, which run in order.
    /// Bytes asked for.
    let byteCount: Int
    private var allocated: UnsafeMutableRawBufferPointer?

    /// Allocates at least `byteCount` bytes, zeroed so that padding lanes never hold NaN.
    init(byteCount: Int) {
        self.byteCount = byteCount
        allocated = Self.zeros(byteCount)
    }

    /// Allocates at least `byteCount` bytes for someone who writes all of them.
    init(uninitializedByteCount byteCount: Int) {
        self.byteCount = byteCount
        allocated = .allocate(byteCount: max(byteCount, 64), alignment: 64)
    }

    /// Allocates zeroed memory when it is first asked for, so that a plan can be made to be measured only.
    init(lazyByteCount byteCount: Int) { self.byteCount = byteCount }

    /// Copies floats.
    convenience init(_ values: [Float]) {
        self.init(uninitializedByteCount: values.count * MemoryLayout<Float>.stride)
        values.withUnsafeBytes { memory.copyMemory(from: $0) }
    }

    deinit { allocated?.deallocate() }

    private static func zeros(_ byteCount: Int) -> UnsafeMutableRawBufferPointer {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 64), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        return memory
    }

    var memory: UnsafeMutableRawBufferPointer {
        if let allocated { return allocated }
        let memory = Self.zeros(byteCount)
        allocated = memory
        return memory
    }

    var base: UnsafeMutableRawPointer {
        memory.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    }

    func floats(at byteOffset: Int = 0) -> UnsafeMutablePointer<Float> {
        (base + byteOffset).assumingMemoryBound(to: Float.self)
    }
}
