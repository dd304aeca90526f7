// Plain HDF5 files: what is written comes back, whatever it is called, and what HDF5 cannot hold is refused by name.

import TestSupport
import Testing

@testable import Formats

@Suite struct FlatHDF5Tests {
    private let files: WrittenFiles

    init() throws { files = try WrittenFiles() }

    @Test func everyTypeAndShapeComesBack() throws {
        let draft = CheckpointDraft(tensors: everyKindOfTensor)
        let (_, reader) = try files.written(draft, "x.h5", .hdf5)
        try expectSame(reader, draft)
        #expect(reader.format == "HDF5")
    }

    @Test func namesOfOtherConventionsStayWhatTheyAre() throws {
        let names = [
            "layer1.0.conv1.weight", "model_weights", "layers/conv2d/vars/0", "optimizer/vars/0", "a/b/c", "a/b.c",
            "größe/重み", "with space", "tab\there", "..", "a/..", "...", "layer_names", "conv1/conv1/kernel:0",
            String(repeating: "long", count: 500), "e\u{301}",
        ]
        let draft = CheckpointDraft(tensors: names.map { made($0) })
        let (_, reader) = try files.written(draft, "x.h5", .hdf5)
        try expectSame(reader, draft)
        // In the order of the draft, though HDF5's groups sort their members.
        #expect(reader.tensors.map(\.name) == names)
    }

    @Test func metadataComesBackWhateverItsKeysAndLength() throws {
        let long = String(repeating: "0123456789abcdef", count: 20_000)
        let pairs: [(key: String, value: String)] =
            [
                ("epoch", "7"), ("global_step", "1200"), ("long", long), ("", "no name"), ("nul", "a\0b"),
                ("layer_names", "[]"), ("model_config", "{}"), ("größe", "ä"), ("a/b", "slash"), ("epoch", "twice"),
                ("empty", ""), (".", "dot"), ("ripe_layout", "mine"), (String(repeating: "k", count: 300), "long key"),
            ] + (0..<100).map { ("key \($0)", "\($0)") }
        let config = #"{"class_name": "Functional", "config": {"layers": []}}"#
        let draft = CheckpointDraft(tensors: [made("w")], metadata: pairs, kerasConfig: config)
        let (written, reader) = try files.written(draft, "x.h5", .hdf5)
        #expect(written.droppedMetadata == [])
        let found = reader.metadata.entries
        #expect(found.count == pairs.count)
        for pair in pairs {
            #expect(found.contains { $0.key == pair.key && $0.value == printable(pair.value) }, "\(pair.key)")
        }
        #expect(reader.metadata.epoch == 7 && reader.metadata.step == 1200)
        #expect(reader.metadata.kerasConfig == config)
    }

    @Test func tiedTensorsAreOneDataSet() throws {
        let draft = CheckpointDraft(tensors: [
            made("b/embedding", .float32, [80, 50], tie: "t"), made("a.other"),
            made("a/head", .float32, [80, 50], tie: "t"),
        ])
        let (written, reader) = try files.written(draft, "x.h5", .hdf5)
        try expectSame(reader, draft)
        #expect(written.tied.map(\.name) == ["a/head"] && written.tied.map(\.kept) == ["b/embedding"])
        #expect(written.byteCount < 2 * 80 * 50 * 4)
        let ties = CheckpointDraft(reader).tensors.map(\.tie)
        #expect(Set(ties).count == 2)
    }

    @Test func nineHundredGroupsAndAsManyTensorsInOne() throws {
        let tensors = (0..<900).map { made("layer_\($0)/kernel", .int32, [2]) } + (0..<900).map { made("all/\($0)") }
        let draft = CheckpointDraft(tensors: tensors)
        let (_, reader) = try files.written(draft, "x.h5", .hdf5)
        try expectSame(reader, draft)
    }

    @Test func aFileWithoutTensorsIsOne() throws {
        let (_, reader) = try files.written(CheckpointDraft(tensors: [], metadata: [("epoch", "3")]), "x.h5", .hdf5)
        #expect(reader.tensors == [] && reader.metadata.epoch == 3)
    }

