// Labelled data: a target's images with their masks as class indices, prepared for training and evaluation.

public import Formats

/// One image that has labels.
public struct LabelledImage: Sendable, Hashable {
    /// Its number in the target.
    public let number: Int
    /// Which of ``SegmentationData/cases`` it is from.
    public let caseNumber: Int
    /// Which patient or volume it belongs to: images of one group never part in a split.
    public let group: Int
    /// Pixels of each class in the mask file's own size.
    public let pixels: [Int]
    /// Pixels to ignore in the mask file's own size.
    public let ignoredPixels: Int
    /// Pixels of each class in the prepared size.
    public let preparedPixels: [Int]
    /// Pixels to ignore in the prepared size.
    public let preparedIgnoredPixels: Int
}

/// One case: a volume, or a file of one or several images.
public struct LabelledCase: Sendable, Hashable {
    /// Its name in the data set.
    public let name: String
    /// Its images, by number in ``SegmentationData/images``.
    public let images: Range<Int>
    /// Its image file, or the first of one for each channel.
    public let imagePath: String
    /// Its mask file.
    public let maskPath: String
    /// Whether its images are slices of a volume, in order of space.
    public let isVolume: Bool
    /// The distance between slices, rows and columns in millimetres in the file; nil for images of their own.
    public let spacing: SIMD3<Double>?
    /// The same in the prepared images.
    public let preparedSpacing: SIMD3<Double>?
    /// Rows of the images in the file.
    public let height: Int
    /// Columns of the images in the file.
    public let width: Int
    /// Sizes of the volume along the file's axes, x first; nil for images of their own.
    public let volumeShape: [Int]?
    /// The values of its mask.
    let values: ValueNumbers
    /// The class of each of ``values``.
    let classes: [UInt8]
    let maskHash: ContentHash
}

/// A target's images with their labels.
///
/// Opening reads every mask once, checks it against its image and the classes, and keeps prepared images and labels: in
/// memory up to a budget, beyond it in a scratch file. Images without a mask are left out and counted.
public struct SegmentationData: Sendable {
    /// Where the images are from.
    public let target: Target
    /// The classes.
    public let scheme: LabelScheme
    /// Who named them.
    public let schemeOrigin: LabelScheme.Origin
    /// How the data were opened.
    public let options: SegmentationDataOptions
    /// The images in the target's order.
    public let images: [LabelledImage]
    /// The cases in the target's order.
    public let cases: [LabelledCase]
    /// What the user should know, the serious first.
    public let warnings: [DataWarning]
    /// Names of cases that have no mask.
    public let unlabelledCases: [String]
    let store: PreparedStore

    /// How many labelled images there are.
    public var imageCount: Int { images.count }
    /// The size of every image.
    public var imageShape: ImageShape { target.imageShape }
    /// How many classes there are, the background included.
    public var classCount: Int { scheme.classCount }
    /// The group of each image.
    public var groups: [Int] { images.map(\.group) }

    /// A fingerprint of images and masks: different for any other pixel or label.
    public var contentHash: ContentHash {
        let masks = cases.map { "\($0.name)\t\($0.maskHash.hexadecimal)" }
        return ContentHash(([target.summary.contentHash.hexadecimal] + masks).joined(separator: "\n"))
    }

    /// What names the image in all runs; see ``Target/identity(of:)``.
    public func identity(of image: Int) -> UInt64 { target.identity(of: images[image].number) }

    /// A prepared image: channels × height × width, 0…1. May be called from any thread.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` when its file is gone, damaged or changed since the data were opened.
    public func image(_ number: Int) throws(AnalyzerError) -> [Float] {
        if let kept = store.values(number) { return kept }
        return try target.image(images[number].number)
    }

    /// An image's labels in the prepared frame: height × width class indices, ``LabelScheme/ignoredIndex`` where ignored;
    /// the border that padding adds is background. May be called from any thread.
    ///
    /// - Throws: as ``image(_:)``.
    public func labels(_ number: Int) throws(AnalyzerError) -> [UInt8] {
        let owner = cases[images[number].caseNumber]
        if let kept = store.numbers(number) { return kept.map { owner.classes[Int($0)] } }
        let reading = try CaseReading(
            of: [images[number].number], in: target, maskPath: owner.maskPath, policy: options.masks)
        let table = try unchanged(reading, owner)
        return reading.images[0].numbers.map { table[Int($0)] }
    }

    /// The labels of all images of a case in the file's own size: class indices, each ``LabelledCase/height`` ×
    /// ``LabelledCase/width``, standing as the prepared images do. The mask is read once.
    ///
    /// - Throws: as ``image(_:)``.
    public func sourceLabels(ofCase number: Int) throws(AnalyzerError) -> [[UInt8]] {
        let owner = cases[number]
        var maps: [[UInt8]] = []
        guard let first = owner.images.first else { return maps }
        let content = try target.content(of: target.samples[images[first].number])
        do throws(FormatError) {
            let mask = try MaskContent(reading: owner.maskPath, like: content, policy: options.masks)
            for image in owner.images {
                let labels = try mask.labels(target.samples[images[image].number].imageNumber)
                var indices: [UInt8] = []
                indices.reserveCapacity(labels.values.count)
                for value in labels.values {
                    guard let index = scheme.index(of: value) else { throw Self.changed(owner) }
                    indices.append(index)
                }
                maps.append(indices)
            }
        } catch { throw .format(error) }
        return maps
    }

    private func unchanged(_ reading: CaseReading, _ owner: LabelledCase) throws(AnalyzerError) -> [UInt8] {
        let classes = reading.values.classes(in: scheme).compactMap { $0 }
        guard reading.maskHash == owner.maskHash, classes.count == reading.values.values.count + 1 else {
            throw .format(Self.changed(owner))
        }
        return classes
    }

    private static func changed(_ owner: LabelledCase) -> FormatError {
        FormatError(
            owner.maskPath,
            .invalid(
                section: "content", expected: "the bytes that were there when the data were opened",
                found: "other bytes; start again"))
    }
}
