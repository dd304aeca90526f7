// Whether results can be written where they are to go, found out before the work.

import Formats
import FoundationEssentials
import Glibc

/// A folder for results.
struct OutputPlaces {
    private let folder: String
    private let overwrites: Bool
    private let inputs: Set<Identity>

    /// - Parameter inputs: files that must never be replaced.
    init(folder: String, overwrites: Bool = true, inputs: [String] = []) {
        self.folder = folder
        self.overwrites = overwrites
        self.inputs = Set(inputs.compactMap { Identity($0) })
    }

    /// Makes the folder and finds out whether files can be made in it.
    ///
    /// - Throws: ``FormatError`` with `.system`.
    func makeFolder() throws(FormatError) {
        do { try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true) } catch {
            throw FormatError(
                folder,
                .system(
                    action: "make the folder",
                    detail: TargetFolder.exists(folder) ? "a file of that name is in the way" : "name another place"))
        }
        guard access(folder, W_OK) == 0 else {
            throw FormatError(folder, .system(action: "write", detail: "the folder cannot be written; name another"))
        }
    }

    /// Refuses a file that is there already, and one that is an input even where others may be replaced.
    func check(_ path: String) throws(FormatError) {
        guard let found = Identity(path) else { return }
        guard overwrites else {
            throw FormatError(path, .system(action: "write", detail: "it exists; give --overwrite to replace it"))
        }
        guard !inputs.contains(found) else {
            throw FormatError(
                path, .system(action: "write", detail: "it is one of the images; choose another folder"))
        }
    }

    /// What tells a file from all others, by whatever name.
    private struct Identity: Hashable {
        let device: UInt
        let number: UInt

        init?(_ path: String) {
            var facts = stat()
            guard stat(path, &facts) == 0 else { return nil }
            device = UInt(facts.st_dev)
            number = UInt(facts.st_ino)
        }
    }
}
