// ACDC: a folder for each patient with two labelled frames of the beating heart.

import Formats

/// Lists the ACDC challenge's folders.
enum ACDCLayout {
    /// Whether a folder holds `training` or `testing` with patients, or patients themselves.
    static func matches(_ folder: TargetFolder) -> Bool {
        if folder.folders.contains(where: isPatient) { return true }
        guard let name = folder.folder(named: ["training", "testing"]),
            let inner = try? TargetFolder(folder(name))
        else { return false }
        return inner.folders.contains(where: isPatient)
    }

    private static func isPatient(_ name: String) -> Bool {
        let digits = name.dropFirst("patient".count)
        return name.lowercased().hasPrefix("patient") && !digits.isEmpty
            && digits.allSatisfy { $0.isASCII && $0.isNumber }
    }

    static func listing(_ folder: TargetFolder, _ options: TargetOptions) throws(AnalyzerError) -> TargetListing {
        var listing = TargetListing(layout: .acdc, place: folder.path, cases: [])
        for name in try parts(folder, options) {
            let part = name.isEmpty ? folder : try TargetFolder(folder(name))
            for patient in part.folders where isPatient(patient) {
                try list(TargetFolder(part(patient)), patient: patient, into: &listing)
            }
        }
        return listing
    }

    /// The folders of the split: training unless said otherwise; "" for the folder itself.
    private static func parts(_ folder: TargetFolder, _ options: TargetOptions) throws(AnalyzerError) -> [String] {
        try options.refuseValidation(in: .acdc)
        if folder.folders.contains(where: isPatient) { return [""] }
        let training = folder.folder(named: ["training"])
        let testing = folder.folder(named: ["testing"])
        let parts: [String?] =
            switch options.split {
            case nil: [training ?? testing]
            case .train: [training]
            case .test: [testing]
            case .all: [training, testing]
            case .validation: []
            }
        let found = parts.compactMap { $0 }
        guard !found.isEmpty else {
            throw .format(
                FormatError(
                    folder.path,
                    .invalid(
                        section: "ACDC data set", expected: "a folder for '\(options.split?.rawValue ?? "train")'",
                        found: folder.folders.joined(separator: ", "))))
        }
        return found
    }

    private static func list(
        _ folder: TargetFolder, patient: String, into listing: inout TargetListing
    ) throws(AnalyzerError) {
        let images = folder.files.filter(ImageName.hasEnding)
        let frames = images.filter { ImageName.stem($0).contains("_frame") && !ImageName.stem($0).hasSuffix("_gt") }
        for name in frames {
            let stem = ImageName.stem(name)
            let mask = images.first { ImageName.stem($0) == stem + "_gt" }.map { folder($0) }
            listing.cases.append(ListedCase(name: stem, group: patient, images: [folder(name)], mask: mask))
        }
        guard frames.isEmpty, let all = images.first(where: { ImageName.stem($0).hasSuffix("_4d") }) else { return }
        for frame in keyFrames(folder) {
            let number = frame < 9 ? "0\(frame + 1)" : "\(frame + 1)"
            listing.cases.append(
                ListedCase(name: "\(patient)_frame\(number)", group: patient, images: [folder(all)], frame: frame))
        }
    }

    /// End diastole and end systole by Info.cfg (`ED: 1`, counted from 1), from 0; the first frame without it.
    private static func keyFrames(_ folder: TargetFolder) -> [Int] {
        guard folder.files.contains("Info.cfg"), let text = (try? Bytes(mapping: folder("Info.cfg")))?.utf8 else {
            return [0]
        }
        let frames = text.split(whereSeparator: \.isNewline).compactMap { line -> Int? in
            let parts = line.split(separator: ":")
            guard parts.count == 2, ["ED", "ES"].contains(parts[0].filter { !$0.isWhitespace }) else { return nil }
            return Int(parts[1].filter { !$0.isWhitespace }).map { $0 - 1 }
        }
        return frames.isEmpty ? [0] : frames
    }
}
