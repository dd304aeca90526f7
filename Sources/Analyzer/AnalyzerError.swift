// The one error type of this module: facts in the cases, words in `description`.

public import Engine
public import Formats

/// Why checkpoints cannot be scored or compared.
public enum AnalyzerError: Error, Equatable, Sendable {
    /// An option that does not mean anything or contradicts another.
    case option(name: String, value: String, expected: String)
    /// A score compares images with each other and needs at least two.
    case tooFewImages(source: String, found: Int)
    /// A level that the network does not have; levels count from 1, or from −1 for the deepest.
    case level(asked: Int, available: Int)
    /// An image source whose channels the network cannot take.
    case channels(source: Int, network: Int)
    /// Views of unequal or unusable shape.
    case views(expected: String, found: String)
    /// The network's features do not have the shape that was announced.
    case features(level: Int, expected: String, found: String)
    /// Nothing in a sequence can be scored.
    case noCheckpoints(place: String, detail: String)
    /// A prediction or its truth that cannot be measured.
    case evaluation(place: String, expected: String, found: String)
    /// A training that cannot go on, or that another one must not continue.
    case training(place: String, problem: String, advice: String)
    /// The user interrupted the run.
    case cancelled
    /// A network could not be built or run.
    case engine(EngineError)
    /// A file could not be read or written.
    case format(FormatError)
}

extension AnalyzerError: CustomStringConvertible {
    /// One line: what was found, what was expected, what to do.
    public var description: String {
        switch self {
        case .option(let name, let value, let expected): "\(name) '\(value)': expected \(expected)"
        case .tooFewImages(let source, let found):
            "\(source): the score compares images with each other and needs at least 2, found \(found)"
        case .level(let asked, let available):
            "level \(asked): this network has levels 1…\(available) (or −\(available)…−1 from the deepest)"
        case .channels(let source, let network):
            "the images have \(source) channel\(source == 1 ? "" : "s"), the network takes \(network); "
                + "only grey images can be repeated to fit"
        case .views(let expected, let found): "views: expected \(expected), found \(found)"
        case .features(let level, let expected, let found):
            "features of level \(level): expected \(expected), found \(found)"
        case .noCheckpoints(let place, let detail): "\(place): no checkpoint to score; \(detail)"
        case .evaluation(let place, let expected, let found): "\(place): expected \(expected), found \(found)"
        case .training(let place, let problem, let advice): "\(place): \(problem); \(advice)"
        case .cancelled: "interrupted"
        case .engine(let error): error.description
        case .format(let error): error.description
        }
    }
}
