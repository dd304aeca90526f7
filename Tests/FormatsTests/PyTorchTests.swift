// PyTorch archives and streams made by hand: containers, layouts, storages and their faults.

import Testing
import TestSupport

@testable import Formats

@Suite struct PyTorchTests {
    /// The data.pkl that PyTorch accepts for {"w": float32 of 2 by 3}, without memo instructions.
    private static let golden = hex(
        """
        80027d2858010000007763746f7263682e5f7574696c730a5f72656275696c645f74656e736f725f76320a2828580700000073746f72616765
        63746f7263680a466c6f617453746f726167650a58010000003058030000006370754b0674514b00284b024b0374284b034b01748963636f6c
        6c656374696f6e730a4f726465726564446963740a29527452752e
        """)

    private func values(_ bytes: [UInt8], _ name: String = "w") throws -> [Float]? {
        try openCheckpoint(bytes).tensor(name).floats()
    }

    @Test(arguments: ["m/", "archive/", "", "a/b/"])
    func theFolderMayHaveAnyNameAndDepth(folder: String) throws {
        let checkpoint = try openCheckpoint(Made.archive(Self.golden, folder: folder))
        #expect(checkpoint.format == "PyTorch zip")
        #expect(checkpoint.tensors.map(\.shape) == [[2, 3]])
        #expect(try checkpoint.tensor("w").floats() == [0, 1, 2, 3, 4, 5])
        #expect(checkpoint.metadata.warnings == [])
    }

    @Test func contiguousTensorsAreNotCopied() throws {
        let bytes = Bytes(copying: Made.archive(Self.golden))
        let view = try Checkpoint.open(path: "m.pt", bytes: bytes).tensor("w")
        #expect(view.bytes.owner === bytes.owner)
        #expect(view.bytes.isAligned(to: 64))
    }

    @Test func theExtensionDoesNotMatter() throws {
        #expect(try openCheckpoint(Made.archive(Self.golden), name: "w.h5").format == "PyTorch zip")
    }

