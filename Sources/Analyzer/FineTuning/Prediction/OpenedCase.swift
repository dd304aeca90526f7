// One case opened to be predicted: every image of it, dropped or not, and the way from the network's frame back to its own.

import Formats

/// A case with all it takes to prepare its images and to place predictions.
struct OpenedCase: Sendable {
    let listed: ListedCase
    let content: CaseContent
    /// Of the volume's channels; none for separate images.
    let statistics: [ChannelStatistics]
    /// The segmentation, where it was asked for and there is one.
    var mask: MaskContent?

    /// Opens a case's files.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` for files that cannot be read or prepared.
    init(_ listed: ListedCase, options: TargetOptions) throws(AnalyzerError) {
        self.listed = listed
        content = try CaseContent(listed, options: options)
        statistics = CaseIndex.statistics(of: content, normalization: options.preparation.normalization)
    }

    /// A case of an opened target.
    init(_ listed: ListedCase, content: CaseContent, statistics: [ChannelStatistics]) {
        (self.listed, self.content, self.statistics) = (listed, content, statistics)
    }

    /// The volume, for volumes.
    var volume: Volume? {
        if case .volume(let channels, _) = content { channels.first?.volume } else { nil }
    }

    /// How many channels of a volume are used.
    var channelCount: Int {
        if case .volume(let channels, _) = content { channels.count } else { 1 }
    }

    /// The file's axis at right angles to the images, for volumes.
    var sliceAxis: Int? {
        if case .volume(_, let axis) = content { axis } else { nil }
    }

    /// How an image of a volume lies in it.
    func plane(_ image: Int) -> VolumePlane? {
        guard let volume, let sliceAxis else { return nil }
        return VolumePlane(upright: volume, axis: sliceAxis, index: image)
    }

    /// Rows and columns of the images.
    var imageSize: (height: Int, width: Int) {
        switch content {
        case .volume:
            guard let volume, let plane = plane(0) else { return (0, 0) }
            return (volume.spatialShape[plane.rowAxis], volume.spatialShape[plane.columnAxis])
        case .png(let images): return (images.first?.height ?? 0, images.first?.width ?? 0)
        case .array(let array, _): return (array.shape[2], array.shape[3])
        }
    }

    /// The distance between slices, rows and columns in millimetres; nil for separate images.
    var spacing: SIMD3<Double>? {
        guard let volume, let sliceAxis, let plane = plane(0) else { return nil }
        let spacing = volume.spacing
        return SIMD3(spacing[sliceAxis], spacing[plane.rowAxis], spacing[plane.columnAxis])
    }

    /// A prepared image.
    struct Prepared: Sendable {
        /// C×h×w in 0…1; nil for an image of one value only, in which there is nothing to see.
        let values: [Float]?
        /// The part of the image that fills the frame.
        let box: ImageBox
    }

    /// Decodes and prepares an image as training does.
    ///
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` for colours where the model knows only grey,
    ///   ``AnalyzerError/format(_:)`` when the scheme of intensities does not suit the values.
    func prepared(
        _ image: Int, options: TargetOptions, imageChannels: Int
    ) throws(AnalyzerError) -> Prepared {
        let raw = content.image(image, channels: options.channels)
        // Channels of other modalities may be equal by chance and still have scales of their own.
        let count = imageChannels == 1 && raw.isGray ? 1 : raw.channels.count
        guard count == 1 || count == imageChannels else {
            throw .evaluation(
                place: listed.images.first ?? listed.name,
                expected: imageChannels == 1 ? "grey images, as the model was trained on" : "images of 1 or 3 channels",
                found: "\(count) channels")
        }
        let preparation = options.preparation
        let box = ImageBox(of: (raw.height, raw.width), spacing: raw.spacing, preparation: preparation)
        if raw.channels.allSatisfy(Emptiness.isConstant) { return Prepared(values: nil, box: box) }
        let maps = try Normalizer(preparation.normalization).maps(for: raw, volume: statistics, of: listed)
        return Prepared(values: preparation(raw, maps: maps, channelCount: count), box: box)
    }

    /// An image's intensities in 0…1 at its own size, one grey plane, for people.
    func grayPlane(_ image: Int, options: TargetOptions) throws(AnalyzerError) -> [Float] {
        let raw = content.image(image, channels: options.channels)
        let maps = try Normalizer(options.preparation.normalization).maps(for: raw, volume: statistics, of: listed)
        let planes = zip(raw.channels, maps).map { values, map in values.map { map(Double($0)) } }
        guard planes.count == 3 else { return planes.first ?? [] }
        return planes[0].indices.map { 0.299 * planes[0][$0] + 0.587 * planes[1][$0] + 0.114 * planes[2][$0] }
    }
}
