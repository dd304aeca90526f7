// An opened case: one volume for each chosen channel, a PNG, or an array; and how to take single images out of it.

import Formats

/// A case's decoded file or files. Voxels stay as stored; only the images asked for are converted.
enum CaseContent: Sendable {
    /// Volumes of equal size, and which frame of each is meant, one for each channel.
    case volume(channels: [VolumeChannel], axis: Int)
    /// PNG files, one for each channel or one of any colour type.
    case png([PNGImage])
    /// N×H×W or N×C×H×W.
    case array(TensorView, path: String)

    /// One frame of a volume, or one sample of its colours.
    struct VolumeChannel: Sendable {
        let volume: Volume
        var frame = 0
        var sample = 0
    }

    /// Opens a case's files.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` for files that cannot be read, are of unequal size or are no images.
    init(_ listed: ListedCase, options: TargetOptions) throws(AnalyzerError) {
        guard let first = listed.images.first else {
            throw .format(FormatError(listed.name, .system(action: "open", detail: "the case has no image file")))
        }
        do throws(FormatError) { self = try Self.opened(first, listed, options) } catch { throw .format(error) }
    }

    private static func opened(
        _ first: String, _ listed: ListedCase, _ options: TargetOptions
    ) throws(FormatError) -> CaseContent {
        let kind = try FileKind.sniff(first)
        switch kind {
        case .png: return .png(try listed.images.map { (path) throws(FormatError) in try PNGImage(reading: path) })
        case .npy: return .array(try images(first, options), path: first)
        case .nifti1, .nifti2, .gzip(.nifti1), .gzip(.nifti2): return try volume(listed, options)
        default:
            throw FormatError(
                first,
                kind.lossAdvice.map { .unrecognized(found: "this is \(kind), not an image", advice: $0) }
                    ?? .unrecognized(
                        found: "this is \(kind)", advice: "images are read from NIfTI, PNG and .npy files; convert it"))
        }
    }

    // MARK: Arrays

    /// An array as N×H×W or N×C×H×W with the chosen channels' count checked.
    private static func images(_ path: String, _ options: TargetOptions) throws(FormatError) -> TensorView {
        let array = try NumPy.readArray(path)
        let axes = array.shape.axes
        guard axes.allSatisfy({ $0 > 0 }), array.dtype.isInteger || array.dtype.isFloatingPoint || array.dtype == .bool
        else {
            throw FormatError(
                path,
                .invalid(section: "array", expected: "real numbers", found: "\(array.shape) of \(array.dtype)"))
        }
        switch axes.count {
        case 2: return TensorView(dtype: array.dtype, shape: Shape([1, 1] + axes), bytes: array.bytes)
        case 3 where axes[2] > 4:
            return TensorView(dtype: array.dtype, shape: [axes[0], 1, axes[1], axes[2]], bytes: array.bytes)
        case 4 where axes[1] <= 4 || axes[3] > 4:
            let missing = [1, 3].contains(axes[1]) ? nil : options.channels.first { $0 >= axes[1] }
            guard let missing else { return array }
            throw FormatError(
                path,
                .invalid(
                    section: "array", expected: "channel \(missing)",
                    found: "\(axes[1]) channels, counted from 0; choose with --channel"))
        case 3, 4:
            throw FormatError(
                path,
                .invalid(
                    section: "array", expected: "N×H×W or N×C×H×W",
                    found: "\(array.shape), whose last axis looks like colours; move it in front of the rows"))
        default:
            throw FormatError(path, .invalid(section: "array", expected: "N×H×W or N×C×H×W", found: "\(array.shape)"))
        }
    }

    // MARK: Volumes

    private static func volume(_ listed: ListedCase, _ options: TargetOptions) throws(FormatError) -> CaseContent {
        let volumes = try listed.images.map { (path) throws(FormatError) in try Volume(reading: path) }
        guard let first = volumes.first else { return .png([]) }
        for other in volumes where other.spatialShape != first.spatialShape {
            throw FormatError(
                other.path,
                .invalid(
                    section: "channel", expected: "\(Shape(first.spatialShape)) voxels as in \(first.path)",
                    found: "\(Shape(other.spatialShape))"))
        }
        let channels =
            volumes.count > 1
            ? volumes.map { VolumeChannel(volume: $0) } : try channelsWithin(first, listed, options)
        return .volume(channels: channels, axis: try SlicePlan.axis(of: first, choice: options.sliceAxis))
    }

