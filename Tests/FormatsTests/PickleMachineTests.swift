// The inert pickle parser: every instruction, and what it refuses.

import Testing

@testable import Formats

@Suite struct PickleMachineTests {
    private func parse(_ bytes: [UInt8]) throws -> PickleGraph {
        try PickleMachine.parse(Bytes(copying: bytes), path: "m.pt", section: "data.pkl")
    }

    /// The pickle's value in Python-like notation.
    private func value(_ bytes: [UInt8]) throws -> String {
        let graph = try parse(bytes)
        return graph.text(graph.root, limit: 300)
    }

    private func value(_ text: String) throws -> String { try value(Array(text.utf8)) }

    @Test(arguments: [
        ("K\u{7}.", "7"), ("I-12\n.", "-12"), ("I01\n.", "True"), ("I00\n.", "False"), ("L123L\n.", "123"),
        ("N.", "None"),
        ("L-99999999999999999999L\n.", "<integer of 22 bytes>"), ("F1.5\n.", "1.5"),
        ("S'a\\'\\n\\x41\\101\\\\'\n.", "\"a'\\nAA\\\""),
        ("S\"q\"\n.", "\"q\""), ("Vx\\u00e9\\n\n.", "\"xé\\n\""), ("(I1\nI2\nt.", "(1, 2)"), ("(I1\nl.", "[1]"),
        ("(S'a'\nI1\nd.", "{\"a\": 1}"), (").", "()"), ("].", "[]"), ("}.", "{}"), ("(lp0\nI1\nag0\n.", "[1]"),
        ("I1\n2t", "no end"), ("](I1\nI2\ne.", "[1, 2]"), ("}S'a'\nI1\ns.", "{\"a\": 1}"),
        ("I1\n0I2\n.", "2"), ("(I1\n1I3\n.", "3"),
        ("c__builtin__\nset\n(](I1\netR.", "builtins.set([1])"),
        ("(ios\nsystem\n.", "os.system()"), ("(S'id'\nios\nsystem\n.", "os.system(\"id\")"),
        ("(cm\nC\nI1\no.", "m.C(1)"), ("Pkey\n.", "<storage>"), ("cm\nC\n).", "()"),
    ])
    func textInstructions(pickle: String, expected: String) throws {
        guard !expected.hasPrefix("no") else {
            #expect(throws: FormatError.self) { try value(pickle) }
            return
        }
        // Backslash-n in a UNICODE line is two characters: only \u is an escape there.
        #expect(try value(pickle) == (pickle.hasPrefix("V") ? "\"xé\\n\"" : expected))
    }

    @Test(
        arguments: [
            ([0x4A, 0xFE, 0xFF, 0xFF, 0xFF], "-2"), ([0x4D, 0x39, 0x30], "12345"), ([0x8A, 0], "0"),
            ([0x8A, 2, 0xFF, 0], "255"),
            ([0x8A, 1, 0xFF], "-1"), ([0x8A, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], "-9223372036854775808"),
            ([0x8A, 9, 0, 0, 0, 0, 0, 0, 0, 0x80, 0], "<integer of 9 bytes>"), ([0x8B, 1, 0, 0, 0, 5], "5"),
            ([0x47, 0x3F, 0xF8, 0, 0, 0, 0, 0, 0], "1.5"), ([0x88], "True"), ([0x89], "False"),
            ([0x55, 2, 0x68, 0xE9], "\"hé\""), ([0x54, 1, 0, 0, 0, 0x68], "\"h\""), ([0x8C, 2, 0xC3, 0xA9], "\"é\""),
            ([0x8D, 1, 0, 0, 0, 0, 0, 0, 0, 0x61], "\"a\""), ([0x42, 2, 0, 0, 0, 1, 2], "<2 bytes>"),
            ([0x43, 1, 9], "<1 bytes>"),
            ([0x8E, 1, 0, 0, 0, 0, 0, 0, 0, 9], "<1 bytes>"), ([0x96, 1, 0, 0, 0, 0, 0, 0, 0, 9], "<1 bytes>"),
            ([0x8F, 0x28, 0x4B, 1, 0x90], "{1}"), ([0x28, 0x4B, 1, 0x91], "{1}"), ([0x4B, 1, 0x85], "(1)"),
            ([0x4B, 1, 0x4B, 2, 0x86], "(1, 2)"), ([0x4B, 1, 0x32, 0x4B, 3, 0x87], "(1, 1, 3)"),
            ([0x4B, 5, 0x71, 0, 0x30, 0x68, 0], "5"), ([0x4B, 5, 0x72, 0, 1, 0, 0, 0x30, 0x6A, 0, 1, 0, 0], "5"),
            ([0x95, 2, 0, 0, 0, 0, 0, 0, 0, 0x4B, 6], "6"), ([0x4B, 6, 0x94, 0x30, 0x68, 0], "6"),
            ([0x8C, 1, 0x6D, 0x8C, 1, 0x43, 0x93], "m.C"), ([0x82, 7], "<extension 7>"),
            ([0x83, 7, 1], "<extension 263>"),
            ([0x84, 7, 0, 0, 0], "<extension 7>"), ([0x63, 0x6D, 0x0A, 0x43, 0x0A, 0x29, 0x7D, 0x92], "m.C()"),
            ([0x63, 0x6D, 0x0A, 0x43, 0x0A, 0x29, 0x81], "m.C()"),
        ] as [([UInt8], String)])
    func binaryInstructions(body: [UInt8], expected: String) throws {
        #expect(try value([0x80, 4] + body + [0x2E]) == expected)
    }

