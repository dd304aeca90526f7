// Reading stored voxels as numbers: whole frames, planes and runs, in one place so that every element type is handled
// once.

/// A rectangle of stored samples by element offsets: rows of columns.
struct VoxelGrid {
    var start = 0
    var rows = 1
    var rowStride = 0
    var columns = 0
    var columnStride = 1

    var count: Int { rows * columns }
}

extension Volume {
    /// A contiguous run of elements.
    func run(start: Int, count: Int) -> VoxelGrid { VoxelGrid(start: start, columns: count) }

    /// Visits physical values (magnitudes of complex ones) in the grid's order.
    func forEachValue(_ grid: VoxelGrid, _ body: (Double) -> Void) {
        if scaling.isIdentity {
            forEachStored(grid, body)
        } else {
            let scaling = scaling
            if type.isComplex {
                forEachComplex(grid) { real, imaginary in body(magnitude(scaling(real), scaling(imaginary))) }
            } else {
                forEachStored(grid) { body($0 * scaling.slope + scaling.intercept) }
            }
        }
    }

    /// Visits stored values without scaling; magnitudes of complex ones. 64-bit integers lose what Double cannot hold.
    func forEachStored(_ grid: VoxelGrid, _ body: (Double) -> Void) {
        switch voxels.dtype {
        case .uint8, .bool: visit(grid, as: UInt8.self) { body(Double($0)) }
        case .int8: visit(grid, as: Int8.self) { body(Double($0)) }
        case .uint16: visit(grid, as: UInt16.self) { body(Double($0)) }
        case .int16: visit(grid, as: Int16.self) { body(Double($0)) }
        case .uint32: visit(grid, as: UInt32.self) { body(Double($0)) }
        case .int32: visit(grid, as: Int32.self) { body(Double($0)) }
        case .uint64: visit(grid, as: UInt64.self) { body(Double($0)) }
        case .int64: visit(grid, as: Int64.self) { body(Double($0)) }
        case .float32: visit(grid, as: Float.self) { body(Double($0)) }
        case .float64: visit(grid, as: Double.self, body)
        default: forEachComplex(grid) { body(magnitude($0, $1)) }
        }
    }

    /// How often each stored integer of 8 or 16 bits occurs, `lowest` first; nil for other types.
    func valueCounts(_ grid: VoxelGrid) -> (lowest: Int, times: [Int])? {
        func counted<Stored: FixedWidthInteger & BitwiseCopyable>(_ type: Stored.Type) -> (lowest: Int, times: [Int]) {
            var times = [Int](repeating: 0, count: 1 << type.bitWidth)
            let lowest = Int(type.min)
            times.withUnsafeMutableBufferPointer { times in
                visit(grid, as: type) { times[Int($0) &- lowest] &+= 1 }
            }
            return (lowest, times)
        }
        switch voxels.dtype {
        case .uint8: return counted(UInt8.self)
        case .int8: return counted(Int8.self)
        case .uint16: return counted(UInt16.self)
        case .int16: return counted(Int16.self)
        default: return nil
        }
    }

    private func forEachComplex(_ grid: VoxelGrid, _ body: (Double, Double) -> Void) {
        if voxels.dtype == .complex64 {
            visit(grid, as: SIMD2<Float>.self) { body(Double($0.x), Double($0.y)) }
        } else {
            visit(grid, as: SIMD2<Double>.self) { body($0.x, $0.y) }
        }
    }

    /// Loads each element of the grid.
    @inline(__always)
    private func visit<Stored: BitwiseCopyable>(_ grid: VoxelGrid, as type: Stored.Type, _ body: (Stored) -> Void) {
        let width = MemoryLayout<Stored>.size
        let last = grid.start + (grid.rows - 1) * grid.rowStride + (grid.columns - 1) * grid.columnStride
        let isInside = [grid.start, last].allSatisfy { $0 >= 0 && ($0 + 1) * width <= voxels.bytes.count }
        precondition(grid.count == 0 || isInside, "a grid outside the volume")
        voxels.bytes.withUnsafeBytes { raw in
            for row in 0..<grid.rows {
                var offset = (grid.start + row * grid.rowStride) * width
                let step = grid.columnStride * width
                for _ in 0..<grid.columns {
                    body(raw.loadUnaligned(fromByteOffset: offset, as: type))
                    offset += step
                }
            }
        }
    }
}

/// √(x² + y²).
private func magnitude(_ x: Double, _ y: Double) -> Double { (x * x + y * y).squareRoot() }

extension Volume {
    /// All physical values as float32 in stored order (x fastest): `scl_slope` · stored + `scl_inter`, computed in
    /// float64; magnitudes of complex voxels; the samples of colours one after another.
    public func floats() -> [Float] {
        let count = voxels.shape.elementCount
        guard type.isComplex else { return scaledFloats(count: count) }
        return [Float](unsafeUninitializedCapacity: count) { output, written in
            var index = 0
            forEachValue(run(start: 0, count: count)) {
                output[index] = Float($0)
                index += 1
            }
            written = index
        }
    }

