// What a user can say about a target: which part of it, how volumes are cut, how images are prepared.

/// Choices for opening a target; the defaults are those of the command line.
public struct TargetOptions: Sendable, Hashable {
    /// Which part of the data set; nil takes the training images where there is such a division, else all.
    public var split: TargetSplit?
    /// The channels of multi-channel cases (files `_0000`, `_0001`… of nnU-Net, the fourth axis of NIfTI), from 0: one,
    /// or three to be seen as red, green and blue.
    public var channels = [0]
    /// How three-dimensional volumes are cut.
    public var sliceAxis = SliceAxis.automatic
    /// Whether slices without content are left out; see ``Emptiness``.
    public var dropsEmptySlices = true
    /// Whether images named like slices of one volume (`brain_001_s042`) count as one case; see ``CaseGrouping``.
    public var groupsByName = true
    /// How pixels become the network's input.
    public var preparation = ImagePreparation()
    /// Most files that are read at the same time while the target is opened.
    public var threads = 2
    /// Bytes of prepared images that are kept for the next checkpoint.
    public var cacheBytes = 64 << 20

    /// The defaults.
    public init() {}
}

extension TargetOptions {
    /// Refuses `--split validation` for a layout that has no such part.
    func refuseValidation(in layout: TargetLayout) throws(AnalyzerError) {
        guard split == .validation else { return }
        throw .option(
            name: "--split", value: "validation",
            expected: "train, test or all; the layout \(layout.rawValue) has no validation images of its own")
    }
}

/// A part of a data set.
public enum TargetSplit: String, Sendable, Hashable, CaseIterable {
    case train, validation, test, all

    /// Folder names that stand for this part.
    var folderNames: [String] {
        switch self {
        case .train: ["train", "training"]
        case .validation: ["val", "valid", "validation"]
        case .test: ["test", "testing"]
        case .all: []
        }
    }
}

/// The axis along which volumes are cut into images.
public enum SliceAxis: Sendable, Hashable {
    /// The axis with the coarsest spacing. Spacings within 1 % count as equal; then an axis with less than half the
    /// extent of each of the others is taken (a slab), else the one nearest to head–foot (axial images), else to
    /// front–back. A volume that is a single plane is taken as that plane.
    case automatic
    /// Images at right angles to a world axis: 0 sagittal, 1 coronal, 2 axial.
    case world(Int)
    /// The file's own axis: 0, 1 or 2, x first.
    case file(Int)

    /// Reads `auto`, `axial`, `coronal`, `sagittal`, `0`, `1` or `2`; nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "auto", "automatic": self = .automatic
        case "sagittal": self = .world(0)
        case "coronal": self = .world(1)
        case "axial", "transverse": self = .world(2)
        case "0", "1", "2": self = .file(Int(text) ?? 0)
        default: return nil
        }
    }
}

extension SliceAxis: CustomStringConvertible {
    /// As ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .automatic: "auto"
        case .world(let axis): ["sagittal", "coronal", "axial"][min(max(axis, 0), 2)]
        case .file(let axis): "\(axis)"
        }
    }
}
