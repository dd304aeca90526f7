// A medical image volume: stored voxels, where they lie, and what their file says.

/// Voxels with their geometry, as read from or about to be written to a NIfTI or Analyze file.
///
/// Stored integers stay integers: nothing is scaled or rounded unless ``floats()`` or ``labels()`` is asked for.
public struct Volume: Sendable {
    /// The file, for messages.
    public var path: String
    /// Sizes of the axes in the file's order: x (fastest in memory) first, then y, z, time, vector components.
    public let shape: [Int]
    /// What one voxel is.
    public let type: VoxelType
    /// The stored values. The tensor's axes are the file's in reverse (…, z, y, x), which is row-major; short shapes are
    /// filled up to three axes with 1, and RGB adds a last axis of 3 or 4 samples.
    public let voxels: TensorView
    /// Where the voxels lie.
    public var geometry: VolumeGeometry
    /// How stored values become physical ones.
    public var scaling: VoxelScaling
    /// Everything else the header says.
    public var header: VolumeHeader
    /// What was odd about the file and what was done about it, one sentence each.
    public var warnings: [String] = []

    /// A volume of given voxels.
    ///
    /// - Parameters:
    ///   - voxels: values whose axes are z, y, x (or t, z, y, x…), row-major; x runs fastest.
    ///   - geometry: where they lie.
    ///   - path: a name for messages.
    /// - Throws: ``FormatError`` with `.unsupported` for element types that NIfTI cannot store.
    public init(
        voxels: TensorView, geometry: VolumeGeometry, scaling: VoxelScaling = .none, path: String = "volume"
    ) throws(FormatError) {
        let type = VoxelType.scalar(voxels.dtype)
        guard type.datatype != nil else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "\(voxels.dtype) in NIfTI", advice: "convert the values to float32, uint8 or int16 first"))
        }
        self.init(
            path: path, shape: voxels.shape.axes.reversed(), type: type, bytes: voxels.bytes, geometry: geometry,
            scaling: scaling, header: VolumeHeader())
    }

    /// - Precondition: `bytes` holds exactly the voxels.
    init(
        path: String, shape: [Int], type: VoxelType, bytes: Bytes, geometry: VolumeGeometry, scaling: VoxelScaling,
        header: VolumeHeader
    ) {
        self.path = path
        self.shape = shape
        self.type = type
        self.geometry = geometry
        self.scaling = type.isScalable ? scaling : .none
        self.header = header
        let padded = shape + [Int](repeating: 1, count: max(0, 3 - shape.count))
        let samples = type.sampleCount > 1 ? [type.sampleCount] : []
        voxels = TensorView(dtype: type.dtype, shape: Shape(padded.reversed() + samples), bytes: bytes)
    }

    /// Sizes of the three spatial axes, filled up with 1.
    public var spatialShape: [Int] { Array((shape + [1, 1, 1]).prefix(3)) }

    /// How many three-dimensional frames there are (time points, vector components and so on, all multiplied).
    public var frameCount: Int { shape.dropFirst(3).reduce(1, *) }

    /// The distance between voxel centres along the three spatial axes in millimetres, whatever the file's unit.
    ///
    /// By the transform in use; by `pixdim` when the file has no orientation (the same then).
    public var spacing: SIMD3<Double> { geometry.affine.spacing * header.spaceUnit.millimetres }

    /// Where each spatial axis points, such as `RAS`.
    public var axisCodes: String { geometry.affine.axisCodes }

    /// The step along the fourth axis in seconds (or the file's spectral unit), or nil for a single frame.
    public var timeStep: Double? {
        shape.count > 3 && shape[3] > 1 ? header.pixdim[3] * header.timeUnit.seconds : nil
    }
}

/// The linear map from stored to physical values.
public struct VoxelScaling: Sendable, Hashable {
    /// `scl_slope`.
    public let slope: Double
    /// `scl_inter`.
    public let intercept: Double

    /// Values as stored.
    public static let none = VoxelScaling(slope: 1, intercept: 0)

    /// States a map.
    public init(slope: Double, intercept: Double) {
        self.slope = slope
        self.intercept = intercept
    }

    /// The rules for header fields: a slope of 0, NaN or infinity means no scaling at all; an unusable intercept
    /// counts as 0 and gives a warning.
    init(storedSlope slope: Double, intercept: Double, warnings: inout [String]) {
        guard slope.isFinite, slope != 0 else {
            self = .none
            return
        }
        if !intercept.isFinite { warnings.append("scl_inter is \(intercept); 0 is used") }
        self.init(slope: slope, intercept: intercept.isFinite ? intercept : 0)
    }

    /// Whether physical values are the stored ones.
    public var isIdentity: Bool { self == .none }

    /// The physical value of a stored one.
    public func callAsFunction(_ stored: Double) -> Double { isIdentity ? stored : stored * slope + intercept }
}

extension VoxelType {
    /// Whether `scl_slope` and `scl_inter` apply; they never do to colours.
    var isScalable: Bool { sampleCount == 1 }
}