    /// Values that are one number each, in loops that the compiler vectorizes.
    private func scaledFloats(count: Int) -> [Float] {
        func converted<Stored: BitwiseCopyable>(_ type: Stored.Type, _ value: (Stored) -> Double) -> [Float] {
            let (slope, intercept) = (scaling.slope, scaling.intercept)
            let isIdentity = scaling.isIdentity
            return voxels.bytes.withUnsafeBytes { raw in
                precondition(raw.count >= count * MemoryLayout<Stored>.size, "fewer bytes than voxels")
                return [Float](unsafeUninitializedCapacity: count) { output, written in
                    preferHugePages(UnsafeMutableRawBufferPointer(output))
                    if isIdentity {
                        for index in 0..<count {
                            let offset = index &* MemoryLayout<Stored>.size
                            output[index] = Float(value(raw.loadUnaligned(fromByteOffset: offset, as: type)))
                        }
                    } else {
                        for index in 0..<count {
                            let offset = index &* MemoryLayout<Stored>.size
                            let stored = value(raw.loadUnaligned(fromByteOffset: offset, as: type))
                            output[index] = Float(stored * slope + intercept)
                        }
                    }
                    written = count
                }
            }
        }
        switch voxels.dtype {
        case .uint8, .bool: return converted(UInt8.self) { Double($0) }
        case .int8: return converted(Int8.self) { Double($0) }
        case .uint16: return converted(UInt16.self) { Double($0) }
        case .int16: return converted(Int16.self) { Double($0) }
        case .uint32: return converted(UInt32.self) { Double($0) }
        case .int32: return converted(Int32.self) { Double($0) }
        case .uint64: return converted(UInt64.self) { Double($0) }
        case .int64: return converted(Int64.self) { Double($0) }
        case .float32: return converted(Float.self) { Double($0) }
        default: return converted(Double.self) { $0 }
        }
    }

    /// The physical values of one plane.
    ///
    /// - Returns: rows × columns values, row-major.
    public func floats(of plane: VolumePlane) -> [Float] {
        let grid = grid(of: plane)
        return [Float](unsafeUninitializedCapacity: grid.count) { output, written in
            var index = 0
            forEachValue(grid) {
                output[index] = Float($0)
                index += 1
            }
            written = index
        }
    }

    /// Element offsets of a plane.
    func grid(of plane: VolumePlane) -> VoxelGrid {
        let shape = spatialShape
        let samples = type.sampleCount
        let strides = [1, shape[0], shape[0] * shape[1]].map { $0 * samples }
        let frameSize = shape.reduce(samples, *)
        precondition(plane.index >= 0 && plane.index < shape[plane.axis], "no such plane")
        precondition(plane.frame >= 0 && plane.frame < frameCount && plane.sample < samples, "no such frame")
        var grid = VoxelGrid(
            start: plane.frame * frameSize + plane.index * strides[plane.axis] + plane.sample,
            rows: shape[plane.rowAxis], rowStride: strides[plane.rowAxis],
            columns: shape[plane.columnAxis], columnStride: strides[plane.columnAxis])
        if plane.isRowReversed {
            grid.start += (grid.rows - 1) * grid.rowStride
            grid.rowStride = -grid.rowStride
        }
        if plane.isColumnReversed {
            grid.start += (grid.columns - 1) * grid.columnStride
            grid.columnStride = -grid.columnStride
        }
        return grid
    }
}

/// One plane of a volume and how it is laid out as an image.
public struct VolumePlane: Sendable, Hashable {
    /// The axis at right angles to the plane, in the file's order (0 = x as stored).
    public var axis: Int
    /// The position along it.
    public var index: Int
    /// The three-dimensional frame.
    public var frame: Int
    /// The sample within a colour voxel.
    public var sample: Int
    /// The axis that runs down the image.
    public var rowAxis: Int
    /// Whether the image's first row is the axis' last position.
    public var isRowReversed: Bool
    /// The axis that runs across the image.
    public var columnAxis: Int
    /// Whether the image's first column is the axis' last position.
    public var isColumnReversed: Bool

    /// A plane as it looks upright: columns follow the first of the remaining world axes (right, else anterior), rows
    /// run from superior (else anterior) down, whatever order the file keeps its axes in.
    ///
    /// - Parameters:
    ///   - axis: the file's axis at right angles to the plane.
    ///   - index: the position along that axis **after** turning to RAS+: 0 is leftmost, rearmost or lowest.
    ///   - volume: supplies orientation and sizes.
    public init(upright volume: Volume, axis: Int, index: Int, frame: Int = 0, sample: Int = 0) {
        let orientation = Orientation(of: volume.geometry.affine)
        let worlds = [0, 1, 2].filter { $0 != orientation.worldAxes[axis] }
        self.axis = axis
        self.index = orientation.isFlipped[axis] ? volume.spatialShape[axis] - 1 - index : index
        self.frame = frame
        self.sample = sample
        columnAxis = orientation.voxelAxes[worlds[0]]
        rowAxis = orientation.voxelAxes[worlds[1]]
        isColumnReversed = orientation.isFlipped[columnAxis]
        isRowReversed = !orientation.isFlipped[rowAxis]
    }
}
