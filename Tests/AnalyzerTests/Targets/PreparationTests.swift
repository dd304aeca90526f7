// Images end up in 0…1 at one size, resampled as torch does.

import Formats
import TestSupport
import Testing

@testable import Analyzer

@Suite struct PreparationTests {
    private func open(_ path: String, _ change: (inout TargetOptions) -> Void) throws -> Target {
        var options = TargetOptions()
        change(&options)
        return try Target.open([path], options: options)
    }

    @Test(arguments: [(8, 8), (17, 23), (40, 31), (5, 60), (1, 1), (16, 24), (34, 46)])
    func resamplingIsTorchsAntialiasedBilinear(height: Int, width: Int) throws {
        let folder = TestData.fixtures + "/golden/resampling"
        let input = try #require(try NumPy.readArray(folder + "/input.npy").floats())
        let expected = try #require(try NumPy.readArray("\(folder)/\(height)x\(width).npy").floats())
        let resampling = PlaneResampling(from: (17, 23), to: (height, width))
        let size = 17 * 23
        let found = resampling(Array(input[..<size])) + resampling(Array(input[size...]))
        let worst = zip(found, expected).map { abs($0 - $1) }.max() ?? 1
        #expect(found.count == expected.count)
        #expect(worst < 2e-6, "\(worst)")
    }

    @Test(
        arguments: [
            // numpy.percentile([0, 50, …, 250] * 2, [10, 90]) = 5, 245
            (Normalization.percentile(low: 10, high: 90), [0, 0.1875, 95.0 / 240, 145.0 / 240, 0.8125, 1]),
            (.window(low: 50, high: 250), [0, 0, 0.25, 0.5, 0.75, 1]), (.minMax, [0, 0.2, 0.4, 0.6, 0.8, 1]),
        ] as [(Normalization, [Float])])
    func schemesMapVolumesInto0To1(scheme: Normalization, expected: [Float]) throws {
        try TargetTree.make { tree in
            let plane: [Float] = [0, 50, 100, 150, 200, 250]
            let voxels = TensorView(floats: plane + plane, shape: [2, 2, 3])
            let affine = Affine(linear: Matrix3(diagonal: [1, 1, 4]), translation: [0, 0, 0])
            try Volume(voxels: voxels, geometry: VolumeGeometry(affine: affine)).write(to: tree("v.nii"))
            let target = try open(tree.path) {
                $0.preparation.normalization = scheme
                ($0.preparation.height, $0.preparation.width) = (2, 3)
            }
            // Rows run from the front backwards: the file's second row is the image's first.
            #expect(try target.image(1) == Array(expected[3...] + expected[..<3]))
        }
    }

    @Test func percentilesAreTakenOverTheWholeVolumeAsNumPyDoes() throws {
        try TargetTree.make { tree in
            // numpy.percentile(np.arange(100), [0.5, 99.5]) = 0.495, 98.505
            let voxels = TensorView(floats: (0..<100).map { Float($0) }, shape: [2, 5, 10])
            let affine = Affine(linear: Matrix3(diagonal: [1, 1, 4]), translation: [0, 0, 0])
            try Volume(voxels: voxels, geometry: VolumeGeometry(affine: affine)).write(to: tree("v.nii"))
            let target = try open(tree.path) {
                ($0.preparation.height, $0.preparation.width) = (5, 10)
                $0.dropsEmptySlices = false
            }
            let found = try target.image(0)
            #expect(found[40] == 0)
            #expect(abs(found[45] - Float((5 - 0.495) / 98.01)) < 1e-6)
            #expect(try target.image(1).max() == 1)
        }
    }

    @Test func zScoreMapsClippedDeviationsToTheWholeRange() throws {
        try TargetTree.make { tree in
            let voxels = TensorView(floats: [-1, 1, -1, 1, -1, 1, -1, 1], shape: [2, 2, 2])
            let affine = Affine(linear: Matrix3(diagonal: [1, 1, 4]), translation: [0, 0, 0])
            try Volume(voxels: voxels, geometry: VolumeGeometry(affine: affine)).write(to: tree("v.nii"))
            let target = try open(tree.path) {
                $0.preparation.normalization = .zScore(clip: 4)
                ($0.preparation.height, $0.preparation.width) = (2, 2)
            }
            #expect(try target.image(0) == [0.375, 0.625, 0.375, 0.625])
        }
    }

    @Test func eightBitPNGIsDividedBy255AndSixteenBitIsNot() throws {
        try TargetTree.make { tree in
            try tree.gray("eight.png")
            let wide = TensorView(
                dtype: .uint16, shape: [1, 4], bytes: Bytes(copying: [1000, 2000, 3000, 4000] as [UInt16]))
            try PNGImage(samples: wide).write(to: tree("sixteen.png"))
            let eight = try open(tree.path + "/eight.png") {
                ($0.preparation.height, $0.preparation.width) = (2, 3)
            }
            #expect(try eight.image(0) == [0, 0.2, 0.4, 0.6, 0.8, 1])
            let sixteen = try open(tree.path + "/sixteen.png") {
                ($0.preparation.height, $0.preparation.width) = (1, 4)
            }
            let values = try sixteen.image(0)
            #expect(values[0] == 0 && values[3] == 1 && abs(values[1] - 1 / 3) < 0.01)
            let full = try open(tree.path + "/sixteen.png") {
                $0.preparation.normalization = .full
                ($0.preparation.height, $0.preparation.width) = (1, 4)
            }
            #expect(try full.image(0)[3] == Float(4000.0 / 65535))
        }
    }