    @Test func aMissingVersionIsRemarkedOnAndALaterOneRefused() throws {
        let checkpoint = try openCheckpoint(Made.archive(Self.golden, version: nil))
        #expect(checkpoint.metadata.warnings == ["it has no 'version' entry; PyTorch itself would refuse the file"])
        #expect(
            message { try openCheckpoint(Made.archive(Self.golden, version: "99\n")) }
                == "m.pt: version 99 of the PyTorch zip format is not supported; save it again as safetensors")
        #expect(
            message { try openCheckpoint(Made.archive(Self.golden, version: "x")) }
                == "m.pt: m/version: expected a number, found 'x'")
    }

    @Test func byteOrdersAreHonoured() throws {
        #expect(try values(Made.archive(Self.golden, byteOrder: "little")) == [0, 1, 2, 3, 4, 5])
        let swapped = Bytes(copying: Made.sixFloats).byteSwapped(width: 4).array
        let big = Made.archive(Self.golden, storages: [("0", swapped)], byteOrder: "big")
        #expect(try values(big) == [0, 1, 2, 3, 4, 5])
        #expect(
            message { try openCheckpoint(Made.archive(Self.golden, byteOrder: "middle")) }
                == "m.pt: m/byteorder: expected 'little' or 'big', found 'middle'")
    }

    @Test func storagesMustBeThereAndOfTheClaimedSize() {
        #expect(
            message { try openCheckpoint(Made.archive(Self.golden, storages: [])) }
                == "m.pt: tensor 'w': expected its storage '0' in the file, found none: the file is incomplete")
        #expect(
            message { try openCheckpoint(Made.archive(Self.golden, storages: [("0", [1, 2])])) }
                == "m.pt: tensor 'w': expected 24 bytes in its storage '0', found 2")
    }

    @Test func aFlippedBitInAStorageIsFoundOnReading() throws {
        let bytes = Made.archive(Self.golden)
        let data = try #require(bytes.firstOffset(of: Made.sixFloats))
        let checkpoint = try openCheckpoint(bytes.patched(data + 5, [0x81]))
        #expect(
            message { try checkpoint.tensor("w") }.hasSuffix("the data is damaged; copy or download the file again"))
    }

    private static let viewFaults: [(offset: Int, sizes: [Int], strides: [Int], message: String)] = [
        (1, [2, 3], [3, 1], "expected elements inside a storage of 6, found offset 1, sizes [2, 3], strides [3, 1]"),
        (-1, [1], [1], "expected no negative offset, size or stride, found offset -1, sizes [1], strides [1]"),
        (0, [-1], [1], "expected no negative offset, size or stride, found offset 0, sizes [-1], strides [1]"),
        (5, [2], [-1], "expected no negative offset, size or stride, found offset 5, sizes [2], strides [-1]"),
        (0, [2], [3, 1], "expected at most 64 sizes and as many strides, found 1 and 2"),
        (
            0, [1 << 62, 4], [0, 0],
            "expected a size that fits 64 bits, found offset 0, sizes [4611686018427387904, 4], strides [0, 0]"
        ),
        (
            0, [2], [.max],
            "expected elements inside a storage of 6, found offset 0, sizes [2], "
                + "strides [9223372036854775807]"
        ),
        (
            0, [1 << 40], [0],
            "expected at most 256 MiB from a storage of 6 elements, found offset 0, sizes [1099511627776], strides [0]"
        ),
    ]

    @Test(arguments: Self.viewFaults.indices)
    func viewsThatLeaveTheirStorageAreRefused(fault: Int) {
        let fault = Self.viewFaults[fault]
        let pickle = Made.pickle(
            Made.dictionary([("v", Made.tensor(offset: fault.offset, sizes: fault.sizes, strides: fault.strides))]))
        #expect(message { try openCheckpoint(Made.archive(pickle)) } == "m.pt: tensor 'v': \(fault.message)")
    }

    @Test func viewsAreGatheredRowMajor() throws {
        let pickle = Made.pickle(
            Made.dictionary([
                ("transposed", Made.tensor(sizes: [3, 2], strides: [1, 3])),
                ("expanded", Made.tensor(offset: 4, sizes: [2, 2], strides: [0, 1])),
                ("empty", Made.tensor(offset: 1 << 40, sizes: [0, 3], strides: [3, 1])),
                ("one", Made.tensor(offset: 5, sizes: [1, 1], strides: [77, 99])),
            ]))
        let checkpoint = try openCheckpoint(Made.archive(pickle))
        #expect(try checkpoint.tensor("transposed").floats() == [0, 3, 1, 4, 2, 5])
        #expect(try checkpoint.tensor("expanded").floats() == [4, 5, 4, 5])
        #expect(try checkpoint.tensor("empty").floats() == [])
        #expect(try checkpoint.tensor("one").floats() == [5])
        #expect(checkpoint.tensors.map(\.strides) == [[1, 3], [0, 1], nil, nil])
        #expect(
            message { try checkpoint.tensor("absent") } == "m.pt: no tensor named 'absent' among its 4")
    }

    @Test func aTruncatedArchiveSaysSo() {
        let bytes = Made.archive(Self.golden)
        #expect(
            message { try openCheckpoint(Array(bytes.prefix(300))) }
                == "m.pt: zip archive: expected a directory at its "
                + "end, found none in 300 bytes: the file is cut short; download or copy it again")
    }

    @Test func aPickleCutAnywhereIsRefused() {
        for count in 0..<Self.golden.count {
            #expect(throws: FormatError.self) {
                try openCheckpoint(Made.archive(Array(Self.golden.prefix(count))))
            }
        }
    }

    @Test func sharedValuesThatDoubleEachLevelAreWalkedOnce() throws {
        // Forty dictionaries, each holding the next one twice: 2⁴⁰ paths.
        var body: [UInt8] = Made.dictionary([("w", Made.tensor())]) + [0x71, 0]
        for _ in 0..<40 {
            body += [0x30] + [0x7D, 0x28] + Made.text("a") + [0x68, 0] + Made.text("b") + [0x68, 0, 0x75, 0x71, 0]
        }
        let checkpoint = try openCheckpoint(Made.archive(Made.pickle(body)))
        #expect(checkpoint.tensors.map(\.shape) == [[2, 3]])
    }

    @Test func valuesThatHoldThemselvesAreWalkedOnce() throws {
        let pickle = Made.pickle(
            [0x7D, 0x71, 0, 0x28] + Made.text("self") + [0x68, 0] + Made.text("w") + Made.tensor() + [0x75])
        #expect(try openCheckpoint(Made.archive(pickle)).tensors.map(\.name) == ["w"])
    }

    @Test func nestingBeyondReasonIsRefusedWithoutExhaustingTheStack() {
        let depth = 100_000
        let pickle = Made.pickle(
            [UInt8](repeating: 0x5D, count: depth), Made.tensor(), [UInt8](repeating: 0x61, count: depth))
        #expect(message { try openCheckpoint(Made.archive(pickle)) }.contains("depth 129, more than the limit of"))
    }

    @Test func twoTensorsOfOneNameAreRefused() {
        let pickle = Made.pickle(
            Made.dictionary([("a.b", Made.tensor()), ("a", Made.dictionary([("b", Made.tensor())]))]))
        #expect(
            message { try openCheckpoint(Made.archive(pickle)) }
                == "m.pt: state_dict: expected distinct names, found 'a.b' twice")
    }

    @Test func optimizerStateBesidePlainTensorsIsNotTheModel() throws {
        let pickle = Made.pickle(
            Made.dictionary([
                ("w", Made.tensor()),
                ("optimizer", Made.dictionary([("exp_avg", Made.tensor(sizes: [6], strides: [1]))])),
            ]))
        let checkpoint = try openCheckpoint(Made.archive(pickle))
        #expect(checkpoint.tensors.map(\.name) == ["w"])
        #expect(checkpoint.metadata.otherTensorCount == 1)
        #expect(checkpoint.metadata.otherTensorBytes == 24)
    }

    @Test func aFileWithoutTensorsOpensWithARemark() throws {
        let checkpoint = try openCheckpoint(Made.archive(Made.pickle(Made.dictionary([("epoch", Made.int(3))]))))
        #expect(checkpoint.tensors.isEmpty)
        #expect(checkpoint.metadata.epoch == 3)
        #expect(checkpoint.metadata.warnings == ["it holds no tensors that can be read"])
    }
}

