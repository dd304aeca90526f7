// One class against the rest: the four counts and the measures that follow from them.

/// How often prediction and truth say a class, over any set of pixels.
public struct ConfusionCounts: Sendable, Hashable {
    /// Pixels of the class that were found.
    public var truePositives: Int
    /// Pixels taken for the class that are not.
    public var falsePositives: Int
    /// Pixels of the class that were missed.
    public var falseNegatives: Int
    /// All other pixels.
    public var trueNegatives: Int

    /// States the counts.
    public init(truePositives: Int, falsePositives: Int, falseNegatives: Int, trueNegatives: Int) {
        self.truePositives = truePositives
        self.falsePositives = falsePositives
        self.falseNegatives = falseNegatives
        self.trueNegatives = trueNegatives
    }

    /// Pixels of the class by the truth.
    public var truth: Int { truePositives + falseNegatives }
    /// Pixels of the class by the prediction.
    public var predicted: Int { truePositives + falsePositives }
    /// Pixels not of the class by the truth.
    private var negatives: Int { trueNegatives + falsePositives }
    /// Pixels not of the class by the prediction.
    private var predictedNegatives: Int { trueNegatives + falseNegatives }

    /// A measure of the overlap; nil where it is undefined, and for measures that need more than counts.
    ///
    /// Undefined: Dice and Jaccard of a class absent in both (absent in one of them: 0); sensitivity without such pixels
    /// in the truth; precision without such pixels in the prediction; specificity without others in the truth; MCC where
    /// prediction and truth are both constant (0 where one is, as scikit-learn has it). Balanced accuracy is the rate of
    /// the side that exists where the truth is constant, as in scikit-learn.
    public subscript(metric: SegmentationMetric) -> Double? {
        switch metric {
        case .dice: Self.ratio(2 * truePositives, 2 * truePositives + falsePositives + falseNegatives)
        case .jaccard: Self.ratio(truePositives, truePositives + falsePositives + falseNegatives)
        case .mcc: correlation
        case .sensitivity: Self.ratio(truePositives, truth)
        case .specificity: Self.ratio(trueNegatives, negatives)
        case .precision: Self.ratio(truePositives, predicted)
        case .balancedAccuracy: balancedAccuracy
        case .accuracy: Self.ratio(truePositives + trueNegatives, truth + negatives)
        case .rocAUC, .averagePrecision, .hausdorff95, .modifiedHausdorff, .averageSurfaceDistance: nil
        }
    }

    private var balancedAccuracy: Double? {
        switch (Self.ratio(truePositives, truth), Self.ratio(trueNegatives, negatives)) {
        case (let sensitivity?, let specificity?): (sensitivity + specificity) / 2
        case (let sensitivity, let specificity): sensitivity ?? specificity
        }
    }

    private var correlation: Double? {
        let truthVaries = truth > 0 && negatives > 0
        let predictionVaries = predicted > 0 && predictedNegatives > 0
        guard truthVaries || predictionVaries else { return nil }
        guard truthVaries, predictionVaries else { return 0 }
        // In floating point: products of four counts do not fit an integer.
        let covariance =
            Double(truePositives) * Double(trueNegatives) - Double(falsePositives) * Double(falseNegatives)
        let variances = Double(truth) * Double(negatives) * (Double(predicted) * Double(predictedNegatives))
        return covariance / variances.squareRoot()
    }

    private static func ratio(_ part: Int, _ whole: Int) -> Double? {
        whole > 0 ? Double(part) / Double(whole) : nil
    }
}

/// How often each class was taken for each other.
public struct ConfusionMatrix: Sendable, Hashable, Codable {
    /// How many classes there are, background included.
    public let classCount: Int
    /// The counts, a row for each class of the truth, a column for each class of the prediction.
    public private(set) var counts: [Int]
    /// Pixels that were left out because the truth says "ignore".
    public private(set) var ignored = 0

    /// An empty matrix.
    public init(classCount: Int) {
        self.classCount = classCount
        counts = [Int](repeating: 0, count: classCount * classCount)
    }

    /// Reads a matrix and checks that it is square and counts from zero.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        classCount = try values.decode(Int.self, forKey: .classCount)
        counts = try values.decode([Int].self, forKey: .counts)
        ignored = try values.decode(Int.self, forKey: .ignored)
        guard (1...256).contains(classCount), counts.count == classCount * classCount,
            (counts + [ignored]).allSatisfy({ (0...Self.most).contains($0) })
        else {
            throw DecodingError.dataCorruptedError(
                forKey: .counts, in: values, debugDescription: "not a matrix of \(classCount) classes")
        }
    }

    /// More pixels than any set has; sums of it stay far below what an integer holds.
    private static let most = 1 << 46

    private enum CodingKeys: String, CodingKey {
        case classCount, counts, ignored
    }

    /// The pixels counted.
    public var total: Int { counts.reduce(0, +) }

    /// Counts pixels.
    ///
    /// - Precondition: as many labels in both; those of the prediction, and those of the truth other than `ignoreLabel`,
    ///   are below the number of classes.
    mutating func add(prediction: UnsafeBufferPointer<UInt8>, truth: UnsafeBufferPointer<UInt8>, ignoreLabel: UInt8?) {
        // 16-bit indices into a table for all pairs of bytes, so that no label can be out of range.
        var table = [Int](repeating: 0, count: 1 << 16)
        table.withUnsafeMutableBufferPointer { table in
            for index in 0..<min(prediction.count, truth.count) {
                table[Int(truth[index]) << 8 | Int(prediction[index])] += 1
            }
        }
        if let ignoreLabel {
            let row = Int(ignoreLabel) << 8
            for index in row..<row + 256 {
                ignored += table[index]
                table[index] = 0
            }
        }
        for row in 0..<classCount {
            for column in 0..<classCount { counts[row * classCount + column] += table[row << 8 | column] }
        }
    }

    /// Adds the counts of another matrix of as many classes.
    mutating func merge(_ other: ConfusionMatrix) {
        precondition(other.classCount == classCount, "matrices of the same classes")
        for index in counts.indices { counts[index] += other.counts[index] }
        ignored += other.ignored
    }

    /// Dice of each class but the background; nil for a class that neither side has.
    public var dice: [Double?] { (1..<max(1, classCount)).map { self[$0][.dice] } }

    /// A class against the rest.
    public subscript(label: Int) -> ConfusionCounts {
        let row = (0..<classCount).reduce(0) { $0 + counts[label * classCount + $1] }
        let column = (0..<classCount).reduce(0) { $0 + counts[$1 * classCount + label] }
        let both = counts[label * classCount + label]
        return ConfusionCounts(
            truePositives: both, falsePositives: column - both, falseNegatives: row - both,
            trueNegatives: total - row - column + both)
    }
}
