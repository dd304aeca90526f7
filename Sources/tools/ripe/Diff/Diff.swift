// `ripe diff`: two checkpoints tensor by tensor, whatever their formats and names.

import ArgumentParser
import Formats

/// Compares two checkpoints.
struct Diff: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare two checkpoints tensor by tensor, across formats and naming dialects.",
        discussion: """
            Where most names differ and both networks are known (ResNet, VGG, Swin, ConvNeXt, EfficientNet, the paper's), the \
            second is translated to the names and layouts of the first. The exit code is 0 only if all tensors are equal \
            within --tolerance, which bounds the largest absolute or the largest relative difference of each.

            Examples:
              ripe diff epoch_20.pt epoch_20.safetensors
              ripe diff resnet50.pt resnet50.weights.h5 --tolerance 1e-6
            """)

    @Argument(help: "The first checkpoint.", completion: .file())
    var first: String

    @Argument(help: "The second checkpoint.", completion: .file())
    var second: String

    @Option(help: "The largest difference that counts as equal; 0 asks for equal numbers.")
    var tolerance = 0.0

    @Option(help: ArgumentHelp("Compare only tensors whose names match (in the first's names).", valueName: "glob"))
    var only: [String] = []

    @Flag(help: "List identical tensors too.")
    var all = false

    @Flag(help: "Print JSON and nothing else.")
    var json = false

    func validate() throws {
        guard tolerance >= 0, tolerance.isFinite else { throw ValidationError("--tolerance must be 0 or more") }
    }

    func run() throws {
        Interrupt.install()
        let pair = try ComparedPair(first, second, only: only)
        let comparison = try CheckpointComparison(pair.first, pair.second)
        let report = DiffReport(
            first: first, second: second, remark: pair.remark, differences: comparison.differences,
            tolerance: tolerance, listsAll: all)
        try Console.write(json ? [report.json.text()] : report.lines(for: .output))
        if !report.areEqual { throw ToolError.incomplete }
    }
}

/// The tensors of two checkpoints under common names.
private struct ComparedPair {
    let first: [DraftTensor], second: [DraftTensor]
    /// How the names were made common, if they were not.
    let remark: String?

    init(_ firstPath: String, _ secondPath: String, only: [String]) throws {
        let a = CheckpointDraft(try Checkpoint.open(firstPath))
        let b = CheckpointDraft(try Checkpoint.open(secondPath))
        let names = Set(a.tensors.map(\.name))
        var (one, other) = (a.tensors, b.tensors)
        var remark: String?
        // A norm or a head may have the same name in two dialects.
        if other.filter({ names.contains($0.name) }).count * 2 < other.count,
            let translated = Self.translated(a, b, firstPath, secondPath)
        {
            (one, other, remark) = translated
        }
        if !only.isEmpty {
            var rules = NameRules()
            rules.patterns = only
            one = try rules.apply(to: one, path: firstPath).tensors
            // What the second lacks is missing, not a mistake of the pattern.
            other = (try? rules.apply(to: other, path: secondPath).tensors) ?? []
        }
        (first, second, self.remark) = (one, other, remark)
    }

    /// Both in the first's dialect; nil when one of them is not a known network or the two are not the same.
    private static func translated(
        _ a: CheckpointDraft, _ b: CheckpointDraft, _ firstPath: String, _ secondPath: String
    ) -> ([DraftTensor], [DraftTensor], String)? {
        guard let source = try? DialectTranslation(a, to: .torchvision, path: firstPath).source,
            let one = try? DialectTranslation(a, to: source, path: firstPath),
            let other = try? DialectTranslation(b, to: source, path: secondPath)
        else { return nil }
        let remark =
            "\(secondPath) (\(other.network), \(other.source.rawValue)'s names) was translated to \(source.rawValue)'s"
        return (one.draft.tensors, other.draft.tensors, remark)
    }
}
