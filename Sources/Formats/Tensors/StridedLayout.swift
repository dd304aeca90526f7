// Tensors that look into a storage by offset and strides: checking that they stay inside, and gathering their values
// row-major.

/// Where a tensor's elements lie in a storage, counted in elements.
struct StridedLayout: Sendable, Hashable {
    var offset: Int
    var sizes: [Int]
    var strides: [Int]

    /// Why a layout is impossible.
    struct Fault: Error, Equatable {
        let expected: String
        let found: String
    }

    /// A view that repeats elements (an expanded tensor) may take this much more memory than its storage.
    static let greatestExpansion = 256 << 20

    /// How many elements there are; the layout was checked.
    var elementCount: Int { sizes.reduce(1, *) }

    /// Checks every index against a storage of `capacity` elements of `bitWidth` bits each, before anything is read.
    ///
    /// PyTorch has no negative strides and at most 64 axes.
    func check(capacity: Int, bitWidth: Int) throws(Fault) {
        guard sizes.count == strides.count, sizes.count <= 64 else {
            throw Fault(
                expected: "at most 64 sizes and as many strides", found: "\(sizes.count) and \(strides.count)")
        }
        guard offset >= 0, sizes.allSatisfy({ $0 >= 0 }), strides.allSatisfy({ $0 >= 0 }) else {
            throw Fault(expected: "no negative offset, size or stride", found: description)
        }
        guard let count = Shape(sizes).checkedElementCount, let byteCount = Self.byteCount(count, bitWidth) else {
            throw Fault(expected: "a size that fits 64 bits", found: description)
        }
        guard count > 0 else { return }
        guard let last = lastElement, last < capacity else {
            throw Fault(expected: "elements inside a storage of \(capacity)", found: description)
        }
        guard count <= capacity || byteCount <= Self.greatestExpansion else {
            throw Fault(
                expected: "at most \(Self.greatestExpansion >> 20) MiB from a storage of \(capacity) elements",
                found: description)
        }
    }

    private static func byteCount(_ count: Int, _ bitWidth: Int) -> Int? {
        let (bits, overflow) = count.multipliedReportingOverflow(by: bitWidth)
        return overflow ? nil : bits / 8
    }

    /// The index of the last element in the storage; nil when it overflows.
    private var lastElement: Int? {
        var last = offset
        for (size, stride) in zip(sizes, strides) {
            let (reach, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
            let (sum, sumOverflow) = last.addingReportingOverflow(reach)
            guard !overflow, !sumOverflow else { return nil }
            last = sum
        }
        return last
    }

    /// The run of storage elements that the tensor looks into, from its first to its last; empty for no elements. The
    /// layout was checked.
    var extent: Range<Int> {
        guard elementCount > 0, let last = lastElement else { return 0..<0 }
        return offset..<last + 1
    }

    /// Whether the elements lie one after another in row-major order; axes of size 1 may have any stride.
    var isContiguous: Bool {
        guard elementCount > 0 else { return true }
        var expected = 1
        for (size, stride) in zip(sizes, strides).reversed() where size != 1 {
            guard stride == expected else { return false }
            expected *= size
        }
        return true
    }

    /// Gathers the elements row-major.
    ///
    /// - Parameters:
    ///   - storage: the whole storage; the layout was checked against its size.
    ///   - elementByteCount: 1, 2, 4, 8 or 16.
    func gathered(from storage: Bytes, elementByteCount: Int) -> Bytes {
        switch elementByteCount {
        case 1: gathered(from: storage, as: UInt8.self)
        case 2: gathered(from: storage, as: UInt16.self)
        case 4: gathered(from: storage, as: UInt32.self)
        case 8: gathered(from: storage, as: UInt64.self)
        default: gathered(from: storage, as: SIMD2<UInt64>.self)
        }
    }

    private func gathered<Element: BitwiseCopyable>(from storage: Bytes, as type: Element.Type) -> Bytes {
        let count = elementCount
        let axes = zip(sizes, strides).filter { $0.0 != 1 }
        let inner = axes.last ?? (1, 1)
        let outer = axes.dropLast()
        return Bytes(byteCount: count * MemoryLayout<Element>.size) { output in
            storage.withUnsafeBytes { input in
                var counter = [Int](repeating: 0, count: outer.count)
                var base = offset
                for row in 0..<(count == 0 ? 0 : count / inner.0) {
                    for column in 0..<inner.0 {
                        let element = input.loadUnaligned(
                            fromByteOffset: (base + column * inner.1) * MemoryLayout<Element>.size, as: type)
                        output.storeBytes(
                            of: element, toByteOffset: (row * inner.0 + column) * MemoryLayout<Element>.size, as: type)
                    }
                    advance(&counter, &base, over: outer)
                }
            }
        }
    }

    /// Steps an odometer over the outer axes, the last fastest, keeping `base` the place it points at.
    private func advance(_ counter: inout [Int], _ base: inout Int, over axes: ArraySlice<(Int, Int)>) {
        for axis in axes.indices.reversed() {
            counter[axis] += 1
            base += axes[axis].1
            if counter[axis] < axes[axis].0 { return }
            base -= counter[axis] * axes[axis].1
            counter[axis] = 0
        }
    }
}

extension StridedLayout: CustomStringConvertible {
    var description: String { "offset \(offset), sizes \(sizes), strides \(strides)" }
}

extension Bytes {
    /// A copy with the bytes of each `width`-byte number reversed: big-endian to little-endian.
    func byteSwapped(width: Int) -> Bytes {
        guard width > 1 else { return self }
        return Bytes(byteCount: count) { output in
            withUnsafeBytes { input in
                for index in 0..<count { output[index] = input[index / width * width + width - 1 - index % width] }
            }
        }
    }

    /// A copy with the sign bit of numbers flipped, of every one or of every second one (the imaginary parts).
    func signFlipped(width: Int, isImaginaryOnly: Bool) -> Bytes {
        Bytes(byteCount: count) { output in
            withUnsafeBytes { output.copyMemory(from: $0) }
            let first = isImaginaryOnly ? 2 * width - 1 : width - 1
            for index in stride(from: first, to: count, by: isImaginaryOnly ? 2 * width : width) {
                output[index] ^= 0x80
            }
        }
    }
}
