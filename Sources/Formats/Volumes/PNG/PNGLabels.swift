// PNG masks as class numbers: indices stay indices, grey values stay grey values, colours need a table.

/// How a PNG mask's samples become labels.
public struct MaskPolicy: Sendable, Hashable {
    /// The label of each colour, for RGB and RGBA masks.
    public var colorTable: [PaletteColor: Int32]
    /// Whether a mask whose only value above 0 is some k (such as 255) gives label 1 there.
    public var mapsSingleValueToOne: Bool

    /// Values as stored; colours refused.
    public init(colorTable: [PaletteColor: Int32] = [:], mapsSingleValueToOne: Bool = false) {
        self.colorTable = colorTable
        self.mapsSingleValueToOne = mapsSingleValueToOne
    }
}

extension PNGImage {
    /// The image as a label map, H×W.
    ///
    /// Palette images give their indices (never the colours' brightness), and keep the palette as class colours; grey
    /// images give stored values whatever their depth; alpha and transparency change nothing. RGB images whose channels
    /// are equal count as grey, others need the policy's colour table.
    ///
    /// - Throws: ``FormatError`` with `.unsupported` for colours without a table and for EXIF data, `.invalid` naming
    ///   the first pixel whose colour the table lacks.
    public func labels(policy: MaskPolicy = MaskPolicy()) throws(FormatError) -> LabelMap {
        guard !facts.hasEXIF else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "a mask with EXIF data, which may turn it", advice: "save the mask without metadata"))
        }
        let values = (samples.floats() ?? []).map { Int32($0) }
        var labels: [Int32]
        switch colorType {
        case .gray, .palette: labels = values
        case .grayAlpha: labels = stride(from: 0, to: values.count, by: 2).map { values[$0] }
        case .rgb, .rgba: labels = try colorLabels(values, policy: policy)
        }
        var notes: [String] = []
        if colorType == .palette, let highest = labels.max(), Int(highest) >= palette.count {
            notes.append("label \(highest) has no colour in the palette of \(palette.count)")
        }
        let distinct = Set(labels)
        if colorType != .palette, distinct.count == 2, distinct.contains(0), let high = distinct.max(), high > 1 {
            if policy.mapsSingleValueToOne {
                labels = labels.map { $0 == 0 ? 0 : 1 }
                notes.append("value \(high) was taken for label 1")
            } else {
                notes.append("the only label is \(high): in a two-class task it may stand for 1")
            }
        }
        var map = LabelMap(shape: [height, width], values: labels)
        map.palette = palette
        map.notes = notes
        return map
    }

    private func colorLabels(_ values: [Int32], policy: MaskPolicy) throws(FormatError) -> [Int32] {
        let step = channelCount
        let starts = stride(from: 0, to: values.count, by: step)
        if starts.allSatisfy({ values[$0] == values[$0 + 1] && values[$0] == values[$0 + 2] }) {
            return starts.map { values[$0] }
        }
        guard !policy.colorTable.isEmpty else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "a colour mask without a table of its colours",
                    advice: "give each colour a label, or save the mask as grey or palette PNG"))
        }
        // Alpha is no part of a class colour.
        var table: [[Int32]: Int32] = [:]
        for (color, label) in policy.colorTable {
            let scale: Int32 = depth == 16 ? 257 : 1
            table[[Int32(color.red) * scale, Int32(color.green) * scale, Int32(color.blue) * scale]] = label
        }
        var labels: [Int32] = []
        labels.reserveCapacity(width * height)
        for (pixel, start) in starts.enumerated() {
            let color = Array(values[start..<start + 3])
            guard let label = table[color] else {
                throw FormatError(
                    path,
                    .invalid(
                        section: "mask at row \(pixel / width), column \(pixel % width)",
                        expected: "one of the table's \(table.count) colours",
                        found: "(\(color.map { "\($0)" }.joined(separator: ", "))); smoothed or JPEG-compressed edges?")
                )
            }
            labels.append(label)
        }
        return labels
    }
}
