// gzip files: members, padding, damage and bounds.

import Testing

@testable import Formats

@Suite struct GzipTests {
    private static let abc = hex("1f8b08000000000002ff4b4c4a0600c241243503000000")
    private static let defg = hex("1f8b08000000000002ff4b494d4b0700598e6d3b04000000")

    private func inflate(_ bytes: [UInt8], limit: Int = 1000) throws -> String {
        try #require(Inflate.gzip(Bytes(copying: bytes), path: "v.gz", limit: limit).utf8)
    }

    @Test func membersAreJoined() throws {
        #expect(try inflate(Self.abc) == "abc")
        #expect(try inflate(Self.abc + Self.defg + Self.abc) == "abcdefgabc")
    }

    @Test func nulPaddingIsIgnored() throws {
        #expect(try inflate(Self.abc + [UInt8](repeating: 0, count: 600)) == "abc")
    }

    @Test func optionalHeaderFieldsAreSkipped() throws {
        // Flags: extra field, name, comment, header checksum.
        let header = hex("1f8b081e0000000002ff") + [2, 0, 9, 9] + Array("n\0c\0".utf8) + [0, 0]
        #expect(try inflate(header + Self.abc[10...]) == "abc")
    }

    @Test func junkAfterTheDataIsRefused() {
        #expect(
            message { try inflate(Self.abc + [0, 0, 7]) }
                == "v.gz: gzip member at byte 23: expected another member, NUL "
                + "padding or the end, found junk after the data")
    }

    @Test func aWrongChecksumIsRefused() {
        #expect(
            message { try inflate(Self.abc.patched(15, [1])) } == "v.gz: gzip trailer at byte 15: expected checksum "
                + "35244101 and size 3, found 352441c2 and 3: the data is damaged; copy or download it again")
    }

    @Test func aFileCutAnywhereIsRefused() {
        for count in 0..<Self.abc.count {
            #expect(throws: FormatError.self) { try inflate(Array(Self.abc.prefix(count))) }
        }
        #expect(
            message { try inflate(Array(Self.abc.prefix(20))) }
                == "v.gz: gzip trailer at byte 15 is cut short: 8 bytes expected, 5 found")
        #expect(
            message { try inflate(Array(Self.abc.prefix(7))) }
                == "v.gz: gzip header at byte 0 is cut short: 10 bytes expected, 7 found")
        #expect(
            message { try inflate(Array(Self.abc.prefix(12))) }
                == "v.gz: gzip member at byte 0: expected 2 bytes of deflate data, found damaged or cut short; copy or "
                + "download it again")
    }

    @Test func outputStopsAtTheLimit() throws {
        #expect(try inflate(Self.abc, limit: 3) == "abc")
        #expect(
            message { try inflate(Self.abc, limit: 2) }
                == "v.gz: the inflated size is larger than its header says, more than the limit of 2 bytes; "
                + "compress the volume alone again")
        #expect(
            message { try inflate(Self.abc + Self.defg, limit: 6) }
                == "v.gz: the inflated size is larger than its header says, more than the limit of 6 bytes; "
                + "compress the volume alone again")
    }

    @Test func aLyingSizeFieldCostsNothing() {
        let bytes = Self.abc.patched(19, [0xFF, 0xFF, 0xFF, 0xFF])
        #expect(message { try inflate(bytes, limit: .max) }.contains("size 4294967295, found 352441c2 and 3"))
    }

    @Test func thePrefixOfALongFileIsEnoughToRecogniseIt() throws {
        let zeros = hex("1f8b08000000000002ff") + hex("edc1010d000000c2a0f74f6d0e37a0000000000000000000e0df00")
        #expect(try #require(Inflate.gzipPrefix(Bytes(copying: zeros))).array == [UInt8](repeating: 0, count: 1024))
        #expect(Inflate.gzipPrefix(Bytes(copying: Self.abc))?.utf8 == "abc")
        #expect(Inflate.gzipPrefix(Bytes(copying: [1, 2, 3])) == nil)
    }

    @Test func aPrefixLongerThanABlockComesBeforeTheCompressedBytes() throws {
        let prefix = (0..<70_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        for level in [1, 2, 6] as [Int32] {
            let file = Deflate.gzip(Bytes(copying: Array("abc".utf8)), after: prefix, level: level)
            let plain = try Inflate.gzip(file, path: "v.gz", limit: 1 << 20, expecting: 70_003)
            #expect(plain.array == prefix + Array("abc".utf8))
        }
        #expect(Deflate.gzip(Bytes(copying: [UInt8]())).array.prefix(4) == [0x1F, 0x8B, 8, 0])
    }

    /// Large results are mapped, but there is no file to read them from again.
    @Test func largeInflatedBytesSurviveBeingWritten() throws {
        let plain = [UInt8](repeating: 7, count: 5 << 20)
        let bytes = try Inflate.gzip(Deflate.gzip(Bytes(copying: plain)), path: "v.gz", limit: .max)
        try withTemporaryFolder { folder in
            var file = try AtomicFile("\(folder)/v")
            try file.write(streaming: bytes)
            try file.commit()
            #expect(try Bytes(mapping: "\(folder)/v").array == plain)
            #expect(bytes.array == plain)
        }
    }

    @Test func noiseIsWrittenAtTheFastestLevelAndEvenDataAtTheNext() {
        var random = SplitMix64(seed: 3)
        let noise = (0..<300_000).map { _ in UInt8(truncatingIfNeeded: random.next()) & 0x3F }
        #expect(Deflate.fastLevel(for: Bytes(copying: noise)) == 1)
        #expect(Deflate.fastLevel(for: Bytes(copying: [UInt8](repeating: 5, count: 300_000))) == 2)
        #expect(Deflate.fastLevel(for: Bytes(copying: [1, 2] as [UInt8])) == 1)
    }

    @Test func theChecksumIsTheStandardOne() {
        #expect(Inflate.crc32(Bytes(copying: Array("123456789".utf8))) == 0xCBF4_3926)
    }
}
