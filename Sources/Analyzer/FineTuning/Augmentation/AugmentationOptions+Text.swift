// Augmentation as a user writes it: `flips,rotate=180,scale=0.2,jitter`.

extension AugmentationOptions: CustomStringConvertible {
    private static let expected =
        "none, or some of flips, hflip, vflip, rotate=DEGREES, rot90, scale=S, translate=S, crop=S, elastic[=S], "
        + "jitter[=B:C:S:H], brightness=S, gamma=S, paper-acdc, paper-idrid"

    /// Reads a list of changes, separated by commas; later ones win. `none` alone changes nothing.
    ///
    /// - `flips` or `hflip`: left to right, the mirror image in which a body stays upright; `vflip`: top to bottom. Each
    ///   with probability 0.5, or `hflip=P`.
    /// - `rotate=180`, `scale=0.2`, `translate=0.1`, `crop=0.5`, `brightness=0.1`, `gamma=0.3`: the strengths of
    ///   ``AugmentationOptions``. `rot90`: quarter turns.
    /// - `elastic` is `elastic=0.03`; `jitter` is the paper's, `jitter=0.1:0.05:0.1:0.05`.
    /// - `paper-acdc`, `paper-idrid`: the presets.
    ///
    /// - Throws: ``AnalyzerError/option(name:value:expected:)`` for other names and for strengths out of range.
    public init(parsing text: String) throws(AnalyzerError) {
        self.init()
        let entries = text.split(separator: ",", omittingEmptySubsequences: false).map(\.trimmingBlanks)
        if entries == ["none"] { return }
        for entry in entries { try take(entry) }
    }

    private mutating func take(_ entry: String) throws(AnalyzerError) {
        let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let name = parts.first.map { String($0) } ?? ""
        let value = parts.count == 2 ? String(parts[1]) : nil
        func number(
            _ range: ClosedRange<Double>, unless missing: Double? = nil
        ) throws(AnalyzerError) -> Double {
            if value == nil, let missing { return missing }
            guard let number = value.flatMap({ Double($0) }), range.contains(number) else {
                throw .option(
                    name: "--augment", value: entry,
                    expected: "\(name)=NUMBER from \(trimmed(range.lowerBound)) to \(trimmed(range.upperBound))")
            }
            return number
        }
        switch name {
        case "flips", "hflip": horizontalFlip = try number(0...1, unless: 0.5)
        case "vflip": verticalFlip = try number(0...1, unless: 0.5)
        case "rotate": rotation = try number(0...180)
        case "rot90" where value == nil: quarterTurns = true
        case "scale": scale = try number(0...0.9)
        case "translate": translation = try number(0...1)
        case "crop": crop = try number(0.1...1)
        case "elastic": elastic = try number(0...0.2, unless: 0.03)
        case "jitter": jitter = try Self.jitter(value, entry)
        case "brightness": brightness = try number(0...1)
        case "gamma": gamma = try number(0...4)
        case "paper-acdc" where value == nil: self = .paperACDC
        case "paper-idrid" where value == nil: self = .paperIDRiD
        default: throw .option(name: "--augment", value: entry, expected: Self.expected)
        }
    }

    private static func jitter(_ value: String?, _ entry: String) throws(AnalyzerError) -> JitterStrength {
        guard let value else { return .paper }
        let numbers = value.split(separator: ":", omittingEmptySubsequences: false).map { Double($0) ?? -1 }
        guard numbers.count == 4, numbers.allSatisfy({ 0...1 ~= $0 }), numbers[3] <= 0.5 else {
            throw .option(
                name: "--augment", value: entry,
                expected: "jitter=BRIGHTNESS:CONTRAST:SATURATION:HUE from 0 to 1, the hue to 0.5")
        }
        return JitterStrength(brightness: numbers[0], contrast: numbers[1], saturation: numbers[2], hue: numbers[3])
    }

    /// As ``init(parsing:)`` reads it, in a fixed order.
    public var description: String {
        var entries: [String] = []
        if horizontalFlip > 0 {
            entries.append(horizontalFlip == 0.5 ? "flips" : "hflip=\(trimmed(horizontalFlip))")
        }
        if verticalFlip > 0 { entries.append(verticalFlip == 0.5 ? "vflip" : "vflip=\(trimmed(verticalFlip))") }
        func add(_ name: String, _ strength: Double, unless nothing: Double = 0) {
            if strength != nothing { entries.append("\(name)=\(trimmed(strength))") }
        }
        add("rotate", rotation)
        if quarterTurns { entries.append("rot90") }
        add("scale", scale)
        add("translate", translation)
        add("elastic", elastic)
        add("crop", crop, unless: 1)
        if let jitter {
            let numbers = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue].map { trimmed($0) }
            entries.append("jitter=" + numbers.joined(separator: ":"))
        }
        add("brightness", brightness)
        add("gamma", gamma)
        return entries.isEmpty ? "none" : entries.joined(separator: ",")
    }
}

/// A number without `.0`.
private func trimmed(_ value: Double) -> String {
    let text = "\(value)"
    return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
}
