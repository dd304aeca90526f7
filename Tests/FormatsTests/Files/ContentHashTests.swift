// XXH3-128 against digests of the reference implementation (python-xxhash 4.1, xxHash 0.8.4).

import Formats
import Testing

@Suite struct ContentHashTests {
    /// Byte i of an input of any length is 7·i + 3.
    static func input(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) } }

    static let digests: [(Int, String)] = [
        (0, "99aa06d3014798d86001c324468d497f"), (1, "22bbb76b211a39ba13e608bc156defed"),
        (2, "a6b9dd53b14487221c9074b93943b86c"), (3, "ce31763cbf8245a5a9088dda485b481c"),
        (4, "47197970590746b1788a609154b0fe20"), (5, "5787f33cbc36d4c8d3497975144f78a7"),
        (8, "e3bc8a5f461715553cd024e3d63a1588"), (9, "c72c88247a9a56d7eafab1c7f123109f"),
        (16, "ce0b9647ab24f88460d75c5e47d40a24"), (17, "bfd327edcc2fbd12eeed7654312a26d7"),
        (32, "4f130f27ab6baf45d761fd22e8ad5262"), (33, "d15b272993d9830f4193c535612ac940"),
        (128, "1b1962a096bac78bc580008b6c92ac53"), (129, "293e4968c4619023bd91ce7ace4d385b"),
        (160, "d71519a37cb75ab60e298e02860a8fd0"), (240, "ad46c1021b076bc704e0b5f034bee80b"),
        (241, "ac6c3492c3d6b45d8beadd3a8874fe17"), (256, "77f21db933350c7e3c38817f6d79c0da"),
        (1024, "18bc0eaca9a336369b81661c641c72b1"), (1025, "bf447251cfa98d7c806c2072ed713576"),
        (2048, "f81f6e8f418d8075abe604813ba62ed1"), (2049, "fc9da7340154dc6c55aed42c9f1554b6"),
        (5000, "c98ae385d09887cc799aaddd7339581d"),
    ]

    @Test(arguments: digests)
    func digestIsTheReferenceImplementations(count: Int, digest: String) {
        #expect(ContentHash(Bytes(copying: Self.input(count))).hexadecimal == digest)
    }

    @Test func unalignedBytesHashAlike() throws {
        let shifted = try #require(Bytes(copying: [0] + Self.input(2049)).slice(1, 2049))
        #expect(ContentHash(shifted) == ContentHash(Bytes(copying: Self.input(2049))))
    }

    @Test func hexadecimalFormReadsBack() {
        let hash = ContentHash("ripe")
        #expect(ContentHash(hexadecimal: hash.description) == hash)
        #expect(ContentHash(hexadecimal: "00" + hash.hexadecimal) == nil)
        #expect(ContentHash(hexadecimal: String(repeating: "g", count: 32)) == nil)
    }

    @Test func aFileHashesAsItsBytes() throws {
        try withTemporaryFolder { folder in
            let path = try write(Self.input(300), "a.bin", in: folder)
            #expect(try ContentHash(file: path) == ContentHash(Bytes(copying: Self.input(300))))
            #expect(
                message { try ContentHash(file: folder + "/none") }.hasSuffix("cannot open: No such file or directory"))
        }
    }
}