    @Test func theSameDraftGivesTheSameBytes() throws {
        let draft = CheckpointDraft(tensors: everyKindOfTensor, metadata: [("note", "x")])
        for name in ["a", "b"] { _ = try draft.write(to: files.folder + "/" + name, as: .hdf5) }
        let (a, b) = (try Bytes(mapping: files.folder + "/a"), try Bytes(mapping: files.folder + "/b"))
        #expect(a.array == b.array)
    }

    @Test func valuesBeginAtMultiplesOf64AndAreLentWithoutACopy() throws {
        let draft = CheckpointDraft(tensors: (1..<9).map { made("t\($0)", .uint8, [$0 * 13]) })
        let (_, reader) = try files.written(draft, "x.h5", .hdf5)
        for tensor in reader.tensors {
            let view = try reader.tensor(tensor.name)
            #expect(view.bytes.isAligned(to: 64) && view.bytes.owner.isMapped)
        }
    }

    @Test(arguments: [
        (["a", "a"], "tensors to write: expected distinct names, found 'a' twice"),
        (
            ["a/b", "c", "a"],
            "tensors 'a' and 'a/b' in one HDF5 file, where 'a' cannot be both a data set and a group, is not supported; "
                + "rename one with --rename, or choose safetensors"
        ),
        (
            ["ok", ""],
            "'' as a name in HDF5 (an empty name) is not supported; rename it with --rename, or choose safetensors"
        ),
        (
            ["a//b"],
            "'a//b' as a name in HDF5 (an empty part between slashes) is not supported; rename it with --rename, or "
                + "choose safetensors"
        ),
        (
            ["/a"],
            "'/a' as a name in HDF5 (an empty part between slashes) is not supported; rename it with --rename, or "
                + "choose safetensors"
        ),
        (
            ["a/"],
            "'a/' as a name in HDF5 (an empty part between slashes) is not supported; rename it with --rename, or "
                + "choose safetensors"
        ),
        (
            ["./a"],
            "'./a' as a name in HDF5 (a part '.') is not supported; rename it with --rename, or choose safetensors"
        ),
        (
            ["a\0b"],
            "'a\\u{0}b' as a name in HDF5 (a NUL byte) is not supported; rename it with --rename, or choose safetensors"
        ),
    ])
    func aNameThatHDF5CannotHoldIsNamed(names: [String], text: String) {
        #expect(files.refusal(CheckpointDraft(tensors: names.map { made($0) }), .hdf5) == text)
    }

    @Test func namesTooLongOrTooDeepAreRefused() {
        let long = files.refusal(CheckpointDraft(tensors: [made(String(repeating: "x", count: 5000))]), .hdf5)
        #expect(long.contains("(a part of more than 4096 bytes)") && long.count < 250)
        let deep = Array(repeating: "g", count: 100).joined(separator: "/")
        #expect(files.refusal(CheckpointDraft(tensors: [made(deep)]), .hdf5).contains("(more than 60 parts)"))
    }

    @Test func typesAndRanksThatHDF5LacksAreRefusedByName() {
        #expect(
            files.refusal(CheckpointDraft(tensors: [made("w", .float4, [4])]), .hdf5)
                == "tensor 'w' of type float4_e2m1 in HDF5, one data set a tensor is not supported; name another format, "
                + "leave it out with --only, or change floats with --dtype f32")
        let deep = made("w", .uint8, Shape([Int](repeating: 1, count: 33)))
        #expect(
            files.refusal(CheckpointDraft(tensors: [deep]), .hdf5)
                == "the rank of tensor 'w' is 33, more than the limit of HDF5's 32")
    }

    @Test func aTensorThatCannotBeReadLeavesNothingBehind() {
        let broken = DraftTensor(name: "w", dtype: .float32, shape: [2]) { () throws(FormatError) in
            throw FormatError("source.pt", .missingTensor(name: "w", available: 0))
        }
        let path = files.folder + "/x.h5"
        let text = message { try CheckpointDraft(tensors: [made("v"), broken]).write(to: path, as: .hdf5) }
        #expect(text == "source.pt: no tensor named 'w' among its 0")
        #expect(files.contents == [])
    }
}
