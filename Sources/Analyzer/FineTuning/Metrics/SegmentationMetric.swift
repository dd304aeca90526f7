// The measures of a segmentation: their names, in which units, and which way is better.

/// A measure of how well a predicted segmentation of one class agrees with the truth.
///
/// Raw values are the keys of `metrics.json` and the columns of the table of cases. docs/metrics.md states each formula,
/// whose code it equals, and what holds for empty masks.
public enum SegmentationMetric: String, CaseIterable, Sendable, Hashable {
    /// 2TP / (2TP + FP + FN).
    case dice
    /// TP / (TP + FP + FN).
    case jaccard
    /// Matthews' correlation of prediction and truth, −1…1.
    case mcc
    /// TP / (TP + FN), also called recall.
    case sensitivity
    /// TN / (TN + FP).
    case specificity
    /// TP / (TP + FP).
    case precision
    /// The mean of sensitivity and specificity.
    case balancedAccuracy
    /// (TP + TN) / all.
    case accuracy
    /// The area under the receiver operating characteristic of the class's probabilities, one class against the rest.
    case rocAUC
    /// The area under the steps of precision over recall of the class's probabilities.
    case averagePrecision
    /// The 95th percentile of the distances between the surfaces, both directions together.
    case hausdorff95
    /// The larger of the two mean directed distances between the surfaces (Dubuisson and Jain, ICPR 1994).
    case modifiedHausdorff
    /// The mean of the distances between the surfaces, both directions together.
    case averageSurfaceDistance

    /// What a measure is computed from.
    public enum Family: Sendable, Hashable {
        /// The four counts of the confusion matrix.
        case overlap
        /// The ranking of pixels by probability.
        case ranking
        /// Distances between the surfaces.
        case distance
    }

    /// What the measure is computed from.
    public var family: Family {
        switch self {
        case .dice, .jaccard, .mcc, .sensitivity, .specificity, .precision, .balancedAccuracy, .accuracy: .overlap
        case .rocAUC, .averagePrecision: .ranking
        case .hausdorff95, .modifiedHausdorff, .averageSurfaceDistance: .distance
        }
    }

    /// Whether larger values are better.
    public var largerIsBetter: Bool { family != .distance }

    /// The name for people.
    public var title: String {
        switch self {
        case .dice: "Dice"
        case .jaccard: "Jaccard"
        case .mcc: "MCC"
        case .sensitivity: "sensitivity"
        case .specificity: "specificity"
        case .precision: "precision"
        case .balancedAccuracy: "balanced accuracy"
        case .accuracy: "accuracy"
        case .rocAUC: "ROC AUC"
        case .averagePrecision: "average precision"
        case .hausdorff95: "Hausdorff 95"
        case .modifiedHausdorff: "modified Hausdorff"
        case .averageSurfaceDistance: "average surface distance"
        }
    }

    /// The place in the order of ``allCases``.
    var ordinal: Int { Self.ordinals[self, default: 0] }

    private static let ordinals = Dictionary(uniqueKeysWithValues: zip(allCases, allCases.indices))
}

/// What distances are measured in.
public enum DistanceUnit: String, Sendable, Hashable {
    /// Millimetres: the spacing of the pixels is known.
    case millimetres = "mm"
    /// Pixel widths: it is not.
    case pixels = "px"
}
