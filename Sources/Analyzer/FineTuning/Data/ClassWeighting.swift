// Weights of classes in a loss, from how often they occur.

/// How the share of a class becomes its weight.
///
/// With f the share of a class among the pixels of the images that have it (ignored pixels left out), and m the median of f
/// over the classes:
/// - `medianFrequency`: m / f (D. Eigen, R. Fergus, "Predicting depth, surface normals and semantic labels", ICCV 2015,
///   section 5.3; SegNet uses it too).
/// - `inverseSquareRoot`: √(m / f), the milder form.
/// - `inverse`: 1 / f, divided by the mean over the classes.
///
/// Weights are clipped to 0.1…10, so that a class of a few pixels cannot rule the loss. Classes that do not occur get 1.
public enum ClassWeighting: String, Sendable, Hashable, Codable, CaseIterable {
    case medianFrequency = "median"
    case inverseSquareRoot = "sqrt"
    case inverse = "inverse"

    /// The range of weights.
    public static let range: ClosedRange<Double> = 0.1...10

    /// The weights of classes.
    ///
    /// - Parameters:
    ///   - pixels: of each class, over all images.
    ///   - available: pixels of all classes in the images that have the class.
    func weights(pixels: [Int], available: [Int]) -> [Double] {
        let shares = zip(pixels, available).map { $0 > 0 ? Double($0) / Double($1) : 0 }
        let present = shares.filter { $0 > 0 }.sorted()
        guard !present.isEmpty else { return shares.map { _ in 1 } }
        let middle = present.count / 2
        let median = present.count % 2 == 1 ? present[middle] : (present[middle - 1] + present[middle]) / 2
        let meanInverse = present.reduce(0) { $0 + 1 / $1 } / Double(present.count)
        return shares.map { share in
            guard share > 0 else { return 1 }
            let weight =
                switch self {
                case .medianFrequency: median / share
                case .inverseSquareRoot: (median / share).squareRoot()
                case .inverse: 1 / share / meanInverse
                }
            return min(max(weight, Self.range.lowerBound), Self.range.upperBound)
        }
    }
}

extension SegmentationData {
    /// A weight for each class from the prepared labels of some images; see ``ClassWeighting``.
    public func classWeights(of images: [Int], by weighting: ClassWeighting = .inverseSquareRoot) -> [Double] {
        var pixels = [Int](repeating: 0, count: classCount)
        var available = [Int](repeating: 0, count: classCount)
        for number in images {
            let counts = self.images[number].preparedPixels
            let all = counts.reduce(0, +)
            for label in counts.indices where counts[label] > 0 {
                pixels[label] += counts[label]
                available[label] += all
            }
        }
        return weighting.weights(pixels: pixels, available: available)
    }
}
