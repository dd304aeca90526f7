// The safetensors rules, one byte literal each, as the reference reader has them.

import Testing

@testable import Formats

@Suite struct SafetensorsTests {
    private static func file(_ header: String, _ data: [UInt8] = []) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(header.utf8.count))
        return bytes + Array(header.utf8) + data
    }

    private func open(_ bytes: [UInt8]) throws -> SafetensorsCheckpoint {
        try SafetensorsCheckpoint(path: "m.safetensors", bytes: Bytes(copying: bytes))
    }

    private static func tensor(
        _ name: String = "w", dtype: String = "\"F32\"", shape: String = "[2]", offsets: String = "[0,8]"
    ) -> String {
        "\"\(name)\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)}"
    }

    private static let eight: [UInt8] = [0, 0, 0x80, 0x3F, 0, 0, 0, 0x40]

    @Test func theReferenceWritersBytesAreRead() throws {
        let bytes =
            hex("3800000000000000") + Array("{\"w\":{\"dtype\":\"BF16\",\"shape\":[2],\"data_offsets\":[0,4]}} ".utf8)
            + hex("0000803f")
        #expect(bytes.count == 68)
        #expect(try open(bytes).tensor("w").floats() == [0, 1])
        #expect(FileKind(Bytes(copying: bytes)) == .safetensors)
    }

    @Test(
        arguments: [
            ("{}", [], 0), ("  \n{\"__metadata__\":null}\n ", [], 0), ("{\"__metadata__\":{}}", [], 0),
            ("{\(tensor())}", eight, 1), ("{\(tensor(shape: "[]", offsets: "[0,4]"))}", [0, 0, 0, 0], 1),
            (
                "{\(tensor("")),\"z\":{\"dtype\":\"F32\",\"shape\":[0,3],\"data_offsets\":[8,8],\"extra\":[{}]}}",
                eight, 2
            ),
            ("{\(tensor()),\"z\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[0,0]}}", eight, 2),
            ("{\(tensor()),\(tensor())}", eight, 1),
            ("{\(tensor(dtype: "\"BOOL\"", shape: "[1]", offsets: "[0,1]"))}", [2], 1),
            ("{\(tensor(dtype: "\"F4\"", shape: "[2]", offsets: "[0,1]"))}", [0x21], 1),
            ("{\(tensor(dtype: "\"F6_E2M3\"", shape: "[4]", offsets: "[0,3]"))}", [1, 2, 3], 1),
            ("{\(tensor("b", offsets: "[8,16]")),\(tensor("a"))}", eight + eight, 2),
        ] as [(String, [UInt8], Int)])
    func whatTheReferenceAcceptsIsAccepted(header: String, data: [UInt8], count: Int) throws {
        let checkpoint = try open(Self.file(header, data))
        #expect(checkpoint.tensors.count == count)
        for tensor in checkpoint.tensors { #expect(try checkpoint.tensor(tensor.name).shape == tensor.shape) }
    }

    @Test func valuesNeedNoAlignment() throws {
        let bytes = Self.file("{\(Self.tensor())}  ", Self.eight)  // data at an odd place
        #expect(try open(bytes).tensor("w").floats() == [1, 2])
    }

    private static let whole = "more than 64 bits can count for float32 "

    @Test(
        arguments: [
            (file("[]"), "header: expected a JSON object, found another value"),
            (file("{}\0"), "header at byte 2: expected the end of the text, found byte 0"),
            (file("{\"w\":1}"), "tensor 'w': expected an object, found another value"),
            (file("{\"__metadata__\":{},\"__metadata__\":{}}"), "__metadata__: expected one, found two"),
            (file("{\"__metadata__\":{\"a\":1}}"), "__metadata__ 'a': expected a string, found another value"),
            (file("{\"__metadata__\":[]}"), "__metadata__: expected an object, found another value"),
            (file("{\(tensor(dtype: "\"f32\""))}", eight), "tensor 'w': expected a dtype such as F32, found 'f32'"),
            (file("{\(tensor(dtype: "\"I128\""))}", eight), "tensor 'w': expected a dtype such as F32, found 'I128'"),
            (
                file("{\"w\":{\"shape\":[2],\"data_offsets\":[0,8]}}", eight),
                "tensor 'w': expected one field 'dtype', found 0"
            ),
            (
                file("{\"w\":{\"dtype\":\"F32\",\"data_offsets\":[0,8]}}", eight),
                "tensor 'w': expected one field 'shape', found 0"
            ),
            (
                file("{\(tensor(shape: "[-2]"))}", eight),
                "tensor 'w': expected a shape of whole numbers, found something else"
            ),
            (
                file("{\(tensor(shape: "[2.0]"))}", eight),
                "tensor 'w': expected a shape of whole numbers, found something else"
            ),
            (
                file("{\(tensor(shape: "[2e0]"))}", eight),
                "tensor 'w': expected a shape of whole numbers, found something else"
            ),
            (
                file("{\(tensor(offsets: "[8,0]"))}", eight),
                "tensor 'w': expected data_offsets [begin, end], found something else"
            ),
            (
                file("{\(tensor(offsets: "[0]"))}", eight),
                "tensor 'w': expected data_offsets [begin, end], found something else"
            ),
            (
                file("{\(tensor(shape: "[4611686018427387904,4]"))}", eight),
                "tensor 'w': expected \(whole)4611686018427387904×4, found 8 bytes"
            ),
            (file("{\(tensor(shape: "[3]"))}", eight), "tensor 'w': expected 12 bytes for float32 3, found 8 bytes"),
            (
                file("{\(tensor(dtype: "\"F4\"", shape: "[3]", offsets: "[0,2]"))}", [0, 0]),
                "tensor 'w': expected 12 bits for float4_e2m1 3, found 2 bytes"
            ),
            (
                file("{\(tensor(offsets: "[1,9]"))}", [0] + eight),
                "tensor 'w': expected data from 0 on, where the one before ends, found data from 1 on: a gap"
            ),
            (
                file("{\(tensor()),\(tensor("v", offsets: "[9,17]"))}", eight + [0] + eight),
                "tensor 'v': expected data from 8 on, where the one before ends, found data from 9 on: a gap"
            ),
            (
                file("{\(tensor()),\(tensor("v", offsets: "[4,12]"))}", eight + eight),
                "tensor 'v': expected data from 8 on, where the one before ends, found data from 4 on: an overlap"
            ),
            (
                file("{\(tensor()),\(tensor("v"))}", eight),
                "tensor 'v': expected data from 8 on, where the one before ends, found data from 0 on: an overlap"
            ),
            (
                file("{\(tensor()),\(tensor(offsets: "[8,16]"))}", eight + eight),
                "tensor 'w': expected data from 0 on, where the one before ends, found data from 8 on: a gap"
            ),
            (
                file("{\(tensor())}", eight + [0]),
                "tensor data at byte 70: expected the end of the file, found 1 more bytes"
            ),
            (file("{\(tensor())}", [1, 2]), "tensor data at byte 62 is cut short: 8 bytes expected, 2 found"),
            ([1, 2, 3], "header size at byte 0 is cut short: 8 bytes expected, 3 found"),
            ([9, 0, 0, 0, 0, 0, 0, 0, 0x7B], "header at byte 8 is cut short: 9 bytes expected, 1 found"),
            ([0, 0, 0, 0, 0, 0, 0, 0], "header at byte 0: expected a value, found the end of the text"),
            (
                [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7B, 0x7D],
                "the header size is 18446744073709551615, more than the limit of 100000000 bytes"
            ),
            ([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22, 0xFF], "header at byte 2: expected UTF-8 text, found byte 255"),
        ] as [([UInt8], String)])
    func whatTheReferenceRefusesIsRefused(bytes: [UInt8], expected: String) {
        #expect(message { try open(bytes) } == "m.safetensors: \(expected)")
    }

    @Test func truncatedAndOversizedFilesStillCountAsSafetensors() {
        #expect(FileKind(Bytes(copying: [9, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x22] as [UInt8])) == .safetensors)
        #expect(
            FileKind(Bytes(copying: [UInt8](repeating: 0xFF, count: 8) + Array("{\"a\":".utf8))) == .safetensors)
    }

    @Test func aliasesOfDroppedTensorsAreResolved() throws {
        let checkpoint = try open(
            Self.file("{\"__metadata__\":{\"v\":\"w\",\"format\":\"pt\",\"step\":\"12\"},\(Self.tensor())}", Self.eight)
        )
        #expect(checkpoint.tensors.map(\.name) == ["w", "v"])
        #expect(checkpoint.tensors[0].storage == checkpoint.tensors[1].storage)
        #expect(try checkpoint.tensor("v").floats() == [1, 2])
        #expect(checkpoint.metadata.aliases == ["v": "w"])
        #expect(checkpoint.metadata.step == 12)
    }
}

