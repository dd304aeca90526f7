// From an open checkpoint to the draft of another: what to take, in whose names, of which types.

/// What a conversion is to do.
public struct ConversionOptions: Sendable {
    /// The format to write.
    public var format: CheckpointFormat
    /// The dialect to translate to; nil keeps names and layouts.
    public var dialect: Dialect?
    /// The type that floating-point tensors get; nil keeps theirs.
    public var dtype: DType?
    /// Which tensors, and their names.
    public var names = NameRules()
    /// How dialects are translated.
    public var translation = DialectOptions()
    /// Leaves out the classification head.
    public var dropsHead = false
    /// Also takes optimizer state and the like.
    public var includesOptimizer = false

    /// Changes nothing but the format.
    public init(format: CheckpointFormat) { self.format = format }
}

/// A conversion that is ready to be written.
public struct Conversion: Sendable {
    /// What will be written.
    public var draft: CheckpointDraft
    /// The network and its dialects, where one was translated.
    public var translation: String?
    /// What was changed, made or left out, one sentence each.
    public var notes: [String] = []
    /// What the user should act on.
    public var warnings: [String] = []

    /// Plans the conversion of an open checkpoint; no values are read yet.
    ///
    /// - Throws: ``FormatError`` for rules that match nothing, names that collide, and whatever translating throws.
    public init(_ reader: any CheckpointReader, options: ConversionOptions) throws(FormatError) {
        let path = reader.path
        draft = CheckpointDraft(reader, includesOptimizer: options.includesOptimizer)
        guard !draft.tensors.isEmpty else {
            throw FormatError(
                path,
                .unrecognized(
                    found: "it holds no tensors of a model", advice: "give the file that the weights were saved to"))
        }
        noteSource(reader, options)
        // With a dialect the user's new names are for the target's; choosing is always by the source's names.
        var selection = options.names
        if options.dialect != nil { selection.renames = [] }
        let selected = try selection.apply(to: draft.tensors, path: path)
        draft.tensors = selected.tensors
        if selected.left > 0 { notes.append("left out by --only: \(counted(selected.left))") }
        if let dialect = options.dialect {
            try translate(to: dialect, options, path: path)
        } else if options.dropsHead {
            dropHead()
        }
        if let dtype = options.dtype { cast(to: dtype, path: path) }
    }

    private mutating func noteSource(_ reader: any CheckpointReader, _ options: ConversionOptions) {
        let metadata = reader.metadata
        if !metadata.wrapper.isEmpty, metadata.wrapper != ["model.weights.h5"] {
            notes.append("taken out of its wrapper: '\(metadata.wrapper.joined(separator: "' › '"))'")
        }
        if metadata.otherTensorCount > 0, !options.includesOptimizer {
            notes.append(
                "left out: \(counted(metadata.otherTensorCount)) of optimizer or other state (--with-optimizer keeps them)"
            )
        }
        warnings += metadata.warnings
    }

    private mutating func translate(
        to dialect: Dialect, _ options: ConversionOptions, path: String
    ) throws(FormatError) {
        var settings = options.translation
        settings.dropsHead = options.dropsHead
        let isArchive = options.format == .kerasArchive
        let translated = try DialectTranslation(
            draft, to: dialect, options: settings, makesKerasModel: isArchive, path: path)
        draft = translated.draft
        guard !isArchive || dialect != .keras || draft.kerasConfig != nil else {
            throw FormatError(
                path,
                .unsupported(
                    feature: "a .keras archive of this \(translated.network), whose sizes or head keras.applications' "
                        + "form does not have,",
                    advice: "try --drop-head, or --to weights.h5, which needs no description"))
        }
        translation =
            "\(translated.network): \(translated.source.rawValue) → \(dialect.rawValue)"
        notes += translated.notes
        warnings += translated.warnings
        var renaming = NameRules()
        renaming.renames = options.names.renames
        draft.tensors = try renaming.apply(to: draft.tensors, path: path).tensors
    }

    /// Leaves out what is called as classification heads are.
    private mutating func dropHead() {
        let heads: Set<String> = [
            "fc", "classifier", "head", "heads", "predictions", "segmentation_head", "classification_head",
            "last_linear",
        ]
        let before = draft.tensors.count
        draft.tensors.removeAll { tensor in
            // At the top, or below prefixes that hold a whole network.
            let parts = tensor.name.split { $0 == "." || $0 == "/" }.map(String.init)
            let first = parts.first { !Self.networkPrefixes.contains($0) }
            return first.map { heads.contains($0) } ?? false
        }
        let count = before - draft.tensors.count
        if count > 0 {
            notes.append("left out: the classification head (\(counted(count)))")
        } else {
            warnings.append("--drop-head: no classification head was found")
        }
    }

    private static let networkPrefixes: Set<String> = [
        "module", "model", "net", "network", "backbone", "encoder", "_orig_mod",
    ]

    /// Gives floating-point tensors another type.
    private mutating func cast(to dtype: DType, path: String) {
        var count = 0
        draft.tensors = draft.tensors.map { tensor in
            guard tensor.dtype.isFloatingPoint, tensor.dtype != dtype else { return tensor }
            count += 1
            return DraftTensor(
                name: tensor.name, dtype: dtype, shape: tensor.shape, tie: tensor.tie, kerasPlace: tensor.kerasPlace
            ) { () throws(FormatError) in try tensor.read().converted(to: dtype, path: path) }
        }
        notes.append("\(counted(count)) became \(dtype)")
    }
}

/// "1 tensor", "2 tensors".
private func counted(_ count: Int) -> String { "\(count) tensor\(count == 1 ? "" : "s")" }