    /// Channels that one file holds: samples of colours, or frames of the fourth axis.
    private static func channelsWithin(
        _ volume: Volume, _ listed: ListedCase, _ options: TargetOptions
    ) throws(FormatError) -> [VolumeChannel] {
        if volume.type.sampleCount > 1 { return (0..<3).map { VolumeChannel(volume: volume, sample: $0) } }
        if let frame = listed.frame {
            guard frame >= 0, frame < volume.frameCount else {
                throw FormatError(
                    volume.path,
                    .invalid(
                        section: "frame", expected: "1 to \(volume.frameCount)",
                        found: "\(frame + 1); correct Info.cfg beside it"))
            }
            return [VolumeChannel(volume: volume, frame: frame)]
        }
        // A single-channel file in a multi-channel list of files was chosen by its name already.
        let wanted = volume.frameCount == 1 && options.channels.count == 1 ? [0] : options.channels
        for channel in wanted where channel < 0 || channel >= volume.frameCount {
            throw FormatError(
                volume.path,
                .invalid(
                    section: "fourth axis (channels)", expected: "channel \(channel)",
                    found:
                        "\(volume.frameCount) channel\(volume.frameCount == 1 ? "" : "s"), counted from 0; choose with --channel"
                ))
        }
        return wanted.map { VolumeChannel(volume: volume, frame: $0) }
    }

    // MARK: Images

    /// How many images the case holds.
    var imageCount: Int {
        switch self {
        case .volume(let channels, let axis): channels.first.map { $0.volume.spatialShape[axis] } ?? 0
        case .png(let images): images.isEmpty ? 0 : 1
        case .array(let array, _): array.shape[0]
        }
    }

    /// Whether all images share one scale of intensities.
    var isVolume: Bool {
        if case .volume = self { return true }
        return false
    }

    /// Decodes one image; volumes' slices stand upright (``VolumePlane/init(upright:axis:index:frame:sample:)``).
    func image(_ index: Int, channels chosen: [Int]) -> RawImage {
        switch self {
        case .volume(let channels, let axis): Self.slice(channels, axis: axis, index: index)
        case .png(let images): Self.image(images)
        case .array(let array, _): Self.image(array, index: index, channels: chosen)
        }
    }

    private static func slice(_ channels: [VolumeChannel], axis: Int, index: Int) -> RawImage {
        let planes = channels.map { channel in
            VolumePlane(
                upright: channel.volume, axis: axis, index: index, frame: channel.frame, sample: channel.sample)
        }
        guard let volume = channels.first?.volume, let plane = planes.first else {
            return RawImage(channels: [], height: 0, width: 0)
        }
        let spacing = volume.spacing
        let isColor = volume.type.sampleCount > 1
        return RawImage(
            channels: zip(channels, planes).map { $0.volume.floats(of: $1) },
            height: volume.spatialShape[plane.rowAxis], width: volume.spatialShape[plane.columnAxis],
            spacing: (spacing[plane.rowAxis], spacing[plane.columnAxis]),
            fullScale: isColor || volume.type == .scalar(.uint8) && volume.scaling.isIdentity ? 255 : nil,
            isEightBit: isColor)
    }

    private static func image(_ images: [PNGImage]) -> RawImage {
        var result = RawImage(channels: [], height: images.first?.height ?? 0, width: images.first?.width ?? 0)
        for image in images {
            let intensities = image.intensities()
            let size = image.height * image.width
            // Files of one channel each: one channel is taken from each.
            let count = images.count > 1 ? 1 : intensities.channelCount
            for channel in 0..<count {
                result.channels.append(Array(intensities.values[channel * size..<(channel + 1) * size]))
            }
            result.fullScale = Double(intensities.fullScale)
            result.isEightBit = image.depth <= 8
        }
        return result
    }

    private static func image(_ array: TensorView, index: Int, channels chosen: [Int]) -> RawImage {
        let (channels, height, width) = (array.shape[1], array.shape[2], array.shape[3])
        let plane = height * width
        let size = array.dtype.bitWidth / 8
        // One or three channels are an image; of other counts the chosen ones are taken.
        let taken = [1, 3].contains(channels) ? Array(0..<channels) : chosen
        let planes = taken.map { channel -> [Float] in
            let start = (index * channels + channel) * plane * size
            guard let bytes = array.bytes.slice(start, plane * size) else { return [] }
            return TensorView(dtype: array.dtype, shape: [height, width], bytes: bytes).floats() ?? []
        }
        return RawImage(
            channels: planes, height: height, width: width,
            fullScale: array.dtype == .uint8 ? 255 : array.dtype == .bool ? 1 : nil,
            isEightBit: array.dtype == .uint8 || array.dtype == .bool, isArray: true)
    }
}
