// What a target is made of, for the user to check and for caches to tell targets apart.

public import Formats

/// A target in numbers and remarks.
public struct TargetSummary: Sendable {
    /// How the files are arranged.
    public let layout: TargetLayout
    /// The folder, or what stands for it.
    public let place: String
    /// How many cases (patients, or volumes where nothing is known of patients) the images fall into; images of different
    /// cases can be each other's negatives.
    public let caseCount: Int
    /// How many volumes, frames and image files there are, all channels of one counted once.
    public let fileCount: Int
    /// How many images there are.
    public let imageCount: Int
    /// How many images were left out as empty.
    public let emptyCount: Int
    /// How many cases have a segmentation.
    public let maskCount: Int
    /// Channels of the prepared images: 1 or 3.
    public let channelCount: Int
    /// Volumes only: how many are cut into sagittal, coronal and axial images.
    public let planes: [String: Int]
    /// Volumes only: the smallest and largest distance between slices in millimetres.
    public let sliceSpacing: ClosedRange<Double>?
    /// Volumes only: the smallest and largest voxel size within slices in millimetres.
    public let pixelSpacing: ClosedRange<Double>?
    /// Rows and columns of the images before resizing, smallest and largest.
    public let imageHeights: ClosedRange<Int>
    /// See ``imageHeights``.
    public let imageWidths: ClosedRange<Int>
    /// What the user should know, one sentence each.
    public let notes: [String]
    /// A fingerprint of the image files' names, sizes and contents in case order: equal for a copy elsewhere, different
    /// for any other pixel. Masks and options are not part of it.
    public let contentHash: ContentHash

    init(listing: TargetListing, index: [CaseIndex], samples: [TargetSample], options: TargetOptions) {
        layout = listing.layout
        place = listing.place
        caseCount = Set(samples.map(\.group)).count
        fileCount = index.count
        imageCount = samples.count
        emptyCount = index.reduce(0) { $0 + $1.droppedCount }
        maskCount = listing.cases.count { $0.mask != nil }
        channelCount = index.contains { $0.isColor } ? 3 : 1
        let volumes = index.compactMap(\.volume)
        planes = volumes.reduce(into: [:]) { $0[SliceAxis.world($1.world).description, default: 0] += 1 }
        sliceSpacing = Self.range(volumes.map(\.sliceSpacing))
        pixelSpacing = Self.range(volumes.flatMap { volume in Self.inPlane(volume) })
        imageHeights = Self.range(index.map(\.height).filter { $0 > 0 }) ?? 0...0
        imageWidths = Self.range(index.map(\.width).filter { $0 > 0 }) ?? 0...0
        let text = zip(listing.cases, index).map { listed, entry in
            entry.contents.map { "\(listed.name)\t\($0.name)\t\($0.size)\t\($0.hash.hexadecimal)\n" }.joined()
        }
        contentHash = ContentHash(text.joined())
        let known = (emptyCount, planes)
        notes =
            listing.notes + Self.remarks(empty: known.0, planes: known.1, index: index)
            + Self.grouping(listing, caseCount: caseCount, options: options)
            + Self.warnings(index, cases: listing.cases)
    }

    /// The two voxel sizes that are not the slice spacing's.
    private static func inPlane(_ volume: CaseIndex.VolumeFacts) -> [Double] {
        var sizes = volume.spacing
        if let slice = sizes.firstIndex(of: volume.sliceSpacing) { sizes.remove(at: slice) }
        return sizes
    }

    private static func range<Value: Comparable>(_ values: [Value]) -> ClosedRange<Value>? {
        guard let low = values.min(), let high = values.max() else { return nil }
        return low...high
    }

    private static func remarks(empty: Int, planes: [String: Int], index: [CaseIndex]) -> [String] {
        var remarks: [String] = []
        if empty > 0 { remarks.append("\(empty) empty image\(empty == 1 ? " is" : "s are") left out") }
        if planes.count > 1 {
            let counts = planes.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            remarks.append("volumes are cut along different axes (\(counts)); '--slice-axis' makes them alike")
        }
        return remarks
    }

    private static func grouping(_ listing: TargetListing, caseCount: Int, options: TargetOptions) -> [String] {
        guard options.groupsByName, !listing.cases.contains(where: { $0.group != nil }),
            CaseGrouping.groups(of: listing.cases.map(\.name)) != nil
        else { return [] }
        return ["by their names the \(listing.cases.count) files are slices or frames of \(caseCount) cases"]
    }

    /// Each remark of the readers once, with how many files it holds for.
    private static func warnings(_ index: [CaseIndex], cases: [ListedCase]) -> [String] {
        var order: [String] = []
        var holders: [String: [String]] = [:]
        for (entry, listed) in zip(index, cases) {
            for warning in entry.warnings {
                if holders[warning] == nil { order.append(warning) }
                holders[warning, default: []].append(listed.name)
            }
        }
        return order.map { warning in
            let names = holders[warning] ?? []
            return names.count == 1 ? "\(names[0]): \(warning)" : "\(names.count) of \(cases.count) files: \(warning)"
        }
    }
}
