// ROC AUC and average precision from ranked probabilities, as scikit-learn defines them.

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A measure with how far it may be from the exact one.
public struct RankingMeasure: Sendable, Hashable {
    /// The value; nil where it is undefined.
    public let value: Double?
    /// The exact value lies within this of ``value``; 0 when nothing was rounded.
    public let maximumError: Double
}

extension RankedScores {
    /// The area under the curve of true positive over false positive rate by the trapezoidal rule, equal probabilities
    /// taken together (the probability that a pixel of the class ranks above another, ties counting half).
    ///
    /// Undefined without pixels of the class or without others. All pixels must have been sorted.
    var rocAUC: RankingMeasure {
        let (positive, negative) = totals
        guard positive > 0, negative > 0 else { return RankingMeasure(value: nil, maximumError: 0) }
        var (area, doubt, below) = (0.0, 0.0, 0.0)
        for entry in entries {
            let (hits, others) = (Double(entry.positives), Double(entry.negatives))
            area += hits * (below + others / 2)
            if entry.isMixed { doubt += hits * others / 2 }
            below += others
        }
        let pairs = Double(positive) * Double(negative)
        return RankingMeasure(value: area / pairs, maximumError: doubt / pairs)
    }

    /// The sum over descending distinct probabilities of the rise of recall times the precision there, without
    /// interpolation.
    ///
    /// Undefined without pixels of the class. All pixels must have been sorted.
    var averagePrecision: RankingMeasure {
        let (positive, _) = totals
        guard positive > 0 else { return RankingMeasure(value: nil, maximumError: 0) }
        var (sum, doubt, hits, misses) = (0.0, 0.0, 0.0, 0.0)
        for entry in entries.reversed() {
            let (new, wrong) = (Double(entry.positives), Double(entry.negatives))
            let gain = new * (hits + new) / (hits + new + misses + wrong)
            sum += gain
            if entry.isMixed, new > 0 {
                doubt += Self.doubt(of: gain, hits: hits, misses: misses, new: new, wrong: wrong)
            }
            hits += new
            misses += wrong
        }
        return RankingMeasure(value: sum / Double(positive), maximumError: doubt / Double(positive))
    }

    /// How far a group's gain can be from that of its values one by one.
    ///
    /// At most all hits come first: new·(hits + new) / (hits + new + misses). At least all misses come first:
    /// Σ (hits + i) / (hits + i + misses + wrong) = new − (misses + wrong)·Σ 1/k, and 1/k is at most the integral of 1/x
    /// from k − ½ to k + ½.
    private static func doubt(of gain: Double, hits: Double, misses: Double, new: Double, wrong: Double) -> Double {
        let most = new * (hits + new) / (hits + new + misses)
        let before = hits + misses + wrong
        let least = new - (misses + wrong) * log((before + new + 0.5) / (before + 0.5))
        return max(most - gain, gain - least, 0)
    }

    private var totals: (positives: Int, negatives: Int) {
        entries.reduce(into: (0, 0)) { sums, entry in
            sums.0 += entry.positives
            sums.1 += entry.negatives
        }
    }
}
