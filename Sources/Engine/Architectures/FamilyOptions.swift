// Settings that no tensor tells: what each family declares, checked before any file is read, and the values that reach it.

/// A setting that a family knows (`--arch-option key=value`), and which values it takes.
struct FamilyOption: Sendable {
    enum Values: Sendable {
        case number(ClosedRange<Double>)
        case integer(ClosedRange<Int>)
        case words([String])
        case text
    }

    let key: String
    let values: Values

    init(_ key: String, _ values: Values) {
        self.key = key
        self.values = values
    }

    /// How images are prepared for the network.
    static let input = FamilyOption("input", .words(InputNormalization.named.map(\.key)))
    /// What every family takes.
    static let common = [input, FamilyOption("prefix", .text), FamilyOption("ignore", .text)]

    /// Checks given settings against those that are known.
    ///
    /// - Throws: ``EngineError`` with `.unknownOption` or `.invalidOption`, the first by name.
    static func check(_ given: [String: String], known: [FamilyOption]) throws(EngineError) {
        for (key, value) in given.sorted(by: { $0.key < $1.key }) {
            guard let option = known.first(where: { $0.key == key }) else {
                throw .unknownOption(option: key, known: Set(known.map(\.key)).sorted())
            }
            guard option.takes(value) else {
                throw .invalidOption(option: key, value: value, expected: option.expectation)
            }
        }
    }

    private func takes(_ text: String) -> Bool {
        switch values {
        case .number(let range): Double(text).map(range.contains) ?? false
        case .integer(let range): Int(text).map(range.contains) ?? false
        case .words(let words): words.contains(text)
        case .text: true
        }
    }

    private var expectation: String {
        switch values {
        case .number(let range): "a number from \(range.lowerBound) to \(range.upperBound)"
        case .integer(let range): "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .words(let words): words.joined(separator: " or ")
        case .text: "text"
        }
    }
}

/// The settings that reach a family, checked against what it declares.
struct FamilyOptions {
    private let values: [String: String]

    init(_ values: [String: String]) { self.values = values }

    /// The text of a setting, if given.
    subscript(key: String) -> String? { values[key] }

    /// A number, if given.
    func number(_ key: String) -> Double? { values[key].flatMap { Double($0) } }

    /// A whole number, if given.
    func integer(_ key: String) -> Int? { values[key].flatMap { Int($0) } }
}
