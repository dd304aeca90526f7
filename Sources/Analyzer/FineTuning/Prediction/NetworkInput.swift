// From prepared images to what a network takes: channels repeated, intensities as the encoder's family wants them.

import Engine

/// Writes prepared images in the form of a network's input.
struct NetworkInput: Sendable {
    /// Channels of the network's input.
    let channels: Int
    private let normalization: InputNormalization

    /// - Throws: ``AnalyzerError/channels(source:network:)`` for a normalization of other channels.
    init(channels: Int, normalization: InputNormalization) throws(AnalyzerError) {
        let counts = [normalization.mean.count, normalization.deviation.count]
        guard normalization == .unit || counts == [channels, channels] else {
            throw .channels(source: normalization.mean.count, network: channels)
        }
        self.channels = channels
        self.normalization = normalization
    }

    /// Fills one image's part of a batch.
    ///
    /// - Parameters:
    ///   - prepared: C×h×w in 0…1; fewer channels than the network's are repeated from the first.
    ///   - target: the network's channels × h × w.
    func write(_ prepared: [Float], plane: Int, to target: UnsafeMutableBufferPointer<Float>) {
        let given = min(prepared.count / plane, channels)
        prepared.withUnsafeBufferPointer { prepared in
            for channel in 0..<channels {
                let sourceChannel = channel < given ? channel : 0
                // Blue first means the channels in reverse.
                let place = normalization.isBGR && channels == 3 ? 2 - channel : channel
                writePlane(
                    UnsafeBufferPointer(rebasing: prepared[sourceChannel * plane..<(sourceChannel + 1) * plane]),
                    channel: place,
                    to: UnsafeMutableBufferPointer(rebasing: target[place * plane..<(place + 1) * plane]))
            }
        }
    }

    /// x ↦ (x · scale − mean) / deviation.
    private func writePlane(
        _ source: UnsafeBufferPointer<Float>, channel: Int, to target: UnsafeMutableBufferPointer<Float>
    ) {
        guard normalization != .unit else {
            _ = target.update(fromContentsOf: source)
            return
        }
        let (scale, mean, deviation) = (
            normalization.scale, normalization.mean[channel], normalization.deviation[channel]
        )
        for index in source.indices { target[index] = (source[index] * scale - mean) / deviation }
    }
}
