// A folder that goes away with the test.

import FoundationEssentials

struct TemporaryFolder: ~Copyable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/ripe-analyzer-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// Puts a copy of a file here, in a subfolder if the name has one.
    func copy(_ source: String, as name: String) throws {
        try makeFolder(of: name)
        try FileManager.default.copyItem(atPath: source, toPath: path + "/" + name)
    }

    /// Writes a file here.
    func write(_ bytes: [UInt8], as name: String) throws {
        try makeFolder(of: name)
        try Data(bytes).write(to: URL(filePath: path + "/" + name))
    }

    private func makeFolder(of name: String) throws {
        let folder = (path + "/" + name).split(separator: "/").dropLast().joined(separator: "/")
        try FileManager.default.createDirectory(atPath: "/" + folder, withIntermediateDirectories: true)
    }
}
