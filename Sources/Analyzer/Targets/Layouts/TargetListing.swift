// What a layout finds before any image is opened: cases with their files.

/// How a target's files are arranged.
public enum TargetLayout: String, Sendable, Hashable {
    case nnunet = "nnU-Net raw"
    case decathlon = "Medical Segmentation Decathlon"
    case acdc = "ACDC"
    case imageFolders = "images/ folders"
    case files = "image files"
}

/// One case as its layout describes it.
struct ListedCase: Sendable, Hashable {
    /// The name, unique in the target and free of its place on the disk.
    var name: String
    /// The patient or volume that it belongs to, when the layout knows better than the case's own name.
    var group: String?
    /// The image file, or one file for each channel.
    var images: [String]
    /// How many channels there are to choose from, one file each, the chosen ones among them.
    var channelCount = 1
    /// The segmentation, if there is one.
    var mask: String?
    /// The frame of a four-dimensional file, when the layout names one.
    var frame: Int?
}

/// A layout's answer.
struct TargetListing: Sendable {
    var layout: TargetLayout
    /// The folder, or what stands for it in messages.
    var place: String
    /// The cases in natural order.
    var cases: [ListedCase]
    /// Remarks that the user should see.
    var notes: [String] = []

    /// Adds "what (how many): first, second…" when there are any.
    mutating func note(_ names: [String], _ what: String) {
        guard !names.isEmpty else { return }
        let shown = names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
        notes.append("\(what) (\(names.count)): \(shown)")
    }
}
