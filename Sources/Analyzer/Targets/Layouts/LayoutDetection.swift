// From what the user names to cases: layouts are told by content, never by the folder's name.

import Formats

extension TargetListing {
    /// Lists the cases of a folder, a file or several files.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` for what is missing, unreadable, empty or ambiguous.
    init(_ paths: [String], options: TargetOptions) throws(AnalyzerError) {
        guard let first = paths.first else {
            throw .option(name: "--target", value: "", expected: "a folder or image files")
        }
        guard paths.count == 1, TargetFolder.isFolder(first) else {
            self = try FileLayout.listing(files: paths)
            return
        }
        self = try Self.listing(folder: first, options: options, depth: 0)
    }

    private static func listing(
        folder path: String, options: TargetOptions, depth: Int
    ) throws(AnalyzerError) -> TargetListing {
        let folder = try TargetFolder(path)
        if let layout = layout(of: folder) { return try listing(layout, folder, options) }
        if folder.files.contains(where: ImageName.hasEnding) { return try FileLayout.listing(folder: folder) }
        // A folder around the data set (`nnUNet_raw/Dataset…`) is opened when it holds just one.
        var inner: [(name: String, layout: TargetLayout)] = []
        for name in folder.folders {
            guard let child = try? TargetFolder(folder(name)) else { continue }
            let isFlat = child.files.contains(where: ImageName.hasEnding)
            if let layout = layout(of: child) ?? (isFlat ? .files : nil) { inner.append((name, layout)) }
        }
        if inner.count > 1 {
            let found = inner.prefix(4).map { "\($0.name) (\($0.layout.rawValue))" }.joined(separator: ", ")
            throw .format(
                FormatError(
                    path,
                    .unrecognized(found: "this holds \(inner.count) data sets: \(found)", advice: "give one of them")))
        }
        if let only = inner.first {
            return try listing(folder: folder(only.name), options: options, depth: depth + 1)
        }
        if folder.folders.count == 1, depth < 3 {
            return try listing(folder: folder(folder.folders[0]), options: options, depth: depth + 1)
        }
        throw .format(FormatError(path, nothingFound(in: folder)))
    }

    private static func layout(of folder: TargetFolder) -> TargetLayout? {
        if let description = try? DatasetDescription(folder) { return description.layout }
        if folder.folder(named: ["imagestr", "imagests"]) != nil { return .nnunet }
        if ACDCLayout.matches(folder) { return .acdc }
        return ImageFolderLayout.matches(folder) ? .imageFolders : nil
    }

    private static func listing(
        _ layout: TargetLayout, _ folder: TargetFolder, _ options: TargetOptions
    ) throws(AnalyzerError) -> TargetListing {
        var listing =
            switch layout {
            case .nnunet: try NnunetLayout(folder).listing(options)
            case .decathlon: try DecathlonLayout(folder).listing(options)
            case .acdc: try ACDCLayout.listing(folder, options)
            case .imageFolders: try ImageFolderLayout.listing(folder, options)
            case .files: try FileLayout.listing(folder: folder)
            }
        guard !listing.cases.isEmpty else { throw .format(FormatError(folder.path, nothingFound(in: folder))) }
        if Set(listing.cases.map(\.name)).count < listing.cases.count {
            let names = FileLayout.uniqueNames(listing.cases.map { $0.images.first ?? $0.name })
            for (index, name) in names.enumerated() { listing.cases[index].name = name }
        }
        listing.cases.sort { naturallyPrecedes($0.name, $1.name) }
        return listing
    }

    /// What a folder without images holds instead.
    static func nothingFound(in folder: TargetFolder) -> FormatError.Reason {
        var counts: [String: Int] = [:]
        for name in folder.files {
            let ending = name.lastIndex(of: ".").map { String(name[$0...]) } ?? "without ending"
            counts[ending, default: 0] += 1
        }
        let files = counts.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.prefix(3)
            .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
        let found =
            folder.files.isEmpty && folder.folders.isEmpty
            ? "the folder is empty"
            : "no images here (\(files.isEmpty ? "only folders: \(folder.folders.prefix(3).joined(separator: ", "))" : "\(files) files"))"
        return .unrecognized(
            found: found,
            advice: "give an nnU-Net, Decathlon or ACDC data set, a folder with images/, or NIfTI, PNG or .npy files")
    }
}
