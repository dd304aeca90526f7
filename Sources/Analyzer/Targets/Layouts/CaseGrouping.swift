// Which images show the same patient, told from their names: their slices must not be each other's negatives.

/// Groups cases by name.
///
/// A name that ends in a marked number, `_s042`, `-slice7`, `_z12` or `_frame01` (marks: s, sl, slice, z, frame, fr),
/// belongs to the group of what stands before the mark. Plain numbers (`image_012`) say nothing. When the names would
/// put all images into one group, they say nothing either.
enum CaseGrouping {
    private static let marks = ["slice", "frame", "sl", "fr", "s", "z"]

    /// What stands before a marked number at the end of a name, or nil.
    static func prefix(of name: String) -> String? {
        var rest = name[...]
        while let last = rest.last, last.isASCII, last.isNumber { rest = rest.dropLast() }
        guard rest.endIndex < name.endIndex else { return nil }
        if rest.hasSuffix("_") || rest.hasSuffix("-") { rest = rest.dropLast() }
        let lowered = rest.lowercased()
        for mark in marks where lowered.hasSuffix(mark) {
            let before = rest.dropLast(mark.count)
            guard let separator = before.last, separator == "_" || separator == "-" else { continue }
            return before.count > 1 ? String(before.dropLast()) : nil
        }
        return nil
    }

    /// The group of each name: equal prefixes together, every other name alone; nil when that tells nothing apart.
    static func groups(of names: [String]) -> [String]? {
        let groups = names.map { prefix(of: $0) ?? $0 }
        let distinct = Set(groups).count
        return distinct > 1 && distinct < names.count ? groups : nil
    }
}
