// Pictures of predictions.

import Formats
import TestSupport
import Testing

@testable import Analyzer

@Suite struct OverlayTests {
    private func pixel(_ image: PNGImage, _ row: Int, _ column: Int) -> [UInt8] {
        (0..<3).map { image.samples.bytes[3 * (row * image.width + column) + $0] }
    }

    @Test func classesAreTranslucentWithAnOpaqueBorderOnGrey() throws {
        // A 4×4 square of class 1 in 8×8 grey pixels, drawn 32 times as large.
        let labels = (0..<64).map { (index: Int) -> UInt8 in 2..<6 ~= index / 8 && 2..<6 ~= index % 8 ? 1 : 0 }
        let image = try SegmentationOverlay(
            gray: [Float](repeating: 0.4, count: 64), labels: labels, height: 8, width: 8
        ).image()
        #expect([image.height, image.width] == [256, 256])
        #expect(pixel(image, 10, 10) == [102, 102, 102])
        #expect(pixel(image, 64, 100) == [213, 94, 0])  // the first row of the square
        #expect(pixel(image, 63, 100) == [213, 94, 0] || pixel(image, 63, 100) == [102, 102, 102])
        #expect(pixel(image, 128, 128) == [141, 99, 66])  // 65 % grey, 35 % colour
    }

    @Test func picturesHaveTheBodysProportions() throws {
        let image = try SegmentationOverlay(
            gray: [Float](repeating: 0, count: 200), labels: [UInt8](repeating: 0, count: 200), height: 10, width: 20,
            spacing: (row: 5, column: 1)
        ).image()
        #expect([image.height, image.width] == [650, 260])
    }

    @Test func coloursDiffer() {
        let colors = (1...40).map { OverlayPalette.color(of: $0) }
        #expect(Set(colors).count == 40)
    }

    @Test func aVolumeGetsPicturesOfSlicesThatShowSomething() throws {
        try TargetTree.make { tree in
            let shape = [6, 5, 40]
            // Bright voxels in slices 10 to 29 only.
            let values = (0..<1200).map { (index: Int) -> Int16 in
                let isBright = 10..<30 ~= index / 30 && index % 7 == 0
                return isBright ? 90 : Int16(index % 5)
            }
            let affine = Affine(linear: Matrix3(diagonal: [1, 1, 3]), translation: [0, 0, 0])
            try Volume(
                voxels: TensorView(dtype: .int16, shape: Shape(shape.reversed()), bytes: Bytes(copying: values)),
                geometry: VolumeGeometry(affine: affine)
            ).write(to: tree("v.nii.gz"))
            let report = try tree.predict("v.nii.gz", try thresholdPredictor(height: 5, width: 6)) {
                $0.drawsOverlays = true
            }
            #expect(
                report.cases[0].overlays
                    == [11, 13, 16, 18, 21, 23, 26, 28].map { "\(tree.path)/out/overlays/v_s\($0).png" })
            #expect(try PNGImage(reading: report.cases[0].overlays[0]).colorType == .rgb)
        }
    }
}
