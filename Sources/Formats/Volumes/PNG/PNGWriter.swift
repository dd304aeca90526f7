// Writing PNG: grey, palette and colour, 8 and 16 bits.

import CPNG

extension PNGImage {
    /// Writes the image; the file appears complete or not at all, and holds no time or program name.
    ///
    /// Samples of 1, 2 and 4 bits are written as 8 bits with their values unchanged.
    ///
    /// - Throws: ``FormatError`` with `.system`, or `.library` when libpng refuses.
    public func write(to path: String) throws(FormatError) {
        var file = try AtomicFile(path)
        try file.write(encoded(path: path))
        try file.commit()
    }

    /// The file's bytes.
    public func encoded(path: String = "image") throws(FormatError) -> Bytes {
        guard let width = UInt32(exactly: width), let height = UInt32(exactly: height) else {
            throw FormatError(
                path,
                .limitExceeded(what: "the image", claimed: "\(samples.shape) samples", limit: "2³² pixels a side"))
        }
        var info = CPNG_Info()
        info.width = width
        info.height = height
        info.depth = depth == 16 ? 16 : 8
        info.colorType = colorType.rawValue
        info.channels = UInt8(channelCount)
        fillPalette(&info)
        fillFacts(&info)
        var size = 0
        let encoded = samples.bytes.withUnsafeBytes { raw in
            CPNG_encode(&info, raw.bindMemory(to: UInt8.self).baseAddress, raw.count, &size)
        }
        guard let encoded else {
            let detail = withUnsafePointer(to: &info) { String(cString: CPNG_error($0)) }
            throw FormatError(path, .library(call: "libpng", detail: detail))
        }
        defer { CPNG_free(encoded) }
        return Bytes(byteCount: size) { $0.copyMemory(from: UnsafeRawBufferPointer(start: encoded, count: size)) }
    }

    private func fillPalette(_ info: inout CPNG_Info) {
        guard colorType == .palette else { return }
        info.paletteCount = UInt16(palette.count)
        withUnsafeMutableBytes(of: &info.palette) { bytes in
            for (index, color) in palette.enumerated() {
                bytes[3 * index] = color.red
                bytes[3 * index + 1] = color.green
                bytes[3 * index + 2] = color.blue
            }
        }
        guard let lastSheer = palette.lastIndex(where: { $0.alpha != 255 }) else { return }
        info.alphaCount = UInt16(lastSheer + 1)
        withUnsafeMutableBytes(of: &info.alpha) { bytes in
            for index in 0...lastSheer { bytes[index] = palette[index].alpha }
        }
    }

    private func fillFacts(_ info: inout CPNG_Info) {
        let isWhole = colorType != .palette && facts.significantBits.count == channelCount && depth >= 8
        if isWhole, facts.significantBits.allSatisfy({ 1...depth ~= $0 }) {
            info.hasSignificantBits = 1
            withUnsafeMutableBytes(of: &info.significantBits) { bytes in
                for (index, bits) in facts.significantBits.enumerated() { bytes[index] = UInt8(bits) }
            }
        }
        if let size = facts.pixelSize, let x = UInt32(exactly: (1000 / size.x).rounded()),
            let y = UInt32(exactly: (1000 / size.y).rounded())
        {
            info.hasPhysicalSize = 1
            info.isPerMetre = 1
            info.pixelsPerUnit = (x, y)
        }
    }
}

extension LabelMap {
    /// Writes an H×W map as PNG: palette when the map has colours for all its labels, else gray8, else gray16.
    ///
    /// - Throws: ``FormatError`` with `.unsupported` for negative labels and labels above 65535, `.system`.
    public func writePNG(to path: String) throws(FormatError) {
        let highest = values.max() ?? 0
        guard shape.rank == 2, (values.min() ?? 0) >= 0, highest <= 65535 else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "a label map of \(shape) with labels \(values.min() ?? 0) to \(highest) as PNG",
                    advice: "write one slice with labels 0 to 65535, or a NIfTI file"))
        }
        let samples =
            highest <= 255
            ? TensorView(dtype: .uint8, shape: shape, bytes: Bytes(copying: values.map { UInt8($0) }))
            : TensorView(dtype: .uint16, shape: shape, bytes: Bytes(copying: values.map { UInt16($0) }))
        let colors = Int(highest) < palette.count && palette.count <= 256 ? palette : []
        try PNGImage(samples: samples, palette: colors, path: path).write(to: path)
    }
}
