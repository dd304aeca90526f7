// Reading PNG: bounded before anything is allocated; libpng does the decoding.

import CPNG

extension PNGImage {
    /// The most pixels that are read unless the caller says otherwise.
    public static let pixelLimit = 1 << 28

    /// The signature of every PNG.
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    /// Reads a PNG of any depth and colour type.
    ///
    /// - Parameter pixelLimit: the most pixels (width × height) to accept.
    /// - Throws: ``FormatError`` with `.system`, `.unrecognized` for other formats (named where known), `.truncated` or
    ///   `.invalid` for damage, `.limitExceeded` for sizes above the limit or beyond what the compressed bytes can hold.
    public init(reading path: String, pixelLimit: Int = PNGImage.pixelLimit) throws(FormatError) {
        try self.init(Bytes(mapping: path), path: path, pixelLimit: pixelLimit)
    }

    /// Reads a PNG from memory.
    public init(_ bytes: Bytes, path: String, pixelLimit: Int = PNGImage.pixelLimit) throws(FormatError) {
        try Self.checkSignature(bytes, path: path)
        let header = try Self.header(of: bytes, path: path)
        try Self.checkSize(header, compressed: bytes.count, path: path, limit: pixelLimit)
        guard let color = ColorType(rawValue: header.colorType) else {
            throw FormatError(
                path,
                .invalid(
                    section: "PNG colour type", offset: 25, expected: "0, 2, 3, 4 or 6", found: "\(header.colorType)"))
        }
        let channels = Int(header.channels)
        let shape = Shape([Int(header.height), Int(header.width), channels])
        let dtype: DType = header.depth == 16 ? .uint16 : .uint8
        var info = CPNG_Info()
        let pixels = try Bytes(byteCount: shape.elementCount * dtype.bitWidth / 8) {
            (output: UnsafeMutableRawBufferPointer) throws(FormatError) in
            let isRead = bytes.withUnsafeBytes { raw in
                CPNG_readPixels(
                    raw.bindMemory(to: UInt8.self).baseAddress, raw.count, UInt32(Int32.max), &info,
                    output.bindMemory(to: UInt8.self).baseAddress, output.count)
            }
            guard isRead == 1 else { throw Self.failure(info, count: bytes.count, path: path) }
        }
        self.init(
            path: path, colorType: color, depth: Int(header.depth),
            samples: TensorView(dtype: dtype, shape: shape, bytes: pixels))
        takeFacts(info)
    }

    private static func checkSignature(_ bytes: Bytes, path: String) throws(FormatError) {
        guard !bytes.starts(with: signature) else { return }
        guard bytes.count >= 8 else {
            throw FormatError(
                path, .truncated(section: "PNG signature", offset: 0, expected: 8, found: bytes.count))
        }
        let others: [([UInt8], String)] = [
            ([0xFF, 0xD8, 0xFF], "a JPEG"), (Array("GIF8".utf8), "a GIF"), (Array("BM".utf8), "a BMP"),
            ([0x49, 0x49, 0x2A, 0x00], "a TIFF"), ([0x4D, 0x4D, 0x00, 0x2A], "a TIFF"),
            ([0x1F, 0x8B], "a gzip file"), (Array("RIFF".utf8), "a WebP or other RIFF file"),
            (Array("<".utf8), "HTML or XML text"), (Array("version https://git-lfs".utf8), "a git-lfs pointer"),
        ]
        let kind = others.first { bytes.starts(with: $0.0) }?.1
        throw FormatError(
            path,
            .unrecognized(
                found: kind.map { "this is \($0), not a PNG" } ?? "this is not a PNG",
                advice: kind == "a git-lfs pointer" ? "run 'git lfs pull' first" : "convert it to PNG without loss"))
    }

