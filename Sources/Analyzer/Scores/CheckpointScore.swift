// What scoring one checkpoint gives: a number with its standard error for every setting.

/// The scores of one checkpoint.
public struct CheckpointScore: Sendable, Hashable, Codable {
    /// One score under one setting.
    public struct Entry: Sendable, Hashable, Codable {
        /// The setting.
        public var setting: ScoreSetting
        /// The mean over images and draws; lower is better. Not a number when a feature vector was zero (cosine) or
        /// constant (Pearson), as in the authors' code.
        public var value: Double
        /// The standard error of ``value`` over images (or cases) and draws; see ``ScoreSpread``.
        public var standardError: Double
        /// How many images the mean is over.
        public var n: Int
        /// The mean of each draw of views.
        public var drawMeans: [Double]
        /// The values of each image, where they were asked for.
        public var images: ImageValues?
    }

    /// What is known of each image, in the order of the target.
    public struct ImageValues: Sendable, Hashable, Codable {
        /// The loss of each image, averaged over the draws; not a number for images without negatives.
        public var losses: [Double]
        /// How much each image moves the mean, up to a constant: what a bootstrap resamples.
        public var influences: [Double]
    }

    /// How positives and negatives lie at one level under one distance.
    public struct Separation: Sendable, Hashable, Codable {
        /// Where it was measured.
        public var level: Int
        /// How maps became vectors.
        public var pooling: Pooling
        /// The distance.
        public var distance: Distance
        /// The negatives that were compared.
        public var negatives: Negatives
        /// The mean distance between two views of an image.
        public var meanPositive: Double
        /// The mean distance between views of different images.
        public var meanNegative: Double
        /// E[D⁺]/E|D| of D = positive − negative: 0 when every image is closer to itself than to others, 0.5 when views
        /// are no closer than strangers.
        public var violatingMass: Double
    }

    /// The scores, one for each setting asked for, in the order asked.
    public var entries: [Entry]
    /// Positives and negatives behind the scores.
    public var separations: [Separation]
    /// How many feature vectors were all zero, summed over levels, poolings and views.
    public var zeroVectors: Int
    /// How many feature vectors were constant, the zero ones among them.
    public var constantVectors: Int

    /// The score under a setting, if it was computed.
    public subscript(setting: ScoreSetting) -> Entry? { entries.first { $0.setting == setting } }
}

/// What the standard error of a score stands for.
///
/// With per-image influences ψ (see `GroupLosses`), averaged over the draws, and their mean ψ̄ over n images,
///
///     SE² = C/(C−1) · Σ_c (Σ_{i∈c} (ψᵢ − ψ̄))² / n²  +  [views shared by all images] s²(draw means)/K
///
/// where c runs over C clusters: the images, or the cases when at least ten are known, because slices of one volume are
/// alike. When every image has its own jitter, the first term already holds the noise of the draws; when all images of
/// a draw share one, the second term adds it, and with a single draw (K = 1) it is unknown and left out.
public struct ScoreSpread: Sendable, Hashable {
    /// The cluster of each image; nil for each image its own.
    public let clusters: [Int]?
    /// Whether all images of a draw share one jitter.
    public let sharesViews: Bool

    /// The fewest cases that are resampled as such; with fewer, images are.
    public static let fewestCases = 10

    /// Chooses the clusters for a target.
    public init(cases: [Int]?, imageCount: Int, sharesViews: Bool) {
        self.sharesViews = sharesViews
        guard let cases, cases.count == imageCount else {
            clusters = nil
            return
        }
        let numbers = Dictionary(uniqueKeysWithValues: Set(cases).sorted().enumerated().map { ($1, $0) })
        let compact = cases.map { numbers[$0] ?? 0 }
        clusters = numbers.count >= Self.fewestCases && numbers.count < imageCount ? compact : nil
    }

    /// Whether cases, not images, are what varies.
    public var isByCase: Bool { clusters != nil }
}
