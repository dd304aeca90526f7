// From an image in 0…1 to what the network wants: its channels, its scale, its order of colours.

public import Engine

/// Writes images as a network's input.
public struct NetworkInput: Sendable, Hashable {
    /// The size of the images; one channel or the network's.
    public let shape: ImageShape
    /// How many channels the network takes.
    public let channels: Int
    /// The network's scale; see ``InputNormalization``.
    public let normalization: InputNormalization

    /// How many values an image of the network's has.
    public var count: Int { channels * shape.height * shape.width }

    /// From images of one size to a network's channels.
    ///
    /// - Throws: ``AnalyzerError/channels(source:network:)`` when the images are neither grey nor have the network's
    ///   channels; ``AnalyzerError/views(expected:found:)`` when the normalisation has fewer channels than the network.
    public init(
        _ shape: ImageShape, channels: Int, normalization: InputNormalization
    ) throws(AnalyzerError) {
        guard channels > 0, shape.channels == channels || shape.channels == 1 else {
            throw .channels(source: shape.channels, network: channels)
        }
        let known = min(normalization.mean.count, normalization.deviation.count)
        guard normalization == .unit || known >= channels else {
            throw .views(
                expected: "a normalisation of \(channels) channels", found: "'\(normalization.name)' with \(known)")
        }
        (self.shape, self.channels, self.normalization) = (shape, channels, normalization)
    }

    /// Images one after another: N × channels × height × width.
    ///
    /// - Precondition: every image has as many values as ``shape``.
    public func callAsFunction(_ images: [[Float]]) -> [Float] {
        [Float](unsafeUninitializedCapacity: images.count * count) { buffer, written in
            for (row, image) in images.enumerated() {
                precondition(image.count == shape.count, "an image of another size")
                let place = UnsafeMutableBufferPointer(rebasing: buffer[row * count..<(row + 1) * count])
                image.withUnsafeBufferPointer { write($0, to: place) }
            }
            written = images.count * count
        }
    }

    /// Writes one image: grey repeated, x ↦ (x · scale − mean) / deviation for each channel, blue first for BGR.
    ///
    /// - Precondition: the buffers have ``shape``'s and ``count`` values; the second need not be initialised.
    func write(_ image: UnsafeBufferPointer<Float>, to result: UnsafeMutableBufferPointer<Float>) {
        precondition(image.count == shape.count && result.count == count, "buffers of another size")
        guard let source = image.baseAddress, let target = result.baseAddress else { return }
        let plane = shape.height * shape.width
        for channel in 0..<channels {
            let from = source + (shape.channels == 1 ? 0 : sourceChannel(channel)) * plane
            let to = target + channel * plane
            guard normalization != .unit else {
                to.initialize(from: from, count: plane)
                continue
            }
            let (scale, mean) = (normalization.scale, normalization.mean[channel])
            let deviation = normalization.deviation[channel]
            for index in 0..<plane { to[index] = (from[index] * scale - mean) / deviation }
        }
    }

    private func sourceChannel(_ channel: Int) -> Int {
        guard normalization.isBGR, channels == 3 else { return channel }
        return 2 - channel
    }
}
