// Folders that results go to.

import Glibc

/// A folder named by `--out`.
enum OutputFolder {
    /// Finds out before the work whether its results can be written.
    static func check(_ path: String) throws {
        var facts = stat()
        if stat(path, &facts) == 0 {
            guard facts.st_mode & S_IFMT == S_IFDIR else {
                throw ToolError.failure("--out \(path): a file is in the way; name a folder")
            }
            guard access(path, W_OK) == 0 else {
                throw ToolError.failure("--out \(path): the folder cannot be written; name another")
            }
            return
        }
        // What does not exist yet is made at the end, inside the nearest folder that does.
        let parent = path.split(separator: "/", omittingEmptySubsequences: true).dropLast().joined(separator: "/")
        let above = path.hasPrefix("/") ? "/" + parent : parent.isEmpty ? "." : parent
        if above != path { try check(above) }
    }
}
