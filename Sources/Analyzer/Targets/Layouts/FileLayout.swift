// A plain folder or a list of image files.

import Formats

/// Lists image files.
enum FileLayout {
    /// All images of a folder, not of folders within.
    static func listing(folder: TargetFolder) throws(AnalyzerError) -> TargetListing {
        let (files, others) = readable(folder)
        var listing = listing(paths: files.map { folder($0) }, place: folder.path)
        listing.note(others, "left out, no NIfTI, PNG or .npy")
        guard !listing.cases.isEmpty else {
            throw .format(FormatError(folder.path, TargetListing.nothingFound(in: folder)))
        }
        return listing
    }

    /// Files that the user (or a glob of the shell) names.
    static func listing(files: [String]) throws(AnalyzerError) -> TargetListing {
        for path in files where !TargetFolder.exists(path) {
            throw .format(FormatError(path, .system(action: "open", detail: "no such file or folder")))
        }
        if let folder = files.first(where: TargetFolder.isFolder) {
            throw .format(
                FormatError(
                    folder,
                    .unrecognized(
                        found: "this is a folder among \(files.count) paths", advice: "give one folder, or files only"))
            )
        }
        let kept = files.filter { !isVoxelFile($0, among: files) }
        return listing(paths: kept, place: files.count == 1 ? files[0] : "\(files.count) files")
    }

    private static func listing(paths: [String], place: String) -> TargetListing {
        let sorted = paths.sorted(by: naturallyPrecedes)
        let names = uniqueNames(sorted)
        let cases = zip(sorted, names).map { ListedCase(name: $1, images: [$0]) }
        return TargetListing(layout: .files, place: place, cases: cases)
    }

    /// The names of files with an image's ending, and of the others.
    static func readable(_ folder: TargetFolder) -> (images: [String], others: [String]) {
        let images = folder.files.filter { ImageName.hasEnding($0) && !isVoxelFile($0, among: folder.files) }
        let taken = Set(images)
        return (images, folder.files.filter { !taken.contains($0) && !ImageName.hasEnding($0) })
    }

    /// Whether a file is the voxel half of a pair whose header is there too.
    private static func isVoxelFile(_ path: String, among files: [String]) -> Bool {
        let lowered = path.lowercased()
        guard lowered.hasSuffix(".img") || lowered.hasSuffix(".img.gz") else { return false }
        let stem = path.dropLast(lowered.hasSuffix(".gz") ? 7 : 4)
        return files.contains {
            [".hdr", ".hdr.gz"].contains($0.dropFirst(stem.count).lowercased()) && $0.hasPrefix(stem)
        }
    }

    /// Names that tell files apart and do not depend on where they lie: stems, with endings and as many of the folders
    /// above as it takes.
    static func uniqueNames(_ paths: [String]) -> [String] {
        let parts = paths.map { path in path.split(separator: "/").map { String($0) } }
        for folders in 0..<max(parts.map(\.count).max() ?? 1, 1) {
            for keepsEnding in [false, true] {
                let names = zip(paths, parts).map { path, parts in
                    let name = keepsEnding ? parts.last ?? path : ImageName.stem(path)
                    return (parts.dropLast().suffix(folders) + [name]).joined(separator: "/")
                }
                if Set(names).count == names.count { return names }
            }
        }
        return paths
    }
}
