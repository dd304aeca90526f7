// Turning voxel axes to RAS+ by permuting and flipping, never by resampling, and back again exactly.

/// Which world axis each voxel axis follows, and in which direction.
public struct Orientation: Sendable, Hashable {
    /// For each voxel axis, the world axis (0 right, 1 anterior, 2 superior) that it is nearest to; a permutation.
    public let worldAxes: [Int]
    /// For each voxel axis, whether it runs against that world axis.
    public let isFlipped: [Bool]

    /// The orientation in which nothing moves.
    public static let canonical = Orientation(worldAxes: [0, 1, 2], isFlipped: [false, false, false])

    /// States an orientation.
    ///
    /// - Precondition: `worldAxes` is a permutation of 0, 1, 2.
    public init(worldAxes: [Int], isFlipped: [Bool]) {
        precondition(worldAxes.sorted() == [0, 1, 2] && isFlipped.count == 3, "not a permutation of three axes")
        self.worldAxes = worldAxes
        self.isFlipped = isFlipped
    }

    /// The orientation of a transform: of the rotation nearest to it, voxel axes choose world axes in the order of how
    /// clearly they point (largest |cosine| first), each among the world axes still free.
    public init(of affine: Affine) {
        let rotation = affine.linear.normalizedColumns.nearestOrthogonal
        func clarity(_ axis: Int) -> Double { (0..<3).map { abs(rotation[$0, axis]) }.max() ?? 0 }
        // Ties keep the lower axis first, so the choice does not depend on the sorting method.
        let order = (0..<3).sorted { (clarity($0), -$0) > (clarity($1), -$1) }
        var free = [0, 1, 2]
        var axes = [0, 1, 2]
        var flips = [false, false, false]
        for axis in order {
            var choice = 0
            for candidate in free.indices where abs(rotation[free[candidate], axis]) > abs(rotation[free[choice], axis])
            {
                choice = candidate
            }
            let world = free.remove(at: choice)
            axes[axis] = world
            flips[axis] = rotation[world, axis] < 0
        }
        self.init(worldAxes: axes, isFlipped: flips)
    }

    /// Letters of the directions, one for each voxel axis: `RAS` is canonical.
    public var axisCodes: String {
        let letters: [(Character, Character)] = [("R", "L"), ("A", "P"), ("S", "I")]
        return String(zip(worldAxes, isFlipped).map { $1 ? letters[$0].1 : letters[$0].0 })
    }

    /// For each world axis, the voxel axis that follows it.
    public var voxelAxes: [Int] { (0..<3).map { world in worldAxes.firstIndex(of: world) ?? world } }

    /// Whether nothing has to move to reach RAS+.
    public var isCanonical: Bool { self == .canonical }

    /// The transform after the axes were permuted and flipped to RAS+.
    ///
    /// - Parameter shape: the sizes of the three voxel axes before.
    public func canonical(_ affine: Affine, shape: [Int]) -> Affine {
        var result = affine
        for axis in 0..<3 where isFlipped[axis] {
            result.translation += affine.linear.columns[axis] * Double(max(shape[axis] - 1, 0))
            result.linear.columns[axis] = -affine.linear.columns[axis]
        }
        let source = result.linear.columns
        for world in 0..<3 { result.linear.columns[world] = source[voxelAxes[world]] }
        return result
    }
}

extension TensorView {
    /// A copy with its axes permuted and reversed: axis `a` of the result is axis `permutation[a]` of this view, read
    /// backwards when `isReversed[a]`.
    func rearranged(permutation: [Int], isReversed: [Bool]) -> TensorView {
        precondition(permutation.sorted() == Array(0..<shape.rank) && isReversed.count == shape.rank)
        guard permutation != Array(0..<shape.rank) || isReversed.contains(true) else { return self }
        let sourceStrides = shape.rowMajorStrides
        let sizes = permutation.map { shape[$0] }
        let strides = zip(permutation, isReversed).map { $1 ? -sourceStrides[$0] : sourceStrides[$0] }
        let start = zip(permutation, isReversed).map { $1 ? sourceStrides[$0] * max(shape[$0] - 1, 0) : 0 }.reduce(0, +)
        let width = dtype.bitWidth / 8
        let output = Bytes(byteCount: bytes.count) { target in
            bytes.withUnsafeBytes { source in
                let walk = StridedWalk(sizes: sizes, strides: strides, start: start)
                switch width {
                case 1: walk.copy(source, target, as: UInt8.self)
                case 2: walk.copy(source, target, as: UInt16.self)
                case 4: walk.copy(source, target, as: UInt32.self)
                case 8: walk.copy(source, target, as: UInt64.self)
                default: walk.copy(source, target, as: SIMD2<UInt64>.self)
                }
            }
        }
        return TensorView(dtype: dtype, shape: Shape(sizes), bytes: output)
    }
}

/// Visits elements in a given order of axes and packs them.
private struct StridedWalk {
    let sizes: [Int]
    let strides: [Int]
    let start: Int

    /// Copies every element; `Element` only stands for its size.
    func copy<Element: BitwiseCopyable>(
        _ source: UnsafeRawBufferPointer, _ target: UnsafeMutableRawBufferPointer, as type: Element.Type
    ) {
        let width = MemoryLayout<Element>.size
        guard let inner = sizes.last, let step = strides.last, !sizes.contains(0) else { return }
        var index = [Int](repeating: 0, count: sizes.count)
        var row = start
        var written = 0
        while true {
            var element = row
            for _ in 0..<inner {
                let value = source.loadUnaligned(fromByteOffset: element * width, as: type)
                target.storeBytes(of: value, toByteOffset: written, as: type)
                element += step
                written += width
            }
            var axis = sizes.count - 2
            while axis >= 0 {
                index[axis] += 1
                row += strides[axis]
                if index[axis] < sizes[axis] { break }
                row -= strides[axis] * sizes[axis]
                index[axis] = 0
                axis -= 1
            }
            if axis < 0 { return }
        }
    }
}
