// Whether a mask lies where its image lies. Both have the same number of voxels along every axis.

import Formats

/// The difference in place between a mask and its image.
struct MaskPlacement {
    private let mask: VolumeGeometry
    private let image: VolumeGeometry
    private let spacing: (mask: SIMD3<Double>, image: SIMD3<Double>)
    private let shape: [Int]

    /// - Precondition: both have the same sizes.
    init(of mask: Volume, on image: Volume) {
        self.mask = mask.geometry
        self.image = image.geometry
        spacing = (mask.spacing, image.spacing)
        shape = image.spatialShape
    }

    /// One sentence when voxel sizes differ by more than 1 %, or when a voxel of the mask lies more than half a voxel from
    /// the same voxel of the image; places are compared when both files state one.
    var remark: String? {
        let ratios = (0..<3).map { spacing.mask[$0] / spacing.image[$0] }
        if ratios.contains(where: { !(0.99...1.01 ~= $0) }) {
            return "the mask's voxels are \(Self.text(spacing.mask)) mm, the image's \(Self.text(spacing.image)); "
                + "they are paired by index"
        }
        guard mask.source != .none, image.source != .none else { return nil }
        if mask.affine.axisCodes != image.affine.axisCodes {
            return "the mask's axes run \(mask.affine.axisCodes), the image's \(image.affine.axisCodes), so it may be "
                + "mirrored or turned; voxels are paired by index"
        }
        let distance = largestDistance
        guard distance > 0.5 * (spacing.image.min()) else { return nil }
        return "the mask lies up to \(shortDecimal(distance)) mm from its image; voxels are paired by index"
    }

    /// The largest distance between the same corner of both boxes, in millimetres.
    private var largestDistance: Double {
        let unit = spacing.image[0] / max(image.affine.spacing[0], .leastNormalMagnitude)
        return (0..<8).map { corner in
            let voxel = SIMD3((0..<3).map { corner >> $0 & 1 == 0 ? 0 : Double(shape[$0] - 1) })
            let difference = mask.affine(voxel) - image.affine(voxel)
            return (difference * difference).sum().squareRoot() * unit
        }.max() ?? 0
    }

    private static func text(_ spacing: SIMD3<Double>) -> String {
        (0..<3).map { shortDecimal(spacing[$0]) }.joined(separator: "×")
    }
}

/// A number for a person: three significant decimals at most, no trailing zeros.
func shortDecimal(_ value: Double) -> String {
    guard value.isFinite, abs(value) < 1e9 else { return "\(value)" }
    let text = "\((value * 1000).rounded() / 1000)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
