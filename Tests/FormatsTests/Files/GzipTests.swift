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

    /// The pieces of output, 256 kB each, end in the middle of the input more than once.
    @Test(arguments: Deflate.Level.allCases) func partsAreCompressedIntoOneMember(level: Deflate.Level) throws {
        var random = SplitMix64(seed: 3)
        let parts = [300_000, 0, 1_000_000].map { count in
            Bytes(copying: (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next() & 0x3F) })
        }
        var file: [UInt8] = []
        Deflate.gzip(parts, level: level) { file += $0 }
        let plain = try Inflate.gzip(Bytes(copying: file), path: "v.gz", limit: 2 << 20)
        #expect(plain.array == parts.flatMap(\.array))
        #expect(file.count < 1_050_000)  // six bits of eight
        #expect(Inflate.crc32(plain) == file.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) })
    }

    /// From 64 MiB on both libraries are tried; ISA-L is asked here whatever the clock says.
    @Test func bothLibrariesInflateTheSame() throws {
        var random = SplitMix64(seed: 9)
        let plain = Bytes(copying: (0..<3_000_000).map { _ in Int16(truncatingIfNeeded: random.next() & 0xFF) })
        let file = Deflate.gzip(plain)
        let stream = try #require(file.slice(10, file.count - 10))
        let output = UnsafeMutableRawBufferPointer.allocate(byteCount: plain.count, alignment: 64)
        defer { output.deallocate() }
        guard let isal = ISALStream(), let second = ISALStream() else {
            Issue.record("no memory")
            return
        }
        let part = UnsafeMutableRawBufferPointer(rebasing: output[..<100_000])
        #expect(isal.inflate(stream, into: part).verdict == .outputFull)
        let outcome = isal.inflate(stream, into: output)
        #expect(outcome.verdict == .done)
        #expect(outcome.produced == plain.count)
        #expect(outcome.consumed == stream.count - 8)
        #expect(plain.withUnsafeBytes { $0.elementsEqual(UnsafeRawBufferPointer(output)) })
        let cut = try #require(stream.slice(0, stream.count / 2))
        #expect(second.inflate(cut, into: output).verdict == .damaged)
    }

    @Test func aLargeFileIsInflatedWhicheverLibraryWinsTheTrial() throws {
        let plain = Bytes(copying: (0..<(10 << 20)).map { UInt64($0 / 3) })
        let file = Deflate.gzip(plain)
        let size = plain.count
        #expect(size >= Inflate.trialFrom)
        let inflated = try Inflate.gzip(file, path: "v.gz", limit: size + 100, expecting: size)
        #expect(inflated.withUnsafeBytes { got in plain.withUnsafeBytes { got.elementsEqual($0) } })
        let damaged = file.array.patched(file.count / 2, [0xFF, 0, 0xFF, 0])
        #expect(message { try inflate(damaged, limit: size) }.contains("damaged"))
    }

    @Test func nothingIsCompressedToAnEmptyMember() throws {
        let file = Deflate.gzip(Bytes(copying: [UInt8]()))
        #expect(file.array.prefix(8) == [0x1F, 0x8B, 8, 0, 0, 0, 0, 0])  // neither name nor time
        #expect(try Inflate.gzip(file, path: "v.gz", limit: 10).count == 0)
    }

    @Test func scansAndLabelMapsGetTheLevelThatMakesThemSmaller() {
        var random = SplitMix64(seed: 5)
        let scan = (0..<200_000).map { Int16(($0 / 300) % 700) + Int16(random.next() & 31) }
        let labels = (0..<400_000).map { UInt8(($0 / 1000) % 3) }
        #expect(Deflate.Level(for: Bytes(copying: scan)) == .noisy)
        #expect(Deflate.Level(for: Bytes(copying: labels)) == .even)
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

    @Test func theChecksumIsTheStandardOne() {
        #expect(Inflate.crc32(Bytes(copying: Array("123456789".utf8))) == 0xCBF4_3926)
    }
}
