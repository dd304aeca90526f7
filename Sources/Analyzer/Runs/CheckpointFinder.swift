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

    /// What a folder holds besides, and which of its folders were taken together.
    private(set) var notes: [String] = []
    private var paths: [String] = []
    private var seen: Set<String> = []
    private static let greatestDepth = 4

    /// What training code keeps beside the weights; never a model.
    private static let otherStates = [
        "optimizer", "scheduler", "scaler", "rng_state", "random_states", "training_args", "trainer_state",
    ]
    private static let extensions = [".pt", ".pth", ".ckpt", ".bin", ".safetensors", ".h5", ".hdf5", ".keras", ".onnx"]

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
    ///
    /// - Parameter graph: a file that is left out if others remain.
    func withoutShards(apartFrom graph: String? = nil) -> [Found] {
        var shards: Set<String> = []
        var parts: [String: [String]] = [:]
        for path in paths {
            let files = Self.shards(of: path)
            parts[path] = files
            for file in files { shards.insert(Self.canonical(file)) }
        }
        let wholes = paths.filter { !shards.contains(Self.canonical($0)) }
        let described = graph.map { graph in wholes.filter { Self.canonical($0) != Self.canonical(graph) } } ?? wholes
        return (described.isEmpty ? wholes : described).map { Found(path: $0, parts: [$0] + (parts[$0] ?? [])) }
    }

    private mutating func insert(_ path: String) {
        if seen.insert(Self.canonical(path)).inserted { paths.append(path) }
    }

    /// Adds the checkpoints of a folder and of its subfolders named after an epoch or step; where there are none, those of
    /// the folders below, level by level.
    private mutating func addFolder(_ folder: String) throws(AnalyzerError) {
        var level = [folder]
        for _ in 0..<Self.greatestDepth where !level.isEmpty {
            var runs: [String] = []
            var below: [String] = []
            for place in level {
                let entries = try Self.entries(of: place)
                var isRun = addFiles(entries.files)
                let steps = entries.folders.filter(Self.isNamedAfterStep)
                for step in steps where addFiles(try Self.entries(of: step).files) { isRun = true }
                if isRun { runs.append(place) }
                below += isRun ? entries.folders.filter { !steps.contains($0) } : entries.folders
            }
            if !runs.isEmpty {
                note(runs: runs, passedOver: below, of: folder)
                return
            }
            level = below
        }
    }

    /// Inserts what is a checkpoint and says whether anything is.
    private mutating func addFiles(_ files: [String]) -> Bool {
        let checkpoints = files.filter(Self.isCheckpoint)
        for file in checkpoints { insert(file) }
        return !checkpoints.isEmpty
    }

    private static func isNamedAfterStep(_ folder: String) -> Bool {
        let name = CheckpointName(folder.split(separator: "/").last.map { String($0) } ?? folder)
        return name.epoch != nil || name.step != nil
    }

    // MARK: Notes

    private mutating func note(runs: [String], passedOver: [String], of folder: String) {
        func list(_ folders: [String]) -> String {
            let names = folders.map { String($0.dropFirst(folder.count).drop { $0 == "/" }) }
            return names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", … \(names.count - 3) more" : "")
        }
        // One folder for each epoch is one run.
        let identities = Set(
            runs.map { run in
                run.split(separator: "/").map { String($0) }.filter { !Self.isNamedAfterStep($0) }
            })
        if identities.count > 1 {
            notes.append(
                "\(folder): the checkpoints of \(runs.count) folders are taken for one run (\(list(runs))); "
                    + "if they are several, give the folder of one")
        }
        var budget = 200
        let others = passedOver.flatMap { Self.holders(in: $0, depth: Self.greatestDepth - 1, budget: &budget) }
        if !others.isEmpty {
            let own = runs == [folder] ? "its own checkpoints are" : "the checkpoints in \(list(runs)) are"
            notes.append(
                "\(folder): only \(own) used, not those in \(list(others)); give a folder by itself to choose it")
        }
    }

    /// The folders at or below one that hold files which look like checkpoints, as far as a look into `budget` folders
    /// tells.
    private static func holders(in folder: String, depth: Int, budget: inout Int) -> [String] {
        guard budget > 0, let entries = try? entries(of: folder) else { return [] }
        budget -= 1
        let isHolder = entries.files.contains { file in
            extensions.contains { file.lowercased().hasSuffix($0) } && isCheckpoint(file)
        }
        if isHolder { return [folder] }
        guard depth > 1 else { return [] }
        return entries.folders.flatMap { holders(in: $0, depth: depth - 1, budget: &budget) }
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
        case .safetensors, .pytorchZip, .pytorchLegacy, .hdf5, .kerasArchive, .npz, .onnx, .shardIndex: true
        case .npy, .nifti1, .nifti2, .png, .gzip: false
        default: hasExtension
        }
    }

    /// The files that an index or an ONNX model names, beside it; none for other files.
    private static func shards(of path: String) -> [String] {
        if path.lowercased().hasSuffix(".onnx") {
            return ((try? Checkpoint.open(path)) as? ONNXCheckpoint)?.dataFiles ?? []
        }
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
