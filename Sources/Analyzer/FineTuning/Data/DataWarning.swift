// What a person should know about labelled data before training begins.

/// A remark about labelled data.
public struct DataWarning: Sendable, Hashable {
    /// What it is about.
    public let kind: Kind
    /// Whether training may well fail or mislead because of it.
    public let isSerious: Bool
    /// One sentence.
    public let message: String

    /// Kinds of remarks, as programs see them.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Cases without a mask are left out.
        case unlabelled
        /// A mask does not lie where its image lies, or its reader found something odd.
        case mask
        /// A declared class occurs in no mask.
        case emptyClass
        /// A class has very few pixels, or is in one group only.
        case rareClass
        /// A class vanishes from some images when they are resized.
        case vanishingClass
        /// There is one patient or volume only.
        case oneGroup
        /// Voxel sizes differ much from case to case.
        case spacing
        /// The same image occurs in several groups, or in training and test data.
        case duplicates
    }

    init(_ kind: Kind, isSerious: Bool = false, _ message: String) {
        self.kind = kind
        self.isSerious = isSerious
        self.message = message
    }
}

/// "a, b, c, …": names for a sentence, three at most.
func listed(_ names: [String]) -> String {
    names.prefix(3).joined(separator: ", ") + (names.count > 3 ? ", …" : "")
}
