// Looks through folders and patterns for files that are checkpoints by their content.

import Formats

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Collects checkpoint paths, each once.
struct CheckpointFinder {
    /// A checkpoint and the files that make it up.
    struct Found {
        let path: String
        let parts: [String]
    }

    private var paths: [String] = []
    private var seen: Set<String> = []
    private static let greatestDepth = 4

    /// What training code keeps beside the weights; never a model.
    private static let otherStates = [
        "optimizer", "scheduler", "scaler", "rng_state", "random_states", "training_args", "trainer_state",
    ]
    private static let extensions = [".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".hdf5", ".keras"]

    /// Adds what the user named: a file, a folder or a pattern.
    mutating func add(_ argument: String) throws(AnalyzerError) {
        if TargetFolder.isFolder(argument) {
            try addFolder(argument)
        } else if !TargetFolder.exists(argument), argument.contains(where: { "*?[".contains($0) }) {
            let matches = Self.matches(of: argument)
            guard !matches.isEmpty else {
                throw .noCheckpoints(place: argument, detail: "the pattern matches no file")
            }
            for match in matches {
                if TargetFolder.isFolder(match) {
                    try addFolder(match)
                } else if Self.isCheckpoint(match) {
                    insert(match)
                }
            }
        } else {
            insert(argument)
        }
    }

    /// The checkpoints found, the shards of an index folded into it.
    func withoutShards() -> [Found] {
        var shards: Set<String> = []
        var parts: [String: [String]] = [:]
        for path in paths {
            let files = Self.shards(of: path)
            parts[path] = files
            for file in files { shards.insert(Self.canonical(file)) }
        }
        return paths.filter { !shards.contains(Self.canonical($0)) }
            .map { Found(path: $0, parts: [$0] + (parts[$0] ?? [])) }
    }

    private mutating func insert(_ path: String) {
        if seen.insert(Self.canonical(path)).inserted { paths.append(path) }
    }

    private mutating func addFolder(_ folder: String) throws(AnalyzerError) {
        var entries = try Self.entries(of: folder)
        let before = paths.count
        addFiles(entries.files)
        for subfolder in entries.folders {
            let name = CheckpointName(subfolder)
            if name.epoch != nil || name.step != nil { addFiles(try Self.entries(of: subfolder).files) }
        }
        // Nothing here: look further down, level by level.
        var depth = 1
        while paths.count == before, depth < Self.greatestDepth, !entries.folders.isEmpty {
            var next: (files: [String], folders: [String]) = ([], [])
            for subfolder in entries.folders {
                let below = try Self.entries(of: subfolder)
                next.files += below.files
                next.folders += below.folders
            }
            addFiles(next.files)
            entries = next
            depth += 1
        }
    }

    private mutating func addFiles(_ files: [String]) {
        for file in files where Self.isCheckpoint(file) { insert(file) }
    }

    // MARK: Files

    /// Whether a file in a folder is worth opening: a checkpoint by its content, or by its extension where the content
    /// shows that something went wrong with it.
    private static func isCheckpoint(_ path: String) -> Bool {
        let name = path.split(separator: "/").last.map { $0.lowercased() } ?? ""
        if otherStates.contains(where: { name.hasPrefix($0) }) || name.contains("optim_states") { return false }
        let hasExtension = extensions.contains { name.hasSuffix($0) }
        guard let kind = try? FileKind.sniff(path) else { return hasExtension }
        return switch kind {
        case .safetensors, .pytorchZip, .pytorchLegacy, .hdf5, .kerasArchive, .npz, .shardIndex: true
        case .npy, .nifti1, .nifti2, .png, .gzip: false
        default: hasExtension
        }
    }

    /// The files that an index names, beside it; none for other files.
    private static func shards(of path: String) -> [String] {
        guard path.hasSuffix(".json"), let bytes = try? Bytes(mapping: path),
            let members = (try? JSON(bytes, path: path, section: "index"))?["weight_map"]?.members
        else { return [] }
        let folder = path.split(separator: "/", omittingEmptySubsequences: false).dropLast().joined(separator: "/")
        let names = members.flatMap { $0.value.array?.compactMap(\.string) ?? [$0.value.string].compactMap(\.self) }
        return Set(names).sorted().map { folder.isEmpty ? $0 : "\(folder)/\($0)" }
    }

    // MARK: Folders

    /// The paths of the visible files and folders in a folder, by natural name, without files that are being written.
    private static func entries(of folder: String) throws(AnalyzerError) -> (files: [String], folders: [String]) {
        let listed = try TargetFolder(folder)
        let files = listed.files.filter { !$0.contains(".tmp-") }
        return (files.map { listed($0) }, listed.folders.map { listed($0) })
    }

    /// The paths that a shell pattern matches, by natural name.
    private static func matches(of pattern: String) -> [String] {
        var result = glob_t()
        defer { globfree(&result) }
        guard glob(pattern, 0, nil, &result) == 0 else { return [] }
        return (0..<Int(result.gl_pathc)).compactMap { result.gl_pathv[$0].map { String(cString: $0) } }
            .sorted(by: naturallyPrecedes)
    }

    /// The path with links resolved, or as it is where it leads nowhere.
    private static func canonical(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }
}
