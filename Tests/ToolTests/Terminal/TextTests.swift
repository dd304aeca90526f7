// Numbers, tables, bars and curves as text.

import Testing

@testable import Commands

private let plain = Terminal(isInteractive: false, width: 60, hasColors: false)

@Suite struct NumberTexts {
    @Test(arguments: [
        (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (99_949, "99.9 kB"), (99_951, "100 kB"), (999_949, "1000 kB"),
        (999_950, "1.0 MB"), (1_386_985, "1.4 MB"), (94_000_000_000, "94.0 GB"), (Int.max, "9.2 EB"),
    ])
    func sizesAreDecimalWithThreeFigures(count: Int, text: String) { #expect(byteSize(count) == text) }

    @Test(arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (25_557_032, "25,557,032"), (-1234, "-1,234")])
    func thousandsAreGrouped(count: Int, text: String) { #expect(grouped(count) == text) }

    @Test(arguments: [
        (0.4, "0 s"), (59.4, "59 s"), (60, "1 min 0 s"), (200, "3 min 20 s"), (7500, "2 h 05 min"), (-3, "0 s"),
    ])
    func timesAreWordsForPeople(seconds: Double, text: String) { #expect(duration(seconds: seconds) == text) }

    @Test func decimalsAreRoundedNotCut() {
        #expect(fixed(0.12996, 4) == "0.1300")
        #expect(fixed(1e300, 0).count == 301)
        #expect(significant(12.3456, 3) == "12.3")
        #expect(significant(1143.7, 3) == "1144")
        #expect(significant(10450, 4) == "10450")
        #expect(significant(-123_456_789, 3) == "-123456789")
        #expect(significant(0.000012345, 3) == "1.23e-05")
        #expect(fixed(.nan, 2) == "nan")
    }

    @Test func nounsFollowTheirCount() {
        #expect(counted(1, "tensor") == "1 tensor")
        #expect(counted(1200, "tensor") == "1,200 tensors")
        #expect(counted(2, "entry", "entries") == "2 entries")
    }
}

@Suite struct TextTables {
    @Test func columnsAlignAndLinesHaveNoTrailingBlanks() {
        var table = TextTable([.init("name"), .init("bytes", .right), .init("note")])
        table.add(["a", "1", ""])
        table.add(["longer", "1000", "x"])
        #expect(table.lines(for: plain) == ["name    bytes  note", "a           1", "longer   1000  x"])
        #expect(table.lines(for: plain, indent: 2)[1] == "  a           1")
    }

    @Test func aColumnThatMayShrinkGivesWayKeepingBothEnds() {
        var table = TextTable([.init("path", canShrink: true), .init("score", .right)])
        table.add([String(repeating: "a", count: 60) + "/epoch_20.pt", "0.25"])
        let line = table.lines(for: Terminal(isInteractive: true, width: 40, hasColors: false))[1]
        #expect(displayWidth(line) == 40)
        #expect(line.hasPrefix("aaa") && line.contains("…") && line.contains("/epoch_20.pt"))
    }

    @Test func coloursAppearOnlyWhereTheTerminalShowsThem() {
        var table = TextTable([.init("a")])
        table.add(["b"], style: .green)
        #expect(table.lines(for: plain) == ["a", "b"])
        let colors = Terminal(isInteractive: true, width: 60, hasColors: true)
        #expect(table.lines(for: colors) == ["\u{1B}[1ma\u{1B}[0m", "\u{1B}[32mb\u{1B}[0m"])
    }

    @Test func wideCharactersTakeTwoColumns() {
        #expect(displayWidth("脳") == 2)
        #expect(displayWidth("é…") == 2)
        #expect(shortened("abcdefghij", to: 6) == "ab…hij")
        #expect(shortened("abc", to: 6) == "abc")
    }
}

@Suite struct Curves {
    @Test func barsGrowByEighths() {
        #expect(bar(0, width: 4) == "")
        #expect(bar(1, width: 4) == "████")
        #expect(bar(0.53125, width: 4) == "██▏")
        #expect(bar(7, width: 2) == "██")
        #expect(bar(.nan, width: 2) == "")
    }

    @Test func theHighestPointIsAboveTheLowestAndThePickIsMarked() throws {
        let points = [(0.3, false), (0.1, true), (0.2, false)].enumerated().map { index, point in
            PlotPoint(label: "\(index)", value: point.0, error: 0, isPick: point.1)
        }
        let lines = TextPlot(points: points, axisTitle: "epoch").lines(for: plain)
        try #require(lines.count == 11)
        #expect(lines[0].hasPrefix("0.300 ┤ ●"))
        #expect(lines[8].hasPrefix("0.100 ┤") && lines[8].contains("◆"))
        #expect(lines[10].hasSuffix("2  epoch"))
    }

    @Test func theBandReachesOneErrorUpAndDown() throws {
        let points = [0, 1].map { PlotPoint(label: "\($0)", value: 0.5, error: 0.5, isPick: false) }
        let lines = TextPlot(points: points, axisTitle: "epoch").lines(for: plain)
        try #require(lines.count == 11)
        #expect(lines[0].contains("░") && lines[8].contains("░"))
        #expect(lines[4].contains("●"))
    }

    @Test func aPointThatDoesNotCountIsDrawnAtTheEdge() throws {
        let points = [
            PlotPoint(label: "0", value: 9, error: 0, counts: false), PlotPoint(label: "1", value: 0.2, error: 0),
            PlotPoint(label: "2", value: 0.1, error: 0),
        ]
        let lines = TextPlot(points: points, axisTitle: "epoch").lines(for: plain)
        try #require(lines.count == 11)
        #expect(lines[0].hasPrefix("0.200 ┤ ▲"))
        let colored = Terminal(isInteractive: true, width: 80, hasColors: true)
        #expect(TextPlot(points: points, axisTitle: "epoch").lines(for: colored)[0].contains("▲"))
        #expect(lines[0].contains("●") && lines[8].hasPrefix("0.100 ┤"))
    }

    @Test func fewerThanTwoNumbersMakeNoCurve() {
        let one = PlotPoint(label: "1", value: 1, error: 0, isPick: false)
        let none = PlotPoint(label: "2", value: .nan, error: 0, isPick: false)
        #expect(TextPlot(points: [one, none], axisTitle: "epoch").lines(for: plain) == [])
        #expect(TextPlot(points: [one, one], axisTitle: "epoch").lines(for: plain) == [])
    }

    @Test func moreCheckpointsThanColumnsStillFit() {
        let points = (0..<500).map { PlotPoint(label: "\($0)", value: Double($0 % 7), error: 1, isPick: $0 == 250) }
        let lines = TextPlot(points: points, axisTitle: "epoch").lines(for: plain)
        #expect(lines.dropLast().allSatisfy { displayWidth($0) <= 60 })
        #expect(lines.joined().contains("◆"))
    }
}

@Suite struct ProgressTexts {
    @Test func theLineSaysShareRateAndTimeLeft() {
        let text = ProgressLine.text("epoch_3.pt", done: 30, total: 120, unit: "images", seconds: 10)
        #expect(text == "epoch_3.pt  25 %  3 images/s  30 s left")
    }

    @Test func nothingIsPromisedBeforeThereIsARate() {
        #expect(ProgressLine.text("a", done: 0, total: 9, unit: "images", seconds: 5) == "a  0 %")
        #expect(ProgressLine.text("a", done: 0, total: 0, unit: "images", seconds: 5) == "a  0 %")
    }

    @Test func aTerminalGetsOneLineInPlaceAndAFileNone() {
        let terminalText = Recorder()
        let onTerminal = ProgressLine(
            terminal: Terminal(isInteractive: true, width: 40, hasColors: false), write: terminalText.record)
        onTerminal.update("a", done: 1, total: 2, unit: "images")
        onTerminal.update("a", done: 2, total: 2, unit: "images")  // Too soon: not shown.
        onTerminal.clear()
        #expect(terminalText.text == "\ra  50 %\u{1B}[K\r\u{1B}[K")

        let fileText = Recorder()
        let inFile = ProgressLine(terminal: plain, write: fileText.record)
        inFile.update("a", done: 1, total: 2, unit: "images")
        inFile.remark("epoch_1.pt scored")
        inFile.clear()
        #expect(fileText.text == "epoch_1.pt scored\n")
    }
}
