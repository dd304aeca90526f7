// What labelled data are checked for once they are read: classes that are missing or rare, cases that stand out.

import Formats

/// Looks at labelled data as a whole.
struct DataChecks {
    let images: [LabelledImage]
    let cases: [LabelledCase]
    let scheme: LabelScheme
    let target: Target

    /// Below this share of all pixels a class counts as rare: one pixel in ten thousand.
    static let rareShare = 1e-4
    /// From this ratio between the largest and the smallest voxel size on, cases count as unlike.
    static let spacingRatio = 2.0

    // MARK: Refusals

    /// Refuses to train on classes that occur nowhere: a network cannot learn them, the Dice loss would only teach it to
    /// avoid them, and every measure of them would be undefined.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` naming the classes and the choice without them.
    func refuseEmptyClasses(place: String, origin: LabelScheme.Origin) throws(AnalyzerError) {
        let empty = emptyClasses
        guard !empty.isEmpty else { return }
        let names = empty.map { "'\(scheme.names[$0])' (value \(scheme.values[$0]))" }.joined(separator: ", ")
        let kept = (0..<scheme.classCount).filter { !empty.contains($0) }
        let rest = try? LabelScheme(
            names: kept.map { scheme.names[$0] }, values: kept.map { scheme.values[$0] },
            ignoreValue: scheme.ignoreValue)
        throw .format(
            FormatError(
                place,
                .unrecognized(
                    found: "no pixel of \(names) in any of \(cases.count) mask\(cases.count == 1 ? "" : "s"), "
                        + "though declared by \(origin == .description ? "dataset.json" : "--classes")",
                    advice: rest.map { "leave it out with --classes \($0), or add cases that have it" }
                        ?? "there is nothing but background to learn; give other masks")))
    }

    /// Foreground classes without a pixel.
    private var emptyClasses: [Int] {
        (1..<scheme.classCount).filter { label in images.allSatisfy { $0.pixels[label] == 0 } }
    }

    // MARK: Remarks

    /// Everything that a person should know, the serious first.
    func warnings(unlabelled: [String], maskRemarks: [[String]]) -> [DataWarning] {
        var found: [DataWarning] = []
        if !unlabelled.isEmpty {
            found.append(
                DataWarning(
                    .unlabelled,
                    "\(unlabelled.count) case\(unlabelled.count == 1 ? " has" : "s have") no mask and "
                        + "\(unlabelled.count == 1 ? "is" : "are") left out: \(listed(unlabelled))"))
        }
        found += Self.merged(maskRemarks, names: cases.map(\.name))
        found += emptyClasses.map { label in
            DataWarning(
                .emptyClass, isSerious: true,
                "class '\(scheme.names[label])' occurs in no mask: its measures are undefined")
        }
        found += (1..<scheme.classCount).flatMap(rarity) + oneGroup + spacing + duplicates
        return found.filter(\.isSerious) + found.filter { !$0.isSerious }
    }

    /// Each remark about masks once, with how many it holds for. Wrong places are serious.
    private static func merged(_ remarks: [[String]], names: [String]) -> [DataWarning] {
        var order: [String] = []
        var holders: [String: [String]] = [:]
        for (list, name) in zip(remarks, names) {
            for remark in list {
                if holders[remark] == nil { order.append(remark) }
                holders[remark, default: []].append(name)
            }
        }
        return order.map { remark in
            let names = holders[remark] ?? []
            let subject = names.count == 1 ? names[0] : "\(names.count) cases (\(listed(names)))"
            return DataWarning(.mask, isSerious: remark.hasSuffix("paired by index"), "\(subject): \(remark)")
        }
    }

