// images/ beside masks/, with train, val and test above or below.

import Formats

/// Lists folders of images with folders of masks.
enum ImageFolderLayout {
    private static let imageNames = ["images", "image", "imgs", "img"]
    private static let maskNames = [
        "masks", "mask", "labels", "label", "annotations", "annotation", "gt", "groundtruth", "ground_truth",
        "segmentations", "segmentation",
    ]
    private static let splits: [TargetSplit] = [.train, .validation, .test]

    /// Whether there is an images folder here or one level below a split.
    static func matches(_ folder: TargetFolder) -> Bool {
        if folder.folder(named: imageNames) != nil { return true }
        return splitFolders(folder).contains { name in
            (try? TargetFolder(folder(name)))?.folder(named: imageNames) != nil
        }
    }

    private static func splitFolders(_ folder: TargetFolder) -> [String] {
        splits.compactMap { folder.folder(named: $0.folderNames) }
    }

    static func listing(_ folder: TargetFolder, _ options: TargetOptions) throws(AnalyzerError) -> TargetListing {
        var listing = TargetListing(layout: .imageFolders, place: folder.path, cases: [])
        for (images, masks) in try pairs(folder, options) {
            try list(images: TargetFolder(images), masks: masks, place: folder.path, into: &listing)
        }
        return listing
    }

    /// Folders of images, each with that of its masks if there is one.
    private static func pairs(
        _ folder: TargetFolder, _ options: TargetOptions
    ) throws(AnalyzerError) -> [(images: String, masks: String?)] {
        let masks = folder.folder(named: maskNames)
        guard let images = folder.folder(named: imageNames) else {
            // train/images, train/masks
            return try chosen(splitFolders(folder), folder, options).map { (name) throws(AnalyzerError) in
                let part = try TargetFolder(folder(name))
                guard let images = part.folder(named: imageNames) else {
                    throw .format(
                        FormatError(
                            part.path,
                            .invalid(
                                section: "part '\(name)'", expected: "a folder images",
                                found: part.folders.isEmpty ? "no folder" : part.folders.joined(separator: ", "))))
                }
                return (part(images), part.folder(named: maskNames).map { part($0) })
            }
        }
        let inner = try TargetFolder(folder(images))
        let parts = splitFolders(inner)
        guard !parts.isEmpty, !inner.files.contains(where: ImageName.hasEnding) else {
            return [(folder(images), masks.map { folder($0) })]
        }
        // images/train, masks/train
        return try chosen(parts, inner, options).map { (name) throws(AnalyzerError) in
            let maskPart = masks.map { folder($0) + "/" + name }.flatMap { TargetFolder.isFolder($0) ? $0 : nil }
            return (inner(name), maskPart)
        }
    }

    /// The split's folders among those there are: training when nothing is asked for, else all.
    private static func chosen(
        _ names: [String], _ folder: TargetFolder, _ options: TargetOptions
    ) throws(AnalyzerError) -> [String] {
        let wanted = (options.split ?? .train).folderNames
        let found = names.filter { wanted.contains($0.lowercased()) }
        if options.split == .all || options.split == nil && found.isEmpty { return names }
        guard !found.isEmpty else {
            throw .format(
                FormatError(
                    folder.path,
                    .invalid(
                        section: "split '\(options.split?.rawValue ?? "")'",
                        expected: "a folder \(wanted.joined(separator: " or "))",
                        found: names.isEmpty ? "none" : names.joined(separator: ", "))))
        }
        return found
    }

    private static func list(
        images: TargetFolder, masks: String?, place: String, into listing: inout TargetListing
    ) throws(AnalyzerError) {
        let (files, others) = FileLayout.readable(images)
        listing.note(others, "left out of \(images.path.dropFirst(place.count + 1)), no NIfTI, PNG or .npy")
        var maskOf: [String: String] = [:]
        if let masks {
            let folder = try TargetFolder(masks)
            for name in folder.files { maskOf[ImageName.pairingStem(name)] = folder(name) }
        }
        let stems = FileLayout.uniqueNames(files.map { images($0) })
        var used: Set<String> = []
        var unpaired: [String] = []
        for (file, name) in zip(files, stems) {
            let key =
                maskOf[ImageName.stem(file).lowercased()] != nil
                ? ImageName.stem(file).lowercased() : ImageName.pairingStem(file)
            let mask = maskOf[key]
            if mask == nil { unpaired.append(name) } else { used.insert(key) }
            listing.cases.append(ListedCase(name: name, images: [images(file)], mask: mask))
        }
        guard masks != nil else { return }
        listing.note(unpaired, "images without a mask")
        let orphans = maskOf.keys.filter { !used.contains($0) }.sorted(by: naturallyPrecedes)
        listing.note(orphans, "masks without an image")
    }
}
