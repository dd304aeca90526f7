// Which losses a segmentation network is trained with, as a user chooses them and as a run remembers them.

/// A loss that can be summed with others.
public enum LossTerm: String, Sendable, Hashable, Codable, CaseIterable {
    /// 1 − the soft Dice index (Milletari et al. 2016), as the paper's authors compute it.
    case dice
    /// Cross-entropy of the classes, PyTorch's `CrossEntropyLoss`.
    case crossEntropy = "ce"
    /// Binary cross-entropy of every channel, PyTorch's `BCEWithLogitsLoss`.
    case binaryCrossEntropy = "bce"
    /// Focal loss (Lin et al. 2017).
    case focal
}

/// The choices of a ``SegmentationLoss``.
///
/// With probabilities p (softmax; sigmoid for one channel), truth t (1 for the pixel's class, else 0), class weights w
/// (1 by default) and sums over all pixels i that are not ignored:
/// - `dice`: 1 − mean over classes of (2 Σ p t + s) / (Σ p² + Σ t + s), with s = ``diceSmoothing`` and sums over the
///   whole batch. One channel stands for two classes of probabilities 1 − p and p. This is the authors' loss; nnU-Net's
///   differs in the denominator (Σ p rather than Σ p²) and leaves the background out: see ``nnUNet``.
/// - `ce`: Σ w[y] · −log p[y] / Σ w[y], y being the pixel's class.
/// - `bce`: the mean over pixels and channels of w · (max(x, 0) − x t + log(1 + e^−|x|)); w belongs to the channel's
///   class, with one channel to the pixel's class.
/// - `focal`: the mean over pixels of w[y] (1 − p[y])^γ · −log p[y], with γ = ``focalGamma``; w takes α's place.
public struct LossOptions: Sendable, Hashable, Codable {
    /// What is summed, each with weight 1.
    public var terms: [LossTerm]
    /// One weight a class, the background first; nil for 1 each. Dice does not use them.
    public var classWeights: [Float]?
    /// The value in label maps whose pixels take part in nothing; nil for none.
    public var ignoreLabel: UInt8?
    /// γ of the focal loss.
    public var focalGamma: Float
    /// What is added to numerator and denominator of the Dice index.
    public var diceSmoothing: Double
    /// Whether the Dice index of class 0 counts.
    public var diceIncludesBackground: Bool
    /// Whether the denominator sums squared probabilities.
    public var diceSquaresProbabilities: Bool
    /// Whether the Dice index is one of the whole batch rather than the mean over its images.
    public var diceIsOverBatch: Bool

    /// Chooses losses; everything else as the paper's authors have it.
    public init(
        terms: [LossTerm] = [.dice, .crossEntropy], classWeights: [Float]? = nil, ignoreLabel: UInt8? = 255,
        focalGamma: Float = 2, diceSmoothing: Double = 1e-5, diceIncludesBackground: Bool = true,
        diceSquaresProbabilities: Bool = true, diceIsOverBatch: Bool = true
    ) {
        self.terms = terms
        self.classWeights = classWeights
        self.ignoreLabel = ignoreLabel
        self.focalGamma = focalGamma
        self.diceSmoothing = diceSmoothing
        self.diceIncludesBackground = diceIncludesBackground
        self.diceSquaresProbabilities = diceSquaresProbabilities
        self.diceIsOverBatch = diceIsOverBatch
    }

    /// Chooses losses by name.
    ///
    /// - Parameter text: names of ``LossTerm`` joined by `+`, such as `dice+ce`.
    /// - Throws: ``EngineError`` with `.shape` for another word, a repeated or a missing one.
    public init(parsing text: String) throws(EngineError) {
        var terms: [LossTerm] = []
        for word in text.split(separator: "+", omittingEmptySubsequences: false) {
            guard let term = LossTerm(rawValue: String(word)), !terms.contains(term) else {
                let known = LossTerm.allCases.map(\.rawValue).joined(separator: ", ")
                throw .shape(
                    operation: "the loss", expected: "one or more of \(known), joined by + and each once",
                    found: "'\(text)'")
            }
            terms.append(term)
        }
        self.init(terms: terms)
    }

    /// Dice and cross-entropy as nnU-Net's default (Isensee et al. 2021) for 2-D networks: no squares, no background.
    ///
    /// nnU-Net subtracts the Dice index where we add 1 − Dice: values differ by 1, gradients do not.
    public static var nnUNet: LossOptions {
        LossOptions(terms: [.dice, .crossEntropy], diceIncludesBackground: false, diceSquaresProbabilities: false)
    }
}

extension LossOptions: CustomStringConvertible {
    /// The names of the terms, such as `dice+ce`.
    public var description: String { terms.map(\.rawValue).joined(separator: "+") }
}

/// What a batch's loss is.
public struct LossValue: Sendable, Hashable {
    /// The sum of the terms.
    public let total: Double
    /// Each term by itself.
    public let terms: [LossTerm: Double]
    /// How many pixels counted.
    public let pixels: Int

    /// Whether the loss is a number: neither NaN nor infinite.
    public var isFinite: Bool { total.isFinite }
}
