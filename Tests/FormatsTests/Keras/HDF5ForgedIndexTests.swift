// Files whose newer structures say what no writer writes, found by fuzzing with mended checksums: libhdf5 1.10 sizes its
// tables by these numbers (34 GB for the first), so they must be refused before it sees them.

import TestSupport
import Testing

@testable import Formats

@Suite struct HDF5ForgedIndexTests {
    /// A number in the structure of `latest.h5` that begins with these bytes, and what the error says.
    struct Forgery: Sendable {
        let signature: String
        let offset: Int
        let bytes: [UInt8]
        let expected: String
    }

    static let forgeries = [
        Forgery(signature: "FRHP", offset: 128, bytes: [0], expected: "expected a heap of links as libhdf5 makes it"),
        Forgery(
            signature: "FRHP", offset: 112, bytes: [0, 0], expected: "expected a heap of links as libhdf5 makes it"),
        Forgery(signature: "FRHP", offset: 7, bytes: [1], expected: "compressed links is not supported"),
        Forgery(signature: "FRHP", offset: 9, bytes: [0], expected: "link heaps without checksums is not supported"),
        Forgery(signature: "FRHP", offset: 22, bytes: [1, 0, 0, 0, 0, 0, 0, 0], expected: "links of uncommon size"),
        Forgery(signature: "FRHP", offset: 140, bytes: [200], expected: "expected at most 22 rows, found 200"),
        Forgery(signature: "FRHP", offset: 139, bytes: [0x7F], expected: "is cut short"),
        Forgery(signature: "FHDB", offset: 5, bytes: [1], expected: "expected block 0 of the heap at"),
        Forgery(signature: "BTHD\0\u{5}", offset: 6, bytes: [0, 1], expected: "expected tree 5 of nodes of 512"),
        Forgery(
            signature: "BTHD\0\u{5}", offset: 12, bytes: [9],
            expected: "expected a tree as libhdf5 makes it, found depth 9"),
        Forgery(signature: "BTHD\0\u{5}", offset: 24, bytes: [200], expected: "expected a node of at most"),
        Forgery(signature: "BTHD\0\u{5}", offset: 29, bytes: [1], expected: "records in the tree"),
        // The record: a hash, then the identifier's kind, offset and length.
        Forgery(signature: "BTLF\0\u{5}", offset: 10, bytes: [0x20], expected: "links of uncommon size"),
        Forgery(signature: "BTLF\0\u{5}", offset: 13, bytes: [1], expected: "expected a link within the heap's blocks"),
        Forgery(
            signature: "BTLF\0\u{5}", offset: 15, bytes: [0xFF, 0xFF],
            expected: "expected a link within the heap's blocks"),
        Forgery(signature: "FAHD", offset: 7, bytes: [40], expected: "expected a chunk array as libhdf5 makes it"),
        Forgery(signature: "FAHD", offset: 13, bytes: [1], expected: "chunks, found"),
        Forgery(signature: "EAHD", offset: 9, bytes: [0], expected: "expected a chunk array as libhdf5 makes it"),
        Forgery(signature: "EAHD", offset: 49, bytes: [1], expected: "expected at most 2³¹ chunks, found"),
    ]

    @Test(arguments: forgeries)
    func forgedNumbersAreRefusedBeforeLibhdf5SeesThem(_ forgery: Forgery) throws {
        var bytes = try KerasGolden.hdf5Bytes("latest.h5").array
        let place = try #require(bytes.firstOffset(of: Array(forgery.signature.utf8))) + forgery.offset
        bytes.replaceSubrange(place..<place + forgery.bytes.count, with: forgery.bytes)
        let text = message { try openKerasHDF5(path: "forged.h5", bytes: Bytes(copying: bytes)).tensors.count }
        #expect(text.contains(forgery.expected), "\(text)")
    }

    /// An implicit index has no entries: libhdf5 counts the chunks of the claimed extent one by one, 85 billion of them here.
    @Test func moreChunksThanTheFileHasBytesAreRefusedBeforeLibhdf5CountsThem() throws {
        let bytes = try Inflate.gzip(
            Bytes(mapping: KerasGolden.folder + "implicit_chunks.h5.gz"), path: "implicit.h5", limit: 1 << 20)
        let text = message { try openKerasHDF5(path: "implicit.h5", bytes: bytes).tensors.count }
        #expect(text.contains("its chunks") && text.contains("the file's 30330 bytes"), "\(text)")
    }
}
