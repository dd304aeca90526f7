// Keras 3 models of the families that have one, generated from sizes. Nothing is read from a file here; the names are
// those of keras.applications, so that weights written under them fit its models too.

/// Makers of Keras models, one a family, each in its own file.
enum KerasModels {
    /// Whether there is a sensible number of blocks in each of some stages.
    static func areDepths(_ depths: [Int]) -> Bool { !depths.isEmpty && depths.allSatisfy { (1...1000).contains($0) } }

    /// Refuses sizes that contradict each other.
    static func check(
        _ isRight: Bool, _ model: String, _ expected: String, _ path: String
    ) throws(FormatError) {
        guard !isRight else { return }
        throw FormatError(
            path, .invalid(section: "Keras model '\(model)'", expected: expected, found: "other sizes"))
    }
}
