// Damaged, oversized and foreign files under a PNG's name: one clear error each, never a crash.

import Formats
import Testing

@Suite struct PNGDamageTests {
    /// A sound 8-bit grey image of 13×9.
    static let sound: [UInt8] = {
        (try? Bytes(mapping: PNGGolden.folder + "/gray8.png").array) ?? []
    }()

    private func read(_ bytes: [UInt8], limit: Int = PNGImage.pixelLimit) -> String {
        message { try PNGImage(Bytes(copying: bytes), path: "a.png", pixelLimit: limit).samples.shape }
    }

    @Test func aCutFileIsRefusedUnlessOnlyItsLastChunkIsMissing() throws {
        for count in 8..<Self.sound.count - 12 {
            let text = read(Array(Self.sound[..<count]))
            #expect(text.hasPrefix("a.png: PNG data at byte"), "cut at \(count): \(text)")
        }
        let withoutEnd = try PNGImage(Bytes(copying: Array(Self.sound.dropLast(12))), path: "a.png")
        #expect(withoutEnd.warnings == ["libpng: the file ends too early"])
        #expect(read([0x89, 0x50]) == "a.png: PNG signature at byte 0 is cut short: 8 bytes expected, 2 found")
    }

    @Test func anyFlippedByteIsRefusedOrHarmless() throws {
        let samples = try PNGImage(Bytes(copying: Self.sound), path: "a.png").samples.bytes.array
        for index in Self.sound.indices.dropFirst(8) {
            let flipped = Self.sound.patched(index, [Self.sound[index] ^ 0x41])
            if let image = try? PNGImage(Bytes(copying: flipped), path: "a.png") {
                #expect(image.samples.bytes.array == samples || index >= Self.sound.count - 12, "byte \(index)")
            }
        }
    }

    @Test func aDamagedChecksumIsNamed() throws {
        let place = try #require(Self.sound.firstOffset(of: Array("IDAT".utf8)))
        let text = read(Self.sound.patched(place + 10, [Self.sound[place + 10] ^ 1]))
        #expect(text.contains("expected undamaged chunks, found"), "\(text)")
    }

    @Test func sizesBeyondTheLimitOrTheCompressedBytesAreRefusedBeforeAllocating() {
        #expect(
            read(Self.sound, limit: 100)
                == "a.png: the image is 13×9 pixels, more than the limit of 100 pixels")
        // Width and height 60000, with the right checksum.
        let header = Array("IHDR".utf8) + [0, 0, 0xEA, 0x60, 0, 0, 0xEA, 0x60, 8, 0, 0, 0, 0]
        let checksum = Inflate.crc32(Bytes(copying: header))
        let claim = Self.sound.patched(12, header + withUnsafeBytes(of: checksum.bigEndian) { Array($0) })
        #expect(read(claim).contains("the image is 60000×60000 pixels, more than the limit of 268435456 pixels"))
        #expect(read(claim, limit: .max).contains("60000×60000 pixels (3600000000 bytes), more than the limit of"))
    }

    /// Found by fuzzing: libpng 1.6.39 allocates what an eXIf chunk claims before it reads.
    @Test func aChunkThatClaimsMoreThanTheFileHasIsNotAllocated() throws {
        let claim: [UInt8] = [0x70, 0, 0, 0] + Array("eXIfII*".utf8) + [0, 1, 2, 3, 4, 5]
        let header = Array(Self.sound[..<33])
        #expect(
            read(header + claim + Self.sound[33...])
                == "a.png: PNG data at byte 33: expected more bytes, found the end of the file; copy or download it again"
        )
        let withoutEnd = try PNGImage(Bytes(copying: Array(Self.sound.dropLast(12)) + claim), path: "a.png")
        #expect(withoutEnd.warnings == ["libpng: the file ends too early"])
    }

    @Test(
        arguments: [
            (
                [0xFF, 0xD8, 0xFF, 0xE0, 0, 0, 0, 0, 0],
                "a.png: this is a JPEG, not a PNG; convert it to PNG without loss"
            ),
            (
                Array("<!DOCTYPE html>".utf8),
                "a.png: this is HTML or XML text, not a PNG; convert it to PNG without loss"
            ),
            (
                Array("version https://git-lfs.github.com/spec/v1".utf8),
                "a.png: this is a git-lfs pointer, not a PNG; run 'git lfs pull' first"
            ),
            (Array("something else".utf8), "a.png: this is not a PNG; convert it to PNG without loss"),
        ] as [([UInt8], String)])
    func otherFormatsAreNamed(bytes: [UInt8], expected: String) { #expect(read(bytes) == expected) }

    @Test func samplesThatAreNoImageAreNotEncoded() {
        let text = message {
            try PNGImage(samples: TensorView(floats: [1, 2], shape: [1, 2]), path: "x").encoded().count
        }
        #expect(
            text
                == "x: PNG samples: expected height×width or height×width×(1 to 4) of uint8 or uint16, found 1×2 of float32"
        )
    }
}
