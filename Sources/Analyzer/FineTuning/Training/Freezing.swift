// Which part of a network fine-tuning leaves as it is, and for how long.

/// What is frozen. A frozen encoder keeps its weights, and its normalisations use their running statistics.
public enum Freezing: Sendable, Hashable {
    /// Everything is trained from the beginning.
    case nothing
    /// The encoder stays as it was pretrained.
    case encoder
    /// The encoder joins after so many epochs.
    case encoderFor(epochs: Int)

    /// Whether the encoder is frozen in an epoch, counted from 0.
    public func freezesEncoder(in epoch: Int) -> Bool {
        switch self {
        case .nothing: false
        case .encoder: true
        case .encoderFor(let epochs): epoch < epochs
        }
    }

    /// Reads `none`, `encoder` or `N-epochs` (also `N`); nil for anything else.
    public init?(_ text: String) {
        switch text {
        case "none": self = .nothing
        case "encoder": self = .encoder
        default:
            let digits = text.hasSuffix("-epochs") ? String(text.dropLast("-epochs".count)) : text
            guard digits.allSatisfy(\.isNumber), let epochs = Int(digits), epochs >= 1 else { return nil }
            self = .encoderFor(epochs: epochs)
        }
    }
}

extension Freezing: CustomStringConvertible {
    /// As ``init(_:)`` reads it.
    public var description: String {
        switch self {
        case .nothing: "none"
        case .encoder: "encoder"
        case .encoderFor(let epochs): "\(epochs)-epochs"
        }
    }
}
