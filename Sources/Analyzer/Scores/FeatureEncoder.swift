// What the scorer needs of a network, and the inference plan seen that way.

public import Engine

/// A network that turns batches of images into feature maps.
public protocol FeatureEncoder {
    /// The channels of the images it takes.
    var inputChannels: Int { get }
    /// Whether its levels are token sequences in the original network.
    var hasTokenLevels: Bool { get }

    /// The features of some images, at least at the levels that are scored.
    ///
    /// - Parameter images: N×C×H×W.
    func features(of images: [Float]) throws(EngineError) -> [LevelFeatures]
}

/// An inference plan as a feature encoder.
public struct PlanEncoder: FeatureEncoder {
    private let plan: InferencePlan
    /// Whether the levels are token sequences in the original network.
    public let hasTokenLevels: Bool

    /// Wraps a plan.
    ///
    /// - Parameter hasTokenLevels: the graph's ``Graph/hasTokenLevels``.
    public init(_ plan: InferencePlan, hasTokenLevels: Bool) {
        self.plan = plan
        self.hasTokenLevels = hasTokenLevels
    }

    /// The channels of the plan's input.
    public var inputChannels: Int { plan.input[1] }

    /// Runs the plan.
    public func features(of images: [Float]) throws(EngineError) -> [LevelFeatures] { try plan.features(of: images) }
}
