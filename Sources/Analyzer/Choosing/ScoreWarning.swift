// What a user should know before believing a score.

/// A remark about a run's scores.
public struct ScoreWarning: Sendable, Hashable, Codable {
    /// What it is about.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// Views of an image are hardly closer than those of different images.
        case viewsLikeStrangers
        /// No view is ever closer to a stranger than to its twin: only the spread between images is measured.
        case onlySpread
        /// All checkpoints have the same score.
        case constantCurve
        /// Several files are the same byte for byte.
        case identicalFiles
        /// Different files have the same scores bit for bit.
        case identicalScores
        /// The checkpoints hold different networks, whose scores do not compare.
        case mixedNetworks
        /// A file that would have been the last checkpoint could not be scored.
        case newestExcluded
        /// Feature vectors that are all zero or constant.
        case degenerateFeatures
        /// A checkpoint whose score is not a number.
        case notANumber
        /// An untrained network has a lower score than every trained one.
        case untrainedScoresBest
        /// The deciding levels order the checkpoints in opposite ways.
        case levelsDisagree
        /// An odd number of images matches one with itself under the paper's pairing.
        case selfMatchedImage
        /// Some images have nothing to be compared with.
        case imagesWithoutNegatives
        /// All images are of one case, so that neighbours are each other's negatives.
        case singleCase
        /// Too few images for a standard error to mean much.
        case fewImages
        /// One draw of a shared jitter: the noise of the views is not in the standard errors.
        case unknownViewNoise
        /// An earlier checkpoint of a longer schedule was never annealed.
        case notAnnealed
    }

    /// What it is about.
    public var kind: Kind
    /// Whether the scores may mislead; else it is a remark.
    public var isSerious: Bool
    /// A sentence.
    public var message: String
    /// The checkpoints concerned, by name; empty when it is about the run.
    public var checkpoints: [String]
}

extension ScoreWarning: CustomStringConvertible {
    /// The sentence.
    public var description: String { message }
}
