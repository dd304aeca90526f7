// The one error type of this module: facts in the cases, words in `description`.

/// Why a file cannot be read or written.
public struct FormatError: Error, Equatable, Sendable {
    /// The file, as the user named it.
    public let path: String
    /// What is wrong with it.
    public let reason: Reason

    /// Creates an error about one file.
    public init(_ path: String, _ reason: Reason) {
        self.path = path
        self.reason = reason
    }

    /// The facts of a failure.
    public enum Reason: Equatable, Sendable {
        /// The operating system refused: `action` is a verb such as "open".
        case system(action: String, detail: String)
        /// The file ends before `section`, which begins at `offset`, is complete (bytes).
        case truncated(section: String, offset: Int, expected: Int, found: Int)
        /// A field holds something that the format does not allow.
        case invalid(section: String, offset: Int? = nil, expected: String, found: String)
        /// Valid, but outside what this version reads.
        case unsupported(feature: String, advice: String)
        /// A size or count above the bound that protects the reader.
        case limitExceeded(what: String, claimed: String, limit: String)
        /// Not a format we know.
        case unrecognized(found: String, advice: String)
        /// There is no tensor of that name.
        case missingTensor(name: String, available: Int)
        /// A C library reported a failure.
        case library(call: String, detail: String)
    }
}

extension FormatError: CustomStringConvertible {
    /// One line: file, place, what was expected and found, what to do.
    public var description: String { "\(printable(path)): \(reason)" }
}

extension FormatError.Reason: CustomStringConvertible {
    /// The failure in words, without the file.
    public var description: String { facts + (facts.contains(";") ? "" : advice) }

    /// What was expected and found, without what to do unless that is part of it.
    public var facts: String { printable(words) }

    /// What to do, where the facts do not say it themselves.
    private var advice: String {
        switch self {
        case .truncated: "; copy or download the file again"
        case .invalid: "; save the file anew, or copy it again"
        case .library: "; the file is damaged, save or copy it again"
        case .missingTensor: "; 'ripe inspect' lists them"
        case .system(action: "write", _), .system(action: "sync", _): "; make room there or name another place"
        case .system, .unsupported, .limitExceeded, .unrecognized: ""
        }
    }

    private var words: String {
        switch self {
        case .system(let action, let detail): "cannot \(action): \(detail)"
        case .truncated(let section, let offset, let expected, let found):
            "\(section) at byte \(offset) is cut short: \(expected) bytes expected, \(found) found"
        case .invalid(let section, let offset?, let expected, let found):
            "\(section) at byte \(offset): expected \(expected), found \(found)"
        case .invalid(let section, nil, let expected, let found):
            "\(section): expected \(expected), found \(found)"
        case .unsupported(let feature, let advice): "\(feature) is not supported; \(advice)"
        case .limitExceeded(let what, let claimed, let limit): "\(what) is \(claimed), more than the limit of \(limit)"
        case .unrecognized(let found, let advice): "\(found); \(advice)"
        case .missingTensor(let name, let available): "no tensor named '\(name)' among its \(available)"
        case .library(let call, let detail): "\(call) failed: \(detail)"
        }
    }
}
