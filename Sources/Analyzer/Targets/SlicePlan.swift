// Along which axis a volume is cut.

import Formats

/// The choice of the slice axis.
enum SlicePlan {
    /// The file's axis at right angles to the images; see ``SliceAxis``.
    ///
    /// - Throws: ``FormatError`` with `.invalid` for volumes that hold no plane.
    static func axis(of volume: Volume, choice: SliceAxis) throws(FormatError) -> Int {
        let shape = volume.spatialShape
        let orientation = Orientation(of: volume.geometry.affine)
        let thin = (0..<3).filter { shape[$0] == 1 }
        guard thin.count < 2 else {
            throw FormatError(
                volume.path,
                .invalid(section: "volume", expected: "at least one plane", found: "\(Shape(shape)) voxels"))
        }
        switch choice {
        case .file(let axis): return min(max(axis, 0), 2)
        case .world(let world): return orientation.voxelAxes[min(max(world, 0), 2)]
        case .automatic: return thin.first ?? coarsest(volume.spacing, shape: shape, orientation: orientation)
        }
    }

    private static func coarsest(_ spacing: SIMD3<Double>, shape: [Int], orientation: Orientation) -> Int {
        let greatest = spacing.max()
        let tied = (0..<3).filter { spacing[$0] >= 0.99 * greatest }
        let slab = tied.first { axis in (0..<3).allSatisfy { $0 == axis || shape[axis] * 2 < shape[$0] } }
        return slab ?? tied.max { orientation.worldAxes[$0] < orientation.worldAxes[$1] } ?? 2
    }
}
