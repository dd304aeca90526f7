// Test and validation images that belong to a target's own layout.

import Formats

extension Target {
    /// Another part of the data set that this target is from.
    public struct Part: Sendable, Hashable {
        /// What to open, with ``options``.
        public let paths: [String]
        /// This target's options with the split that means the part.
        public let options: TargetOptions
        /// Where the part is, in words for the user.
        public let explanation: String
    }

    /// The labelled test (or validation) data that belong to this target, nil when there are none:
    /// - the part of the same name where the layout has one: nnU-Net's imagesTs with labelsTs, the Decathlon's test list
    ///   with labels, ACDC's `testing`, `images/` with `test` above or below;
    /// - else, for a folder named `train` (or `training`), its neighbour `test` (or `testing`).
    ///
    /// Only listings are read. A part that shares an image file with this target, or has no mask, does not count.
    public func labelledPart(_ split: TargetSplit) -> Part? {
        guard split == .test || split == .validation, options.split != .all, options.split != split else { return nil }
        guard summary.layout != .files, TargetFolder.isFolder(summary.place) else { return nil }
        var asked = options
        asked.split = split
        if isLabelled([summary.place], asked) {
            return Part(
                paths: [summary.place], options: asked,
                explanation: "the \(split.rawValue) images of \(summary.place) (\(summary.layout.rawValue))")
        }
        guard let neighbour = neighbour(split) else { return nil }
        asked.split = nil
        guard isLabelled([neighbour], asked) else { return nil }
        return Part(
            paths: [neighbour], options: asked,
            explanation: "the folder \(neighbour) beside \(summary.place)")
    }

    /// The folder of a split beside the folder of another.
    private func neighbour(_ split: TargetSplit) -> String? {
        var parts = summary.place.split(separator: "/", omittingEmptySubsequences: false).map { String($0) }
        while parts.count > 1, parts.last == "" || parts.last == "." { parts.removeLast() }
        guard let name = parts.popLast(), TargetSplit.train.folderNames.contains(name.lowercased()) else { return nil }
        // "train" alone is a path too: its parent is the folder in which the program runs.
        let parent = parts.isEmpty ? "." : parts == [""] ? "/" : parts.joined(separator: "/")
        guard let folder = try? TargetFolder(parent), let found = folder.folder(named: split.folderNames) else {
            return nil
        }
        return parts.isEmpty ? found : folder(found)
    }

    private func isLabelled(_ paths: [String], _ options: TargetOptions) -> Bool {
        guard let other = try? TargetListing(paths, options: options) else { return false }
        let own = Set(listing.cases.flatMap(\.images))
        return other.cases.contains { $0.mask != nil } && !other.cases.contains { !own.isDisjoint(with: $0.images) }
    }
}

extension SegmentationData {
    /// The test data that belong to a training target's own layout, opened with the training's classes; nil when there are
    /// none. See ``Target/labelledPart(_:)``.
    ///
    /// - Throws: as ``Target/open(_:options:isCancelled:progress:)`` and ``open(_:options:isCancelled:progress:)`` when
    ///   there are test data that cannot be used.
    public static func testData(
        of training: SegmentationData, isCancelled: @escaping @Sendable () -> Bool = { false },
        progress: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) throws(AnalyzerError) -> (data: SegmentationData, explanation: String)? {
        guard let part = training.target.labelledPart(.test) else { return nil }
        let target = try Target.open(part.paths, options: part.options, isCancelled: isCancelled)
        var options = training.options
        options.scheme = training.scheme
        options.use = .evaluation
        let data = try open(target, options: options, isCancelled: isCancelled, progress: progress)
        return (data, part.explanation)
    }
}