@Suite struct ShardedCheckpointTests {
    private let part = "{\"w\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"

    private func open(_ index: String, shard: [UInt8]?) throws -> any CheckpointReader {
        try withTemporaryFolder { folder in
            if let shard { _ = try write(shard, "a.safetensors", in: folder) }
            return try Checkpoint.open(write(Array(index.utf8), "m.index.json", in: folder))
        }
    }

    private var shard: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt64(part.utf8.count))
        return bytes + Array(part.utf8) + [UInt8](repeating: 0, count: 8)
    }

    @Test func namesThatLeaveTheFolderAreRefused() {
        for file in ["../a.safetensors", "/etc/passwd", "x/a.safetensors", "..", ""] {
            #expect(
                message { try open("{\"weight_map\":{\"w\":\"\(file)\"}}", shard: nil) }.hasSuffix(
                    "weight_map 'w': expected a file beside the index, found '\(file)'"))
        }
    }

    @Test func missingShardsAndTensorsAreNamed() {
        #expect(
            message { try open("{\"weight_map\":{\"w\":\"a.safetensors\"}}", shard: nil) }.hasSuffix(
                "m.index.json: cannot open its shard 'a.safetensors': No such file or directory"))
        #expect(
            message { try open("{\"weight_map\":{\"v\":\"a.safetensors\"}}", shard: shard) }.hasSuffix(
                "m.index.json: weight_map: expected 'v' in 'a.safetensors', found 1 other tensors there"))
        #expect(
            message { try open("{\"weight_map\":{\"w\":\"a.safetensors\"}}", shard: Array("<html>".utf8)) }.hasSuffix(
                "shard 'a.safetensors': expected safetensors or PyTorch weights, found a web page; fetch it again"))
    }

    @Test func theTotalSizeIsCompared() throws {
        let index = "{\"metadata\":{\"total_size\":9,\"v\":\"w\"},\"weight_map\":{\"w\":\"a.safetensors\"}}"
        let checkpoint = try open(index, shard: shard)
        #expect(checkpoint.metadata.warnings == ["the index promises 9 bytes of tensors, its shards hold 8"])
        #expect(checkpoint.tensors.map(\.name) == ["w", "v"])
        #expect(checkpoint.format == "sharded safetensors")
    }
}
