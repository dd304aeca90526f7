// Finds test data: `fixtures/` inside the project, and the reference data beside it that a user's clone does not have.

import FoundationEssentials

/// Where test data lies.
public enum TestData {
    /// The project's root folder.
    public static let root: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(3)
        return parts.joined(separator: "/")
    }()

    /// The project's own fixtures.
    public static var fixtures: String { root + "/fixtures" }

    /// Reference data beside the project, or nil where it is absent; tests that need it are skipped then.
    public static let shared: String? = {
        let path = root + "/../shared/data"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    /// What a skipped test says.
    public static let sharedMissing = "needs the reference data in ../shared, which is not beside this clone"

    /// The names in a folder, sorted.
    public static func files(in folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    }
}
