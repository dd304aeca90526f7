// Memory for tensors, aligned for vector loads.

/// Owns a run of floats whose address never changes.
final class AlignedBuffer: @unchecked Sendable {  // Sendable: shared only between a plan's steps, which run in order.
    let memory: UnsafeMutableRawBufferPointer

    /// Allocates at least `byteCount` bytes, zeroed so that padding lanes never hold NaN.
    init(byteCount: Int) {
        memory = .allocate(byteCount: max(byteCount, 64), alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Allocates at least `byteCount` bytes for someone who writes all of them.
    init(uninitializedByteCount byteCount: Int) {
        memory = .allocate(byteCount: max(byteCount, 64), alignment: 64)
    }

    /// Copies floats.
    convenience init(_ values: [Float]) {
        self.init(uninitializedByteCount: values.count * MemoryLayout<Float>.stride)
        values.withUnsafeBytes { memory.copyMemory(from: $0) }
    }

    deinit { memory.deallocate() }

    var base: UnsafeMutableRawPointer {
        memory.baseAddress ?? UnsafeMutableRawPointer(bitPattern: 64).unsafelyUnwrapped
    }

    func floats(at byteOffset: Int = 0) -> UnsafeMutablePointer<Float> {
        (base + byteOffset).assumingMemoryBound(to: Float.self)
    }
}
