// libripe.so as a C program uses it.

import Formats
import FoundationEssentials
import Glibc
import TestSupport
import Testing

@testable import Commands

@Suite struct PluginLibrary {
    private let folder: TemporaryFolder
    private static let root = TestData.fixtures + "/.."
    private static let header = root + "/Sources/tools/plugin/include"
    private static let checkpoints = [1, 3].map {
        TestData.fixtures + "/checkpoints/pytorch/model_state_dict_epoch_\($0).pt"
    }

    init() throws { folder = try TemporaryFolder() }

    /// Runs a command of the system and returns its code and what it printed.
    private func run(_ command: String) throws -> (code: Int32, text: String) {
        let log = folder.path + "/log"
        let status = command.withCString { command in
            var words: [UnsafeMutablePointer<CChar>?] = [
                strdup("/bin/sh"), strdup("-c"), strdup("{ \(String(cString: command)); } >'\(log)' 2>&1"), nil,
            ]
            defer { words.forEach { free($0) } }
            var process: pid_t = 0
            guard posix_spawn(&process, "/bin/sh", nil, nil, &words, environ) == 0 else { return Int32(-1) }
            var status: Int32 = 0
            waitpid(process, &status, 0)
            return status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        }
        return (status, String(decoding: try Data(contentsOf: URL(filePath: log)), as: UTF8.self))
    }

    /// The folder with the built products.
    private func products() throws -> String {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return bundle.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
    }

    private func builtExample() throws -> String {
        let program = folder.path + "/example"
        let products = try products()
        let built = try run(
            "$(command -v cc || command -v clang) -std=c11 -Wall -Wextra -Wpedantic -Werror -O1 -g -I'\(Self.header)' '\(Self.root)/Tests/Plugin/example.c' "
                + "-o '\(program)' -L'\(products)' -lripe-plugin -Wl,-rpath,'\(products)'")
        try #require(built.code == 0, "\(built.text)")
        return program
    }

    private var arguments: String {
        ([TestData.fixtures + "/target", folder.path + "/cache"] + Self.checkpoints).map { "'\($0)'" }.joined(
            separator: " ")
    }

    @Test(arguments: ["c -std=c99", "c -std=c11", "c++ -std=c++11", "c++ -std=c++20"])
    func theHeaderIsCAndCPlusPlus(language: String) throws {
        let words = language.split(separator: " ")
        let result = try run(
            "$(command -v cc || command -v clang) -x \(words[0]) \(words[1]) -Wall -Wextra -Wpedantic -Werror -fsyntax-only '\(Self.header)/ripe.h'"
        )
        #expect(result.text == "")
        #expect(result.code == 0)
    }

    @Test func aCProgramGetsTheTableAndThePickOfRipeScore() throws {
        let example = try run("'\(try builtExample())' \(arguments)")
        try #require(example.code == 0, "\(example.text)")
        let lines = example.text.split(separator: "\n").map { String($0) }
        let score = try Running(
            ["pick"] + Self.checkpoints + [
                "--target", TestData.fixtures + "/target", "--image-size", "32", "--draws", "1", "--no-cache",
            ]
        ).finish()
        try #require(lines.count == 4)
        #expect(lines[0].hasSuffix(" bytes of table"))
        #expect(lines[1].hasPrefix("stop "))
        #expect(lines[2] + "\n" == score.output)
        #expect(lines[3].contains("epoch"))
    }

    @Test func aSessionWritesTheReportAndNotTheArgumentsOfItsProgram() throws {
        let session = try PluginSession(options: [
            "--target", TestData.fixtures + "/target", "--image-size", "32", "--draws", "1", "--no-cache",
        ])
        _ = try session.score(TestData.fixtures + "/checkpoints/lightning/epoch=5-step=426.ckpt")
        try session.write(to: folder.path + "/out")
        let files = folder.contents.filter { !$0.hasPrefix("out/views/") }
        #expect(
            files == [
                "out", "out/report.html", "out/report.json", "out/run.json", "out/scores.csv", "out/scores.json",
                "out/scores.svg", "out/views",
            ])
        let record = try JSON(Bytes(mapping: folder.path + "/out/run.json"), path: "run.json", section: "content")
        let command = record["commands"]?.array?.first?["command"]?.array ?? []
        #expect(command.count == 1 && command.first?.string?.hasPrefix("libripe in ") == true)
    }

    @Test func wrongOptionsAreNamedAsTheCommandLineNamesThem() throws {
        let example = try run("'\(try builtExample())' /nonexistent /tmp x")
        #expect(example.code == 1)
        #expect(example.text.contains("ripe_open: /nonexistent"))
    }
}
