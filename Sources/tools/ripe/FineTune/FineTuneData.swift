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
        let split: DataSplit
        var training: [Int] { split.training }
        var validation: [Int] { split.validation }
    }

    /// Opens everything and says what was found.
    init(
        _ paths: [String], images: TargetOptions, labels: LabelChoices, threads: Int, output: FineTuneOutput
    ) throws {
        self.labels = labels
        let scheme = try labels.classes.map { try LabelScheme(parsing: $0) }
        let target = try Self.opened(paths, images, output)
        data = try Self.labelled(target, scheme: scheme, use: .training, output)
        preparation = ModelPreparation(images, imageChannels: target.imageShape.channels)
        try Self.show(data, title: "Images to learn from", output)
        guard let place = Self.testPlace(labels.test, images, of: target) else {
            test = nil
            try output.warn("there are no test images: nothing tells how well the network does on cases it never saw")
            return
        }
        let judging = try Self.labelled(
            try Self.opened(place.paths, place.options, output), scheme: data.scheme, use: .evaluation, output)
        test = judging
        try Self.show(judging, title: "Images to judge by" + (place.note.map { ": \($0)" } ?? ""), output)
        if let warning = judging.overlap(with: data) { try output.warn(warning.message) }
    }

    /// What judges: what the user names, else the test part of the training images' own layout.
    private static func testPlace(
        _ named: [String], _ images: TargetOptions, of target: Target
    ) -> (paths: [String], options: TargetOptions, note: String?)? {
        guard named.isEmpty else {
            var options = images
            options.split = nil
            return (named, options, nil)
        }
        return target.labelledPart(.test).map { ($0.paths, $0.options, $0.explanation) }
    }

    private static func opened(_ paths: [String], _ options: TargetOptions, _ output: FineTuneOutput) throws -> Target {
        let progress = output.progress
        progress.restart()
        return try interruptible(output) { () throws(AnalyzerError) in
            try Target.open(paths, options: options, isCancelled: { Interrupt.isRequested }) {
                progress.update("reading images", done: $0, total: $1, unit: "files")
            }
        }
    }

    private static func labelled(
        _ target: Target, scheme: LabelScheme?, use: SegmentationDataOptions.Use, _ output: FineTuneOutput
    ) throws -> SegmentationData {
        var options = SegmentationDataOptions()
        options.scheme = scheme
        options.use = use
        let progress = output.progress
        progress.restart()
        return try interruptible(output) { () throws(AnalyzerError) in
            try SegmentationData.open(target, options: options, isCancelled: { Interrupt.isRequested }) {
                progress.update("reading masks", done: $0, total: $1, unit: "files")
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
        let report = data.report
        var table = TextTable(
            PreflightReport.columns.enumerated().map { .init($1, $0 == 0 ? .left : .right, canShrink: $0 == 0) })
        for row in report.rows { table.add(row) }
        try output.say(title, report.lines.map { "  " + printable($0) } + output.lines(table))
        for warning in report.warnings { try output.warn(warning.message) }
    }

    /// A fingerprint of images and masks.
    var fingerprint: String { data.contentHash.hexadecimal }

    /// The trainings to be made: one, or one for each fold.
    func parts(seed: UInt64) throws -> [Part] {
        if let folds = labels.folds {
            return try data.folds(folds, seed: seed).enumerated().map { Part(number: $0 + 1, split: $1) }
        }
        let share = labels.validation ?? (test == nil && Set(data.groups).count > 1 ? 0.2 : 0)
        return [Part(number: 1, split: try data.split(validation: share, seed: seed))]
    }
}
