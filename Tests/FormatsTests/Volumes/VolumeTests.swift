// Volumes made in memory: labels stay integers, statistics are NumPy's, planes stand upright, writing is reproducible.

import Formats
import Testing

@Suite struct VolumeTests {
    /// Values 0, 1, 2… of a 4×3×2 volume.
    private func counting(_ affine: Affine = .identity) throws -> Volume {
        let values = TensorView(dtype: .int16, shape: [2, 3, 4], bytes: Bytes(copying: (0..<24).map { Int16($0) }))
        return try Volume(voxels: values, geometry: VolumeGeometry(affine: affine))
    }

    @Test func labelsSurviveScalingThatIsNearlyWholeAndNothingElse() throws {
        var volume = try counting()
        #expect(try volume.labels().values == (0..<24).map { Int32($0) })
        volume.scaling = VoxelScaling(slope: 1, intercept: 0.0004)
        #expect(try volume.labels().values == (0..<24).map { Int32($0) })
        volume.scaling = VoxelScaling(slope: 0.5, intercept: 0)
        #expect(
            message { try volume.labels() }
                == "volume: label at voxel (1, 0, 0): expected an integer (within 0.001), found 0.5")
        #expect(
            message { try volume.labels(of: VolumePlane(upright: volume, axis: 2, index: 1)) }.contains(
                "label at voxel (1, 2, 1)"))
    }

    @Test func labelsGoOutAsTheSmallestTypeInTheImagesPlace() throws {
        let image = try counting(
            Affine(linear: Matrix3(columns: [0, 2, 0], [-3, 0, 0], [0, 0, 4]), translation: [5, 6, 7]))
        for (top, dtype) in [(255, DType.uint8), (300, .int16), (40000, .uint16), (70000, .int32)] as [(Int32, DType)] {
            let map = LabelMap(shape: [2, 3, 4], values: (0..<24).map { $0 == 7 ? top : 0 })
            let volume = try Volume(labels: map, like: image)
            #expect(volume.type == .scalar(dtype))
            try withTemporaryFolder { folder in
                try volume.write(to: folder + "/l.nii.gz")
                let copy = try Volume(reading: folder + "/l.nii.gz")
                #expect(try copy.labels() == map)
                #expect(copy.geometry.affine == image.geometry.affine)
                #expect([copy.geometry.qform?.code, copy.geometry.sform?.code] == [1, 1])
                #expect(copy.scaling == .none)
            }
        }
        let small = LabelMap(shape: [1, 3, 4], values: [Int32](repeating: 0, count: 12))
        #expect(
            message { try Volume(labels: small, like: image).shape }
                == "labels: label map: expected 2×3×4 voxels as in volume, found 1×3×4")
    }

    @Test func aPredictionGoesBackThroughTheRememberedTurn() throws {
        let image = try counting(
            Affine(linear: Matrix3(columns: [0, -2, 0], [0, 0, 3], [-4, 0, 0]), translation: [5, 6, 7]))
        let (canonical, way) = image.canonical()
        #expect(image.axisCodes == "PSL")
        #expect(canonical.shape == [2, 4, 3])
        let prediction = LabelMap(
            shape: canonical.voxels.shape, values: canonical.floats().map { Int32($0) })
        let back = try way.undo(Volume(labels: prediction, like: canonical))
        #expect(try back.labels().values == (0..<24).map { Int32($0) })
        #expect(back.geometry == image.geometry)
        #expect(
            message { try way.undo(image) }
                == "volume: volume to turn back: expected 2×4×3 voxels, found 4×3×2")
    }

    @Test func planesStandUprightWhateverTheFilesOrder() throws {
        // Voxel value 100·R + 10·A + S in canonical coordinates, stored in three orders.
        let values = (0..<24).map { index -> Int16 in
            let (right, anterior, superior) = (index % 4, index / 4 % 3, index / 12)
            return Int16(100 * right + 10 * anterior + superior)
        }
        let canonical = TensorView(dtype: .int16, shape: [2, 3, 4], bytes: Bytes(copying: values))
        let ras = try Volume(voxels: canonical, geometry: VolumeGeometry(affine: .identity))
        let upright: [[Float]] = [
            [201, 211, 221, 200, 210, 220], [11, 111, 211, 311, 10, 110, 210, 310],
            [21, 121, 221, 321, 11, 111, 211, 311, 1, 101, 201, 301],
        ]
        for (world, expected) in upright.enumerated() {
            let index = [2, 1, 1][world]
            #expect(ras.floats(of: VolumePlane(upright: ras, axis: world, index: index)) == expected)
            for orientation in [
                Orientation(worldAxes: [2, 0, 1], isFlipped: [true, false, true]),
                Orientation(worldAxes: [1, 2, 0], isFlipped: [false, true, true]),
            ] {
                let other = try stored(ras, as: orientation)
                #expect(other.axisCodes == orientation.axisCodes)
                let axis = orientation.voxelAxes[world]
                #expect(other.floats(of: VolumePlane(upright: other, axis: axis, index: index)) == expected)
            }
        }
    }

    /// The same scene with its axes kept in another order.
    private func stored(_ ras: Volume, as orientation: Orientation) throws -> Volume {
        let shape = ras.spatialShape
        let sizes = orientation.worldAxes.map { shape[$0] }
        let source = ras.floats()
        var values: [Int16] = []
        for k in 0..<sizes[2] {
            for j in 0..<sizes[1] {
                for i in 0..<sizes[0] {
                    var world = [0, 0, 0]
                    for (axis, index) in [i, j, k].enumerated() {
                        let target = orientation.worldAxes[axis]
                        world[target] = orientation.isFlipped[axis] ? shape[target] - 1 - index : index
                    }
                    values.append(Int16(source[world[0] + shape[0] * (world[1] + shape[1] * world[2])]))
                }
            }
        }
        var affine = Affine.identity
        for axis in 0..<3 {
            let target = orientation.worldAxes[axis]
            affine.linear.columns[axis] = [0, 0, 0]
            affine.linear.columns[axis][target] = orientation.isFlipped[axis] ? -1 : 1
            affine.translation[target] = orientation.isFlipped[axis] ? Double(shape[target] - 1) : 0
        }
        let tensor = TensorView(dtype: .int16, shape: Shape(sizes.reversed()), bytes: Bytes(copying: values))
        return try Volume(voxels: tensor, geometry: VolumeGeometry(affine: affine))
    }

    @Test func percentilesAreNumPys() {
        // numpy.percentile([7, -3.5, 1e-3, 0, 12.25, 7, -100], [0, 0.5, 50, 99.5, 100])
        let values = [7, -3.5, 1e-3, 0, 12.25, 7, -100]
        let statistics = VoxelStatistics(percents: [0, 0.5, 50, 99.5, 100]) { body in values.forEach { body($0, 1) } }
        let expected = [-100, -97.105, 0.001, 12.0925, 12.25]
        #expect(zip(statistics.percentiles, expected).allSatisfy { abs($0 - $1) < 1e-5 }, "\(statistics.percentiles)")
        #expect(statistics.count == 7)
        #expect(abs(statistics.mean - values.reduce(0, +) / 7) < 1e-12)
    }

    @Test func nonFiniteVoxelsAreCountedAndLeftOut() {
        let values = [1, Double.nan, 3, .infinity, -.infinity]
        let statistics = VoxelStatistics(percents: [50]) { body in values.forEach { body($0, 1) } }
        #expect(statistics.nonFiniteCount == 3)
        #expect(statistics.percentiles == [2])
        #expect((statistics.minimum, statistics.maximum) == (1, 3))
        #expect(abs(statistics.standardDeviation - 1) < 1e-12)
        let nothing = VoxelStatistics(percents: [50]) { body in body(.nan, 1) }
        #expect(nothing.count == 0)
        #expect(nothing.percentiles == [0])
    }

    @Test func aHistogramOfFewIntegersIsExact() throws {
        let values = TensorView(dtype: .uint8, shape: [1, 2, 3], bytes: Bytes(copying: [0, 0, 1, 2, 2, 2] as [UInt8]))
        let volume = try Volume(voxels: values, geometry: VolumeGeometry(affine: .identity))
        #expect(volume.histogram().bins.map(\.count) == [2, 1, 3])
        #expect(volume.histogram().isExact)
        let wide = try counting().histogram(binCount: 4)
        #expect(wide.bins.map(\.count) == [6, 6, 6, 6])
        #expect(!wide.isExact)
    }

    @Test(arguments: ["a.nii.gz", "a.nii", "a.hdr"])
    func equalVolumesGiveEqualBytes(name: String) throws {
        let volume = try counting()
        try withTemporaryFolder { folder in
            try volume.write(to: "\(folder)/\(name)")
            let first = try Bytes(mapping: "\(folder)/\(name)").array
            try volume.write(to: "\(folder)/\(name)")
            #expect(try Bytes(mapping: "\(folder)/\(name)").array == first)
            if name.hasSuffix(".gz") { #expect(Array(first[4..<8]) == [0, 0, 0, 0]) }  // gzip's time
        }
    }

    /// Above 1 MiB the header is stored ahead of the compressed voxels, and memory is mapped.
    @Test func largeVolumesSurviveCompression() throws {
        let stored = (0..<3_000_000).map { Int16(truncatingIfNeeded: $0 &* $0 / 1000) }
        let values = TensorView(dtype: .int16, shape: [100, 150, 200], bytes: Bytes(copying: stored))
        let scaling = VoxelScaling(slope: 0.5, intercept: -3)
        let volume = try Volume(voxels: values, geometry: VolumeGeometry(affine: .identity), scaling: scaling)
        try withTemporaryFolder { folder in
            try volume.write(to: folder + "/large.nii.gz")
            let copy = try Volume(reading: folder + "/large.nii.gz")
            #expect(copy.shape == [200, 150, 100])
            #expect(copy.voxels.bytes.array == values.bytes.array)
            #expect(copy.floats() == stored.map { Float(Double($0) * 0.5 - 3) })
        }
    }

    @Test func longAxesAreWrittenAsNIfTI2() throws {
        let values = TensorView(
            dtype: .uint8, shape: [1, 1, 40000], bytes: Bytes(copying: [UInt8](repeating: 3, count: 40000)))
        let volume = try Volume(voxels: values, geometry: VolumeGeometry(affine: .identity))
        try withTemporaryFolder { folder in
            try volume.write(to: folder + "/long.nii.gz")
            let copy = try Volume(reading: folder + "/long.nii.gz")
            #expect(copy.header.format == .nifti2)
            #expect(copy.shape == [40000, 1, 1])
            #expect(message { try volume.write(to: folder + "/x.nii", format: .nifti1) }.contains("longer than 32767"))
        }
    }

    @Test func halfFloatsAreRefusedByName() {
        let half = TensorView(dtype: .float16, shape: [1, 1, 1], bytes: Bytes(copying: [UInt16(0)]))
        #expect(
            message { try Volume(voxels: half, geometry: VolumeGeometry(affine: .identity)).shape }
                == "volume: float16 in NIfTI is not supported; convert the values to float32, uint8 or int16 first")
    }
}