    @Test func theFullRangeIsRefusedWhereThereIsNone() throws {
        try TargetTree.make { tree in
            try tree.volume("v.nii")
            #expect(
                tree.refusal { try open(tree.path) { $0.preparation.normalization = .full } }
                    == "ROOT/v.nii: intensities with '--normalize none': expected 8- or 16-bit PNG, or values within 0…1, "
                    + "found 0.0…321.0; choose percentile, ct or another scheme")
        }
    }

    @Test func coloursKeepThreeChannelsAndGreyOnesAmongThemAreRepeated() throws {
        try TargetTree.make { tree in
            try tree.gray("a.png", [0, 255], [1, 2])
            let rgb = TensorView(
                dtype: .uint8, shape: [1, 2, 3], bytes: Bytes(copying: [255, 0, 0, 0, 51, 0] as [UInt8]))
            try PNGImage(samples: rgb).write(to: tree("b.png"))
            let target = try open(tree.path) { ($0.preparation.height, $0.preparation.width) = (1, 2) }
            #expect(target.imageShape.channels == 3)
            #expect(try target.image(0) == [0, 1, 0, 1, 0, 1])
            #expect(try target.image(1) == [1, 0, 0, 0.2, 0, 0])
            #expect(try target.images([1, 0]).shape == [2, 3, 1, 2])
        }
    }

    @Test func equalColourChannelsAreGrey() throws {
        try TargetTree.make { tree in
            let rgb = TensorView(
                dtype: .uint8, shape: [1, 2, 3], bytes: Bytes(copying: [9, 9, 9, 255, 255, 255] as [UInt8]))
            try PNGImage(samples: rgb).write(to: tree("b.png"))
            let target = try open(tree.path) { ($0.preparation.height, $0.preparation.width) = (1, 2) }
            #expect(target.imageShape.channels == 1)
        }
    }

    @Test func nanVoxelsAreBackgroundAndAreTold() throws {
        try TargetTree.make { tree in
            let voxels = TensorView(floats: [1, 2, .nan, 4, 5, .infinity, 7, 8], shape: [2, 2, 2])
            let affine = Affine(linear: Matrix3(diagonal: [1, 1, 4]), translation: [0, 0, 0])
            try Volume(voxels: voxels, geometry: VolumeGeometry(affine: affine)).write(to: tree("v.nii"))
            let target = try open(tree.path) {
                $0.preparation.normalization = .minMax
                ($0.preparation.height, $0.preparation.width) = (2, 2)
            }
            #expect(try target.image(0) == [0, Float(3.0 / 7), 0, Float(1.0 / 7)])
            #expect(target.summary.notes == ["v: voxels that are NaN or infinite count as background"])
        }
    }

    @Test(
        arguments: [
            (ImagePreparation.Fit.stretch, [0, 1, 0, 1]), (.crop, [0.5, 0.5, 0.5, 0.5]), (.pad, [0, 0, 0, 0]),
        ] as [(ImagePreparation.Fit, [Float])])
    func otherAspectsAreStretchedCroppedOrPadded(fit: ImagePreparation.Fit, corners: [Float]) throws {
        try TargetTree.make { tree in
            // Six columns of which the outer two differ from the middle: 0 0 .5 .5 1 1 in 2 rows.
            let row: [UInt8] = [0, 0, 128, 128, 255, 255]
            try tree.gray("a.png", row + row, [2, 6])
            let target = try open(tree.path) {
                $0.preparation.fit = fit
                ($0.preparation.height, $0.preparation.width) = (6, 6)
            }
            let image = try target.image(0)
            let found = [image[0], image[5], image[30], image[35]]
            #expect(zip(found, corners).allSatisfy { abs($0 - $1) < 0.01 }, "\(fit): \(found)")
        }
    }

    @Test func boxesKeepThePhysicalAspect() {
        var preparation = ImagePreparation()
        preparation.fit = .pad
        // 100 rows of 2 mm and 100 columns of 1 mm: the frame must be 200 columns wide.
        let pad = ImageBox(of: (100, 100), spacing: (2, 1), preparation: preparation)
        #expect(pad == ImageBox(top: 0, left: -50, height: 100, width: 200))
        preparation.fit = .crop
        #expect(
            ImageBox(of: (100, 100), spacing: (2, 1), preparation: preparation)
                == ImageBox(top: 25, left: 0, height: 50, width: 100))
        preparation.fit = .stretch
        #expect(
            ImageBox(of: (100, 100), spacing: (2, 1), preparation: preparation)
                == ImageBox(top: 0, left: 0, height: 100, width: 100))
    }
}
