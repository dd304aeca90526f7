// Classes that nobody names on the command line: from dataset.json, else from the values that the masks hold.

import Formats

extension LabelScheme {
    /// Where a scheme came from.
    public enum Origin: String, Sendable, Hashable, Codable {
        /// The user named the classes, or a trained model did.
        case given
        /// The data set's dataset.json.
        case description = "dataset.json"
        /// The values that occur in the masks.
        case found = "values in the masks"
    }

    /// The classes that dataset.json declares: nnU-Net's `"labels": {"background": 0, "liver": 1, "ignore": 2}` or the
    /// Decathlon's `{"0": "background", "1": "liver"}`; nil when it declares none.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` for regions (classes that overlap), for values that are no integers and for
    ///   labels without a background.
    init?(_ description: DatasetDescription) throws(AnalyzerError) {
        guard let members = description.json["labels"]?.members, !members.isEmpty else { return nil }
        func refuse(_ reason: FormatError.Reason) -> AnalyzerError { .format(FormatError(description.path, reason)) }
        var entries: [(name: String, value: Int32)] = []
        for member in members {
            if let name = member.value.string, let value = Int32(member.key) {
                entries.append((name, value))
                continue
            }
            let listed = member.value.array
            if let listed, listed.count != 1 {
                let list = listed.map(\.compactText).joined(separator: ", ")
                throw refuse(
                    .unsupported(
                        feature: "region-based training ('\(member.key)' stands for the labels \(list))",
                        advice: "name classes that exclude each other with --classes background=0,…"))
            }
            let number = listed?.first ?? member.value
            guard let value = (number.int ?? number.string.flatMap { Int($0) }).flatMap({ Int32(exactly: $0) }) else {
                throw refuse(
                    .invalid(
                        section: "label '\(member.key)'", expected: "a whole number", found: member.value.compactText))
            }
            entries.append((member.key, value))
        }
        let ignored = entries.first { $0.name == "ignore" }?.value
        let classes = entries.filter { $0.name != "ignore" }.sorted { $0.value < $1.value }
        guard classes.contains(where: { $0.value == 0 }) else {
            throw refuse(
                .invalid(
                    section: "labels", expected: "a background with value 0",
                    found: classes.map { "\($0.name)=\($0.value)" }.joined(separator: ",")
                        + "; name the classes with --classes, the background first"))
        }
        let ordered = classes.filter { $0.value == 0 } + classes.filter { $0.value != 0 }
        do throws(AnalyzerError) {
            try self.init(names: ordered.map(\.name), values: ordered.map(\.value), ignoreValue: ignored)
        } catch {
            throw refuse(.invalid(section: "labels", expected: "distinct classes", found: "\(error)"))
        }
    }

    /// The classes that masks hold when nothing declares any: 0 is `background`, the others `foreground` (one) or
    /// `class 1`, `class 2`… by their values.
    ///
    /// - Throws: ``AnalyzerError/format(_:)`` when the values do not tell: no 0, a single value, more than 32, or 255
    ///   behind a run of small numbers (a class, or pixels to ignore?).
    init(found values: [Int32], place: String) throws(AnalyzerError) {
        let values = values.sorted()
        let list = values.prefix(8).map { "\($0)" }.joined(separator: ", ") + (values.count > 8 ? ", …" : "")
        func refuse(_ found: String, _ advice: String) -> AnalyzerError {
            .format(FormatError(place, .unrecognized(found: found, advice: advice)))
        }
        guard values.count > 1 else {
            throw refuse("every mask holds only the value \(list)", "there is nothing to learn; give other masks")
        }
        guard values.contains(0), values[0] == 0 else {
            throw refuse(
                "the masks hold \(list), which does not tell the background",
                "name the classes with --classes background=\(values[0]),…")
        }
        guard values.count <= 32 else {
            throw refuse(
                "the masks hold \(values.count) different values (\(list)): smoothed or JPEG-compressed masks?",
                "save them without interpolation, or name the classes with --classes")
        }
        if values.count > 2, values.last == 255, values[values.count - 2] == values.count - 2 {
            let classes = values.dropFirst().dropLast().map { "NAME=\($0)" }.joined(separator: ",")
            throw refuse(
                "the masks hold \(list), which does not tell whether 255 is a class or to be ignored",
                "say --classes background=0,\(classes),ignore=255 or …,NAME=255")
        }
        let names = values.count == 2 ? ["foreground"] : values.dropFirst().map { "class \($0)" }
        try self.init(names: ["background"] + names, values: values)
    }
}
