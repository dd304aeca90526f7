// `ripe pick`: the recommended path alone, for scripts.

import Analyzer
import ArgumentParser

/// Prints the path of the recommended checkpoint.
struct Pick: ParsableCommand, RunsNetworks {
    static let configuration = CommandConfiguration(
        abstract: "Print only the path of the recommended checkpoint, for scripts.",
        discussion: """
            Takes the options of 'ripe score' and the scores that it kept. The exit code is 1 when nothing can be recommended \
            (nothing is printed then), or when some checkpoints had to be left out.
            """)

    @OptionGroup var options: ScoreOptions

    func run() throws {
        Interrupt.install()
        let (report, files) = try options.report(isSilent: true)
        guard let pick = report.recommendation.pick else { throw ToolError.failure(report.recommendation.sentence) }
        try Console.write(report.candidates[pick].path)
        if let out = options.setup.out { try files.write(report, to: out) }
        if !report.excluded.isEmpty { throw ToolError.incomplete }
    }
}
