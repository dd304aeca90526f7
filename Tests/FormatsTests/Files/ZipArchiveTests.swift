// What a zip archive must be to be read, rule by rule.

import Testing

@testable import Formats

@Suite struct ZipArchiveTests {
    private static let two = zipBytes([("a/x", Array("hello".utf8)), ("a/y", [UInt8](repeating: 7, count: 100))])

    private func open(_ bytes: [UInt8]) throws(FormatError) -> ZipArchive {
        try ZipArchive(path: "m.zip", bytes: Bytes(copying: bytes))
    }

    private func read(_ bytes: [UInt8], _ name: String) throws -> [UInt8] {
        let archive = try open(bytes)
        return try #require(try archive.contents(named: name)).array
    }

    @Test func storedMembersAreLentAtMultiplesOf64() throws {
        let archive = try open(Self.two)
        #expect(archive.members.map(\.name) == ["a/x", "a/y"])
        #expect(archive.members.map(\.size) == [5, 100])
        let contents = try #require(try archive.contents(named: "a/y"))
        #expect(contents.array == [UInt8](repeating: 7, count: 100))
        #expect(contents.start % 64 == 0)
        #expect(try archive.contents(named: "a/z") == nil)
    }

    @Test func deflatedMembersAreInflated() throws {
        #expect(try read(Self.deflated, "h") == Array("hello hello hello hello\n".utf8))
    }

    /// `h`: "hello hello hello hello\n" deflated to 10 bytes.
    private static let deflated = deflatedZip(hex("cb48cdc9c957c84027b900"), size: 24, checksum: 0x0B59_8800)

    private static func deflatedZip(_ data: [UInt8], size: UInt32, checksum: UInt32) -> [UInt8] {
        var layout = ZipLayout()
        var bytes = layout.localHeader(name: "h", data: [Bytes(copying: data)]) + data
        let directory = bytes.count
        bytes += layout.directory()
        var sizes: [UInt8] = []
        sizes.append(littleEndian: size)
        var crc: [UInt8] = []
        crc.append(littleEndian: checksum)
        return bytes.patched(directory + 10, [8, 0]).patched(directory + 16, crc).patched(directory + 24, sizes)
    }