@Suite struct PyTorchLegacyTests {
    private static let file = TestData.fixtures + "/formats/leg.pth"

    @Test func aStorageCutShortIsNamedWithItsBytes() throws {
        let bytes = try Bytes(mapping: Self.file).array
        #expect(
            message { try openCheckpoint(Array(bytes.dropLast(3))) }.hasSuffix(
                "is cut short: 24 bytes expected, 21 found"))
        #expect(message { try openCheckpoint(Array(bytes.prefix(40))) }.contains("machine description"))
    }

    @Test func aWrongElementCountIsRefused() throws {
        let bytes = try Bytes(mapping: Self.file).array
        let count = bytes.count - 32  // the last storage is six float32
        #expect(
            message { try openCheckpoint(bytes.patched(count, [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF])) }
                .hasSuffix("expected an element count, found -1"))
        #expect(
            message { try openCheckpoint(bytes.patched(count + 7, [0x7F])) }.contains("expected an element count"))
        #expect(message { try openCheckpoint(bytes.patched(count, [0])) }.contains("expected 24 bytes in its storage"))
    }

    /// A storage that is a part of another one, as PyTorch before 0.4 could write it.
    @Test func viewsOfStoragesAreFollowed() throws {
        let view = Made.tuple(Made.text("v"), Made.int(2), Made.int(4))
        let storage =
            Made.tuple(
                Made.text("storage"), Made.global("torch.cuda", "FloatStorage"), Made.text("7"), Made.text("cuda:0"),
                Made.int(6), view) + [0x51]
        let tensor = Made.call(
            "torch._utils", "_rebuild_tensor", storage, Made.int(1), Made.tuple([3]), Made.tuple([1]))
        var bytes = PyTorchCheckpoint.legacyMagic + Made.pickle(Made.int(1001))
        bytes += Made.pickle(Made.dictionary([("little_endian", [0x88])]))
        bytes += Made.pickle(Made.dictionary([("w", tensor)]))
        bytes += Made.pickle([0x5D] + Made.text("7") + [0x61])
        bytes.append(littleEndian: 6)
        #expect(try openCheckpoint(bytes + Made.sixFloats).tensor("w").floats() == [3, 4, 5])
    }
}
