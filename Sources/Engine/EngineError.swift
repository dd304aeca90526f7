// The one error type of this module: facts in the cases, words in `description`.

public import Formats

/// Why a network cannot be recognised, built or run.
public enum EngineError: Error, Equatable, Sendable {
    /// No architecture fits the tensor names; `closest` names the nearest family and what it lacks.
    case unrecognizedArchitecture(evidence: String, closest: String?)
    /// Keras weights whose layer names belong to no known network, without the description that would tell.
    case missingDescription(evidence: String)
    /// A file that holds only part of a checkpoint's tensors.
    case shard(Shard)
    /// A file that can be read and holds no network; the reason says what it holds and what to do.
    case noNetwork(reason: String)
    /// The tensors do not fill the recognised architecture exactly.
    case parameterMismatch(
        architecture: String, missing: [String], unexpected: [String], misshapen: [String], cause: String)
    /// A layer of an imported graph that this engine does not run.
    case unsupportedLayer(name: String, kind: String, advice: String)
    /// An `--arch` that names no family and no model.
    case unknownArchitecture(name: String, known: [String])
    /// An `--arch-option` that the family does not know.
    case unknownOption(option: String, known: [String])
    /// An `--arch-option` whose value cannot be used.
    case invalidOption(option: String, value: String, expected: String)
    /// A tensor's shape does not fit the operation.
    case shape(operation: String, expected: String, found: String)
    /// A weight is NaN or infinite.
    case nonFiniteWeights(tensor: String, count: Int)
    /// Running variances that no images can have.
    case negativeVariance(tensor: String, count: Int)
    /// Training needs more bytes of memory than it may use, whatever is computed again.
    case memory(needed: Int, limit: Int)
    /// A tensor could not be read.
    case format(FormatError)
    /// oneDNN refused.
    case library(call: String, detail: String)
}

extension EngineError: CustomStringConvertible {
    /// One line: what was found, what was expected, what to do; longer lists are cut after eight names.
    public var description: String { printable(words) }

    private var words: String {
        switch self {
        case .unrecognizedArchitecture(let evidence, let closest):
            "architecture not recognised: \(evidence)"
                + (closest.map { "; closest family: \($0)" } ?? "") + "; name it with --arch if you know it"
        case .missingDescription(let evidence):
            "Keras weights without their network description: \(evidence); give the .keras file or the full .h5 instead, "
                + "or one of them (or its config.json) with --arch-option config=FILE"
        case .noNetwork(let reason): reason
        case .shard(let shard): shard.explanation
        case .parameterMismatch(let architecture, let missing, let unexpected, let misshapen, let cause):
            "the tensors do not fit \(architecture)"
                + counts([("missing", missing), ("unexpected", unexpected), ("of another shape", misshapen)])
                + "; \(cause)"
        case .unsupportedLayer(let name, let kind, let advice): "layer '\(name)' (\(kind)) cannot be run; \(advice)"
        case .unknownArchitecture(let name, let known):
            "unknown architecture '\(name)'; known: \(known.joined(separator: ", "))"
        case .invalidOption(let option, let value, let expected):
            "architecture option '\(option)' cannot be '\(value)'; expected \(expected)"
        case .unknownOption(let option, let known):
            "unknown architecture option '\(option)'; known: \(known.sorted().joined(separator: ", "))"
        case .shape(let operation, let expected, let found): "\(operation): expected \(expected), found \(found)"
        case .nonFiniteWeights(let tensor, let count):
            "tensor '\(tensor)' holds \(count) NaN or infinite values; the checkpoint diverged or is damaged"
        case .negativeVariance(let tensor, let count):
            "tensor '\(tensor)' holds \(count) variances below zero; the checkpoint is damaged"
        case .memory(let needed, let limit):
            "training needs at least \(megabytes(needed)) of memory, more than the \(megabytes(limit)) allowed; "
                + "take smaller batches or images, freeze the encoder, or allow more"
        case .format(let error): error.description
        case .library(let call, let detail): "\(call) failed: \(detail)"
        }
    }
}

/// Whole megabytes of 10⁶ bytes, rounded up.
private func megabytes(_ bytes: Int) -> String { "\((bytes + 999_999) / 1_000_000) MB" }

/// ": 2 missing (a, b), 1 unexpected (c)", or nothing for empty lists.
private func counts(_ lists: [(what: String, names: [String])]) -> String {
    let words = lists.filter { !$0.names.isEmpty }.map { "\($0.names.count) \($0.what) (\(shortList($0.names)))" }
    return words.isEmpty ? "" : ": " + words.joined(separator: ", ")
}

/// Joins names, cut after eight.
private func shortList(_ names: [String]) -> String {
    names.prefix(8).joined(separator: ", ") + (names.count > 8 ? ", … \(names.count - 8) more" : "")
}
