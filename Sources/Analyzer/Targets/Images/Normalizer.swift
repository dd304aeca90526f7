// Chooses the linear maps that bring an image's channels into 0…1.

import Formats

/// Applies a normalisation scheme.
struct Normalizer {
    private let scheme: Normalization

    init(_ scheme: Normalization) { self.scheme = scheme }

    /// One map for each channel.
    ///
    /// - Parameters:
    ///   - volume: the statistics of the volume's channels; empty for separate images, whose channels share one scale
    ///     (so that colours keep their hue).
    /// - Throws: ``AnalyzerError/format(_:)`` when the full range is asked for and the values have none.
    func maps(
        for image: RawImage, volume: [ChannelStatistics], of listed: ListedCase
    ) throws(AnalyzerError) -> [IntensityMap] {
        let scheme = resolved(for: image)
        if case .full = scheme { return try fullRange(image, volume: volume, of: listed) }
        if case .window(let low, let high) = scheme {
            return image.channels.map { _ in IntensityMap(low: low, high: high) }
        }
        let statistics =
            volume.isEmpty ? image.channels.map { [own = Self.statistics(of: image, scheme)] _ in own } : volume
        return statistics.map { map(scheme, $0) }
    }

    /// The scheme that the automatic choice means for an image.
    private func resolved(for image: RawImage) -> Normalization {
        guard scheme == .automatic else { return scheme }
        if image.isEightBit || image.isArray && Self.isUnit(image) { return .full }
        return .standardPercentile
    }

    private func map(_ scheme: Normalization, _ statistics: ChannelStatistics) -> IntensityMap {
        switch scheme {
        case .percentile: statistics.window ?? IntensityMap(low: statistics.low, high: statistics.high)
        case .zScore(let clip):
            IntensityMap(
                low: statistics.mean - clip * statistics.deviation, high: statistics.mean + clip * statistics.deviation)
        default: IntensityMap(low: statistics.minimum, high: statistics.maximum)
        }
    }

    private func fullRange(
        _ image: RawImage, volume: [ChannelStatistics], of listed: ListedCase
    ) throws(AnalyzerError) -> [IntensityMap] {
        if let scale = image.fullScale { return image.channels.map { _ in IntensityMap(low: 0, high: scale) } }
        let isUnit = volume.isEmpty ? Self.isUnit(image) : volume.allSatisfy { $0.minimum >= 0 && $0.maximum <= 1 }
        guard isUnit else {
            let range = volume.isEmpty ? Self.range(of: image) : (volume[0].minimum, volume[0].maximum)
            throw .format(
                FormatError(
                    listed.images.first ?? listed.name,
                    .invalid(
                        section: "intensities with '--normalize none'",
                        expected: "8- or 16-bit PNG, or values within 0…1",
                        found: "\(Float(range.0))…\(Float(range.1)); choose percentile, ct or another scheme")))
        }
        return image.channels.map { _ in IntensityMap(low: 0, high: 1) }
    }

    private static func isUnit(_ image: RawImage) -> Bool {
        let (low, high) = range(of: image)
        return low >= 0 && high <= 1
    }

    /// The extremes of the finite values.
    private static func range(of image: RawImage) -> (Double, Double) {
        var (low, high) = (Float.infinity, -Float.infinity)
        for channel in image.channels {
            for value in channel where value.isFinite { (low, high) = (min(low, value), max(high, value)) }
        }
        return low <= high ? (Double(low), Double(high)) : (0, 0)
    }

    private static func statistics(of image: RawImage, _ scheme: Normalization) -> ChannelStatistics {
        var percents = [0.5, 99.5]
        if case .percentile(let low, let high) = scheme { percents += [low, high] }
        return ChannelStatistics(
            VoxelStatistics(percents: percents) { body in
                for channel in image.channels { for value in channel { body(Double(value), 1) } }
            })
    }
}

extension ImagePreparation {
    /// Normalises, cuts and resizes; channels × height × width in 0…1.
    ///
    /// - Parameter channelCount: 1 or 3; grey is repeated, equal colours are merged.
    func callAsFunction(_ image: RawImage, maps: [IntensityMap], channelCount: Int) -> [Float] {
        let box = ImageBox(of: (image.height, image.width), spacing: image.spacing, preparation: self)
        let resampling = PlaneResampling(from: (box.height, box.width), to: (height, width))
        let used = channelCount == 1 ? 1 : image.channels.count
        let planes = (0..<used).map { channel -> [Float] in
            let map = maps[channel]
            let values = image.channels[channel].map { map(Double($0)) }
            return resampling(box.cut(values, height: image.height, width: image.width))
                .map { min(max($0, 0), 1) }
        }
        guard planes.count < channelCount, let gray = planes.first else { return planes.flatMap { $0 } }
        return (0..<channelCount).flatMap { _ in gray }
    }
}
