// Choosing and renaming tensors by what the user says: `--only`, `--strip-prefix`, `--rename`.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Which tensors take part in a conversion and what they are called.
public struct NameRules: Sendable {
    /// Shell patterns (`*`, `?`, `[…]`); `*` crosses dots and slashes. A tensor takes part if one of those without `!`
    /// matches (or there is none) and none of those with `!` in front does.
    public var patterns: [String] = []
    /// A beginning that is taken off the names that have it.
    public var strippedPrefix = ""
    /// New names, in order: a whole name, or a beginning that ends before a `.` or `/`.
    public var renames: [(from: String, to: String)] = []

    /// Everything, as it is.
    public init() {}

    /// Applies the rules.
    ///
    /// - Parameter path: the source, for errors.
    /// - Returns: the tensors left, and how many were left out.
    /// - Throws: ``FormatError`` with `.invalid` when a rule matches nothing, or two tensors end up with one name.
    public func apply(to tensors: [DraftTensor], path: String) throws(FormatError) -> (
        tensors: [DraftTensor], left: Int
    ) {
        var result = try selected(tensors, path: path)
        let left = tensors.count - result.count
        let originals = result.map(\.name)
        try strip(&result, path: path)
        for rename in renames { try apply(rename, to: &result, path: path) }
        try checkDistinct(result, originals: originals, path: path)
        return (result, left)
    }

    private func selected(_ tensors: [DraftTensor], path: String) throws(FormatError) -> [DraftTensor] {
        guard !patterns.isEmpty else { return tensors }
        let wanted = patterns.filter { !$0.hasPrefix("!") }
        let unwanted = patterns.filter { $0.hasPrefix("!") }.map { String($0.dropFirst()) }
        for pattern in wanted + unwanted where !tensors.contains(where: { Self.matches($0.name, pattern) }) {
            throw noMatch("--only \(pattern)", tensors, path: path)
        }
        let result = tensors.filter { tensor in
            (wanted.isEmpty || wanted.contains { Self.matches(tensor.name, $0) })
                && !unwanted.contains { Self.matches(tensor.name, $0) }
        }
        guard !result.isEmpty else { throw noMatch("--only", tensors, path: path) }
        return result
    }

    private func strip(_ tensors: inout [DraftTensor], path: String) throws(FormatError) {
        guard !strippedPrefix.isEmpty else { return }
        guard tensors.contains(where: { $0.name.hasPrefix(strippedPrefix) }) else {
            throw noMatch("--strip-prefix \(strippedPrefix)", tensors, path: path)
        }
        for index in tensors.indices where tensors[index].name.hasPrefix(strippedPrefix) {
            tensors[index].name.removeFirst(strippedPrefix.count)
        }
    }

    private func apply(
        _ rename: (from: String, to: String), to tensors: inout [DraftTensor], path: String
    ) throws(FormatError) {
        var isUsed = false
        for index in tensors.indices {
            let name = tensors[index].name
            guard name.hasPrefix(rename.from) else { continue }
            let rest = name.dropFirst(rename.from.count)
            let isWhole = rest.isEmpty || rest.hasPrefix(".") || rest.hasPrefix("/")
            guard isWhole || rename.from.hasSuffix(".") || rename.from.hasSuffix("/") else { continue }
            tensors[index].name = rename.to + rest
            isUsed = true
        }
        guard isUsed else { throw noMatch("--rename \(rename.from)=\(rename.to)", tensors, path: path) }
    }

    private func checkDistinct(_ tensors: [DraftTensor], originals: [String], path: String) throws(FormatError) {
        var seen: [String: String] = [:]
        for (tensor, original) in zip(tensors, originals) {
            if let other = seen.updateValue(original, forKey: tensor.name) {
                throw FormatError(
                    path,
                    .unsupported(
                        feature: "'\(printable(tensor.name))' as the name of both '\(printable(other))' and "
                            + "'\(printable(original))'", advice: "change --rename or --strip-prefix"))
            }
            if tensor.name.isEmpty {
                throw FormatError(
                    path,
                    .unsupported(
                        feature: "an empty name for '\(printable(original))'",
                        advice: "change --rename or --strip-prefix"))
            }
        }
    }

    private func noMatch(_ rule: String, _ tensors: [DraftTensor], path: String) -> FormatError {
        let names = tensors.prefix(3).map { "'\(printable($0.name))'" }.joined(separator: ", ")
        return FormatError(
            path,
            .unrecognized(
                found: "'\(printable(rule))' matches none of its \(tensors.count) tensors (\(names)"
                    + "\(tensors.count > 3 ? ", …" : ""))", advice: "'ripe inspect' lists them"))
    }

    private static func matches(_ name: String, _ pattern: String) -> Bool { fnmatch(pattern, name, 0) == 0 }
}
