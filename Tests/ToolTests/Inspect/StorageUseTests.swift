// Shared and strided tensors of a checkpoint, and the words for them.

import Formats
import Testing

@testable import Commands

@Suite struct StorageUses {
    private func tensor(
        _ name: String, _ shape: Shape, key: String = "0", offset: Int = 0, strides: [Int]? = nil
    ) -> TensorInfo {
        TensorInfo(
            name: name, dtype: .float32, shape: shape,
            storage: .init(key: key, byteOffset: offset, byteCount: 1000), strides: strides)
    }

    @Test func tensorsOfTheirOwnStorageShareNothing() {
        let use = StorageUse([tensor("a", [2, 3], key: "0"), tensor("b", [4], key: "1")])
        #expect(use.tensorBytes == 40)
        #expect(use.sharedBytes == 0)
        #expect(use.sharingNames.isEmpty)
    }

    @Test func tiedWeightsAreCountedOnceAsShared() {
        let use = StorageUse([tensor("embed", [10]), tensor("head", [10]), tensor("other", [5], offset: 40)])
        #expect(use.tensorBytes == 100)
        #expect(use.sharedBytes == 40)
        #expect(use.sharingNames == ["embed", "head"])
    }

    @Test func overlappingSlicesShareTheirOverlap() {
        let use = StorageUse([tensor("all", [10]), tensor("tail", [4], offset: 24), tensor("beyond", [2], offset: 36)])
        #expect(use.sharedBytes == 16 + 4)
        #expect(use.sharingNames == ["all", "tail", "beyond"])
    }

    @Test func anExpandedTensorTakesOnlyTheBytesItReaches() {
        #expect(tensor("expanded", [100, 3], strides: [0, 1]).span == 0..<12)
        #expect(tensor("transposed", [2, 6], offset: 8, strides: [1, 2]).span == 8..<56)
        #expect(tensor("empty", [0, 6], offset: 8).span == 8..<8)
    }

    @Test func layoutsAreNamed() {
        #expect(tensor("a", [2, 3, 4, 5]).layout == "contiguous")
        #expect(tensor("a", [2, 3, 4, 5], strides: [60, 1, 15, 3]).layout == "channels last")
        #expect(tensor("a", [2, 6], strides: [1, 2]).layout == "strides 1,2")
    }

    @Test func hostileStridesDoNotTrap() {
        let hostile = tensor("a", [.max, .max], offset: .max, strides: [.max, .max])
        #expect(StorageUse([hostile, hostile]).tensorBytes == 0)
    }
}

@Suite struct JSONTexts {
    @Test func smallValuesStayOnOneLineAndLargeOnesGetALineEach() {
        let small = JSON.object(["a": .integer(1), "b": nil, "c": .strings(["x", "y"])])
        #expect(small.text() == #"{"a": 1, "c": ["x", "y"]}"#)
        let words = (10..<50).map { "w\($0)" }
        let large = JSON.object(["list": .strings(words), "end": .bool(true)])
        #expect(large.text().hasPrefix("{\n \"list\": [\n  \"w10\",\n  \"w11\","))
        #expect(large.text().hasSuffix("  \"w49\"\n ],\n \"end\": true\n}"))
    }

    @Test func listsOfNumbersStayOnOneLineHoweverLong() {
        let line = JSON.integers(Array(1...1000)).text()
        #expect(!line.contains("\n") && line.hasPrefix("[1, 2, ") && line.hasSuffix(", 1000]"))
    }

    @Test func stringsAreEscapedAndReadBack() throws {
        let value = JSON.object(["quote \"\\": .string("tab\t line\n bell\u{7} ü 脳")])
        #expect(value.text() == #"{"quote \"\\": "tab\t line\n bell\u0007 ü 脳"}"#)
        #expect(try JSON(value.text(), path: "p", section: "s") == value)
    }

    @Test func numbersWithoutAJSONFormAreNull() {
        #expect(JSON.real(.nan).text() == "null")
        #expect(JSON.real(0.1).text() == "0.1")
        #expect(JSON.real(1e-300).text() == "1e-300")
    }
}

@Suite struct FactLists {
    @Test func titlesAlignAndLongTextsWrapUnderTheirBeginning() {
        var facts = FactList()
        facts.add("network", "aaaa bbbb cccc dddd eeee ffff gggg")
        facts.add("nothing", nil)
        facts.add("in", "x")
        let lines = facts.lines(for: Terminal(isInteractive: false, width: 36, hasColors: false))
        #expect(lines == ["  network  aaaa bbbb cccc dddd eeee", "           ffff gggg", "  in       x"])
    }
}
