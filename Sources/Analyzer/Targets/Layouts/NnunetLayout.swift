// nnU-Net's raw data: imagesTr/{case}_{XXXX}{ending}, labelsTr/{case}{ending}, imagesTs
// (nnUNet documentation/dataset_format.md).

import Formats

/// Lists an nnU-Net data set.
struct NnunetLayout {
    private let folder: TargetFolder
    private let description: DatasetDescription?
    private let ending: String

    init(_ folder: TargetFolder) throws(AnalyzerError) {
        self.folder = folder
        description = try DatasetDescription(folder)
        ending = description?.fileEnding ?? ".nii.gz"
    }

    func listing(_ options: TargetOptions) throws(AnalyzerError) -> TargetListing {
        var listing = TargetListing(layout: .nnunet, place: folder.path, cases: [])
        if ![".nii.gz", ".nii", ".png", ".npy"].contains(ending.lowercased()) {
            throw .format(
                FormatError(
                    description?.path ?? folder.path,
                    .unsupported(feature: "file_ending '\(ending)'", advice: "convert the images to .nii.gz or .png")))
        }
        if let note = description?.windowNote, options.preparation.normalization == .automatic {
            listing.notes.append(note)
        }
        if let named = description?.json["dataset"]?.members, !named.isEmpty {
            try listNamedCases(named, options, into: &listing)
            return listing
        }
        for part in try parts(options, into: &listing) { try list(part, options, into: &listing) }
        return listing
    }

    /// A folder of images and that of their labels.
    private struct Part {
        let images: String
        let labels: String
    }

    /// The parts that a split stands for; training data unless said otherwise.
    private func parts(_ options: TargetOptions, into listing: inout TargetListing) throws(AnalyzerError) -> [Part] {
        try options.refuseValidation(in: listing.layout)
        let training = folder.folder(named: ["imagestr"]).map { Part(images: $0, labels: "labelsTr") }
        let test = folder.folder(named: ["imagests"]).map { Part(images: $0, labels: "labelsTs") }
        let asked: [Part?] =
            switch options.split {
            case nil: [training ?? test]
            case .train: [training]
            case .test: [test]
            case .all: [training, test]
            case .validation: []
            }
        let found = asked.compactMap { $0 }
        guard !found.isEmpty else {
            throw .format(
                FormatError(
                    folder.path,
                    .invalid(
                        section: "nnU-Net data set",
                        expected: options.split == .test ? "a folder imagesTs" : "a folder imagesTr",
                        found: folder.folders.isEmpty ? "no folder" : folder.folders.joined(separator: ", "))))
        }
        if options.split == nil, training == nil { listing.notes.append("there is no imagesTr: imagesTs is used") }
        return found
    }

    private func list(
        _ part: Part, _ options: TargetOptions, into listing: inout TargetListing
    ) throws(AnalyzerError) {
        let images = try TargetFolder(folder(part.images))
        var channels: [String: [Int: String]] = [:]
        var odd: [String] = []
        for name in images.files {
            if let (identity, channel) = split(name) {
                channels[identity, default: [:]][channel] = images(name)
            } else {
                odd.append(name)
            }
        }
        listing.note(odd, "left out of \(part.images), not named {case}_0000\(ending)")
        let labels = folder.folder(named: [part.labels.lowercased()])
        let masks = try labels.map { (name) throws(AnalyzerError) in try TargetFolder(folder(name)) }
        var unlabelled: [String] = []
        for (identity, files) in channels.sorted(by: { naturallyPrecedes($0.key, $1.key) }) {
            let chosen = try options.channels.map { (channel) throws(AnalyzerError) in
                try file(files, channel: channel, of: identity, in: images)
            }
            let mask = masks.flatMap { folder in
                folder.files.contains(identity + ending) ? folder(identity + ending) : nil
            }
            if mask == nil, masks != nil { unlabelled.append(identity) }
            listing.cases.append(
                ListedCase(name: identity, images: chosen, channelCount: files.count, mask: mask))
        }
        listing.note(unlabelled, "cases without a label file in \(part.labels)")
        let orphans = (masks?.files ?? []).filter {
            $0.hasSuffix(ending) && channels[String($0.dropLast(ending.count))] == nil
        }
        listing.note(orphans, "label files in \(part.labels) without an image")
    }

    /// `{case}_{XXXX}{ending}` taken apart; nil for other names.
    private func split(_ name: String) -> (identity: String, channel: Int)? {
        guard name.hasSuffix(ending) else { return nil }
        let stem = name.dropLast(ending.count)
        let digits = stem.suffix(4)
        let identity = stem.dropLast(5)
        guard digits.count == 4, digits.allSatisfy({ $0.isASCII && $0.isNumber }), !identity.isEmpty,
            stem.dropLast(4).hasSuffix("_"), let channel = Int(digits)
        else { return nil }
        return (String(identity), channel)
    }

    private func file(
        _ files: [Int: String], channel: Int, of identity: String, in images: TargetFolder
    ) throws(AnalyzerError) -> String {
        guard let file = files[channel] else {
            let have = files.keys.sorted().map { "\($0)" }.joined(separator: ", ")
            throw .format(
                FormatError(
                    images.path,
                    .invalid(
                        section: "case \(identity)", expected: "a file for channel \(channel)",
                        found: "channel\(files.count == 1 ? "" : "s") \(have); choose with --channel")))
        }
        return file
    }

    /// Cases that dataset.json names one by one: `"dataset": {case: {images: […], label: …}}`.
    private func listNamedCases(
        _ members: [JSON.Member], _ options: TargetOptions, into listing: inout TargetListing
    ) throws(AnalyzerError) {
        func absolute(_ path: String) -> String { path.hasPrefix("/") ? path : folder(path) }
        for member in members {
            let images = (member.value["images"]?.array ?? []).compactMap { $0.string }.map(absolute)
            let chosen = try options.channels.map { (channel) throws(AnalyzerError) in
                try file(
                    Dictionary(uniqueKeysWithValues: images.enumerated().map { ($0.offset, $0.element) }),
                    channel: channel, of: member.key, in: folder)
            }
            listing.cases.append(
                ListedCase(
                    name: member.key, images: chosen, channelCount: images.count,
                    mask: member.value["label"]?.string.map(absolute)))
        }
    }
}
