// What the writers of safetensors, PyTorch and NumPy files put down, read again.

import Testing

@testable import Formats

@Suite struct CheckpointWriting {
    private static let formats: [CheckpointFormat] = [.safetensors, .pytorch, .npz]

    @Test(arguments: formats)
    func everyTypeAndShapeComesBackBitForBit(format: CheckpointFormat) throws {
        let files = try WrittenFiles()
        let tensors = everyKindOfTensor.filter { Self.holds($0.dtype, format) }
        let draft = CheckpointDraft(tensors: tensors)
        try expectSame(try files.written(draft, "a\(format.fileEnding)", format).reader, draft)
    }

    private static func holds(_ dtype: DType, _ format: CheckpointFormat) -> Bool {
        switch format {
        case .safetensors: dtype.safetensorsName != nil
        case .pytorch: PyTorchElementType(dtype) != nil
        default: true
        }
    }

    @Test(arguments: formats)
    func strangeNamesComeBack(format: CheckpointFormat) throws {
        let files = try WrittenFiles()
        let names = ["größe/重み", "a b", "\"quoted\\", "tab\there", "data.pkl", "x.npy", "layers.0.weight", "a/../b"]
        let draft = CheckpointDraft(tensors: names.filter { format != .npz || !$0.contains("..") }.map { made($0) })
        try expectSame(try files.written(draft, "a\(format.fileEnding)", format).reader, draft)
    }

    @Test(arguments: CheckpointFormat.allCases.filter { $0 != .kerasArchive })
    func metadataComesBack(format: CheckpointFormat) throws {
        let files = try WrittenFiles()
        let metadata = [("epoch", "7"), ("global_step", "1234"), ("hyper_parameters.lr", "0.1"), ("größe", "\"α\"\n")]
        let draft = CheckpointDraft(tensors: [made("a/kernel")], metadata: metadata)
        let (written, reader) = try files.written(draft, "a\(format.fileEnding)", format)
        #expect(written.droppedMetadata == [])
        #expect(reader.metadata.epoch == 7 && reader.metadata.step == 1234)
        for (key, value) in metadata {
            #expect(reader.metadata.entries.contains { $0.key == key && $0.value == printable(value) }, "\(key)")
        }
    }

    @Test(arguments: CheckpointFormat.allCases.filter { $0 != .kerasArchive })
    func theSameTensorsGiveTheSameBytes(format: CheckpointFormat) throws {
        let files = try WrittenFiles()
        let draft = CheckpointDraft(
            tensors: [made("b/kernel", .float32, [2, 3]), made("a/bias", .int64, [])], metadata: [("epoch", "1")])
        _ = try files.written(draft, "a\(format.fileEnding)", format)
        _ = try files.written(draft, "b\(format.fileEnding)", format)
        let bytes = try ["a", "b"].map { try Bytes(mapping: "\(files.folder)/\($0)\(format.fileEnding)").array }
        #expect(bytes[0] == bytes[1])
    }

    @Test(arguments: [CheckpointFormat.safetensors, .pytorch, .hdf5])
    func tiedTensorsAreStoredOnceAndReadTwice(format: CheckpointFormat) throws {
        let files = try WrittenFiles()
        let large: Shape = [4096]
        let draft = CheckpointDraft(
            tensors: [made("emb", .float32, large, tie: "t"), made("head", .float32, large, tie: "t")])
        let (written, reader) = try files.written(draft, "a\(format.fileEnding)", format)
        #expect(written.tied.map(\.name) == ["head"] && written.tied.map(\.kept) == ["emb"])
        #expect(written.byteCount < 24_000)
        #expect(try reader.tensor("head").bytes == reader.tensor("emb").bytes)
        #expect(reader.tensors.map(\.name).sorted() == ["emb", "head"])
        // Tied still, when the file is converted on.
        let ties = CheckpointDraft(reader).tensors.map(\.tie)
        #expect(ties[0] != nil && ties[0] == ties[1])
    }

