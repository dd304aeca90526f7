// The images with masks that a network learns from, and those that judge it.

import Analyzer
import Engine
import Formats

/// Opened images with masks.
struct FineTuneData {
    /// Trained on, and validated on.
    let data: SegmentationData
    /// Judges the result; nil without test images.
    let test: SegmentationData?
    let preparation: ModelPreparation
    private let labels: LabelChoices

    /// Which images one training learns from and which choose its best epoch.
    struct Part {
        /// Counted from 1.
        let number: Int
        let training: [Int]
        let validation: [Int]
    }

    /// Opens everything and says what was found.
    init(
        _ paths: [String], images: TargetOptions, labels: LabelChoices, threads: Int, output: FineTuneOutput
    ) throws {
        self.labels = labels
        let scheme = try labels.classes.map { try LabelScheme(parsing: $0) }
        let target = try Self.opened(paths, images, output)
        data = try Self.labelled(target, scheme: scheme, output)
        preparation = ModelPreparation(images, imageChannels: target.imageShape.channels)
        try Self.show(data, title: "Images to learn from", output)
        let found: (paths: [String], options: TargetOptions, note: String?)?
        if labels.test.isEmpty {
            found = try SegmentationData.testPart(of: target)
        } else {
            var options = images
            // What the user names is all meant, unless it is a data set with parts.
            options.split = nil
            found = (labels.test, options, nil)
        }
        guard let found else {
            test = nil
            try output.warn("there are no test images: nothing tells how well the network does on cases it never saw")
            return
        }
        if let note = found.note { try output.say(["  note: \(note)"]) }
        var options = found.options
        // Every slice counts in a test, also those without content.
        options.dropsEmptySlices = false
        test = try Self.labelled(try Self.opened(found.paths, options, output), scheme: data.scheme, output)
        if let test { try Self.show(test, title: "Images to judge by", output) }
    }

    private static func opened(_ paths: [String], _ options: TargetOptions, _ output: FineTuneOutput) throws -> Target {
        try interruptible(output) { () throws(AnalyzerError) in
            try Target.open(paths, options: options, isCancelled: { Interrupt.isRequested }) {
                output.progress.update("reading images", done: $0, total: $1, unit: "files")
            }
        }
    }

    private static func labelled(
        _ target: Target, scheme: LabelScheme?, _ output: FineTuneOutput
    ) throws -> SegmentationData {
        try interruptible(output) { () throws(AnalyzerError) in
            try SegmentationData.open(target, scheme: scheme, isCancelled: { Interrupt.isRequested }) {
                output.progress.update("reading masks", done: $0, total: $1, unit: "files")
            }
        }
    }

    private static func interruptible<Value>(
        _ output: FineTuneOutput, _ body: () throws(AnalyzerError) -> Value
    ) throws -> Value {
        defer { output.progress.clear() }
        do throws(AnalyzerError) { return try body() } catch {
            guard case .cancelled = error else { throw error }
            throw ToolError.interrupted("stopped while the images were read; nothing was written")
        }
    }

    private static func show(_ data: SegmentationData, title: String, _ output: FineTuneOutput) throws {
        let report = data.preflight
        var facts = FactList()
        for fact in report.facts { facts.add(fact.title, fact.text) }
        var table = TextTable(
            report.header.enumerated().map { .init($1, $0 == 0 ? .left : .right, canShrink: $0 == 0) })
        for row in report.rows { table.add(row) }
        try output.say(title, facts.lines(for: .output) + [""] + output.lines(table))
        for warning in report.warnings { try output.warn(warning) }
    }

    /// A fingerprint of images and masks.
    var fingerprint: String { data.fingerprint }

    /// The trainings to be made: one, or one for each fold.
    func parts(seed: UInt64) throws -> [Part] {
        if let folds = labels.folds {
            return try data.folds(folds, seed: seed).enumerated().map { index, fold in
                Part(number: index + 1, training: fold.training, validation: fold.validation)
            }
        }
        let share = labels.validation ?? (test == nil && data.groupCount > 1 ? 0.2 : 0)
        guard share > 0 else { return [Part(number: 1, training: data.images, validation: [])] }
        let split = try data.split(validation: share, seed: seed)
        return [Part(number: 1, training: split.training, validation: split.validation)]
    }
}
