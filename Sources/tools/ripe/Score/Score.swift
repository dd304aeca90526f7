// `ripe score`: scores a sequence of checkpoints and recommends one.

import Analyzer
import ArgumentParser
import Formats

/// Scores checkpoints on target images.
struct Score: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Score a folder of checkpoints on target images and recommend one.",
        discussion: """
            Every checkpoint sees the same images, each in pairs of randomly jittered views; the score says how much closer \
            the features of two views of an image are than those of different images. Lower is better. No labels are needed.

            Checkpoints that cannot be scored are left out with the reason, and the exit code is then 1.
            """)

    @OptionGroup var options: ScoreOptions

    @Flag(help: "Print the content of scores.json and nothing else.")
    var json = false

    func run() throws {
        Interrupt.install()
        let (report, files) = try options.report(isSilent: json)
        let summary = ScoreSummary(report, isWritten: options.setup.out != nil)
        // First shown, then written: a disk that fills up must not take the table with it.
        try Console.write(json ? [report.json.text()] : summary.lines(for: .output))
        if let out = options.setup.out {
            try files.write(report, to: out)
            if !json { try Console.write(["", "Written to \(out): \(ResultFiles.closing)"]) }
        }
        if !report.excluded.isEmpty { throw ToolError.incomplete }
    }
}