    @Test func aFlippedBitFailsTheChecksum() throws {
        let data = try #require(Self.two.firstOffset(of: Array("hello".utf8)))
        #expect(
            message { try read(Self.two.patched(data, [0x69]), "a/x") }
                == "m.zip: zip member 'a/x' at byte 0: expected checksum 3610a686, found 0b708f36: the data is "
                + "damaged; copy or download the file again")
        #expect(try read(Self.two.patched(data, [0x69]), "a/y").count == 100)
    }

    @Test func anArchiveWithoutAnyChecksumIsRead() throws {
        var bytes = Self.two
        for entry in Self.directoryEntries(bytes) { bytes = bytes.patched(entry + 16, [0, 0, 0, 0]) }
        #expect(try read(bytes, "a/x") == Array("hello".utf8))
    }

    private static func directoryEntries(_ bytes: [UInt8]) -> [Int] {
        bytes.indices.filter { bytes[$0...].starts(with: [0x50, 0x4B, 1, 2]) }
    }

    @Test func aFileCutAnywhereIsRefusedAndSaysSo() throws {
        for count in 0..<Self.two.count - 1 {
            #expect(
                message { try open(Array(Self.two.prefix(count))) }
                    == "m.zip: zip archive: expected a directory at its end, found none in \(count) bytes: the file is "
                    + "cut short; download or copy it again")
        }
    }

    @Test func aTailIsTakenForTheComment() throws {
        #expect(try open(Self.two + [0, 0, 0]).members.count == 2)
    }

    @Test func twoMembersOfOneNameAreRefused() {
        let bytes = zipBytes([("x", [1]), ("x", [2])])
        #expect(message { try open(bytes) } == "m.zip: zip directory: expected distinct names, found 'x' twice")
    }

    @Test func overlappingMembersAreRefused() throws {
        let entries = Self.directoryEntries(Self.two)
        // The second entry is made to point at the first header, a trick of zip bombs.
        let bytes = Self.two.patched(entries[1] + 42, [0, 0, 0, 0])
        #expect(message { try open(bytes) }.hasSuffix("found 133: members overlap"))
    }

    @Test func aMemberThatReachesIntoTheNextIsRefused() throws {
        let entry = Self.directoryEntries(Self.two)[0]
        let bytes = Self.two.patched(entry + 20, [30, 0, 0, 0, 30, 0, 0, 0])
        #expect(
            message { try read(bytes, "a/x") } == "m.zip: zip member 'a/x' at byte 64 is cut short: 30 bytes expected, "
                + "5 found")
    }

    @Test func terabytesClaimedByTheDirectoryAreRefused() throws {
        let entry = Self.directoryEntries(Self.two)[1]
        let bytes = Self.two.patched(entry + 20, [0, 0, 0, 0xF0, 0, 0, 0, 0xF0])
        #expect(message { try open(bytes) }.hasSuffix("members overlap"))
        let end = try #require(Self.two.firstOffset(of: [0x50, 0x4B, 5, 6]))
        #expect(
            message { try open(Self.two.patched(end + 8, [0xFF, 0xFF, 0xFF, 0xFF])) }.hasSuffix(
                "the file is cut short or damaged"))
    }

    @Test func anImpossibleInflatedSizeIsRefusedBeforeAllocating() {
        let bytes = Self.deflatedZip(hex("cb48cdc9c957c84027b900"), size: 0xFFFF_FFFE, checksum: 1)
        #expect(
            message { try read(bytes, "h") } == "m.zip: zip member 'h': its inflated size is 4294967294 bytes, more "
                + "than the limit of 11352 bytes that 11 compressed bytes can yield")
    }

    @Test func aZipBombIsRefused() {
        // 64 KiB of deflate that could yield 66 MB: allowed by the format, trusted by nobody.
        let bytes = Self.deflatedZip([UInt8](repeating: 0, count: 66_000), size: 68_000_000, checksum: 1)
        #expect(
            message { try read(bytes, "h") } == "m.zip: zip member 'h': its compression ratio is 1030:1, more than the "
                + "limit of 200:1 (a zip bomb?); save it uncompressed if it is genuine")
    }

    @Test(arguments: [(20 as UInt32, "more than that"), (30, "24 bytes")])
    func aStreamOfAnotherSizeThanClaimedIsRefused(claim: UInt32, found: String) {
        let bytes = Self.deflatedZip(hex("cb48cdc9c957c84027b900"), size: claim, checksum: 0x0B59_8800)
        #expect(
            message { try read(bytes, "h") }
                == "m.zip: zip member 'h': expected \(claim) bytes after inflating, found \(found)")
    }

    @Test func damagedDeflateDataIsRefused() {
        let bytes = Self.deflatedZip(hex("07cdc9c957c84027b900"), size: 24, checksum: 1)
        #expect(
            message { try read(bytes, "h") }
                == "m.zip: zip member 'h': expected 24 bytes after inflating, found damaged deflate data")
    }

    @Test func encryptionAndOtherMethodsAreNamed() throws {
        let entry = Self.directoryEntries(Self.deflated)[0]
        #expect(
            message { try read(Self.deflated.patched(entry + 8, [1]), "h") }
                == "m.zip: zip member 'h': encryption is not supported; save it without a password")
        #expect(
            message { try read(Self.deflated.patched(entry + 10, [12]), "h") }
                == "m.zip: zip member 'h': compression method 12 is not supported; save it stored or deflated")
    }

    @Test func aLocalHeaderOfAnotherNameIsRefused() throws {
        let bytes = Self.two.patched(30, Array("b/x".utf8))
        #expect(
            message { try read(bytes, "a/x") }
                == "m.zip: zip member 'a/x' at byte 0: expected its local header, found something else")
    }

    @Test func theWritersArchiveIsTheSameEachTime() throws {
        try withTemporaryFolder { folder in
            for name in ["1.zip", "2.zip"] {
                var writer = try ZipWriter("\(folder)/\(name)")
                try writer.add("a/x", [Bytes(copying: Array("hello".utf8))])
                try writer.add("a/y", [Bytes(copying: [UInt8](repeating: 7, count: 100))])
                try writer.commit()
                #expect(try Bytes(mapping: "\(folder)/\(name)").array == Self.two)
            }
        }
    }
}
