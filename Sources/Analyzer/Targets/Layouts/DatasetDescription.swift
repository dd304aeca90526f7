// dataset.json: the file that nnU-Net and the Decathlon keep beside their images.

import Formats

/// A parsed dataset.json.
struct DatasetDescription {
    let json: JSON
    let path: String

    /// Reads the folder's dataset.json; nil when there is none.
    init?(_ folder: TargetFolder) throws(AnalyzerError) {
        guard folder.files.contains("dataset.json") else { return nil }
        path = folder("dataset.json")
        do throws(FormatError) {
            json = try JSON(Bytes(mapping: path), path: path, section: "dataset.json")
        } catch { throw .format(error) }
        guard json.members != nil else {
            throw .format(
                FormatError(
                    path,
                    .invalid(
                        section: "dataset.json", expected: "an object with channel_names or modality",
                        found: "no object")))
        }
    }

    /// nnU-Net has `channel_names`, the Decathlon (and nnU-Net's first version) `modality`.
    var layout: TargetLayout? {
        if json["channel_names"] != nil || json["file_ending"] != nil { return .nnunet }
        return json["modality"] != nil || json["training"] != nil ? .decathlon : nil
    }

    /// Channel names by number, such as `CT`.
    var channels: [String] {
        let members = (json["channel_names"] ?? json["modality"])?.members ?? []
        let numbered = members.compactMap { member in Int(member.key).map { ($0, member.value.string ?? "") } }
        return numbered.sorted { $0.0 < $1.0 }.map(\.1)
    }

    /// The ending of image files.
    var fileEnding: String { json["file_ending"]?.string ?? ".nii.gz" }

    /// The note that a CT data set deserves: its values are physical, so a window may suit it better.
    var windowNote: String? {
        channels.contains("CT")
            ? "the images are CT: '--normalize ct' shows soft tissue (-160…240 HU) instead of per-volume percentiles"
            : nil
    }
}
