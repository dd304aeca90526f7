// Option values that are words of a list, or lists of them.

import ArgumentParser

/// The words of an enumeration, for help and errors.
func allWords<Value: RawRepresentable<String> & CaseIterable>(_ type: Value.Type) -> String {
    Value.allCases.map(\.rawValue).joined(separator: ", ")
}

/// A word of an enumeration.
func word<Value: RawRepresentable<String> & CaseIterable>(_ text: String, _ type: Value.Type) throws -> Value {
    guard let value = Value(rawValue: text) else { throw ValidationError("expected \(allWords(type))") }
    return value
}

/// Words of an enumeration, separated by commas, each once.
func words<Value: RawRepresentable<String> & CaseIterable & Equatable>(
    _ text: String, _ type: Value.Type
) throws -> [Value] {
    var found: [Value] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let value = Value(rawValue: String(part)) else {
            throw ValidationError("expected \(allWords(type)), found '\(part)'")
        }
        if !found.contains(value) { found.append(value) }
    }
    return found
}

/// Numbers separated by commas, each once.
func numbers(_ text: String) throws -> [Double] {
    var found: [Double] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
        guard let value = Double(part), value.isFinite else {
            throw ValidationError("expected numbers such as 0,0.25,0.5, found '\(part)'")
        }
        if !found.contains(value) { found.append(value) }
    }
    return found
}

/// Whole numbers separated by commas, in their order.
func integers(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
        guard let value = Int(part), value > 0 else {
            throw ValidationError("expected whole numbers such as 256,128,64, found '\(part)'")
        }
        return value
    }
}
