// Folders for results.

import Formats
import FoundationEssentials

/// Makes a folder, and those above it, where there is none.
func makeFolder(_ path: String) throws(FormatError) {
    do { try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true) } catch {
        throw FormatError(
            path, .system(action: "make the folder", detail: "a file is in the way or it is read-only"))
    }
}