    private static func header(of bytes: Bytes, path: String) throws(FormatError) -> CPNG_Info {
        var info = CPNG_Info()
        let isRead = bytes.withUnsafeBytes { raw in
            CPNG_readHeader(raw.bindMemory(to: UInt8.self).baseAddress, raw.count, UInt32(Int32.max), &info)
        }
        guard isRead == 1 else { throw failure(info, count: bytes.count, path: path) }
        return info
    }

    /// Refuses what is too large, or larger than the compressed bytes can be (deflate grows to 1032 times at most).
    private static func checkSize(
        _ info: CPNG_Info, compressed: Int, path: String, limit: Int
    ) throws(FormatError) {
        let (pixels, overflow) = Int(info.width).multipliedReportingOverflow(by: Int(info.height))
        let claim = "\(info.width)×\(info.height) pixels"
        guard !overflow, pixels <= limit else {
            throw FormatError(path, .limitExceeded(what: "the image", claimed: claim, limit: "\(limit) pixels"))
        }
        let rowBytes = (Int(info.width) * Int(info.depth) * Int(info.channels) + 7) / 8
        let possible = compressed.multipliedReportingOverflow(by: 1032)
        guard possible.overflow || rowBytes * Int(info.height) <= possible.partialValue else {
            throw FormatError(
                path,
                .limitExceeded(
                    what: "the image", claimed: "\(claim) (\(rowBytes * Int(info.height)) bytes)",
                    limit: "\(possible.partialValue) bytes, to which the file's \(compressed) can grow"))
        }
    }

    private static func failure(_ info: CPNG_Info, count: Int, path: String) -> FormatError {
        var info = info
        let detail = withUnsafePointer(to: &info) { String(cString: CPNG_error($0)) }
        if info.isCutShort != 0 {
            return FormatError(
                path,
                .invalid(
                    section: "PNG data", offset: Int(info.position), expected: "more bytes",
                    found: "the end of the file; copy or download it again"))
        }
        return FormatError(
            path,
            .invalid(section: "PNG data", offset: Int(info.position), expected: "undamaged chunks", found: detail))
    }

    private mutating func takeFacts(_ source: CPNG_Info) {
        var info = source
        withUnsafePointer(to: &info) { info in
            let colors = UnsafeBufferPointer(start: CPNG_palette(info), count: 768)
            let alpha = UnsafeBufferPointer(start: CPNG_alpha(info), count: 256)
            palette = (0..<Int(info.pointee.paletteCount)).map { index in
                PaletteColor(
                    red: colors[3 * index], green: colors[3 * index + 1], blue: colors[3 * index + 2],
                    alpha: index < info.pointee.alphaCount ? alpha[index] : 255)
            }
            let warning = String(cString: CPNG_warning(info))
            if !warning.isEmpty { warnings.append("libpng: \(warning)") }
        }
        if colorType != .palette { palette = [] }  // a palette is a mere suggestion elsewhere
        facts.isInterlaced = info.isInterlaced != 0
        let bits = info.significantBits
        if info.hasSignificantBits != 0 {
            let count = colorType == .palette ? 3 : channelCount
            facts.significantBits = [bits.0, bits.1, bits.2, bits.3].prefix(count).map { Int($0) }
        }
        let key = [info.key.0, info.key.1, info.key.2]
        if info.hasKey != 0 { facts.transparentKey = Array(key.prefix(colorType == .gray ? 1 : 3)) }
        if info.hasPhysicalSize != 0, info.isPerMetre != 0, info.pixelsPerUnit.0 > 0, info.pixelsPerUnit.1 > 0 {
            facts.pixelSize = [1000 / Double(info.pixelsPerUnit.0), 1000 / Double(info.pixelsPerUnit.1)]
        }
        if info.gamma > 0 { facts.gamma = Double(info.gamma) / 100000 }
        let chunks = [(info.hasSRGB, "sRGB"), (info.hasICC, "iCCP"), (info.hasChromaticities, "cHRM")]
        facts.colorChunks = chunks.filter { $0.0 != 0 }.map(\.1)
        facts.hasEXIF = info.hasEXIF != 0
    }
}
