// Label values of files as class indices.

import Formats

/// The classes that label values of files stand for.
struct ClassCoding: Sendable {
    /// The value of each class in label files.
    private let values: [Int32]
    private let indices: [Int32: UInt8]

    /// - Parameters:
    ///   - values: the value of each class in label files.
    ///   - ignoreValue: that of pixels that take part in nothing; their index is ``LabelScheme/ignoredIndex``.
    init(_ values: [Int32], ignoreValue: Int32? = nil) {
        self.values = values
        var indices = Dictionary(
            zip(values, values.indices.map { UInt8(truncatingIfNeeded: $0) }), uniquingKeysWith: { first, _ in first })
        if let ignoreValue { indices[ignoreValue] = LabelScheme.ignoredIndex }
        self.indices = indices
    }

    /// The class of each label.
    ///
    /// - Throws: ``AnalyzerError/evaluation(place:expected:found:)`` for a label that is no class's.
    func indices(of labels: [Int32], place: @autoclosure () -> String) throws(AnalyzerError) -> [UInt8] {
        var result = [UInt8](repeating: 0, count: labels.count)
        // Runs of equal labels are long.
        var (last, index) = (Int32.min, UInt8(0))
        for (position, label) in labels.enumerated() {
            if label != last || position == 0 {
                guard let known = indices[label] else {
                    let allowed = values.map { "\($0)" }.joined(separator: ", ")
                    throw .evaluation(
                        place: place(), expected: "labels \(allowed)",
                        found: "label \(label); is this the model's task?")
                }
                (last, index) = (label, known)
            }
            result[position] = index
        }
        return result
    }
}
