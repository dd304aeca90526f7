// PNG pixels as intensities: grey or three channels, alpha left out.

extension PNGImage {
    /// Intensities by channel.
    public struct Intensities: Sendable {
        /// 1 (grey) or 3 (red, green, blue).
        public let channelCount: Int
        /// The values, channel after channel, each height × width row-major; in the file's own scale.
        public let values: [Float]
        /// What the file's scale calls white: 2^depth − 1, or 255 for palette colours.
        public let fullScale: Float
    }

    /// The pixels as numbers, for images (not for masks).
    ///
    /// Alpha and transparency are left out. Palette images become their colours, one grey channel when all used
    /// colours are grey; other colour images keep three channels even then. An index without a colour becomes black.
    public func intensities() -> Intensities {
        let stored = samples.floats() ?? []
        let count = width * height
        switch colorType {
        case .palette: return paletteIntensities(stored)
        case .gray: return Intensities(channelCount: 1, values: stored, fullScale: Float(fullScale))
        case .grayAlpha, .rgb, .rgba:
            let step = channelCount
            let kept = colorType == .grayAlpha ? 1 : 3
            let values = (0..<kept).flatMap { channel in (0..<count).map { stored[$0 * step + channel] } }
            return Intensities(channelCount: kept, values: values, fullScale: Float(fullScale))
        }
    }

    private func paletteIntensities(_ indices: [Float]) -> Intensities {
        let black = PaletteColor(red: 0, green: 0, blue: 0)
        let colors = indices.map { Int($0) < palette.count ? palette[Int($0)] : black }
        let isGray = colors.allSatisfy { $0.red == $0.green && $0.green == $0.blue }
        let channels: [(PaletteColor) -> UInt8] = isGray ? [{ $0.red }] : [{ $0.red }, { $0.green }, { $0.blue }]
        let values = channels.flatMap { channel in colors.map { Float(channel($0)) } }
        return Intensities(channelCount: channels.count, values: values, fullScale: 255)
    }
}
