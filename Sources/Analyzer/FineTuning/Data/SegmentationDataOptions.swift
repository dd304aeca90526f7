// What a user can say about labelled data beyond the target's own options.

public import Formats

/// Choices for opening labelled data; the defaults suit training.
public struct SegmentationDataOptions: Sendable {
    /// The classes; nil takes those of dataset.json, else those of the values in the masks.
    public var scheme: LabelScheme?
    /// How colour masks become labels.
    public var masks = MaskPolicy()
    /// What the data are for.
    public var use = Use.training
    /// Bytes of prepared images and labels kept in memory; nil takes the target's ``TargetOptions/cacheBytes``.
    public var cacheBytes: Int?
    /// Where prepared images beyond that budget are kept while the program runs, in a file without a name; nil decodes
    /// them again each time. Never more than half of what is free there.
    public var scratchFolder: String? = "/var/tmp"

    /// The defaults.
    public init() {}

    /// What labelled data are for.
    public enum Use: Sendable, Hashable {
        /// Every foreground class must occur: what never occurs cannot be learned.
        case training
        /// Classes may be missing; a test set need not have them all.
        case evaluation
    }
}
