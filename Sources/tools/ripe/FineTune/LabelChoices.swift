// Options that say which images are learned from, which judge, and what their masks mean.

import Analyzer
import ArgumentParser

/// `--test`, `--validation`, `--folds`, `--classes`.
struct LabelChoices: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Images with masks that judge the result. (default: the data set's own test part, where it has one)",
            valueName: "path"),
        completion: .directory)
    var test: [String] = []

    @Option(
        help: ArgumentHelp(
            "The share of the cases that is set aside to choose the best epoch. (default: 0 with test images, else 0.2)",
            valueName: "share"))
    var validation: Double?

    @Option(help: ArgumentHelp("Cross-validation: train so many times, each on all other parts.", valueName: "k"))
    var folds: Int?

    @Option(
        help: ArgumentHelp(
            "What the values in the masks mean, the background first, 'ignore' for what does not count. "
                + "(default: the data set's description, else every value is a class)",
            valueName: "background=0,brain=1,…"))
    var classes: String?

    func validate() throws {
        guard validation.map({ $0 >= 0 && $0 < 1 }) ?? true else {
            throw ValidationError("--validation must be from 0 to below 1")
        }
        guard folds.map({ (2...100).contains($0) }) ?? true else {
            throw ValidationError("--folds must be from 2 to 100")
        }
        guard folds == nil || validation == nil else {
            throw ValidationError("--folds and --validation cannot go together: each fold is validated on its own part")
        }
    }
}
