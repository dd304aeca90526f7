// PNG samples of every depth, colour type and interlacing (fixtures/generate/png_golden.py; Pillow read the same).

import Formats
import FoundationEssentials
import TestSupport
import Testing

/// One image's raw samples.
struct PNGGolden: Decodable {
    let shape: [Int]
    let colorType: UInt8
    let depth: Int
    let samplesCRC: UInt32

    static let folder = TestData.fixtures + "/volumes/png"

    static let all: [String: PNGGolden] = {
        guard let data = try? Data(contentsOf: URL(filePath: folder + "/golden.json")),
            let all = try? JSONDecoder().decode([String: PNGGolden].self, from: data)
        else { return [:] }
        return all
    }()

    static let names = all.keys.sorted()

    static func image(_ name: String) throws -> PNGImage { try PNGImage(reading: "\(folder)/\(name)") }
}

@Suite struct PNGGoldenTests {
    @Test func everyGoldenFileIsThere() { #expect(PNGGolden.names.count >= 38) }

    @Test(arguments: PNGGolden.names)
    func samplesAreRawAndComplete(name: String) throws {
        let golden = try #require(PNGGolden.all[name])
        let image = try PNGGolden.image(name)
        #expect(image.samples.shape.axes == golden.shape)
        #expect(image.colorType.rawValue == golden.colorType)
        #expect(image.depth == golden.depth)
        #expect(Inflate.crc32(image.samples.bytes) == golden.samplesCRC)
        #expect(image.facts.isInterlaced == name.contains("adam7"))
    }

    @Test(arguments: PNGGolden.names)
    func aRewriteKeepsSamplesAndPalette(name: String) throws {
        let image = try PNGGolden.image(name)
        let copy = try PNGImage(image.encoded(), path: "copy.png")
        #expect(copy.samples.bytes.array == image.samples.bytes.array)
        #expect(copy.palette == image.palette)
        #expect(copy.colorType == image.colorType)
        #expect(copy.facts.pixelSize == image.facts.pixelSize)
        #expect(try image.encoded().array == image.encoded().array)
    }

    @Test func factsAreReportedAndNotApplied() throws {
        let image = try PNGGolden.image("facts.png")
        #expect(image.facts.significantBits == [12])
        #expect(image.facts.gamma == 0.45455)
        #expect(image.facts.colorChunks == ["cHRM"])
        #expect(image.facts.pixelSize == [0.5, 0.25])
        #expect(image.facts.transparentKey == [UInt16(image.samples.floats()?[0] ?? -1)])
        #expect(image.intensities().fullScale == 65535)
        #expect(image.intensities().values == image.samples.floats())
    }

    @Test func anIndexBeyondThePaletteIsStillALabel() throws {
        let image = try PNGGolden.image("palette_alpha.png")
        #expect(image.palette.map(\.alpha) == [0, 128, 255, 255])
        let labels = try image.labels()
        #expect(labels.values[2 * 6 + 3] == 9)
        #expect(labels.notes == ["label 9 has no colour in the palette of 4"])
    }
}