    @Test func safetensorsAreByteForByteTheReferences() throws {
        let files = try WrittenFiles()
        let tensor = DraftTensor(name: "w", dtype: .bfloat16, shape: [2]) { () throws(FormatError) in
            TensorView(dtype: .bfloat16, shape: [2], bytes: Bytes(copying: [0, 0, 0x80, 0x3F] as [UInt8]))
        }
        _ = try files.written(CheckpointDraft(tensors: [tensor]), "a.safetensors", .safetensors)
        let header = #"{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}"#
        let padded = Array(header.utf8) + [UInt8](repeating: 0x20, count: (8 - header.utf8.count % 8) % 8)
        let expected = [UInt8(padded.count), 0, 0, 0, 0, 0, 0, 0] + padded + [0, 0, 0x80, 0x3F]
        #expect(try Bytes(mapping: files.folder + "/a.safetensors").array == expected)
    }

    @Test func shardsAreNamedAndIndexedAsHuggingFaceDoes() throws {
        let files = try WrittenFiles()
        let draft = CheckpointDraft(
            tensors: [
                made("a", .float32, [10]), made("b", .float32, [10], tie: "t"), made("c", .float32, [30]),
                made("d", .float32, [10], tie: "t"),
            ], metadata: [("epoch", "3")])
        var options = WritingOptions()
        options.shardByteCount = 100
        let written = try draft.write(to: files.folder + "/model.safetensors", as: .safetensors, options: options)
        #expect(
            files.contents == [
                "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json",
            ])
        let reader = try Checkpoint.open(written.paths[0])
        try expectSame(reader, draft)
        #expect(reader.metadata.epoch == 3)
        #expect(reader.metadata.entries.contains { $0.key == "total_size" && $0.value == "200" })
    }

    @Test func whatAFormatCannotHoldIsNamedAndNothingIsLeft() throws {
        let files = try WrittenFiles()
        #expect(
            files.refusal(CheckpointDraft(tensors: [made("x", .complex128)]), .safetensors)
                == "tensor 'x' of type complex128 in safetensors is not supported; name another format, leave it out "
                + "with --only, or change floats with --dtype f32")
        #expect(
            files.refusal(CheckpointDraft(tensors: [made("a", .uint8, [1]), made("../b")]), .npz)
                == "'../b.npy' as the name of a member of a zip archive is not supported; rename it with --rename, or "
                + "choose safetensors")
        #expect(
            files.refusal(CheckpointDraft(tensors: [made("a"), made("a")]), .pytorch)
                == "tensors to write: expected distinct names, found 'a' twice")
        #expect(
            files.refusal(CheckpointDraft(tensors: [made("__metadata__")]), .safetensors)
                == "a tensor named '__metadata__' in safetensors is not supported; rename it with --rename "
                + "__metadata__=NAME")
    }

    @Test func metadataThatDoesNotFitAnArchiveCommentIsListed() throws {
        let files = try WrittenFiles()
        let draft = CheckpointDraft(
            tensors: [made("a")], metadata: [("long", String(repeating: "x", count: 70_000)), ("epoch", "1")])
        let (written, reader) = try files.written(draft, "a.npz", .npz)
        #expect(written.droppedMetadata == ["long", "epoch"])
        #expect(reader.metadata.entries.isEmpty)
    }

    @Test func metadataThatWouldBeReadAsATiedWeightIsListedInstead() throws {
        let files = try WrittenFiles()
        let draft = CheckpointDraft(tensors: [made("fc.weight")], metadata: [("best", "fc.weight"), ("epoch", "2")])
        let (written, reader) = try files.written(draft, "a.safetensors", .safetensors)
        #expect(written.droppedMetadata == ["best"])
        #expect(reader.tensors.map(\.name) == ["fc.weight"])
        #expect(reader.metadata.epoch == 2)
    }

    @Test func aReadThatFailsHalfwayLeavesNothing() throws {
        let files = try WrittenFiles()
        let broken = DraftTensor(name: "b", dtype: .float32, shape: [1]) { () throws(FormatError) in
            throw FormatError("source.pt", .system(action: "read", detail: "gone"))
        }
        for format in CheckpointFormat.allCases {
            let draft = CheckpointDraft(
                tensors: [made("a/kernel"), broken], kerasConfig: #"{"class_name":"Sequential","config":{"layers":[]}}"#
            )
            #expect(throws: FormatError.self) { try draft.write(to: files.folder + "/x", as: format) }
            #expect(files.contents == [], "\(format)")
        }
    }
}
