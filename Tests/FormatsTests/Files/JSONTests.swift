// JSON: what is read, and what each mistake says.

import Testing

@testable import Formats

@Suite struct JSONTests {
    private func parse(_ text: String) throws -> JSON { try JSON(text, path: "c.json", section: "config.json") }

    @Test func valuesKeepTheirOrderAndTheTextOfNumbers() throws {
        let json = try parse(#" {"b": [1, -2.50, 1e0, true, null], "a": {"x": "y"}, "b": false} "#)
        #expect(json.members?.map(\.key) == ["b", "a", "b"])
        #expect(json["b"] == .bool(false))
        #expect(json["a"]?["x"]?.string == "y")
        let list = try #require(json.members?.first?.value.array)
        #expect(list == [.number("1"), .number("-2.50"), .number("1e0"), .bool(true), .null])
        #expect(list.map(\.int) == [1, nil, nil, nil, nil])
        #expect(list[2].double == 1)
    }

    @Test(arguments: [
        (#""\u0041\n\"\\\/""#, "A\n\"\\/"), (#""\ud83d\ude00""#, "😀"), (#""\ud83dx""#, "\u{FFFD}x"),
        (#""\ud83d\u0041""#, "\u{FFFD}A"), ("\"é\"", "é"), (#""\u0000""#, "\0"),
    ])
    func escapesAreResolved(text: String, expected: String) throws {
        #expect(try parse(text).string == expected)
    }

    @Test func pythonsExtraNumbersAreRead() throws {
        let list = try #require(try parse("[NaN, Infinity, -Infinity]").array)
        #expect(list[0].double?.isNaN == true)
        #expect(list[1].double == .infinity)
        #expect(list[2].double == -.infinity)
    }

    @Test(arguments: [
        ("", "config.json at byte 0: expected a value, found the end of the text"),
        ("{\"a\" 1}", "config.json at byte 5: expected ':', found '1'"),
        ("[1 2]", "config.json at byte 3: expected ',' or ']', found '2'"),
        ("[1,]", "config.json at byte 3: expected a value, found ']'"),
        ("{} {}", "config.json at byte 3: expected the end of the text, found '{'"),
        ("01", "config.json at byte 1: expected the end of the text, found '1'"),
        ("-", "config.json at byte 1: expected a value, found the end of the text"),
        ("\"a\nb\"", "config.json at byte 2: expected '\"' at a string's end, found byte 10"),
        ("\"\\x\"", "config.json at byte 2: expected an escape, found 'x'"),
        ("\"\\u00g0\"", "config.json at byte 5: expected a hexadecimal digit, found 'g'"),
        ("{\"a\":tru}", "config.json at byte 5: expected a value, found 't'"),
    ])
    func mistakesNameTheirPlace(text: String, expected: String) {
        #expect(message { try parse(text) } == "c.json: \(expected)")
    }

    @Test func invalidUTF8IsRefused() {
        let bytes = Bytes(copying: [UInt8(ascii: "\""), 0xFF, UInt8(ascii: "\"")])
        #expect(
            message { try JSON(bytes, path: "c.json", section: "config.json") }
                == "c.json: config.json at byte 1: expected UTF-8 text, found byte 255")
    }

    @Test func deepNestingIsRefusedWithoutExhaustingTheStack() throws {
        #expect(try parse(String(repeating: "[", count: 128) + String(repeating: "]", count: 128)).array?.count == 1)
        #expect(
            message { try parse(String(repeating: "[", count: 1_000_000)) }
                == "c.json: config.json: its nesting is deeper, more than the limit of 128 levels")
    }
}
