// Files that appear whole or not at all.

import FoundationEssentials
import Testing

@testable import Formats

@Suite struct AtomicFiles {
    private let folder =
        FileManager.default.temporaryDirectory.path + "/ripe-atomic-\(UInt64.random(in: 0...UInt64.max))"

    init() throws { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) }

    private var contents: [String] { (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] }

    @Test func nothingIsThereUntilTheCommit() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var file = try AtomicFile(folder + "/a.txt")
        try file.write("half")
        #expect(!contents.contains("a.txt"))
        try file.commit()
        #expect(contents == ["a.txt"])
    }

    @Test func aFileThatIsGivenUpLeavesNothing() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        func giveUp() throws {
            var file = try AtomicFile(folder + "/a.txt")
            try file.write("half")
        }
        try giveUp()
        #expect(contents == [])
    }

    @Test func devicesAndFoldersAreNotReplaced() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(
            throws: FormatError(
                "/dev/null", .system(action: "create", detail: "it is a device or pipe, not a file"))
        ) { try AtomicFile.write("x", to: "/dev/null") }
        #expect(throws: FormatError(folder, .system(action: "create", detail: "it is a folder"))) {
            try AtomicFile.write("x", to: folder)
        }
    }

    @Test func aLinkStaysALinkAndItsFileIsReplaced() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try AtomicFile.write("old", to: folder + "/real")
        try FileManager.default.createSymbolicLink(atPath: folder + "/link", withDestinationPath: folder + "/real")
        try AtomicFile.write("new", to: folder + "/link")
        #expect(try Data(contentsOf: URL(filePath: folder + "/real")) == Data("new".utf8))
        #expect(try FileManager.default.destinationOfSymbolicLink(atPath: folder + "/link").hasSuffix("/real"))
    }
}