    private func rarity(of label: Int) -> [DataWarning] {
        let holders = images.filter { $0.pixels[label] > 0 }
        guard let first = holders.first else { return [] }
        var found: [DataWarning] = []
        let name = scheme.names[label]
        let all = images.reduce(0) { $0 + $1.pixels.reduce(0, +) }
        let share = Double(holders.reduce(0) { $0 + $1.pixels[label] }) / Double(max(all, 1))
        if share < Self.rareShare {
            found.append(
                DataWarning(
                    .rareClass,
                    "class '\(name)' is rare (\(percent(share)) of the pixels): class weights or the Dice loss help"))
        }
        if Set(holders.map(\.group)).count == 1, Set(images.map(\.group)).count > 1 {
            found.append(
                DataWarning(
                    .rareClass, isSerious: true,
                    "class '\(name)' is in one case only (\(cases[first.caseNumber].name)): it can be trained or "
                        + "validated on, not both"))
        }
        let lost = holders.count { $0.preparedPixels[label] == 0 }
        if lost * 20 > holders.count {
            found.append(
                DataWarning(
                    .vanishingClass, isSerious: lost == holders.count,
                    "class '\(name)' vanishes from \(lost) of the \(holders.count) images that have it when they are "
                        + "resized to \(target.imageShape.height)×\(target.imageShape.width); a larger --image-size "
                        + "keeps it"))
        }
        return found
    }

    private var oneGroup: [DataWarning] {
        guard Set(images.map(\.group)).count == 1, let first = cases.first else { return [] }
        return [
            DataWarning(
                .oneGroup, isSerious: true,
                "all images are of one case (\(first.name)): nothing can be held back for validation by patient")
        ]
    }

    private var spacing: [DataWarning] {
        let volumes = cases.compactMap { owner in owner.spacing.map { (owner.name, $0) } }
        let measures: [(String, (SIMD3<Double>) -> Double)] = [
            ("distance between slices", { $0[0] }), ("pixel size", { max($0[1], $0[2]) }),
        ]
        return measures.compactMap { what, value in
            guard let low = volumes.min(by: { value($0.1) < value($1.1) }),
                let high = volumes.max(by: { value($0.1) < value($1.1) }),
                value(high.1) >= Self.spacingRatio * value(low.1)
            else { return nil }
            return DataWarning(
                .spacing,
                "the \(what) differs much: \(shortDecimal(value(low.1))) mm in \(low.0), "
                    + "\(shortDecimal(value(high.1))) mm in \(high.0)")
        }
    }

    /// Equal image files in different groups would be trained and validated on.
    private var duplicates: [DataWarning] {
        var seen: [ContentHash: (name: String, group: Int)] = [:]
        var pairs: [String] = []
        for owner in cases {
            let image = images[owner.images.lowerBound]
            guard let hash = target.fileHash(ofImage: image.number) else { continue }
            if let other = seen[hash], other.group != image.group { pairs.append("\(other.name) = \(owner.name)") }
            if seen[hash] == nil { seen[hash] = (owner.name, image.group) }
        }
        guard !pairs.isEmpty else { return [] }
        return [
            DataWarning(
                .duplicates, isSerious: true,
                "\(pairs.count) image file\(pairs.count == 1 ? " is" : "s are") byte for byte equal to another case's "
                    + "(\(listed(pairs))): they may come to lie in training and validation")
        ]
    }
}

extension Target {
    /// The fingerprint of the file that an image is from, nil for cases of several files or a frame of one.
    func fileHash(ofImage number: Int) -> ContentHash? {
        let entry = samples[number].caseNumber
        return listing.cases[entry].frame == nil ? index[entry].contents.first?.hash : nil
    }
}

extension SegmentationData {
    /// A remark when these data, as test or validation data, hold files that the training data hold too, byte for byte.
    public func overlap(with training: SegmentationData) -> DataWarning? {
        let known = Set(training.images.compactMap { training.target.fileHash(ofImage: $0.number) })
        let shared = cases.filter { owner in
            target.fileHash(ofImage: images[owner.images.lowerBound].number).map(known.contains) ?? false
        }
        guard !shared.isEmpty else { return nil }
        return DataWarning(
            .duplicates, isSerious: true,
            "\(shared.count) of \(cases.count) files are also in the training data, byte for byte "
                + "(\(listed(shared.map(\.name)))): their measures say nothing")
    }
}

/// A share for a person: `12.3 %`, `0.004 %`.
func percent(_ share: Double) -> String {
    let value = share * 100
    if value == 0 || value >= 9.95 { return "\(shortDecimal((value * 10).rounded() / 10)) %" }
    var scale = 1.0
    while value * scale < 10, scale < 1e9 { scale *= 10 }
    let text = "\((value * scale).rounded() / scale)"
    return "\(text.hasSuffix(".0") ? String(text.dropLast(2)) : text) %"
}
