// The `ripe` command: its root, its start and its end.

import Analyzer
import ArgumentParser
import Engine
import Glibc

/// The root command; one subcommand per file.
struct Ripe: ParsableCommand {
    /// The version of the program, of libripe and of the Python package.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "ripe",
        abstract: "Score, choose, fine-tune and convert pretraining checkpoints for medical image segmentation.",
        discussion: """
            Exit codes: 0 done; 1 failed, or some checkpoints were excluded (the rest is scored and written); 3 'ripe watch' advises to stop; 64 wrong usage; \
            130 stopped by Ctrl-C.
            """,
        version: version,
        subcommands: [
            Score.self, Pick.self, Watch.self, FineTune.self, Run.self, Report.self, Predict.self, Convert.self,
            Diff.self,
            Inspect.self,
            Features.self, Gradients.self, Bench.self, Doctor.self,
        ])

    func run() throws {
        try Console.write([
            "Ripe scores the checkpoints of a pretraining on the images that you want to segment, without labels and without",
            "training. It says which one to take and how sure that is, and fine-tunes only that one.",
            "",
            "  ripe score RUNS --target IMAGES          score a folder of checkpoints, show the curve, recommend one",
            "  ripe watch RUNS --target IMAGES          the same while pretraining still runs; says when to stop",
            "  ripe run RUNS --target TRAIN --out DIR   score, then fine-tune the recommended one and evaluate it",
            "",
            "'ripe --help' lists all commands, such as convert, predict and inspect; 'ripe help score' explains one.",
            "'ripe doctor' checks this machine.",
        ])
    }
}

/// Parses, runs, and turns every ending into one line and an exit code.
package enum Start {
    /// What the program does.
    package static func main() {
        FileSignals.install()
        ProcessMemory.keepFreed()
        do {
            var command = try Ripe.parseAsRoot()
            if (command as? any RunsNetworks)?.runsNetworks == true { ThreadWaiting.makeBrief() }
            try command.run()
        } catch {
            exit(end(error))
        }
    }

    /// How to ask for help on the command that was meant.
    private static var helpCommand: String {
        let names = Ripe.configuration.subcommands.map { $0._commandName }
        guard let word = CommandLine.arguments.dropFirst().first, names.contains(word) else { return "ripe --help" }
        return "ripe help \(word)"
    }

    /// Says why a command ended and returns its exit code. Help and version end a command too, well.
    private static func end(_ error: any Error) -> Int32 {
        if case .option? = error as? AnalyzerError { return end(ToolError.usage("\(error)")) }
        if let error = error as? ToolError {
            if !error.description.isEmpty { Console.note("ripe: \(error)") }
            return error.exitCode
        }
        let code = Ripe.exitCode(for: error)
        let text = Ripe.message(for: error)
        if code.isSuccess {
            do { try Console.write(text) } catch { return end(error) }
        } else if code == .validationFailure {
            Console.note("ripe: \(text) (see '\(helpCommand)')")
        } else {
            Console.note("ripe: \(text)")
        }
        return code.rawValue
    }
}
