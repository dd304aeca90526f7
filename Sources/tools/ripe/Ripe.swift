// The `ripe` command: its root and version.

import ArgumentParser

/// The root command; one subcommand per file.
@main
struct Ripe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ripe",
        abstract: "Score, choose and read pretraining checkpoints for medical image segmentation.",
        version: "0.1.0",
        subcommands: [])
}
