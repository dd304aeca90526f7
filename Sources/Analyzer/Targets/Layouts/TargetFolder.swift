// A folder as the layouts see it: entries in natural order, the clutter of operating systems left out.

import Formats
import FoundationEssentials

/// A listed folder.
struct TargetFolder {
    let path: String
    /// Names of files, in natural order.
    let files: [String]
    /// Names of folders, in natural order.
    let folders: [String]

    /// Lists a folder. Hidden files, `._` copies of macOS, `.DS_Store` and `Thumbs.db` are left out.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` when it cannot be read.
    init(_ path: String) throws(AnalyzerError) {
        self.path = path
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: path) } catch {
            throw .format(FormatError(path, .system(action: "list the folder", detail: Self.reason(error))))
        }
        let visible = names.filter { !$0.hasPrefix(".") && $0.lowercased() != "thumbs.db" }
            .sorted(by: naturallyPrecedes)
        var (files, folders) = ([String](), [String]())
        for name in visible {
            if Self.isFolder("\(path)/\(name)") { folders.append(name) } else { files.append(name) }
        }
        (self.files, self.folders) = (files, folders)
    }

    /// The full path of an entry.
    func callAsFunction(_ name: String) -> String { path.hasSuffix("/") ? path + name : "\(path)/\(name)" }

    /// The folder whose name is one of these, whatever its case; the first of `names` that exists wins.
    func folder(named names: [String]) -> String? {
        for name in names {
            if let match = folders.first(where: { $0.lowercased() == name }) { return match }
        }
        return nil
    }

    static func isFolder(_ path: String) -> Bool {
        var isFolder: Bool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder
    }

    /// The folders in a folder; none when it cannot be listed.
    static func subfolders(of path: String) -> [String] {
        guard let listed = try? TargetFolder(path) else { return [] }
        return listed.folders.map { listed($0) }
    }

    static func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: path) }

    private static func reason(_ error: any Error) -> String {
        switch (error as? CocoaError)?.code {
        case .fileReadNoPermission: "permission denied"
        case .fileReadNoSuchFile, .fileNoSuchFile: "no such folder"
        default: "it cannot be read"
        }
    }
}

/// Names without their endings.
enum ImageName {
    private static let endings = [".nii.gz", ".hdr.gz", ".img.gz", ".nii", ".hdr", ".img", ".png", ".npy"]

    /// The file's name without folder and without the ending of an image format.
    static func stem(_ path: String) -> String {
        let name = path.split(separator: "/").last.map { String($0) } ?? path
        let lowered = name.lowercased()
        guard let ending = endings.first(where: { lowered.hasSuffix($0) }), ending.count < name.count else {
            guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return name }
            return String(name[..<dot])
        }
        return String(name.dropLast(ending.count))
    }

    /// The stem without what marks a mask (`_mask`, `_seg`, `_label`, `_gt`, `-mask`…), lower-cased for pairing.
    static func pairingStem(_ path: String) -> String {
        let stem = stem(path).lowercased()
        for mark in ["mask", "masks", "seg", "segmentation", "label", "labels", "gt"] {
            for separator in ["_", "-"] where stem.hasSuffix(separator + mark) && stem.count > mark.count + 1 {
                return String(stem.dropLast(mark.count + 1))
            }
        }
        return stem
    }

    /// Whether a name says that it is an image of ours; content decides later.
    static func hasEnding(_ name: String) -> Bool {
        let lowered = name.lowercased()
        return endings.contains { lowered.hasSuffix($0) }
    }
}
