// What bad HDF5 and Keras files say: one line, with the place, what was expected, what was found.

import TestSupport
import Testing

@testable import Formats

@Suite struct KerasRefusalTests {
    private func opening(_ bytes: [UInt8]) -> String {
        message { try openKerasHDF5(path: "m.h5", bytes: Bytes(copying: bytes)) }
    }

    private func opening(_ name: String) throws -> String {
        let bytes = try KerasGolden.hdf5Bytes(name)
        return message { try openKerasHDF5(path: name, bytes: bytes) }
    }

    @Test func whatIsNoHDF5IsNamed() {
        let advice = "check the path, or download the file again"
        #expect(opening([]) == "m.h5: this is an empty file, not HDF5; \(advice)")
        #expect(opening(Array("<!DOCTYPE html><html>".utf8)) == "m.h5: this is a web page, not HDF5; \(advice)")
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
        #expect(
            opening(Array(pointer.utf8)) == "m.h5: this is a git-lfs pointer to a file of 12 bytes, not HDF5; \(advice)"
        )
    }

    @Test func aCutFileSaysHowMuchIsMissing() throws {
        let bytes = try KerasGolden.hdf5Bytes("tfk.h5").array
        #expect(bytes.count == 30064)
        #expect(
            opening(Array(bytes[..<20000]))
                == "m.h5: HDF5 file at byte 0 is cut short: 30064 bytes expected, 20000 found")
        #expect(
            opening(Array(bytes[..<20]))
                == "m.h5: HDF5 superblock at byte 20: expected 4 more bytes, found 0: the file is damaged")
    }

    @Test func valuesInOtherFilesAreNeverRead() throws {
        #expect(
            try opening("external.h5")
                == "external.h5: HDF5 object 'x': values kept in another file is not supported; "
                + "save the weights again with Keras or h5py's defaults")
        #expect(
            try opening("virtual.h5")
                == "virtual.h5: HDF5 object 'x': virtual data sets, whose values are in other files is not supported; "
                + "save the weights again with Keras or h5py's defaults")
    }

    @Test func newerLayoutsAreNamed() throws {
        #expect(
            try opening("newest.h5")
                == "newest.h5: HDF5 object 'x': layout version 5, which HDF5 2 writes with libver='latest' is not supported; "
                + "save the weights again with Keras or h5py's defaults")
    }

    @Test func aFileWithoutTensorsSaysWhatItHolds() throws {
        #expect(
            try opening("no_tensors.h5")
                == "no_tensors.h5: HDF5 file: expected at least one tensor, found none ('text' holds text, which is no tensor)"
        )
    }

    @Test func unknownFiltersAreNamed() throws {
        let checkpoint = try KerasGolden.open("lzf.h5")
        #expect(
            message { try checkpoint.tensor("x") }.hasSuffix(
                "lzf.h5: HDF5 data set 'x', chunk [0, 0]: the HDF5 filter 'lzf' is not supported; "
                    + "save it with gzip or uncompressed"))
    }

    @Test func aMissingTensorIsNamed() throws {
        let checkpoint = try KerasGolden.open("bf.weights.h5")
        #expect(message { try checkpoint.tensor("dense/scale") }.hasSuffix("no tensor named 'dense/scale' among its 2"))
    }

    @Test func listedLayersAndWeightsMustBeThere() throws {
        let bytes = try KerasGolden.hdf5Bytes("hw_legacy.h5").array
        // The list of layers is fixed-length text in an attribute: c, b, flatten, d of 7 bytes each.
        let list = try #require(
            bytes.firstOffset(of: Array("flatten".utf8), from: 0).flatMap { first in
                bytes.firstOffset(of: Array("b\0\0\0\0\0\0flatten".utf8), from: 0) ?? first
            })
        #expect(
            opening(bytes.patched(list, Array("x".utf8)))
                == "m.h5: attribute layer_names: expected a group 'x', found no such group")
        let weight = try #require(bytes.firstOffset(of: Array("c/kernel:0c/bias:0".utf8)))
        #expect(
            opening(bytes.patched(weight, Array("c/kernal:0".utf8)))
                == "m.h5: attribute weight_names of 'c': expected a data set 'c/c/kernal:0', found no such data set")
    }

    @Test func anArchiveWithoutWeightsListsWhatItHas() throws {
        let opening = { (members: [(name: String, data: [UInt8])]) in
            message {
                try openKerasArchive(
                    path: "m.keras", archive: ZipArchive(path: "m.keras", bytes: Bytes(copying: zipBytes(members))))
            }
        }
        #expect(
            opening([("config.json", Array("{}".utf8))])
                == "m.keras: Keras archive: expected a member 'model.weights.h5', found 'config.json'")
        #expect(
            opening([("model.weights.npz", [0])])
                == "m.keras: model.weights.npz, which holds pickled Python objects, is not supported; "
                + "load the model in Keras and save it again with h5py installed")
        #expect(
            opening([
                ("model.weights.h5", try KerasGolden.hdf5Bytes("bf.weights.h5").array),
                ("config.json", Array("{".utf8)),
            ])
                == "m.keras: Keras configuration at byte 1: expected a string, found the end of the text")
    }

    @Test(arguments: [
        (
            #"{"weight_map": {"/layers/dense/vars": "../k3sh_00000.weights.h5"}}"#,
            "shard map: expected a file name in the same folder, found '../k3sh_00000.weights.h5'"
        ),
        (
            #"{"weight_map": {"/layers/dense/vars": []}}"#,
            "shard map, '/layers/dense/vars': expected a file name, found none"
        ),
        (#"{"weight_map": {}}"#, "shard map: expected at least one shard, found an empty weight_map"),
        (#"{"weights": {}}"#, "shard map: expected an object 'weight_map', found no such member"),
        (
            #"{"weight_map": {"/layers/other/vars": "s.weights.h5"}}"#,
            "shard map: expected a group '/layers/other/vars' in s.weights.h5, found no such group"
        ),
    ])
    func shardMapsAreChecked(map: String, expected: String) throws {
        try withTemporaryFolder { folder in
            _ = try write(KerasGolden.hdf5Bytes("k3sh_00000.weights.h5").array, "s.weights.h5", in: folder)
            let path = try write(Array(map.utf8), "x.weights.json", in: folder)
            #expect(message { try openKerasSharded(path: path, bytes: Bytes(mapping: path)) } == "\(path): \(expected)")
        }
    }

    /// Found by fuzzing: the second shard's tensors got the first one's values.
    @Test func aVariableInTwoShardsIsRefused() throws {
        let map = #"{"weight_map": {"/layers/dense/vars": "s.weights.h5", "/layers": "t.weights.h5"}}"#
        try withTemporaryFolder { folder in
            for name in ["s.weights.h5", "t.weights.h5"] {
                _ = try write(KerasGolden.hdf5Bytes("k3sh_00000.weights.h5").array, name, in: folder)
            }
            let path = try write(Array(map.utf8), "x.weights.json", in: folder)
            #expect(
                message { try Checkpoint.open(path).tensors.count }
                    == "\(path): shard map: expected each variable in one shard, found 'layers/batch_normalization/vars/0' in two"
            )
        }
    }

    @Test func aMissingShardIsNamed() throws {
        try withTemporaryFolder { folder in
            let path = try write(
                Array(#"{"weight_map": {"/layers/dense/vars": ["gone.h5"]}}"#.utf8), "x.weights.json", in: folder)
            #expect(
                message { try openKerasSharded(path: path, bytes: Bytes(mapping: path)) }
                    == "\(folder)/gone.h5: cannot open: No such file or directory")
        }
    }

    @Test func chunksThatInflateToAnotherSizeAreRefused() throws {
        // The chunk sizes of 'gzip_shuffle' (7×8 of 4 bytes) become 7×9: libhdf5 would copy past the end of each chunk.
        let bytes = try KerasGolden.hdf5Bytes("chunked.h5").array
        let layout: [UInt8] = [7, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0]
        let place = try #require(bytes.firstOffset(of: layout))
        let changed = Bytes(copying: bytes.patched(place + 4, [9]))
        let checkpoint = try openKerasHDF5(path: "m.h5", bytes: changed)
        let names = ["gzip_shuffle", "plain", "big_endian"]
        let messages = names.map { name in message { try checkpoint.tensor(name) } }
        // libhdf5 1.14 notices itself, and says so when it counts the chunks.
        let refusals = [
            "chunk [0, 0]: expected 252 bytes after inflating, found", "H5Dget_num_chunks('gzip_shuffle') failed: ",
        ]
        #expect(messages.contains { message in refusals.contains { message.contains($0) } }, "\(messages)")
    }

    @Test func extentsThatOnlyTheFileClaimsAreRefused() throws {
        // 'unwritten' (4×5 of int32) becomes 2³²×5.
        let bytes = try KerasGolden.hdf5Bytes("chunked.h5").array
        let extent: [UInt8] = [4, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]
        // The extent is followed by its limits, which are the same.
        let place = try #require(bytes.firstOffset(of: extent + extent))
        #expect(
            opening(bytes.patched(place + 4, [1]).patched(place + 20, [1]))
                == "m.h5: HDF5 data set 'unwritten': the number of its chunks is 5368709125, more than the limit of the file's 48640 bytes"
        )
    }

    @Test func valuesPastTheEndAreReportedWhenTheFileIsOpened() throws {
        // The extent of 'x' (4 values) becomes 256 + 4.
        let bytes = try KerasGolden.hdf5Bytes("user_block.h5").array
        let extent: [UInt8] = [4, 0, 0, 0, 0, 0, 0, 0]
        let place = try #require(bytes.firstOffset(of: extent + extent))
        let message = opening(bytes.patched(place + 1, [0, 1]).patched(place + 9, [0, 1]))
        // libhdf5 1.14 refuses to open the data set.
        #expect(
            message == "m.h5: HDF5 data set 'x' at byte 3072 is cut short: 262160 bytes expected, 4144 found"
                || message.hasPrefix("m.h5: H5Oopen('x') failed: ") && message.contains("invalid dataset size"),
            "\(message)")
    }

    @Test func exponentsOfAnySizeAreRefusedWithoutATrap() throws {
        // The exponent of the first float type (8 bits at bit 23, fraction of 23 at bit 0) becomes 64 bits wide.
        let bytes = try KerasGolden.hdf5Bytes("user_block.h5").array
        let place = try #require(bytes.firstOffset(of: [23, 8, 0, 23, 127, 0, 0, 0]))
        let patched = bytes.patched(place + 1, [64])
        // libhdf5 1.14 refuses to open the data set, and with it the file.
        if opening(patched).hasPrefix("m.h5: H5Oopen('x') failed: ") { return }
        let checkpoint = try openKerasHDF5(path: "m.h5", bytes: Bytes(copying: patched))
        #expect(checkpoint.tensors.map(\.name) == ["y"])
        #expect(checkpoint.metadata.warnings == ["'x' holds numbers of an unusual format, which is no tensor"])
    }

    @Test func circlesOfGroupsEnd() throws {
        #expect(try HDF5Contents(path: "links.h5", bytes: KerasGolden.hdf5Bytes("links.h5")).groups.count == 2)
        // The tree of a group's links leads back to itself.
        let bytes = try KerasGolden.hdf5Bytes("tfk.h5").array
        let tree = try #require(bytes.firstOffset(of: Array("TREE".utf8)))
        let address = withUnsafeBytes(of: UInt64(tree).littleEndian) { Array($0) }
        let circular = bytes.patched(tree + 5, [1, 1, 0]).patched(tree + 32, address)
        #expect(
            opening(circular)
                == "m.h5: HDF5 object '/' at byte \(tree): expected a tree, found a circle: the file is damaged")
    }

    @Test func circlesOfFreeBlocksEnd() throws {
        // libhdf5 would gather the one free block of this heap of names for ever.
        let bytes = try KerasGolden.hdf5Bytes("tfk.h5").array
        let heap = try #require(bytes.firstOffset(of: Array("HEAP".utf8)))
        let data = try #require(Bytes(copying: bytes).littleEndian(at: heap + 24, as: Int.self))
        let number = { (value: Int) in withUnsafeBytes(of: value.littleEndian) { Array($0) } }
        let circular = bytes.patched(heap + 16, number(8)).patched(data + 8, number(8) + number(16))
        #expect(
            opening(circular).hasPrefix(
                "m.h5: HDF5 names of object '/' at byte \(data): expected free blocks within 88"),
            "\(opening(circular))")
    }

    @Test func describedTypesOfOtherFormatsAreNotRead() throws {
        let text = message { try KerasVariableTable(OtherCheckpoint()) }
        #expect(text == "a.pt: a table of Keras variables of a PyTorch zip file is not supported; use a Keras file")
    }
}

/// A checkpoint that Keras did not write.
private struct OtherCheckpoint: CheckpointReader {
    let path = "a.pt"
    let format = "PyTorch zip"
    let tensors: [TensorInfo] = []
    let metadata = CheckpointMetadata()

    func tensor(_ name: String) throws(FormatError) -> TensorView {
        throw FormatError(path, .missingTensor(name: name, available: 0))
    }
}
