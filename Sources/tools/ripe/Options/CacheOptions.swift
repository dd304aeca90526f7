// Where finished scores are kept for the next run.

import Analyzer
import ArgumentParser
import FoundationEssentials

/// `--cache` and `--no-cache`.
struct CacheOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Folder of finished scores; runs and machines may share it. (default: ripe/results in the user's cache folder)",
            valueName: "folder"),
        completion: .directory)
    var cache: String?

    @Flag(help: "Neither look up nor keep finished scores.")
    var noCache = false

    /// The cache, or nil when there is to be none or the default folder cannot be made.
    var folder: ScoreCache? {
        if noCache { return nil }
        if let cache { return ScoreCache(folder: cache) }
        let variables = ["HOME", "XDG_CACHE_HOME"].map { ($0, environment($0)) }
        let known = Dictionary(uniqueKeysWithValues: variables.compactMap { name, value in value.map { (name, $0) } })
        guard let folder = ScoreCache.defaultFolder(environment: known) else { return nil }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            Console.note(
                "ripe: finished scores are not kept: the folder \(folder) cannot be made; --cache names another")
            return nil
        }
        return ScoreCache(folder: folder)
    }
}
