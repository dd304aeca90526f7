// Comparing two sets of tensors by name: for `ripe diff` and for checking what was written.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// How two tensors of one name differ.
public struct TensorDifference: Sendable {
    /// The tensor's name.
    public var name: String
    /// What was found.
    public var outcome: Outcome

    /// What a comparison can end with.
    public enum Outcome: Sendable, Hashable {
        /// Equal types, shapes and bits.
        case identical
        /// Only the first has it.
        case missing
        /// Only the second has it.
        case extra
        /// Different shapes.
        case shape(Shape, Shape)
        /// The same shape, and values that differ by at most this much; types may differ too.
        case values(Values)
    }

    /// The largest differences between values.
    public struct Values: Sendable, Hashable {
        /// The element types.
        public var types: [DType]
        /// The largest absolute difference, and the largest relative to the greater magnitude of the pair.
        public var absolute: Double, relative: Double
        /// The place of the largest absolute difference, row-major.
        public var index: Int
        /// Elements of which just one side is NaN, or infinities that differ.
        public var incomparable: Int
    }

    /// Whether the values agree: their largest absolute difference, or their largest relative one, is no more than the
    /// tolerance. With 0 all numbers must be equal; types may differ.
    public func isWithin(_ tolerance: Double) -> Bool {
        switch outcome {
        case .identical: true
        case .missing, .extra, .shape: false
        case .values(let values):
            values.incomparable == 0 && Swift.min(values.absolute, values.relative) <= tolerance
        }
    }
}

/// The comparison of two drafts.
public struct CheckpointComparison: Sendable {
    /// One entry for each name, in the order of the first, then those only the second has.
    public let differences: [TensorDifference]

    /// Compares tensor by tensor, reading one pair at a time.
    ///
    /// - Throws: ``FormatError`` when a tensor cannot be read.
    public init(_ first: [DraftTensor], _ second: [DraftTensor]) throws(FormatError) {
        let others = Dictionary(second.map { ($0.name, $0) }) { first, _ in first }
        let names = Set(first.map(\.name))
        var differences: [TensorDifference] = []
        for tensor in first {
            guard let other = others[tensor.name] else {
                differences.append(TensorDifference(name: tensor.name, outcome: .missing))
                continue
            }
            differences.append(
                TensorDifference(name: tensor.name, outcome: try Self.outcome(tensor, other)))
        }
        for tensor in second where !names.contains(tensor.name) {
            differences.append(TensorDifference(name: tensor.name, outcome: .extra))
        }
        self.differences = differences
    }

    private static func outcome(
        _ first: DraftTensor, _ second: DraftTensor
    ) throws(FormatError) -> TensorDifference.Outcome {
        guard first.shape == second.shape else { return .shape(first.shape, second.shape) }
        let views = [try first.read(), try second.read()]
        defer { for view in views { view.bytes.adviseDontNeed() } }
        if first.dtype == second.dtype, views[0].bytes == views[1].bytes { return .identical }
        guard let values = values(views[0], views[1]) else {
            // Complex and packed types: only equal bits are known to be equal.
            return .values(
                .init(
                    types: [first.dtype, second.dtype], absolute: .infinity, relative: .infinity, index: 0,
                    incomparable: first.shape.elementCount))
        }
        return .values(values)
    }

    private static func values(_ first: TensorView, _ second: TensorView) -> TensorDifference.Values? {
        guard let a = first.doubles(), let b = second.doubles() else { return nil }
        var values = TensorDifference.Values(
            types: [first.dtype, second.dtype], absolute: 0, relative: 0, index: 0, incomparable: 0)
        for index in a.indices {
            if a[index] == b[index] || a[index].isNaN && b[index].isNaN { continue }
            guard a[index].isFinite, b[index].isFinite else {
                values.incomparable += 1
                continue
            }
            let difference = abs(a[index] - b[index])
            if difference > values.absolute {
                values.absolute = difference
                values.index = index
            }
            values.relative = max(values.relative, difference / max(abs(a[index]), abs(b[index])))
        }
        return values
    }
}

private func equalMemory(_ first: UnsafeRawBufferPointer, _ second: UnsafeRawBufferPointer) -> Bool {
    guard let a = first.baseAddress, let b = second.baseAddress else { return first.count == second.count }
    return memcmp(a, b, first.count) == 0
}

extension Bytes: Equatable {
    /// Whether the contents are equal.
    public static func == (first: Bytes, second: Bytes) -> Bool {
        first.count == second.count
            && first.withUnsafeBytes { a in second.withUnsafeBytes { b in equalMemory(a, b) } }
    }
}

extension TensorView {
    /// The values as float64; nil for complex and packed types.
    fileprivate func doubles() -> [Double]? {
        func all<Stored: BitwiseCopyable>(_ type: Stored.Type, _ number: (Stored) -> Double) -> [Double] {
            bytes.withUnsafeBytes { raw in
                (0..<shape.elementCount).map {
                    number(raw.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Stored>.size, as: type))
                }
            }
        }
        switch dtype {
        case .float64: return all(Double.self) { $0 }
        case .int64: return all(Int64.self) { Double($0) }
        case .uint64: return all(UInt64.self) { Double($0) }
        case .int32: return all(Int32.self) { Double($0) }
        case .uint32: return all(UInt32.self) { Double($0) }
        default: return floats()?.map { Double($0) }
        }
    }
}
