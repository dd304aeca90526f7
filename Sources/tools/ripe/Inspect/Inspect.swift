// `ripe inspect`: what a file is and what it holds.

import ArgumentParser

/// Says what a checkpoint or image file is, without running anything in it.
struct Inspect: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what a checkpoint or image file is and what it holds.")

    @Argument(
        help: "A checkpoint, a shard index, a NIfTI volume or a PNG image; known by content, not by name.",
        completion: .file())
    var file: String

    @Flag(help: "Print JSON and nothing else.")
    var json = false

    func run() throws {
        throw ToolError.failure("not there yet")
    }
}
