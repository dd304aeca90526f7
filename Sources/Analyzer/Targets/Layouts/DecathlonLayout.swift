// Medical Segmentation Decathlon: dataset.json lists the files; the channels are the fourth axis of each.

import Formats

/// Lists a Decathlon task (and, by its file names, data of nnU-Net's first version).
struct DecathlonLayout {
    private let folder: TargetFolder
    private let description: DatasetDescription?

    init(_ folder: TargetFolder) throws(AnalyzerError) {
        self.folder = folder
        description = try DatasetDescription(folder)
    }

    func listing(_ options: TargetOptions) throws(AnalyzerError) -> TargetListing {
        // nnU-Net's first version: `modality` here, one file a channel there.
        if let training = folder.folder(named: ["imagestr"]) {
            let files = try TargetFolder(folder(training)).files
            if !files.isEmpty, files.allSatisfy({ ImageName.stem($0).hasSuffix("_0000") }) {
                return try NnunetLayout(folder).listing(options)
            }
        }
        var listing = TargetListing(layout: .decathlon, place: folder.path, cases: [])
        if let note = description?.windowNote, options.preparation.normalization == .automatic {
            listing.notes.append(note)
        }
        try options.refuseValidation(in: .decathlon)
        let split = options.split ?? .train
        if split == .train || split == .all { try list("training", folderName: "imagesTr", into: &listing) }
        if split == .test || split == .all { try list("test", folderName: "imagesTs", into: &listing) }
        return listing
    }

    /// The entries of one list, or the files of its folder when dataset.json does not list them.
    private func list(_ key: String, folderName: String, into listing: inout TargetListing) throws(AnalyzerError) {
        let entries = (description?.json[key]?.array ?? []).compactMap { entry -> (image: String, label: String?)? in
            guard let image = entry.string ?? entry["image"]?.string else { return nil }
            return (resolved(image), entry["label"]?.string.map(resolved))
        }
        guard entries.isEmpty, let name = folder.folder(named: [folderName.lowercased()]) else {
            let missing = entries.filter { !TargetFolder.exists($0.image) }.map { ImageName.stem($0.image) }
            listing.note(missing, "listed in dataset.json but missing")
            for entry in entries where TargetFolder.exists(entry.image) {
                let mask = entry.label.flatMap { TargetFolder.exists($0) ? $0 : nil }
                listing.cases.append(ListedCase(name: ImageName.stem(entry.image), images: [entry.image], mask: mask))
            }
            return
        }
        let images = try TargetFolder(folder(name))
        for file in images.files where ImageName.hasEnding(file) {
            listing.cases.append(ListedCase(name: ImageName.stem(file), images: [images(file)]))
        }
    }

    /// `./imagesTr/x.nii.gz` as a path.
    private func resolved(_ path: String) -> String {
        path.hasPrefix("/") ? path : folder(path.hasPrefix("./") ? String(path.dropFirst(2)) : path)
    }
}
