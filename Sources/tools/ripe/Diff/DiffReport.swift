// What `ripe diff` says.

import Formats

/// A comparison as text or JSON.
struct DiffReport {
    let first: String, second: String
    /// How names were made comparable, if they were not.
    let remark: String?
    let differences: [TensorDifference]
    let tolerance: Double
    let listsAll: Bool

    /// Whether everything is equal within the tolerance.
    var areEqual: Bool { differences.allSatisfy { $0.isWithin(tolerance) } && !differences.isEmpty }

    func lines(for terminal: Terminal) -> [String] {
        var lines = remark.map { ["note: \(printable($0))", ""] } ?? []
        let shown = listsAll ? differences : differences.filter { $0.outcome != .identical }
        if !shown.isEmpty {
            var table = TextTable([
                .init("tensor", canShrink: true), .init("difference"), .init("max abs", .right),
                .init("max rel", .right),
            ])
            for entry in shown {
                let style: Style? = entry.isWithin(tolerance) ? nil : .red
                table.add([entry.name, entry.words] + entry.numbers, style: style)
            }
            lines += table.lines(for: terminal) + [""]
        }
        return lines + [summary]
    }

    /// How many tensors there are of each kind.
    private var summary: String {
        var parts: [String] = []
        func add(_ words: String, _ matches: (TensorDifference.Outcome) -> Bool) {
            let count = differences.filter { matches($0.outcome) }.count
            if count > 0 { parts.append("\(grouped(count)) \(words)") }
        }
        add("identical") { $0 == .identical }
        add("with other values") { if case .values = $0 { true } else { false } }
        add("of another shape") { if case .shape = $0 { true } else { false } }
        add("only in \(printable(first))") { $0 == .missing }
        add("only in \(printable(second))") { $0 == .extra }
        let verdict = areEqual ? (tolerance > 0 ? "equal within \(significant(tolerance, 3))" : "equal") : "different"
        return "\(verdict): \(counted(differences.count, "tensor")), \(parts.joined(separator: ", "))"
    }

    var json: JSON {
        .object([
            "schema": .string("ripe.diff/1"), "first": .string(first), "second": .string(second),
            "note": remark.map { .string($0) }, "tolerance": .real(tolerance), "equal": .bool(areEqual),
            "tensors": .array(differences.map(\.json)),
        ])
    }
}

extension TensorDifference {
    /// The outcome in words, without the numbers.
    var words: String {
        switch outcome {
        case .identical: "identical"
        case .missing: "only in the first"
        case .extra: "only in the second"
        case .shape(let first, let second): "shape \(first), \(second)"
        case .values(let values):
            (values.types[0] == values.types[1] ? "values" : "\(values.types[0]), \(values.types[1])")
                + (values.incomparable > 0 ? ", \(grouped(values.incomparable)) not comparable" : "")
        }
    }

    /// The largest differences as table cells.
    fileprivate var numbers: [String] {
        guard case .values(let values) = outcome else { return ["", ""] }
        return [significant(values.absolute, 3), significant(values.relative, 3)]
    }

    fileprivate var json: JSON {
        let kind =
            switch outcome {
            case .identical: "identical"
            case .missing: "missing"
            case .extra: "extra"
            case .shape: "shape"
            case .values: "values"
            }
        var values: Values?
        if case .values(let found) = outcome { values = found }
        var shapes: JSON?
        if case .shape(let first, let second) = outcome {
            shapes = .array([.integers(first.axes), .integers(second.axes)])
        }
        return .object([
            "name": .string(name), "outcome": .string(kind), "shapes": shapes,
            "dtypes": values.map { .strings($0.types.map { "\($0)" }) },
            "maxAbsolute": values.map { .real($0.absolute) },
            "maxRelative": values.map { .real($0.relative) }, "index": values.map { .integer($0.index) },
            "incomparable": values.map { .integer($0.incomparable) },
        ])
    }
}