@Suite struct GeometryTests {
    /// Angles of many rotations, axis-permuted ones included.
    static let rotations: [Matrix3] = (0..<200).map { index in
        let angles = [0.37, 1.13, 2.71].map { $0 * Double(index) }
        var matrix = Matrix3.identity
        for (axis, angle) in angles.enumerated() {
            let (i, j) = [(1, 2), (0, 2), (0, 1)][axis]
            var turn = Matrix3.identity
            let (cosine, sine) = (cosineOf(angle), cosineOf(angle - .pi / 2))
            turn[i, i] = cosine
            turn[j, j] = cosine
            turn[i, j] = -sine
            turn[j, i] = sine
            matrix = turn * matrix
        }
        return matrix
    }

    /// cos by its series after range reduction: no C math module is needed for a test.
    static func cosineOf(_ angle: Double) -> Double {
        let x = angle.remainder(dividingBy: 2 * .pi)
        var (term, sum) = (1.0, 1.0)
        for step in 1...20 {
            term *= -x * x / Double((2 * step - 1) * (2 * step))
            sum += term
        }
        return sum
    }

    @Test func theNearestOrthogonalMatrixOfARotationIsItself() {
        for rotation in Self.rotations {
            let scaled = rotation * Matrix3(diagonal: [0.5, 2, 9])
            let found = scaled.normalizedColumns.nearestOrthogonal
            #expect(zip(found.columns, rotation.columns).allSatisfy { ($0 - $1).max() < 1e-12 })
        }
        let sheared = Matrix3(columns: [1, 0, 0], [1, 1, 0], [0, 0.5, 1]).nearestOrthogonal
        let product = sheared.transposed * sheared
        #expect(zip(product.columns, Matrix3.identity.columns).allSatisfy { ($0 - $1).max() < 1e-12 })
    }

    @Test func rotationsSurviveTheQuaternionFormOfAFile() throws {
        for rotation in Self.rotations.prefix(60) {
            for handedness in [1.0, -1] {
                let linear = rotation * Matrix3(diagonal: [1.5, 2, 3 * handedness])
                let geometry = VolumeGeometry(
                    affine: Affine(linear: linear, translation: [1, 2, 3]), source: .qform,
                    qform: .init(code: 1, affine: Affine(linear: linear, translation: [1, 2, 3])), sform: nil)
                let volume = try Volume(
                    voxels: TensorView(floats: [1], shape: [1, 1, 1]), geometry: geometry)
                let copy = try withTemporaryFolder { folder in
                    try volume.write(to: folder + "/q.nii", format: .nifti2)
                    return try Volume(reading: folder + "/q.nii")
                }
                #expect(copy.geometry.source == .qform)
                #expect(copy.geometry.affine.largestDifference(from: geometry.affine) < 1e-12)
            }
        }
    }
}
