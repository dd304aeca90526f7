// The options that `ripe score` and `ripe pick` share.

import Analyzer
import ArgumentParser

/// Everything that leads to a recommendation.
struct ScoreOptions: ParsableArguments {
    @Argument(
        help: "Checkpoints: a folder, files, or a pattern; formats may be mixed.", completion: .file())
    var checkpoints: [String]

    @OptionGroup(title: "Images") var views: ViewOptions
    @OptionGroup(title: "Score") var choices: ScoringChoices
    @OptionGroup(title: "Network") var architecture: ArchitectureOptions

    @OptionGroup(title: "Computation") var threads: ThreadOptions

    @Option(help: "Images that go through the network together.")
    var batch = 8

    func validate() throws {
        guard (1...4096).contains(batch) else { throw ValidationError("--batch must be from 1 to 4096") }
    }
}
