// The checkpoints of a pretraining run, found in folders, patterns and lists, in the order in which they were saved.

import Formats

/// A checkpoint file of a sequence.
public struct CheckpointFile: Sendable, Hashable {
    /// Where it is; for a sharded checkpoint, its index.
    public var path: String
    /// What tells it apart from the others: the file's name, with folders where names repeat.
    public var name: String
    /// The epoch, from the file's metadata or else from its name.
    public var epoch: Int?
    /// The optimizer step, likewise.
    public var step: Int?
    /// The files whose contents make it up, its own first.
    public var parts: [String]

    /// Describes a checkpoint file.
    public init(path: String, name: String, epoch: Int? = nil, step: Int? = nil, parts: [String]? = nil) {
        self.path = path
        self.name = name
        self.epoch = epoch
        self.step = step
        self.parts = parts ?? [path]
    }
}

/// A file that is left out of a sequence.
public struct ExcludedFile: Sendable, Hashable {
    /// Where it is.
    public var path: String
    /// What tells it apart.
    public var name: String
    /// Why, in words.
    public var reason: String

    /// Names a file and a reason.
    public init(path: String, name: String, reason: String) {
        self.path = path
        self.name = name
        self.reason = reason
    }
}

/// The checkpoints to compare, first saved first.
public struct CheckpointSequence: Sendable {
    /// What can be opened, ordered by epoch, step and natural name; files without an epoch come last.
    public let files: [CheckpointFile]
    /// What looks like a checkpoint, or was named, and cannot be opened.
    public let excluded: [ExcludedFile]
    /// What the user should know of how they were found: folders that were not looked into, folders taken together.
    public let notes: [String]

    /// Finds checkpoints and opens each for its epoch and step.
    ///
    /// A folder gives its checkpoint files and those of subfolders named after an epoch or step (`checkpoint-500/`); if
    /// there are none, those of deeper folders; ``notes`` says what that passed over or took together. Files in it that are
    /// no checkpoints (tables, logs, optimizer states) are passed over. A pattern (`*`, `?`, `[…]`) stands for the files and folders it matches. A file that was named is
    /// either opened or excluded with a reason. The shards of an index are one checkpoint; without it they are excluded.
    ///
    /// Epoch and step are what the file says inside, else what its name says (``CheckpointName/sequence(_:)``).
    ///
    /// - Parameter graph: a file that describes the network of all; it is a checkpoint only where there is no other.
    /// - Throws: ``AnalyzerError/noCheckpoints(place:detail:)`` when there is nothing to open.
    public static func find(
        _ arguments: [String], graph: String? = nil
    ) throws(AnalyzerError) -> CheckpointSequence {
        var finder = CheckpointFinder()
        for argument in arguments { try finder.add(argument) }
        let found = finder.withoutShards(apartFrom: graph)
        let names = distinctNames(found.map(\.path))
        var (opened, excluded) = open(found, names: names)
        // Only now, with all of them at hand, can Keras' numbered shards be told from numbered epochs.
        let shards = Shard.kerasShards(Dictionary(opened.map { ($0.path, $0.tensorNames) }) { first, _ in first })
        for (entry, name) in zip(found, names) {
            guard let shard = shards[entry.path] else { continue }
            excluded.append(ExcludedFile(path: entry.path, name: name, reason: shard.explanation))
        }
        opened.removeAll { shards[$0.path] != nil }
        let fromNames = CheckpointName.sequence(opened.map(\.path))
        let nameOf = Dictionary(zip(found.map(\.path), names)) { first, _ in first }
        let files = zip(opened, fromNames).map { entry, name in
            CheckpointFile(
                path: entry.path, name: nameOf[entry.path] ?? entry.path,
                epoch: entry.metadata.epoch ?? name.epoch, step: entry.metadata.step ?? name.step,
                parts: entry.parts)
        }
        guard !files.isEmpty || !excluded.isEmpty else {
            throw .noCheckpoints(
                place: arguments.joined(separator: ", "),
                detail: "looked for safetensors, PyTorch, Keras, NumPy and ONNX files")
        }
        return CheckpointSequence(files: files.sorted(by: precedes), excluded: excluded, notes: finder.notes)
    }

    /// A file that can be read, what makes it up, and its tensors where its name may be a shard's.
    private struct Opened {
        let path: String, parts: [String]
        let metadata: CheckpointMetadata
        let tensorNames: [String]
    }

    /// Opens what was found; what cannot be opened, or is one of several parts, is excluded.
    private static func open(
        _ found: [CheckpointFinder.Found], names: [String]
    ) -> (opened: [Opened], excluded: [ExcludedFile]) {
        var opened: [Opened] = []
        var excluded: [ExcludedFile] = []
        for (entry, name) in zip(found, names) {
            if let shard = Shard(entry.path), TargetFolder.exists(entry.path) {
                excluded.append(ExcludedFile(path: entry.path, name: name, reason: shard.explanation))
                continue
            }
            do throws(FormatError) {
                let reader = try Checkpoint.open(entry.path)
                let names = Shard.isKerasNamed(entry.path) ? reader.tensors.map(\.name) : []
                opened.append(
                    Opened(path: entry.path, parts: entry.parts, metadata: reader.metadata, tensorNames: names))
            } catch {
                let reason = error.path == entry.path ? "\(error.reason)" : "\(error)"
                excluded.append(ExcludedFile(path: entry.path, name: name, reason: reason))
            }
        }
        return (opened, excluded)
    }

    /// A sequence of known files, in order.
    public init(files: [CheckpointFile], excluded: [ExcludedFile] = [], notes: [String] = []) {
        self.files = files
        self.excluded = excluded
        self.notes = notes
    }

    /// A sequence of known files, put in the order of training and named so that their names are distinct.
    public init(sorting files: [CheckpointFile]) {
        let names = Self.distinctNames(files.map(\.path))
        let named = zip(files, names).map { file, name in
            var file = file
            file.name = name
            return file
        }
        self.init(files: named.sorted(by: Self.precedes))
    }

    /// By epoch, then step, then natural name; what is not known comes last.
    private static func precedes(_ left: CheckpointFile, _ right: CheckpointFile) -> Bool {
        let (leftEpoch, rightEpoch) = (left.epoch ?? .max, right.epoch ?? .max)
        if leftEpoch != rightEpoch { return leftEpoch < rightEpoch }
        let (leftStep, rightStep) = (left.step ?? .max, right.step ?? .max)
        if leftStep != rightStep { return leftStep < rightStep }
        return naturallyPrecedes(left.path, right.path)
    }

    /// The last part of each path, with as many folders before it as make the names distinct.
    static func distinctNames(_ paths: [String]) -> [String] {
        let parts = paths.map { $0.split(separator: "/").map { String($0) } }
        let deepest = parts.map(\.count).max() ?? 0
        for depth in stride(from: 1, through: deepest, by: 1) {
            let names = parts.map { $0.suffix(depth).joined(separator: "/") }
            if Set(names).count == Set(paths).count { return names }
        }
        return paths
    }
}
