// Small labelled data sets made on the spot.

import Formats

@testable import Analyzer

extension TargetTree {
    /// Writes a label volume, values in x, y, z order (x fastest).
    func mask(
        _ name: String, _ shape: [Int] = [4, 3, 2], spacing: SIMD3<Double> = [1, 1, 5],
        origin: SIMD3<Double> = [0, 0, 0], value: (Int) -> Int16
    ) throws {
        let values = (0..<shape.reduce(1, *)).map(value)
        let affine = Affine(linear: Matrix3(diagonal: spacing), translation: origin)
        let volume = try Volume(
            voxels: TensorView(dtype: .int16, shape: Shape(shape.reversed()), bytes: Bytes(copying: values)),
            geometry: VolumeGeometry(affine: affine))
        try volume.write(to: self(name))
    }

    /// An nnU-Net data set of cases a, b, c… each 4×3×2 voxels; case i has label 1 in voxel 0 and `labels[i]` in voxel 1.
    func nnunet(_ labels: [Int16], json: String? = nil) throws {
        for (index, label) in labels.enumerated() {
            let name = String(UnicodeScalar(UInt8(97 + index)))
            try volume("imagesTr/\(name)_0000.nii.gz", base: index)
            try mask("labelsTr/\(name).nii.gz") { $0 == 0 ? 1 : $0 == 1 ? label : 0 }
        }
        if let json { try text("dataset.json", json) }
    }

    /// images/ and masks/ of 2×3 grey PNGs; every mask has the given values.
    func pictures(_ masks: [(name: String, values: [UInt8])], folder: String = "") throws {
        for (index, mask) in masks.enumerated() {
            let image = (0..<6).map { UInt8($0 * 40 + index) }
            try gray("\(folder)images/\(mask.name).png", image)
            try gray("\(folder)masks/\(mask.name).png", mask.values)
        }
    }

    /// Opens a folder's labelled data at 2×3 pixels.
    func labelled(
        _ place: String = "", scheme: LabelScheme? = nil, use: SegmentationDataOptions.Use = .training,
        _ change: (inout SegmentationDataOptions, inout TargetOptions) -> Void = { _, _ in }
    ) throws -> SegmentationData {
        var target = TargetOptions()
        (target.preparation.height, target.preparation.width) = (2, 3)
        target.dropsEmptySlices = false
        var options = SegmentationDataOptions()
        (options.scheme, options.use) = (scheme, use)
        change(&options, &target)
        return try SegmentationData.open(
            Target.open([place.isEmpty ? path : path + "/" + place], options: target), options: options)
    }
}
