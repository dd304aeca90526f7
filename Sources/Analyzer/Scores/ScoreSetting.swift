// What a score can be made of: distance, loss, level, pooling, negatives.

/// How far two feature vectors a and b of length D are apart.
public enum Distance: String, Sendable, Hashable, Codable, CaseIterable {
    /// 1 − ⟨a,b⟩ / √(|a|²|b|²). Not a number for a zero vector.
    case cosine
    /// The mean of (a − b)² over the entries: a mean square, not a norm, so it scales with the square of the features.
    case l2
    /// 1 − Pearson's correlation: the cosine distance of the vectors less their means. Not a number for a constant one.
    case pearson
}

/// How a level's map becomes one vector per image.
public enum Pooling: String, Sendable, Hashable, Codable, CaseIterable {
    /// The mean over space, one number a channel; of token sequences what ``TokenPooling`` says.
    case pooled
    /// All entries, so that positions are compared with themselves.
    case flat
}

/// What pooling means for networks whose levels are token sequences N×L×C, such as the paper's Swin U-Net.
public enum TokenPooling: String, Sendable, Hashable, Codable, CaseIterable {
    /// The mean over the L positions, one number a channel, as for maps.
    case positions
    /// The mean over the C channels, one number a position: what the authors' `mean(x.flatten(2), 2)` does to tokens.
    case channels
}

/// Which other images a view is compared with.
public enum Negatives: String, Sendable, Hashable, Codable, CaseIterable {
    /// The paper's: one for each image, 0 ↔ 1 and j ↔ n+1−j. For odd n the image (n+1)/2 is its own negative.
    case paper
    /// All other images of the same group, without those of the same volume; the mean of their losses.
    case all
}

/// How positive and negative distances become one number per image; lower is better.
public enum Loss: Sendable, Hashable, Codable {
    /// max(0, positive − negative + margin), averaged over the negatives.
    case hinge(margin: Double)
    /// The contrastive loss NT-Xent (Chen et al., ICML 2020): −ln of the positive's share in a softmax of −distance/τ over
    /// the positive and both views of every allowed other image, averaged over the image's two views.
    case infonce(temperature: Double)

    /// `hinge` or `infonce`.
    public var name: String {
        switch self {
        case .hinge: "hinge"
        case .infonce: "infonce"
        }
    }
}

/// One way to make a number of a checkpoint.
public struct ScoreSetting: Sendable, Hashable, Codable {
    /// The distance.
    public var distance: Distance
    /// The loss.
    public var loss: Loss
    /// The level, 1 for the shallowest.
    public var level: Int
    /// How maps become vectors.
    public var pooling: Pooling
    /// What a view is compared with.
    public var negatives: Negatives

    /// Names a setting.
    public init(distance: Distance, loss: Loss, level: Int, pooling: Pooling, negatives: Negatives) {
        self.distance = distance
        self.loss = loss
        self.level = level
        self.pooling = pooling
        self.negatives = negatives
    }

    /// The hinge's margin; nil for other losses.
    public var margin: Double? { if case .hinge(let margin) = loss { margin } else { nil } }
}

extension ScoreSetting: CustomStringConvertible {
    /// Such as "level 4, flat, cosine, hinge 0.5, all negatives".
    public var description: String {
        let loss =
            switch loss {
            case .hinge(let margin): "hinge \(margin)"
            case .infonce(let temperature): "infonce \(temperature)"
            }
        return "level \(level), \(pooling.rawValue), \(distance.rawValue), \(loss), \(negatives.rawValue) negatives"
    }
}
