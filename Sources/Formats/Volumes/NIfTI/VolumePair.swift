// Names of the two files of a .hdr/.img pair.

import FoundationEssentials

/// Finds and forms the names of a pair's files.
enum VolumePair {
    /// One of the two files.
    enum Kind {
        case header, voxels

        var stem: String { self == .header ? "hdr" : "img" }
    }

    /// The existing file that completes a pair with `path`, its extension in either case and gzipped or not.
    static func partner(of path: String, kind: Kind) -> String? {
        let base = basePath(path)
        let candidates = ["", ".gz"].flatMap { suffix in
            [kind.stem, kind.stem.uppercased()].map { "\(base).\($0)\(suffix)" }
        }
        return candidates.first { $0 != path && FileManager.default.fileExists(atPath: $0) }
    }

    /// The path without `.hdr`, `.img` or such, and without `.gz`.
    static func basePath(_ path: String) -> String {
        var base = path[...]
        for suffix in [".gz", ".hdr", ".img"] where base.lowercased().hasSuffix(suffix) {
            base = base.dropLast(suffix.count)
        }
        return String(base)
    }
}

/// The files that make up a volume.
public enum VolumeFiles {
    /// The file itself and, for a `.hdr`, the voxel file beside it.
    public static func all(of path: String) -> [String] {
        let lowered = path.lowercased()
        guard lowered.hasSuffix(".hdr") || lowered.hasSuffix(".hdr.gz"),
            let voxels = VolumePair.partner(of: path, kind: .voxels)
        else { return [path] }
        return [path, voxels]
    }
}
