// What opening a target learns of each case: which images it gives, and the numbers that normalisation needs.

import Formats

/// A case after its files were read once.
struct CaseIndex: Sendable {
    /// The images that are kept, by number within the case.
    var images: [Int] = []
    /// How many images were left out as empty.
    var droppedCount = 0
    /// One entry a channel for volumes; none for separate images, which have their own.
    var statistics: [ChannelStatistics] = []
    /// Whether any kept image has colours.
    var isColor = false
    /// The geometry of a volume.
    var volume: VolumeFacts?
    /// The size of a separate image, or of a volume's slices.
    var height = 0
    var width = 0
    /// The files' names, sizes and contents.
    var contents: [FileContent] = []
    /// What was odd about the files.
    var warnings: [String] = []

    /// A volume's sizes.
    struct VolumeFacts: Sendable, Hashable {
        let shape: [Int]
        let spacing: [Double]
        let axisCodes: String
        /// The world axis that the images lie at right angles to: 0 sagittal, 1 coronal, 2 axial.
        let world: Int
        let sliceSpacing: Double
    }

    /// A file's fingerprint.
    struct FileContent: Sendable, Hashable {
        let name: String
        let size: Int
        let hash: ContentHash
    }
}

extension CaseIndex {
    /// Reads a case's files and looks at every image.
    ///
    /// - Throws: ``AnalyzerError`` for files that cannot be read or prepared.
    init(reading listed: ListedCase, options: TargetOptions) throws(AnalyzerError) {
        contents = try Self.contents(of: listed)
        let content = try CaseContent(listed, options: options)
        describe(content)
        noteChannel(listed, of: content, options: options)
        statistics = Self.statistics(of: content, normalization: options.preparation.normalization)
        for number in 0..<content.imageCount {
            let image = content.image(number, channels: options.channels)
            guard !isEmpty(image) || !options.dropsEmptySlices else {
                droppedCount += 1
                continue
            }
            images.append(number)
            (height, width) = (image.height, image.width)
            isColor = isColor || !image.isGray
            if !content.isVolume { countNonFinite(image) }
            // Says now, not in the middle of a run, when the scheme does not suit the values.
            _ = try Normalizer(options.preparation.normalization).maps(for: image, volume: statistics, of: listed)
        }
        let count = statistics.reduce(0) { $0 + $1.nonFiniteCount }
        if count > 0 { warnings.append("voxels that are NaN or infinite count as background") }
    }

    private func isEmpty(_ image: RawImage) -> Bool {
        if statistics.isEmpty { return image.channels.allSatisfy(Emptiness.isConstant) }
        return zip(image.channels, statistics).allSatisfy { Emptiness.isEmpty($0, volume: $1) }
    }

    private mutating func countNonFinite(_ image: RawImage) {
        guard image.channels.contains(where: { $0.contains { !$0.isFinite } }) else { return }
        let warning = "pixels that are NaN or infinite count as background"
        if !warnings.contains(warning) { warnings.append(warning) }
    }

    private mutating func describe(_ content: CaseContent) {
        switch content {
        case .volume(let channels, let axis):
            guard let first = channels.first?.volume else { return }
            for channel in channels { warnings += channel.volume.warnings.filter { !warnings.contains($0) } }
            let spacing = first.spacing
            volume = VolumeFacts(
                shape: first.spatialShape, spacing: [spacing.x, spacing.y, spacing.z], axisCodes: first.axisCodes,
                world: Orientation(of: first.geometry.affine).worldAxes[axis], sliceSpacing: spacing[axis])
        case .png(let images):
            for image in images { warnings += image.warnings }
            if images.contains(where: { $0.colorType == .grayAlpha || $0.colorType == .rgba }) {
                warnings.append("the alpha channel is left out")
            }
        case .array: break
        }
    }

    /// Says which channel is used where there are several and nobody but `--channel` chose.
    private mutating func noteChannel(_ listed: ListedCase, of content: CaseContent, options: TargetOptions) {
        guard options.channels.count == 1, let channel = options.channels.first, listed.frame == nil else { return }
        var (count, place) = (listed.channelCount, "")
        switch content {
        case .volume(let channels, _) where channels.count == 1:
            if let frames = channels.first?.volume.frameCount, frames > 1 {
                (count, place) = (frames, " along the fourth axis")
            }
        // One channel is grey and three are colours; of other counts one is taken.
        case .array(let array, _) where ![1, 3].contains(array.shape[1]): count = array.shape[1]
        default: break
        }
        guard count > 1 else { return }
        warnings.append("channel \(channel) of \(count) (0…\(count - 1))\(place) is used; '--channel' takes another")
    }

    /// The statistics of a volume's channels; none for separate images.
    static func statistics(of content: CaseContent, normalization: Normalization) -> [ChannelStatistics] {
        guard case .volume(let channels, _) = content else { return [] }
        var percents = [0.5, 99.5]
        if case .percentile(let low, let high) = normalization { percents += [low, high] }
        return channels.map { ChannelStatistics($0.volume.statistics(frame: $0.frame, percents: percents)) }
    }

    /// The fingerprints of a case's files; a pair's voxel file included.
    static func contents(of listed: ListedCase) throws(AnalyzerError) -> [FileContent] {
        var contents: [FileContent] = []
        do throws(FormatError) {
            for path in listed.images {
                for file in VolumeFiles.all(of: path) {
                    let bytes = try Bytes(mapping: file)
                    let name = file.split(separator: "/").last.map { String($0) } ?? file
                    contents.append(FileContent(name: name, size: bytes.count, hash: ContentHash(bytes)))
                }
            }
        } catch { throw .format(error) }
        return contents
    }
}

extension ChannelStatistics {
    /// From percentiles 0.5 and 99.5, then those of the preparation if it asks for others. Percentiles that meet (an
    /// image almost all background) give way to the extremes.
    init(_ found: VoxelStatistics) {
        (minimum, maximum) = (found.minimum, found.maximum)
        (mean, deviation) = (found.mean, found.standardDeviation)
        nonFiniteCount = found.nonFiniteCount
        func window(_ first: Int) -> IntensityMap {
            let (low, high) = (found.percentiles[first], found.percentiles[first + 1])
            return high > low ? IntensityMap(low: low, high: high) : IntensityMap(low: minimum, high: maximum)
        }
        let standard = window(0)
        (low, high) = (standard.low, standard.high)
        if found.percentiles.count >= 4 { self.window = window(2) }
    }
}
