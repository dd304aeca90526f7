// PNG masks keep their numbers; what cannot be a mask is refused in one line.

import Formats
import Testing

@Suite struct PNGLabelTests {
    private func image(_ values: [UInt8], _ shape: Shape, palette: [PaletteColor] = []) throws -> PNGImage {
        try PNGImage(
            samples: TensorView(dtype: .uint8, shape: shape, bytes: Bytes(copying: values)), palette: palette,
            path: "mask.png")
    }

    @Test func paletteMasksGiveIndicesNotBrightness() throws {
        let voc = [PaletteColor(red: 0, green: 0, blue: 0), PaletteColor(red: 128, green: 0, blue: 0)]
        let labels = try image([0, 1, 1, 0], [2, 2], palette: voc).labels()
        #expect(labels.values == [0, 1, 1, 0])
        #expect(labels.palette == voc)
        #expect(try PNGGolden.image("pillow_palette.png").labels().counts.map(\.label) == [0, 1, 2])
    }

    @Test func grayValuesStayAndAZero255MaskIsPointedOut() throws {
        let mask = try image([0, 255, 255, 0], [2, 2])
        let labels = try mask.labels()
        #expect(labels.values == [0, 255, 255, 0])
        #expect(labels.notes == ["the only label is 255: in a two-class task it may stand for 1"])
        let binary = try mask.labels(policy: MaskPolicy(mapsSingleValueToOne: true))
        #expect(binary.values == [0, 1, 1, 0])
        #expect(binary.notes == ["value 255 was taken for label 1"])
    }

    @Test(arguments: ["gray1.png", "gray2.png", "gray4.png", "gray16.png", "palette2.png"])
    func lowAndHighDepthsGiveStoredValues(name: String) throws {
        let image = try PNGGolden.image(name)
        #expect(try image.labels().values == image.samples.floats()?.map { Int32($0) })
    }

    @Test func alphaChangesNoLabel() throws {
        #expect(try image([3, 0, 5, 255], [1, 2, 2]).labels().values == [3, 5])
        #expect(try image([7, 7, 7, 0, 9, 9, 9, 255], [1, 2, 4]).labels().values == [7, 9])
    }

    @Test func coloursNeedATableAndUnknownOnesAreNamedByPlace() throws {
        let mask = try image([255, 0, 0, 0, 255, 0, 250, 0, 0, 255, 0, 0], [2, 2, 3])
        #expect(
            message { try mask.labels() }
                == "mask.png: a colour mask without a table of its colours is not supported; give each colour a label, or "
                + "save the mask as grey or palette PNG")
        var table = [PaletteColor(red: 255, green: 0, blue: 0): Int32(1), PaletteColor(red: 0, green: 255, blue: 0): 2]
        #expect(
            message { try mask.labels(policy: MaskPolicy(colorTable: table)) }
                == "mask.png: mask at row 1, column 0: expected one of the table's 2 colours, found (250, 0, 0); smoothed "
                + "or JPEG-compressed edges?")
        table[PaletteColor(red: 250, green: 0, blue: 0)] = 1
        #expect(try mask.labels(policy: MaskPolicy(colorTable: table)).values == [1, 2, 1, 1])
    }

    @Test func exifMasksAreRefused() throws {
        let mask = try PNGGolden.image("exif.png")
        #expect(message { try mask.labels() }.contains("a mask with EXIF data, which may turn it is not supported"))
    }

    @Test func labelMapsAreWrittenInTheSmallestFaithfulForm() throws {
        try withTemporaryFolder { folder in
            let path = folder + "/labels.png"
            let small = LabelMap(shape: [1, 3], values: [0, 2, 255])
            try small.writePNG(to: path)
            #expect(try PNGImage(reading: path).depth == 8)
            #expect(try PNGImage(reading: path).labels().values == small.values)
            let large = LabelMap(shape: [1, 3], values: [0, 2, 40000])
            try large.writePNG(to: path)
            #expect(try PNGImage(reading: path).depth == 16)
            #expect(try PNGImage(reading: path).labels().values == large.values)
            var colored = LabelMap(shape: [1, 2], values: [0, 1])
            colored.palette = [PaletteColor(red: 1, green: 2, blue: 3), PaletteColor(red: 4, green: 5, blue: 6)]
            try colored.writePNG(to: path)
            #expect(try PNGImage(reading: path).colorType == .palette)
            #expect(try PNGImage(reading: path).labels().palette == colored.palette)
            let negative = LabelMap(shape: [1, 1], values: [-1])
            #expect(
                message { try negative.writePNG(to: path) }.contains("with labels -1 to -1 as PNG is not supported"))
        }
    }

    @Test func labelsAreResizedWithoutInventingAny() {
        let map = LabelMap(shape: [2, 2], values: [1, 2, 3, 4])
        #expect(map.resized(height: 4, width: 2).values == [1, 2, 1, 2, 3, 4, 3, 4])
        #expect(map.resized(height: 1, width: 1).values == [4])
        #expect(map.resized(height: 3, width: 3).values.allSatisfy { [1, 2, 3, 4].contains($0) })
    }
}