    @Test(
        arguments: [
            ([0x80, 2, 0x01], "at byte 3: expected a pickle instruction, found byte 0x1"),
            ([0x80, 9], "at byte 2: expected pickle protocol 0 to 5, found protocol 9"),
            ([0x80, 2, 0x2E], "at byte 3: expected a value on the stack, found none"),
            ([0x80, 2, 0x74], "at byte 3: expected an open MARK, found none"),
            ([0x80, 2, 0x28, 0x2E], "at byte 4: expected a value on the stack, found none"),
            ([0x80, 2, 0x68, 9], "at byte 4: expected memo entry 9, found none of that number"),
            (
                [0x80, 2, 0x58, 0xFF, 0xFF, 0xFF, 0xFF, 0x61],
                "at byte 3: expected a length of at most 1, found 4294967295"
            ),
            ([0x80, 2, 0x8B, 0xFF, 0xFF, 0xFF, 0xFF], "at byte 3: expected a length of at most 0, found -1"),
            (
                [0x80, 2, 0x8E, 0, 0, 0, 0, 0, 0, 0, 0x80],
                "at byte 3: expected a length of at most 0, found 9223372036854775808"
            ),
            ([0x80, 2, 0x4A, 1], "at byte 3 is cut short: 4 bytes expected, 1 found"),
            ([0x80, 2, 0x63, 0x6F, 0x73], "at byte 3: expected a line of text, found the end of the data"),
            ([0x80, 2, 0x4B, 1, 0x4B, 2, 0x61], "at byte 7: expected a list to append to, found another value"),
            ([0x80, 2, 0x5D, 0x4B, 1, 0x4B, 2, 0x73], "at byte 8: expected a dictionary to fill, found another value"),
            ([0x80, 2, 0x28, 0x4B, 1, 0x64], "at byte 6: expected keys and values in pairs, found 1 items"),
            ([0x80, 2, 0x4E, 0x4E, 0x52], "at byte 5: expected a tuple of arguments, found another value"),
            ([0x80, 2, 0x4E, 0x4E, 0x93], "at byte 5: expected a module and a name, found other values"),
        ] as [([UInt8], String)])
    func brokenPicklesSayWhereAndWhy(bytes: [UInt8], expected: String) {
        #expect(message { try parse(bytes) } == "m.pt: data.pkl \(expected)")
    }

    @Test func buffersElsewhereAreUnsupported() {
        #expect(
            message { try parse([0x80, 5, 0x97, 0x2E]) } == "m.pt: data.pkl: a pickle whose buffers lie elsewhere "
                + "(protocol 5, out of band) is not supported; save it with torch.save")
    }

    @Test(arguments: [[0x4E], [0x28], [0x4E] + [UInt8](repeating: 0x32, count: 10)] as [[UInt8]])
    func tooManyValuesAreRefused(bytes: [UInt8]) {
        let pickle = Bytes(copying: [0x80, 2] + [UInt8](repeating: bytes[0], count: 3) + bytes)
        #expect(
            message { try PickleMachine.parse(pickle, path: "m.pt", section: "data.pkl", limit: 3) }
                == "m.pt: data.pkl: its number of values is 4 or more, more than the limit of 3")
    }

    @Test func appendingOneByOneStaysLinear() throws {
        // 50 000 APPENDs: quadratic copying would take minutes.
        let items = [UInt8]([UInt8](repeating: 0, count: 50_000).flatMap { _ in [0x4E, 0x61] as [UInt8] })
        let graph = try parse([0x80, 2, 0x5D] + items + [0x2E])
        #expect(graph.sequence(graph.root)?.count == 50_000)
    }

    @Test func ofAKeySetTwiceTheLastValueCounts() throws {
        let graph = try parse(Array("}S'a'\nI1\nsS'b'\nI2\nsS'a'\nI3\ns.".utf8))
        let entries = try #require(graph.entries(graph.root))
        #expect(entries.map { graph.string($0.key) } == ["a", "b"])
        #expect(entries.map { graph.integer($0.value) } == [3, 2])
    }

    @Test func textForPeopleIsBoundedAndPrintable() throws {
        #expect(try value("S'a\\x1b[2Jb'\n.") == "\"a\\u{1b}[2Jb\"")
        // Ten levels of a list that holds the one below twice: 2¹⁰ leaves, shown in a bounded line.
        let bomb = "(lI1\na" + String(repeating: "p0\n0(lg0\nag0\na", count: 10) + "."
        #expect(try value(bomb).count <= 301)
    }
}
