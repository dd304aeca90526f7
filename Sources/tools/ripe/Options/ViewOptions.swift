// What checkpoints are scored on: a target's images, or views that the user hands over.

import Analyzer
import ArgumentParser
import Formats

/// `--views`.
struct ViewOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Score exactly these views instead of a target: one .npy of 2×N×C×H×W, or given twice, one of N×C×H×W each; "
                + "float32, nothing added.",
            valueName: "file.npy"))
    var views: [String] = []

    func validate() throws {
        guard views.count <= 2 else { throw ValidationError("--views takes one file, or two") }
    }

    /// The given views, or nil when none are.
    func source() throws -> StoredViews? {
        guard let first = views.first else { return nil }
        let arrays = try views.map { try NumPy.readArray($0) }
        do throws(AnalyzerError) {
            return arrays.count == 2 ? try StoredViews(arrays[0], arrays[1]) : try StoredViews(arrays[0])
        } catch {
            throw ToolError.failure("\(arrays.count == 2 ? views.joined(separator: " and ") : first): \(error)")
        }
    }
}
