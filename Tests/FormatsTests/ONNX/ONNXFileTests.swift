// ONNX files: the wire format's rules one byte literal each, tensors in all their forms, data in other files, damage.

import FoundationEssentials
import TestSupport
import Testing

@testable import Formats

@Suite struct ONNXFileTests {
    private func open(_ bytes: [UInt8], path: String = "m.onnx") throws -> ONNXCheckpoint {
        try ONNXCheckpoint(path: path, bytes: Bytes(copying: bytes))
    }

    /// A file with one tensor.
    private static func file(_ tensor: ProtoMessage) -> [UInt8] {
        MadeONNX.model(MadeONNX.graph([MadeONNX.node("Relu", ["x"], "y")], [tensor]))
    }

    private static let header = MadeONNX.header

    // MARK: The wire format

    private func fields(_ bytes: [UInt8]) throws -> [ProtobufField] {
        var cursor = ProtobufCursor(Bytes(copying: bytes), 0..<bytes.count, path: "m.onnx", section: "message")
        var fields: [ProtobufField] = []
        while let field = try cursor.next() { fields.append(field) }
        return fields
    }

    @Test func everyWireTypeIsRead() throws {
        let found = try fields(
            hex("08 9601  11 0102030405060708  1a 03 616263  25 0000803f  08 ffffffffffffffffff01"))
        #expect(found.map(\.number) == [1, 2, 3, 4, 1])
        #expect(
            found.map(\.value) == [
                .varint(150), .fixed64(0x0807_0605_0403_0201), .bytes(14..<17), .fixed32(0x3F80_0000), .varint(.max),
            ])
    }

    @Test(
        arguments: [
            ("08ffffffffffffffffffff01", "message at byte 1: expected a number of at most 64 bits, found more"),
            ("08ffffffffffffffffff02", "message at byte 1: expected a number of at most 64 bits, found more"),
            ("08ffff", "a number of message at byte 1 is cut short: 3 bytes expected, 2 found"),
            ("1a05616263", "message, field 3 at byte 1 is cut short: 5 bytes expected, 3 found"),
            (
                "1affffffffffffffffff01",
                "message, field 3 at byte 1 is cut short: 9223372036854775807 bytes expected, 0 found"
            ),
            ("00", "message at byte 0: expected a field number from 1 to 2²⁹ − 1, found 0"),
            ("0b", "message at byte 0: expected a wire type of 0, 1, 2 or 5, found 3"),
            ("0c", "message at byte 0: expected a wire type of 0, 1, 2 or 5, found 4"),
            ("0f", "message at byte 0: expected a wire type of 0, 1, 2 or 5, found 7"),
            ("0d000080", "a number of message at byte 1 is cut short: 4 bytes expected, 3 found"),
            ("0900", "a number of message at byte 1 is cut short: 8 bytes expected, 1 found"),
        ])
    func whatTheEncodingDoesNotAllowIsRefused(digits: String, expected: String) {
        #expect(message { try fields(hex(digits)) } == "m.onnx: \(expected)")
    }

    // MARK: Models

    @Test func aModelTellsItsGraphAndWriter() throws {
        let kernel = MadeONNX.tensor("w", [1, 3, 1, 1], [1, 2, 3])
        let bytes = MadeONNX.model(
            MadeONNX.graph(
                [
                    MadeONNX.node(
                        "Conv", ["x", "w"], "y", [("strides", .integers([2, 2])), ("auto_pad", .text("NOTSET"))]),
                    MadeONNX.node("Constant", [], "c", [("value", .tensor(MadeONNX.integers("", [1, -1])))]),
                    MadeONNX.node("LeakyRelu", ["y"], "z", [("alpha", .float(0.25)), ("group", .integer(-3))]),
                ], [kernel], inputs: [MadeONNX.input("x", [-1, 3, 16, 8])]))
        let file = try open(bytes)
        let graph = file.model.graph
        #expect(graph.nodes.map(\.kind) == ["Conv", "Constant", "LeakyRelu"])
        #expect(graph.nodes[0].inputs == ["x", "w"] && graph.nodes[0].outputs == ["y"])
        guard case .integers([2, 2])? = graph.nodes[0].attributes["strides"],
            case .text("NOTSET")? = graph.nodes[0].attributes["auto_pad"],
            case .float(0.25)? = graph.nodes[2].attributes["alpha"],
            case .integer(-3)? = graph.nodes[2].attributes["group"]
        else {
            Issue.record("settings are not as written")
            return
        }
        #expect(graph.inputs.map(\.name) == ["x"] && graph.inputs[0].shape == [nil, 3, 16, 8])
        #expect(file.model.opset == 17 && file.model.irVersion == 8)
        #expect(file.format == "ONNX" && file.metadata.writer == "pytorch 2.13")
        #expect(
            file.metadata.entries.map { "\($0.key)=\($0.value)" } == ["opset=17", "IR version=8", "origin=a test"])
        #expect(file.tensors.map(\.name) == ["w", "c"] && file.tensors.map(\.dtype) == [.float32, .int64])
        #expect(try file.tensor("w").floats() == [1, 2, 3] && file.tensor("c").floats() == [1, -1])
        #expect(FileKind(Bytes(copying: bytes)) == .onnx)
        #expect(try openCheckpoint(bytes).format == "ONNX")
    }

    @Test func rawValuesAreLentFromTheFile() throws {
        let bytes = Bytes(copying: Self.file(MadeONNX.tensor("w", [2], [1, 2])))
        let view = try ONNXCheckpoint(path: "m.onnx", bytes: bytes).tensor("w")
        #expect(view.bytes.owner === bytes.owner)
    }

    @Test func weightsUnderSecondNamesAreListedUnderBoth() throws {
        let nodes = [
            MadeONNX.node("Identity", ["bn1.bias"], "bn2.bias"), MadeONNX.node("Identity", ["bn2.bias"], "bn3.bias"),
            MadeONNX.node("Identity", ["x"], "y"),
        ]
        let file = try open(MadeONNX.model(MadeONNX.graph(nodes, [MadeONNX.tensor("bn1.bias", [2], [1, 2])])))
        #expect(file.tensors.map(\.name) == ["bn1.bias", "bn2.bias", "bn3.bias"])
        #expect(Set(file.tensors.map(\.storage)).count == 1)
        #expect(try file.tensor("bn3.bias").floats() == [1, 2])
    }

    // MARK: Tensors

    @Test(
        arguments: [
            (header("w", [3], 1).data(4, hex("0000803f 00000040 000040c0")), .float32, [1, 2, -3]),
            (header("w", [2], 1).float(4, 1).float(4, -2), .float32, [1, -2]),
            (header("w", [], 1).data(9, hex("0000803f")), .float32, [1]),
            (
                header("w", [2], 10).data(5, ProtoMessage.varint(0x3C00) + ProtoMessage.varint(0xC000)), .float16,
                [1, -2]
            ),
            (header("w", [2], 16).integer(5, 0x3F80).integer(5, 0xC000), .bfloat16, [1, -2]),
            (header("w", [2], 3).integer(5, -1).integer(5, 7), .int8, [-1, 7]),
            (header("w", [2], 2).integer(5, 255).integer(5, 7), .uint8, [255, 7]),
            (header("w", [2], 9).integer(5, 2).integer(5, 0), .bool, [1, 0]),
            (header("w", [1], 6).integer(5, -5), .int32, [-5]),
            (header("w", [2], 7).data(7, ProtoMessage.varint(.max) + [2]), .int64, [-1, 2]),
            (header("w", [1], 11).data(10, hex("000000000000f03f")), .float64, [1]),
            (header("w", [1], 12).integer(11, 9), .uint32, [9]), (header("w", [0, 4], 1), .float32, []),
        ] as [(ProtoMessage, DType, [Float])])
    func everyFormOfATensorIsRead(tensor: ProtoMessage, dtype: DType, values: [Float]) throws {
        let view = try open(Self.file(tensor)).tensor("w")
        #expect(view.dtype == dtype && view.floats() == values)
    }

    @Test(
        arguments: [
            (header("w", [-1], 1).data(9, [0, 0, 0, 0]), "expected sizes whose product fits in 63 bits, found -1"),
            (
                header("w", [1 << 40, 1 << 40], 1),
                "expected sizes whose product fits in 63 bits, found 1099511627776×1099511627776"
            ),
            (header("w", [1 << 61], 1), "product fits in 63 bits, found 2305843009213693952 float32"),
            (header("w", [1 << 20], 1), "found 0"),
            (header("w", [2], 1).data(9, [0, 0, 0, 0]), "expected 8 bytes for 2 float32, found 4"),
            (header("w", [2], 1).float(4, 1), "expected 2 numbers for 2 float32, found 1"),
            (header("w", [1], 1).data(4, [0, 0]), "expected numbers of 4 bytes, found 2 bytes"),
            (header("w", [1], 1).integer(3, 1), "a tensor in segments is not supported"),
            (header("w", [Int](repeating: 1, count: 65), 1).data(9, [0, 0, 0, 0]), "expected at most 64 axes"),
        ] as [(ProtoMessage, String)])
    func aTensorThatIsNotAsLargeAsItsShapeIsRefused(tensor: ProtoMessage, expected: String) {
        #expect(message { try open(Self.file(tensor)) }.contains(expected))
    }

    @Test func textsAndPackedIntegersAreSkippedWithAWarning() throws {
        let file = try open(Self.file(Self.header("labels", [1], 8).text(6, "cat")))
        #expect(file.tensors.isEmpty)
        #expect(file.metadata.warnings == ["'labels' is of type string and was skipped"])
    }

    @Test func twoTensorsOfOneNameAreRefused() {
        let tensor = MadeONNX.tensor("w", [1], [1])
        #expect(
            message { try open(MadeONNX.model(MadeONNX.graph([], [tensor, tensor]))) }
                == "m.onnx: ONNX graph: expected one tensor of each name, found two named 'w'")
    }

    // MARK: Data beside the model

    private static func external(_ entries: [(String, String)]) -> ProtoMessage {
        header("w", [2], 1).messages(13, entries.map { ProtoMessage().text(1, $0.0).text(2, $0.1) }).integer(14, 1)
    }

    @Test func dataBesideTheModelIsMapped() throws {
        try withTemporaryFolder { folder in
            _ = try write(hex("ffffffff 0000803f 00000040"), "w.data", in: folder)
            let tensor = Self.external([("location", "w.data"), ("offset", "4"), ("length", "8")])
            let file = try open(Self.file(tensor), path: "\(folder)/m.onnx")
            #expect(try file.tensor("w").floats() == [1, 2])
            #expect(file.dataFiles == ["\(folder)/w.data"])
            let short = Self.external([("location", "w.data"), ("offset", "8")])
            #expect(
                message { try open(Self.file(short), path: "\(folder)/m.onnx").tensor("w") }
                    .contains("at byte 8 is cut short: 8 bytes expected, 4 found"))
            let none = Self.external([("location", "none.data")])
            #expect(
                message { try open(Self.file(none), path: "\(folder)/m.onnx").tensor("w") }
                    .hasSuffix("/none.data: cannot open: No such file or directory"))
        }
    }

    @Test(
        arguments: [
            "/etc/passwd", "../w.data", "a/w.data", "..", ".", "", "a\\w.data", "w\0.data",
            String(repeating: "w", count: 300),
        ])
    func dataOutsideTheModelsFolderIsRefused(location: String) {
        #expect(
            message { try open(Self.file(Self.external([("location", location)]))) }
                .contains("expected external data in a file of the model's own folder"))
    }

    @Test func aLinkOutOfTheModelsFolderIsNotFollowed() throws {
        try withTemporaryFolder { folder in
            _ = try write([UInt8](repeating: 0, count: 8), "secret", in: folder)
            try FileManager.default.createDirectory(atPath: "\(folder)/model", withIntermediateDirectories: false)
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/model/w.data", withDestinationPath: "../secret")
            let file = try open(Self.file(Self.external([("location", "w.data")])), path: "\(folder)/model/m.onnx")
            #expect(message { try file.tensor("w") }.contains("found a link out of it"))
        }
    }

    @Test(
        arguments: [
            ("offset", "-4"), ("offset", "x"), ("offset", "9223372036854775807"), ("length", "4"),
            ("length", "99999999999999999999"),
        ])
    func placesThatAreNoneAreRefused(key: String, value: String) {
        #expect(throws: FormatError.self) {
            try open(Self.file(Self.external([("location", "w.data"), (key, value)])))
        }
    }

    // MARK: Damage

    @Test func aFileCutAnywhereIsRefusedOrReadWithoutItsEnd() throws {
        let whole = Self.file(MadeONNX.tensor("w", [4], [1, 2, 3, 4]))
        for count in 0..<whole.count {
            let cut = Array(whole[..<count])
            guard let file = try? open(cut) else { continue }
            // Only fields behind the graph may be gone.
            #expect(file.tensors.map(\.name) == ["w"])
        }
        let middle = Array(whole[..<(whole.count - 40)])
        #expect(FileKind(Bytes(copying: middle)) == .onnx)
        #expect(message { try openCheckpoint(middle) }.contains("cut short"))
    }

    @Test func nestingDoesNotRecurse() throws {
        // A graph in an attribute of a node of a graph in an attribute …, each a little longer than what it holds.
        var inner: [UInt8] = []
        for _ in 0..<2000 {
            let attribute = ProtoMessage().text(1, "body").data(6, inner).integer(20, 5)
            inner = ProtoMessage().messages(1, [ProtoMessage().text(4, "If").messages(5, [attribute])]).bytes
        }
        let file = try open(ProtoMessage().integer(1, 8).data(7, inner).bytes)
        guard case .other? = file.model.graph.nodes.first?.attributes["body"] else {
            Issue.record("the graph of an attribute was read")
            return
        }
        // Groups, which could nest without lengths, are refused at the first.
        #expect(throws: FormatError.self) { try open([8, 8] + [UInt8](repeating: 0x3B, count: 100_000)) }
    }

    @Test func manyEmptyPartsAreRefusedBeforeTheyFillTheMemory() {
        let nodes = [UInt8](repeating: 0, count: 600_000).enumerated().map { $0.offset % 2 == 0 ? 0x0A : 0 as UInt8 }
        #expect(
            message { try open(ProtoMessage().integer(1, 8).data(7, nodes).bytes) }
                == "m.onnx: the number of operators is more, more than the limit of 262144")
    }

    @Test func damageNeverTraps() throws {
        let whole = MadeONNX.model(
            MadeONNX.graph(
                [
                    MadeONNX.node("Conv", ["x", "w"], "y", [("strides", .integers([2, 2]))]),
                    MadeONNX.node("Constant", [], "c", [("value", .tensor(MadeONNX.integers("", [1, -1])))]),
                ],
                [
                    MadeONNX.tensor("w", [1, 3, 1, 1], [1, 2, 3]), Self.external([("location", "w.data")]),
                    Self.header("h", [2], 16).integer(5, 0x3F80).integer(5, 0xC000),
                ]))
        var sum = 0
        for place in whole.indices {
            for value: UInt8 in [0, 1, 0x7F, 0x80, 0xFF, whole[place] ^ 2] {
                let bytes = whole.patched(place, [value])
                guard let file = try? openCheckpoint(bytes) else { continue }
                for tensor in file.tensors { sum &+= (try? file.tensor(tensor.name).bytes.count) ?? 0 }
            }
        }
        #expect(sum > 0)
    }

    @Test(
        arguments: [
            [0x08], [0x08, 0x08, 0x12, 0x01, 0x61], Array("\u{8}\u{8}hello world, this is text".utf8),
            [UInt8](repeating: 8, count: 64), [0x08, 0x08, 0x3A, 0x02, 0x00, 0x00, 0x08, 0x08],
        ] as [[UInt8]])
    func otherBytesAreNoONNX(bytes: [UInt8]) { #expect(FileKind(Bytes(copying: bytes)) != .onnx) }
}
